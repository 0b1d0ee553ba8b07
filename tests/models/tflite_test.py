"""TFLite files and frozen graphs: they run in a fresh process and agree with the interpreter."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.tf.emit import TensorFlowModule
from cmlc.backends.tf.frozen import frozen
from cmlc.backends.tflite.contents import Contents
from cmlc.backends.tflite.emit import TFLiteModule
from cmlc.compiler.binding import bind_inputs
from cmlc.compiler.input_files import random_values
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.dialects.builtin import Return, constant
from cmlc.ir.interface import Result
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Function, Module
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.resources import SplatResource
from cmlc.tools.bench import mobilenet
from support.mil.programs import op, program
from support.networks.builders import layer, lstm_weights, network, numbers
from support.running.samples import pictures, sequences
from support.running.saved_models import assert_close
from support.running.shared_folder import FOREIGN

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).parent / "tflite_run.py"
DIGITS = ROOT / "tests" / "data" / "digits.mlmodel"
# Other people's: convolutions, recurrent networks, compressed programs, loops with lists.
THEIRS = {
    "numbers": "MatkoGH__quickmath/Resources__MNISTClassifier.mlmodelc",
    "translator": "kodecocodes__mlt-materials/15-seq2seq__projects__notebooks__pre-trained__"
    "CharModel__Es2EnCharEncoder.mlmodel",
    "speech": "FluidInference__mobius/models__vad__silero-vad__coreml__quantized_models__"
    "unified_standard__unified_palette_4bit.mlpackage",
    "echo": "adamsro__dtln-aec-coreml/Sources__DTLNAecCoreML__Resources__"
    "DTLN_AEC_128_Part2.mlpackage",
}


def lowered(source, target="tflite", **options):
    """(optimized module, lowered module)."""
    options = Options(target=target, **({"batch": "static"} | options))
    stages = Stages(source, options)
    return stages.optimized, stages.lowered


def convert(source, quantize=None, samples=None, **options):
    """(optimized module, TFLite file)."""
    optimized, low = lowered(source, **options)
    return optimized, TFLiteModule(low).convert(quantize, samples)


def inputs_of(module):
    return bind_inputs(module.main, random_values(module.main, 0))[0]


def recurrent():
    """A GRU and an LSTM, one after the other."""
    gates = ("updateGate", "resetGate", "outputGate")
    gru = {f"{g}WeightMatrix": numbers(4, 3, seed=i) for i, g in enumerate(gates)}
    gru |= {f"{g}RecursionMatrix": numbers(4, 4, seed=i) for i, g in enumerate(gates)}
    return network(
        layer(
            "gru",
            inputVectorSize=3,
            outputVectorSize=4,
            activations=[{"sigmoid": {}}, {"tanh": {}}],
            sequenceOutput=True,
            **gru,
        ),
        layer(
            "uniDirectionalLSTM",
            inputVectorSize=4,
            outputVectorSize=2,
            params={"sequenceOutput": True, "hasBiasVectors": True},
            activations=[{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}],
            weightParams=lstm_weights(4, 2),
        ),
        x=(12, 1, 3, 1, 1),
    )


def attention():
    """Softmax attention: matrix products, norms, reshapes."""
    return program(
        op(
            "layer_norm",
            "n",
            (1, 6, 8),
            x="x",
            axes=[-1],
            epsilon=np.float32(1e-5),
            gamma=numbers(8),
            beta=numbers(8),
        ),
        op("matmul", "s", (1, 6, 6), x="n", y="n", transpose_x=False, transpose_y=True),
        op("softmax", "p", (1, 6, 6), x="s", axis=-1),
        op("matmul", "a", (1, 6, 8), x="p", y="n", transpose_x=False, transpose_y=False),
        op("gelu", "g", (1, 6, 8), x="a", mode="EXACT"),
        op("reduce_mean", "m", (1, 8), x="g", axes=[1], keep_dims=False),
        op(
            "topk",
            [("y", (1, 3), 11), ("i", (1, 3), 23)],
            x="m",
            k=np.int32(3),
            axis=np.int32(-1),
            ascending=False,
        ),
        outputs=["y", "i"],
        x=(1, 6, 8),
    )


OURS = {
    "digits": lambda: DIGITS,
    "pictures": pictures,
    "sequences": sequences,
    "recurrent": recurrent,
    "attention": attention,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """(expected, found) by name: all models converted, and run in one fresh process."""
    folder = tmp_path_factory.mktemp("tflite")
    expected = {}

    def note(name, module):
        given = inputs_of(module)
        np.savez(folder / f"{name}.inputs.npz", **given)
        expected[name] = run(module, given, module.main.name)

    theirs = {name: FOREIGN / path for name, path in THEIRS.items() if FOREIGN.is_dir()}
    for name, source in {**{k: make() for k, make in OURS.items()}, **theirs}.items():
        optimized, file = convert(source)
        (folder / f"{name}.tflite").write_bytes(file)
        note(name, optimized)
    for name in ("digits", "recurrent"):
        optimized, low = lowered(OURS[name](), "tf")
        graph = frozen(TensorFlowModule(low))
        graph.write(folder / f"frozen_{name}.pb")
        tensors = {"inputs": graph.inputs, "outputs": graph.outputs}
        (folder / f"frozen_{name}.json").write_text(json.dumps(tensors))
        note(f"frozen_{name}", optimized)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]

    def found(name):
        with np.load(folder / f"{name}.outputs.npz") as arrays:
            return dict(arrays)

    return {name: (arrays, found(name)) for name, arrays in expected.items()}


@pytest.mark.parametrize("name", [*OURS, *THEIRS, "frozen_digits", "frozen_recurrent"])
def test_agrees_with_the_interpreter_in_a_fresh_process(results, name):
    if name in THEIRS and not FOREIGN.is_dir():
        pytest.skip(f"{FOREIGN} is not there; CMLC_SHARED says where to look")
    expected, found = results[name]
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert_close(array, found[key], f"{name}: {key}")


# -- MobileNetV2 ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mobile():
    """MobileNetV2's lowered module."""
    return lowered(mobilenet.model())


