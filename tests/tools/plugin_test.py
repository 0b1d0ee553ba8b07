"""--plugin: files that define layers, and what is said where they fail; the complete example."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from support.networks.builders import layer, lstm_weights, network, numbers
from support.running.shared_folder import FOREIGN

PLUGINS = Path(__file__).parents[1] / "plugins"
DOUBLED = """\
import cmlc
from cmlc.ir.dialects.core.elementwise import Add

cmlc.register_custom_layer("Doubled", lambda layer: Add(*layer.inputs * 2).result)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def model_file():
    model = network(layer("custom", name="c", className="Doubled"), x=(3,))
    Path("m.mlmodel").write_bytes(model.SerializeToString())
    return "m.mlmodel"


def test_a_plugin_defines_a_layer(capsys):
    Path("doubled.py").write_text(DOUBLED)
    status = cmlc.main([model_file(), "--emit=ir", "--plugin", "doubled.py"])
    found = capsys.readouterr()
    assert (status, found.err) == (0, "")
    assert "tensor.add(%x, %x)" in found.out


@pytest.mark.slow
def test_without_the_plugin(capsys):
    Path("other.py").write_text("")
    run = [sys.executable, "-m", "cmlc.tools.cmlc", model_file(), "--plugin", "other.py"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == console.INPUT_ERROR
    assert (
        "m.mlmodel: layers[0] 'c': error: custom layer 'Doubled' has no definition" in done.stderr
    )
    assert "--plugin FILE.py" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "p.py: error: there is no such plugin"),
        ("x = 1\ny = nothing\n", "the plugin fails in line 2: NameError: name 'nothing'"),
        ("def f(:\n", "the plugin fails: SyntaxError"),
    ],
)
def test_plugins_that_fail(capsys, text, message):
    if text is not None:
        Path("p.py").write_text(text)
    assert cmlc.main([model_file(), "--plugin", "p.py"]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


def recognizer(path):
    """A model as kraken writes them: every layer reads the input, which has no width."""
    step = {"kernelSize": [3, 3], "stride": [2, 2], "same": {}, "hasBias": True}
    shape = {"src_dim": 2, "part_a": 1, "part_b": -1, "high": 2, "low": 1}
    lstm = {"inputVectorSize": 12, "outputVectorSize": 5, "weightParams": [lstm_weights(12, 5)] * 2}
    gates = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]
    rows = [
        layer(
            *("convolution", ["input"], ["C_0"]),
            **(step | {"outputChannels": 4, "kernelChannels": 1}),
            weights=numbers(36),
            bias=numbers(4),
        ),
        layer("custom", ["input"], ["Gn_1"], className="groupnorm"),
        layer("custom", ["input"], ["Do_2"], className="dropout"),
        layer("custom", ["input"], ["S_3"], className="reshape"),
        layer(
            *("biDirectionalLSTM", ["input"], ["L_4"]),
            params={"sequenceOutput": True, "hasBiasVectors": True},
            activationsForwardLSTM=gates,
            activationsBackwardLSTM=gates,
            **lstm,
        ),
    ]
    model = network(*rows, rank5=True, outputs=["output"], input=(1, 1, 6, 0))
    layers = model.neuralNetwork.layers
    layers[1].custom.weights.add().floatValue.extend(numbers(4, seed=1).tolist())
    layers[1].custom.weights.add().floatValue.extend(numbers(4, seed=2).tolist())
    given = [(1, {"in_channels": 4, "num_groups": 2}), (3, shape)]
    for position, parameters in given:
        for name, value in parameters.items():
            layers[position].custom.parameters[name].intValue = value
    path.write_bytes(model.SerializeToString())


CHECK = """
import sys, numpy as np, kraken, cmlc
from cmlc.compiler.source.reading import read_spec
model = cmlc.compile(kraken.connect(read_spec(sys.argv[1])))
channels, height, width = model.function.arguments[0].type.shape
for width in (1, 17, 64):
    x = np.random.default_rng(width).standard_normal((channels, height, width))
    ((name, ours),) = model.interpret({"input": x}).items()
    theirs = model.predict({"input": x})[name]
    assert ours.shape == theirs.shape and abs(ours - theirs).max() < 1e-5 * max(1, abs(ours).max())
    print(*ours.shape)
"""


def compare_at_widths(model):
    """Shapes of the results at three widths, where TensorFlow agrees with the interpreter."""
    paths = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(model)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_example(folder):
    recognizer(folder / "m.mlmodel")
    # Height 6 becomes 3 rows of 4 channels; 10 = two directions of 5.
    assert compare_at_widths("m.mlmodel") == [(w, 1, 10, 1, 1) for w in (1, 9, 32)]


@pytest.mark.slow
def test_the_group_norm_of_the_example():
    sys.path.insert(0, str(PLUGINS))
    try:
        import kraken  # noqa: F401  registers
    finally:
        sys.path.remove(str(PLUGINS))
    from support.networks.builders import result

    custom = layer("custom", className="groupnorm")
    model = network(custom, rank5=True, x=(4, 2, 3))
    message = model.neuralNetwork.layers[0].custom
    message.parameters["in_channels"].intValue, message.parameters["num_groups"].intValue = 4, 2
    scale, offset = numbers(4, seed=1), numbers(4, seed=2)
    for weight in (scale, offset):
        message.weights.add().floatValue.extend(weight.tolist())
    x = numbers(4, 2, 3)
    groups = x.reshape(2, -1).astype(np.float64)
    normal = (groups - groups.mean(1, keepdims=True)) / np.sqrt(groups.var(1, keepdims=True) + 1e-5)
    expected = normal.reshape(x.shape) * scale[:, None, None] + offset[:, None, None]
    np.testing.assert_allclose(result(model, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["overfit", "overfit_newpoly", "merge_tests__merge_codec_nfd"])
def test_the_example_on_real_models(name):
    path = FOREIGN / "mittagessen__kraken" / f"tests__resources__{name}.mlmodel"
    if not path.exists():
        pytest.skip(f"{path} is not there; CMLC_SHARED says where to look")
    widths = [shape[0] for shape in compare_at_widths(path)]
    assert widths == ([1, 17, 64] if "merge" in name else [1, 5, 16])
