"""SavedModels as layers of Keras: endpoints that take a dictionary, in a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import cmlc
import numpy as np
import pytest
from support.mil.programs import FP16, op, program
from support.networks.builders import layer, network, numbers
from support.networks.transformers import STEPS, WIDTH, transformer

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parent / "keras_layer.py"
DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.mlmodel"


def sums():
    """y = s += x * t."""
    return program(
        op("mul", "m", (2, 3), x="x", y="t"),
        op("cast", "h", (2, 3), FP16, x="m", dtype="fp16"),
        op("read_state", "r", (2, 3), FP16, input="s"),
        op("add", "a", (2, 3), FP16, x="r", y="h"),
        op("coreml_update_state", "u", (2, 3), FP16, state="s", value="a"),
        op("cast", "y", (2, 3), x="u", dtype="fp32"),
        opset=18,
        states={"s": (2, 3)},
        x=(2, 3),
        t=(2, 3),
    )


def product():
    """Inputs that a signature calls otherwise."""
    item = layer("multiplyBroadcastable", ["class", "in:0"], ["y"])
    return network(item, **{"class": (1, 3), "in:0": (1, 3)})


# A model, its inputs, and how it is called: (endpoint, how), the function, which call of it.
WHOLE = np.random.default_rng(0).standard_normal((STEPS, WIDTH)).astype(np.float32)
MODELS = {
    "product": (
        product,
        {"class": numbers(1, 3), "in:0": numbers(1, 3, seed=1)},
        [("serving_default", "dictionary", "main"), ("serving_default", "model", "main")],
    ),
    "sums": (
        sums,
        {"x": numbers(2, 3), "t": numbers(2, 3, seed=1)},
        [("serving_default", "dictionary", "main"), ("serving_default", "dictionary", "main")],
    ),
    "digits": (
        lambda: DIGITS,
        {"image": np.random.default_rng(0).integers(0, 255, (2, 8, 8, 1), np.uint8)},
        [("serving_default", how, "main") for how in ("alone", "dictionary", "model")],
    ),
    "transformer": (transformer, {"x": WHOLE}, [("full", "dictionary", "full")]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All models and what Keras computed with them."""
    found = tmp_path_factory.mktemp("endpoints")
    for name, (make, inputs, calls) in MODELS.items():
        folder = cmlc.write(make(), found / name)
        about = json.loads((folder / "assets.extra" / "cmlc.json").read_text())
        keys = {item["name"]: item["written"] for item in about["renamed"]}
        given = {keys.get(key, key): array for key, array in inputs.items()}
        np.savez(found / f"{name}.inputs.npz", **given)
        (found / f"{name}.calls.json").write_text(json.dumps([call[:2] for call in calls]))
    done = subprocess.run([sys.executable, str(SCRIPT), str(found)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_layer_of_keras(name, folder):
    make, inputs, calls = MODELS[name]
    model = cmlc.compile(make())
    state = model.make_state()  # one for all calls: one layer keeps its states, too
    for number, (_, how, function) in enumerate(calls):
        chosen = {} if function == "main" else {"function": function}
        expected = model.predict(inputs, state if state.names and not chosen else None, **chosen)
        with np.load(folder / f"{name}.{number}.npz") as found:
            assert set(found.files) == set(expected), how
            for key, value in expected.items():
                assert_equal(found[key], value)


def assert_equal(found, expected):
    match expected:
        case [dict(), *_]:  # probabilities by label
            expected = [list(entry.values()) for entry in expected]
        case [str(), *_]:
            assert [label.decode() for label in found] == expected
            return
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_endpoints_are_described(folder):
    def endpoints(name):
        about = json.loads((folder / name / "assets.extra" / "cmlc.json").read_text())
        return about["endpoints"]

    assert endpoints("sums") == {"serving_default": "main"}
    assert endpoints("transformer") == {"serving_default": "decode", "full": "full"}


def test_endpoints_with_names_that_mean_something_else(tmp_path):
    """Neither what a loaded model has already, nor what the TFLite converter looks for."""
    import tensorflow as tf

    names = ("weights", "serve", "signatures")
    body = '(%x: f32[2]) -> ("y": f32[2]) {\n  %y = tensor.neg(%x) : f32[2]\n  return %y\n}'
    functions = [f"func @{name}{body}" for name in ("main", *names)]
    (tmp_path / "m.cmir").write_text("\n".join(functions))
    folder = cmlc.write(tmp_path / "m.cmir", tmp_path / "m")
    about = json.loads((folder / "assets.extra" / "cmlc.json").read_text())
    assert about["endpoints"] == {"serving_default": "main"} | {f"{n}_1": n for n in names}
    loaded = tf.saved_model.load(str(folder))
    for endpoint in about["endpoints"]:
        found = getattr(loaded, endpoint)({"x": np.float32([1, 2])})["y"]
        assert found.numpy().tolist() == [-1, -2]
    converted = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    content = tf.lite.Interpreter(model_content=converted)
    assert sorted(content.get_signature_list()) == sorted(("serving_default", *names))
