"""`cmlc --emit=weights`: what is stored, under Core ML's names and in its layouts."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler import driver
from cmlc.compiler.frontends.all_weights import weights_of
from cmlc.compiler.frontends.nn import WEIGHTS
from cmlc.compiler.source.reading import ModelSource
from cmlc.compiler.source.weight_files import WeightFiles
from cmlc.tools import cmlc
from support.mil.programs import FP16, op, program, several
from support.networks.builders import layer, lstm_weights, network, numbers
from support.running.samples import control, pictures, sequences

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(folder="out"):
    """(manifest entries by name, arrays of the .npz, arrays of the .safetensors)."""
    entries = json.loads((Path(folder) / "manifest.json").read_text())["weights"]
    with np.load(Path(folder) / "weights.npz", allow_pickle=False) as arrays:
        ours = dict(arrays)
    return {entry["name"]: entry for entry in entries}, ours, safetensors(Path(folder))


def safetensors(folder):
    """Read as the format's description says, and nothing of ours."""
    data = (folder / "weights.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    assert (8 + length) % 8 == 0
    assert header.pop("__metadata__") == {"format": "np"}
    dtypes = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I8": "i1", "U8": "u1", "BOOL": "?"}
    found, place = {}, 0
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        assert start == place  # no gaps
        place = end
        part = data[8 + length + start : 8 + length + end]
        found[name] = np.frombuffer(part, dtypes[entry["dtype"]]).reshape(entry["shape"])
    assert 8 + length + place == len(data)
    return found


def stored(spec, files=None):
    source = ModelSource(spec, files or WeightFiles(None))
    return {weight.name: weight for weight in weights_of(source).weights}


def test_a_network(capsys):
    assert cmlc.main([str(DIGITS), "--emit=weights", "-o", "out"]) == 0
    assert "10 tensors, 40.0 kB" in capsys.readouterr().out
    entries, arrays, tensors = written()
    spec = driver.read(DIGITS).spec
    conv = next(item for item in spec.neuralNetworkClassifier.layers if item.name == "conv2")
    entry = entries["conv2.weights"]
    assert entry["shape"] == [32, 16, 3, 3]
    assert entry["axes"] == ["out", "in/groups", "kernel_height", "kernel_width"]
    uses = entry["kind"], entry["layer"], entry["parameter"]
    assert uses == ("convolution", "conv2", "weights")
    assert (entry["dtype"], entry["stored_as"]) == ("float32", "float32")
    expected = np.array(conv.convolution.weights.floatValue, np.float32).reshape(32, 16, 3, 3)
    np.testing.assert_array_equal(arrays["conv2.weights"], expected)
    # Nothing is folded: batch normalization is there as it was.
    assert entries["bn1.variance"]["axes"] == ["channel"]
    assert list(arrays) == list(tensors) == list(entries)
    for name, array in arrays.items():
        assert array.dtype == tensors[name].dtype
        np.testing.assert_array_equal(array, tensors[name])


@pytest.mark.slow
def test_needs_no_tensorflow():
    code = (
        "import sys; from cmlc.tools.cmlc import main; status = main()\n"
        "assert status == 0 and not {'tensorflow', 'rich'} & sys.modules.keys()"
    )
    command = [sys.executable, "-c", code, str(DIGITS), "--emit=weights"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert Path("digits_weights/manifest.json").exists()


@pytest.mark.parametrize("make", [pictures, sequences], ids=lambda make: make.__name__)
def test_weights_have_their_shapes_and_axes(make):
    found = stored(make())
    assert found
    for weight in found.values():
        assert weight.resource.array().shape == weight.resource.type.static_shape
        assert len(weight.axes) == weight.resource.type.rank


def test_both_directions_of_an_lstm():
    found = stored(sequences())
    name = "weightParams[1].forgetGateRecursionMatrix"
    (weight,) = (item for item in found.values() if item.parameter == name)
    assert weight.axes == ("out", "out_before")
    expected = np.ravel(lstm_weights(3, 2, seed=5)["forgetGateRecursionMatrix"])
    np.testing.assert_array_equal(weight.resource.array().ravel(), expected.astype(np.float32))
    assert len(found) == 2 * (4 + 4 + 4 + 3)


def test_deconvolution_has_its_own_layout():
    spec = network(
        layer(
            "convolution",
            name="up",
            isDeconvolution=True,
            outputChannels=2,
            kernelChannels=3,
            kernelSize=[2, 2],
            weights=numbers(3, 2, 2, 2),
        ),
        x=(1, 3, 4, 4),
    )
    weight = stored(spec)["up.weights"]
    assert weight.axes[:2] == ("in", "out/groups")
    np.testing.assert_array_equal(weight.resource.array(), numbers(3, 2, 2, 2).astype(np.float32))


def _gates(names, ends, into, hidden):
    sizes = {"WeightMatrix": (hidden, into), "RecursionMatrix": (hidden, hidden)}
    return {f"{gate}{end}": numbers(*sizes.get(end, (hidden,))) for gate in names for end in ends}


_MATRICES = ("WeightMatrix", "RecursionMatrix", "BiasVector")
_COUNTS = {"inputVectorSize": 3, "outputVectorSize": 2}
_KERNEL = {"kernelDepth": 1, "kernelHeight": 2, "kernelWidth": 3}
# A layer of every type that has weights, with the axes of some of them.
AXES = [
    ("activation", {"PReLU": {"alpha": numbers(4)}}, {"PReLU.alpha": "channel 4"}),
    (
        "batchedMatmul",
        {
            "weightMatrixFirstDimension": 3,
            "weightMatrixSecondDimension": 2,
            "hasBias": True,
            "weights": numbers(6),
            "bias": numbers(2),
        },
        {"weights": "out 2, in 3", "bias": "out 2"},
    ),
    (
        "batchnorm",
        {"channels": 3, **{name: numbers(3) for name in ("gamma", "beta", "mean", "variance")}},
        {"gamma": "channel 3", "variance": "channel 3"},
    ),
    ("bias", {"shape": [2, 1, 3], "bias": numbers(6)}, {"bias": "channel 2, height 1, width 3"}),
    ("bias", {"shape": [2], "bias": numbers(2)}, {"bias": "channel 2"}),
    (
        "convolution",
        {
            "outputChannels": 4,
            "kernelChannels": 3,
            "nGroups": 2,
            "kernelSize": [1, 2],
            "hasBias": True,
            "weights": numbers(24),
            "bias": numbers(4),
        },
        {"weights": "out 4, in/groups 3, kernel_height 1, kernel_width 2", "bias": "out 4"},
    ),
    (
        "convolution",
        {"outputChannels": 4, "kernelChannels": 3, "weights": numbers(108)},
        {"weights": "out 4, in/groups 3, kernel_height 3, kernel_width 3"},
    ),
    (
        "convolution",
        {
            "isDeconvolution": True,
            "outputChannels": 4,
            "kernelChannels": 6,
            "nGroups": 2,
            "kernelSize": [1, 2],
            "weights": numbers(24),
        },
        {"weights": "in 6, out/groups 2, kernel_height 1, kernel_width 2"},
    ),
    (
        "convolution3d",
        {"outputChannels": 4, "inputChannels": 6, "nGroups": 2, **_KERNEL, "weights": numbers(72)},
        {"weights": "out 4, in/groups 3, kernel_depth 1, kernel_height 2, kernel_width 3"},
    ),
    (
        "convolution3d",
        {
            "isDeconvolution": True,
            "outputChannels": 4,
            "inputChannels": 6,
            "nGroups": 2,
            **_KERNEL,
            "weights": numbers(72),
        },
        {"weights": "in 6, out/groups 2, kernel_depth 1, kernel_height 2, kernel_width 3"},
    ),
    (
        "embedding",
        {
            "inputDim": 5,
            "outputChannels": 2,
            "hasBias": True,
            "weights": numbers(10),
            "bias": numbers(2),
        },
        {"weights": "out 2, entry 5", "bias": "out 2"},
    ),
    (
        "embeddingND",
        {"vocabSize": 5, "embeddingSize": 2, "weights": numbers(10)},
        {"weights": "out 2, entry 5"},
    ),
    (
        "gru",
        {**_COUNTS, **_gates(("updateGate", "resetGate", "outputGate"), _MATRICES, 3, 2)},
        {"resetGateWeightMatrix": "out 2, in 3", "outputGateBiasVector": "out 2"},
    ),
    (
        "innerProduct",
        {
            "inputChannels": 3,
            "outputChannels": 2,
            "hasBias": True,
            "weights": numbers(6),
            "bias": numbers(2),
        },
        {"weights": "out 2, in 3", "bias": "out 2"},
    ),
    (
        "layerNormalization",
        {"normalizedShape": [2, 3], "gamma": numbers(6), "beta": numbers(6)},
        {"gamma": "axis-2 2, axis-1 3", "beta": "axis-2 2, axis-1 3"},
    ),
    (
        "loadConstant",
        {"shape": [1, 2, 3], "data": numbers(6)},
        {"data": "channel 1, height 2, width 3"},
    ),
    ("loadConstantND", {"shape": [2, 3], "data": numbers(6)}, {"data": "axis0 2, axis1 3"}),
    (
        "scale",
        {
            "shapeScale": [3],
            "shapeBias": [3, 1, 1],
            "hasBias": True,
            "scale": numbers(3),
            "bias": numbers(3),
        },
        {"scale": "channel 3", "bias": "channel 3, height 1, width 1"},
    ),
    (
        "simpleRecurrent",
        {
            **_COUNTS,
            "weightMatrix": numbers(6),
            "recursionMatrix": numbers(4),
            "biasVector": numbers(2),
        },
        {"weightMatrix": "out 2, in 3", "recursionMatrix": "out 2, out_before 2"},
    ),
    (
        "uniDirectionalLSTM",
        {**_COUNTS, "weightParams": lstm_weights(3, 2)},
        {
            "weightParams.inputGateWeightMatrix": "out 2, in 3",
            "weightParams.blockInputRecursionMatrix": "out 2, out_before 2",
        },
    ),
    ("custom", {"className": "Nobody", "weights": [{"floatValue": [1, 2]}]}, {"weights[0]": ""}),
]


@pytest.mark.parametrize(("kind", "fields", "axes"), AXES, ids=[row[0] for row in AXES])
def test_axes_of_weights(kind, fields, axes):
    """Layers need no inputs, and need not be supported."""
    found = stored(network(layer(kind, name="l", **fields), x=(3,)))
    for path, expected in axes.items():
        weight = found[f"l.{path}"]
        sizes = zip(weight.axes, weight.resource.type.static_shape, strict=False)
        assert ", ".join(f"{axis} {size}" for axis, size in sizes) == expected
        assert weight.resource.array().shape == weight.resource.type.static_shape


def test_every_declared_layer_has_a_case():
    assert {row[0] for row in AXES} >= {*WEIGHTS} - {"biDirectionalLSTM"}


def test_quantized_weights_are_dequantized():
    quantization = {"numberOfBits": 8, "linearQuantization": {"scale": [0.5], "bias": [-1]}}
    weights = {"rawValue": bytes(range(6)), "quantization": quantization}
    dense = layer("innerProduct", name="d", inputChannels=3, outputChannels=2, weights=weights)
    weight = stored(network(dense, x=(1, 3)))["d.weights"]
    assert weight.encoding == "linear8"
    expected = np.arange(6, dtype=np.float32).reshape(2, 3) * 0.5 - 1
    np.testing.assert_array_equal(weight.resource.array(), expected)


def test_layers_inside_of_loops_and_names_that_come_twice():
    names = list(stored(control()))
    assert len(names) == len(set(names))
    dense = {"inputChannels": 2, "outputChannels": 2, "weights": numbers(4)}
    spec = network(
        layer("innerProduct", name="d", **dense), layer("innerProduct", name="d", **dense), x=(1, 2)
    )
    assert list(stored(spec)) == ["d.weights", "d.weights_2"]


def test_custom_layers_have_weights_without_a_meaning():
    weights = [{"floatValue": [1.0, 2, 3]}]
    spec = network(layer("custom", name="c", className="Gone", weights=weights), x=(1, 3))
    weight = stored(spec)["c.weights[0]"]
    assert weight.axes == ()
    np.testing.assert_array_equal(weight.resource.array(), np.float32([1, 2, 3]))


def named(spec):
    """The program with its constants as operations of their own, as converters write them."""
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type == "const":
                    value = operation.inputs["val"].arguments[0].value
                    operation.attributes["val"].CopyFrom(value)
                    del operation.inputs["val"]
    return spec


def test_a_program():
    kernel = numbers(4, 3, 3, 3).astype(np.float16)
    conv = {"strides": [1, 1], "pad_type": "valid", "pad": [0, 0, 0, 0], "dilations": [1, 1]}
    spec = program(
        op("const", "kernel", (4, 3, 3, 3), FP16, val=kernel),
        op("const", "offset", (4,), FP16, val=np.zeros(4, np.float16)),
        op(
            "conv", "y", (1, 4, 6, 6), FP16, x="x", weight="kernel", bias="offset", groups=1, **conv
        ),
        x=(1, 3, 8, 8),
        dtypes={"x": FP16},
    )
    found = stored(named(spec))
    assert list(found) == ["kernel", "offset"]
    weight = found["kernel"]
    assert weight.axes == ("out", "in/groups", "kernel_height", "kernel_width")
    assert (weight.kind, weight.layer, weight.parameter) == ("conv", "y", "weight")
    np.testing.assert_array_equal(weight.resource.array(), kernel)  # stays float16


def test_compressed_constants_are_decoded_and_their_parts_left_out():
    spec = program(
        op("const", "codes", (2, 2), 31, val=np.uint8([[0, 1], [2, 3]])),
        op("const", "scale", (1, 1), val=np.float32([[0.5]])),
        op("constexpr_blockwise_shift_scale", "w", (2, 2), data="codes", scale="scale"),
        op("linear", "y", (1, 2), x="x", weight="w", bias=np.zeros(2, np.float32)),
        opset=18,
        x=(1, 2),
    )
    found = stored(named(spec))
    assert list(found) == ["w", "y.bias"]
    assert found["w"].axes == ("out", "in")
    assert found["w"].encoding == "blockwise_shift_scale"
    np.testing.assert_array_equal(found["w"].resource.array(), [[0, 0.5], [1, 1.5]])


def test_functions_that_share_a_name():
    def function(value):
        made = op("const", "w", (2,), val=np.float32([value, value]))
        return [made, op("add", "y", (2,), x="x", y="w")]

    same = several("a", a=program(*function(1), x=(2,)), b=program(*function(1), x=(2,)))
    assert list(stored(named(same))) == ["w"]
    other = several("a", a=program(*function(1), x=(2,)), b=program(*function(2), x=(2,)))
    assert list(stored(named(other))) == ["w", "b.w"]