def test_mobilenet_is_as_small_as_one_made_by_hand(mobile):
    optimized, low = mobile
    made = TFLiteModule(low)
    content = Contents(file := made.convert())
    convolutions = mobilenet.layers()
    depthwise = sum(separate for *_, separate in convolutions)
    residual = sum(stride == 1 and a == b for a, _, b, stride in mobilenet.blocks())
    assert content.operations() == {
        "CAST": 1,  # of bytes
        "MUL": 1,
        "ADD": 1 + residual,
        "CONV_2D": len(convolutions) - depthwise,
        "DEPTHWISE_CONV_2D": depthwise,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
        "SOFTMAX": 1,
    }
    assert content.foreign() == []
    given = inputs_of(optimized)
    exact = run(optimized, given)["probabilities"]
    assert_close(exact, content.run(given)["probabilities"], "float32")
    half = Contents(small := made.convert("float16"))
    assert 0.48 < len(small) / len(file) < 0.52
    apart = np.abs(half.run(given)["probabilities"] - exact).max() / exact.max()
    assert 0 < apart < 0.02
    whole = made.convert("int8", [given, given])
    assert 0.24 < len(whole) / len(file) < 0.30
    assert set(Contents(whole).floating()) == {"CAST"}
    assert Contents(whole).run(given).keys() == {"probabilities"}


# -- what the file says ---------------------------------------------------------------------------


def table_at(data, offset):
    from flatbuffers import table

    return table.Table(bytearray(data), offset)


def field(table, slot):
    """Where a field is; 0 without it."""
    found = table.Offset(4 + 2 * slot)
    return found + table.Pos if found else 0


def text(table, slot):
    return table.String(field(table, slot)).decode()


def child(table, slot):
    return table_at(table.Bytes, table.Indirect(field(table, slot)))


def children(table, slot):
    found = table.Offset(4 + 2 * slot)
    start = table.Vector(found)
    return [
        table_at(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(found))
    ]


def floats(table, slot):
    found = table.Offset(4 + 2 * slot)
    data = np.frombuffer(bytes(table.Bytes), "<f4", table.VectorLen(found), table.Vector(found))
    return data.tolist()


def test_metadata_of_a_classifier():
    """Read by positions in TensorFlow's metadata_schema.fbs, which no installed package has."""
    from tensorflow.lite.python import schema_py_generated as schema

    _, file = convert(pictures())
    model = schema.Model.GetRootAs(file, 0)
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    (entry,) = (item for item in entries if item.Name() == b"TFLITE_METADATA")
    data = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    assert data[4:8] == b"M001"
    root = table_at(data, int.from_bytes(data[:4], "little"))
    assert text(root, 0) == "model"
    assert text(root, 7) == "1.0.0"
    (graph,) = children(root, 3)
    (image,), (chances,) = children(graph, 2), children(graph, 3)
    assert (text(image, 0), text(chances, 0)) == ("image", "y")
    content = child(image, 3)
    assert content.Bytes[field(content, 0)] == 2  # ImageProperties
    properties = child(content, 1)
    assert properties.Bytes[field(properties, 0)] == 1  # RGB
    size = child(properties, 1)
    assert [int.from_bytes(size.Bytes[field(size, i) :][:4], "little") for i in (0, 1)] == [8, 8]
    (unit,) = children(image, 4)
    assert unit.Bytes[field(unit, 0)] == 1  # NormalizationOptions
    normalization = child(unit, 1)
    assert (floats(normalization, 0), floats(normalization, 1)) == ([0.0], [1.0])
    stats = child(image, 5)
    assert (floats(stats, 0), floats(stats, 1)) == ([255.0], [0.0])
    (labels,) = children(chances, 6)
    assert text(labels, 0) == "labels.txt"
    assert labels.Bytes[field(labels, 2)] == 2  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode().splitlines() == ["cat", "dog", "bird"]


def test_names_that_are_no_identifiers_stay():
    double = layer("unary", ["in 0:x"], ["1"], type=7, scale=2)
    spec = network(double, outputs=["1"], **{"in 0:x": (3,)})
    _, file = convert(spec)
    content = Contents(file)
    assert content.tensors("serving_default", "Inputs")[1] == ["in 0:x"]
    assert content.tensors("serving_default", "Outputs")[1] == ["1"]


def test_the_same_model_gives_the_same_file():
    assert convert(DIGITS)[1] == convert(DIGITS)[1]


# -- frozen graphs --------------------------------------------------------------------------------


def test_more_than_a_file_can_hold_is_refused():
    function = Function("main", [Tensor(DType.F32, (1,))], ["x"])
    big = constant(SplatResource(Tensor(DType.F32, (30000, 20000)), 1.0, "big"))
    function.block.insert(big.op)
    function.block.insert(Return((big,)))
    function.result_names, function.outputs = ["y"], [Result()]
    module = Module("m", [function])
    with pytest.raises(cmlc.CompileError, match=r"2\.4 GB, more than the 2 GiB of a GraphDef"):
        frozen(TensorFlowModule(module))
    with pytest.raises(cmlc.CompileError, match=r"2\.4 GB, more than the 2 GiB of a TFLite file"):
        TFLiteModule(module)
