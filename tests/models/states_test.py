"""States and several functions: the API, and SavedModels that keep states in variables."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.compiler.artefacts.meant import form_for
from cmlc.compiler.artefacts.write import write
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from support.mil.programs import FP16, op, program
from support.networks.builders import numbers
from support.networks.transformers import STEPS, WIDTH, cache_names, transformer
from support.running.shared_folder import SHARED

pytestmark = pytest.mark.slow


def accumulator(shape=(2, 3)):
    """y = s += x."""
    return program(
        op("cast", "h", shape, FP16, x="x", dtype="fp16"),
        op("read_state", "r", shape, FP16, input="s"),
        op("add", "a", shape, FP16, x="r", y="h"),
        op("coreml_update_state", "u", shape, FP16, state="s", value="a"),
        op("cast", "y", shape, x="u", dtype="fp32"),
        opset=18,
        states={"s": shape},
        x=shape,
    )


X = numbers(2, 3)


@pytest.mark.parametrize("way", ["predict", "interpret"])
def test_states_outlive_predictions_and_are_apart(way):
    model = cmlc.compile(accumulator())
    first, second = model.make_state(), model.make_state()
    run = getattr(model, way)
    for step in range(3):
        got = run({"x": X}, first)
        np.testing.assert_allclose(got["y"], (step + 1) * X, rtol=1e-6)
        assert list(got) == ["y"]
    run({"x": X}, second)
    np.testing.assert_allclose(second.read_state("s"), X.astype(np.float16), rtol=1e-3)
    assert second.read_state("s").dtype == np.float16
    second.write_state("s", np.ones((2, 3)))
    np.testing.assert_allclose(run({"x": X}, second)["y"], 1 + X, rtol=1e-6)
    np.testing.assert_allclose(run({"x": X}, first)["y"], 4 * X, rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "keep"])
def test_a_state_holds_the_dtype_that_is_computed_in(precision):
    model = cmlc.compile(accumulator((1,)), precision=precision)
    state = model.make_state()
    state.write_state("s", [2048.0])
    got = [model.predict({"x": [0.25]}, state)["y"][0] for _ in range(4)]
    exact = [2048.25, 2048.5, 2048.75, 2049]  # float16 is 2 apart there
    assert got == (exact if precision == "float32" else [2048] * 4)


def test_misuse_of_states():
    model = cmlc.compile(accumulator())
    state = model.make_state()
    other = cmlc.compile(accumulator((4,))).make_state()
    for call, said in [
        (lambda: model.predict({"x": X}), r"has states \(s\).*make_state"),
        (lambda: model.predict({"x": X, "s": X}, state), "no input 's'"),
        (lambda: model.predict({"x": X}, other), r"no 's' of type f32\[2,3\]"),
        (lambda: state.read_state("t"), "no state 't': the states are s|the states are s"),
        (lambda: state.write_state("s", np.ones(6)), r"shape \[2, 3\], not \[6\]"),
        (lambda: model.predict({"x": X}, state, function="f"), "no function 'f'"),
    ]:
        with pytest.raises(cmlc.CompileError, match=said):
            call()
    stateless = cmlc.compile(program(op("relu", "y", (3,), x="x"), x=(3,)))
    with pytest.raises(cmlc.CompileError, match="the model has no states"):
        stateless.predict({"x": [1, 2, 3]}, state)


def test_a_saved_model_keeps_its_states(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(accumulator())
    folder = model.write(tmp_path / "model")
    loaded = tf.saved_model.load(str(folder))
    assert sorted(loaded.signatures) == ["reset", "serving_default"]
    step, reset = loaded.signatures["serving_default"], loaded.signatures["reset"]
    for count in (1, 2, 3):
        np.testing.assert_allclose(step(x=tf.constant(X))["y"], count * X, rtol=1e-6)
    np.testing.assert_allclose(loaded.states["s"], 3 * X, rtol=1e-6)
    reset()
    np.testing.assert_array_equal(loaded.states["s"], 0 * X)
    np.testing.assert_allclose(step(x=tf.constant(X))["y"], X, rtol=1e-6)
    facts = json.loads((folder / "assets.extra" / "cmlc.json").read_text())
    assert [s["name"] for s in facts["states"]] == ["s"]
    assert [i["name"] for i in facts["inputs"]] == ["x"]
    assert [o["name"] for o in facts["outputs"]] == ["y"]


def test_a_cache_of_keys_and_values(tmp_path):
    """64 tokens, one by one through the SavedModel, give the numbers of one pass over all."""
    import tensorflow as tf

    model = cmlc.compile(transformer())
    x = np.random.default_rng(0).standard_normal((STEPS, WIDTH)).astype(np.float32)
    expected = model.interpret({"x": x}, function="full")["y"]
    assert np.abs(expected - x).max() > 0.5

    folder = model.write(tmp_path / "model")
    facts = json.loads((folder / "assets.extra" / "cmlc.json").read_text())
    assert list(facts["functions"]) == ["decode", "full"]
    loaded = tf.saved_model.load(str(folder))
    assert sorted(loaded.signatures) == ["full", "reset", "serving_default"]
    decode = loaded.signatures["serving_default"]
    for _ in range(2):
        rows = [
            decode(x=tf.constant(x[i : i + 1]), position=tf.constant([i]))["y"].numpy()
            for i in range(STEPS)
        ]
        np.testing.assert_allclose(
            np.concatenate(rows), expected, atol=2e-6 * np.abs(expected).max()
        )
        loaded.signatures["reset"]()
    whole = loaded.signatures["full"](x=tf.constant(x))["y"]
    np.testing.assert_allclose(whole, expected, atol=2e-6 * np.abs(expected).max())

    # Weights of both functions are there once, and so is every state.
    assert len(loaded.weights) == 2 * 6 + 1  # and the mask
    assert sorted(loaded.states) == sorted(cache_names())

    state = model.make_state()
    rows = [model.predict({"x": x[i : i + 1], "position": [i]}, state)["y"] for i in range(STEPS)]
    np.testing.assert_allclose(np.concatenate(rows), expected, atol=2e-6 * np.abs(expected).max())


def test_one_function_of_several(tmp_path):
    import tensorflow as tf

    model = cmlc.compile(transformer(), function="full")
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    assert list(loaded.signatures) == ["serving_default"]
    with pytest.raises(cmlc.CompileError, match="no function 'decode'"):
        model.predict({}, function="decode")


# -- states as inputs and outputs ------------------------------------------------------------------


@pytest.mark.parametrize("way", ["predict", "interpret"])
def test_states_as_arguments(way):
    """What a call returns under a state's name is given to the next; zeros at first."""
    model = cmlc.compile(accumulator(), states="arguments")
    run = getattr(model, way)
    got = run({"x": X})
    for step in range(1, 4):
        assert list(got) == ["y", "s"]
        np.testing.assert_allclose(got["y"], step * X, rtol=1e-6)
        got = run({"x": X, "s": got["s"]})
    assert model.make_state().names == ()
    with pytest.raises(cmlc.CompileError, match="the model has no states"):
        run({"x": X}, cmlc.compile(accumulator()).make_state())


def decoded(call, x):
    """All steps of the decoder, one by one, by a function of arrays that returns states."""
    held = {name: np.zeros((STEPS, WIDTH), np.float32) for name in cache_names()}
    rows = []
    for i in range(STEPS):
        found = call({"x": x[i : i + 1], "position": np.array([i], np.int32), **held})
        rows.append(np.asarray(found["y"]))
        held = {name: np.asarray(found[name]) for name in held}
    return np.concatenate(rows)


def saved_model(tf, written):
    about = json.loads((written.path / "assets.extra" / "cmlc.json").read_text())
    assert about["state_arguments"] == cache_names()
    assert "states" not in about
    loaded = tf.saved_model.load(str(written.path))
    assert list(loaded.signatures) == ["serving_default"]
    return lambda arrays: loaded.serving_default(arrays)


def lite(tf, written):
    runner = tf.lite.Interpreter(str(written.path)).get_signature_runner("serving_default")
    return lambda arrays: runner(**arrays)


def frozen(tf, written):
    tensors = written.facts["tensors"]
    with tf.Graph().as_default() as graph:
        message = tf.compat.v1.GraphDef.FromString(written.path.read_bytes())
        tf.import_graph_def(message, name="")
    session = tf.compat.v1.Session(graph=graph)

    def call(arrays):
        feed = {tensors["inputs"][name]: array for name, array in arrays.items()}
        return session.run(tensors["outputs"], feed)

    return call


CALLS = {"savedmodel": saved_model, "tflite": lite, "graphdef": frozen}


@pytest.mark.parametrize("name", ["model", "model.pb", "model.tflite"])
def test_a_cache_of_keys_and_values_as_arguments(name, tmp_path):
    """Every form gives the numbers of one pass over all steps, and keeps nothing itself."""
    import tensorflow as tf

    x = np.random.default_rng(0).standard_normal((STEPS, WIDTH)).astype(np.float32)
    expected = cmlc.compile(transformer()).interpret({"x": x}, function="full")["y"]
    options = Options(function="decode", states="arguments")
    form = form_for(name)
    written = write(Stages(transformer(), options), form, tmp_path / name, {})
    call = CALLS[form.name](tf, written)
    np.testing.assert_allclose(decoded(call, x), expected, atol=2e-6 * np.abs(expected).max())


def test_states_as_arguments_take_a_batch():
    """A state is kept for one example; an argument is each entry's own."""
    model = cmlc.compile(accumulator((1, 3)), states="arguments", batch="dynamic")
    x, s = numbers(4, 3), numbers(4, 3, seed=1)
    np.testing.assert_allclose(model.predict({"x": x, "s": s})["s"], s + x, rtol=1e-6)


CACHE = SHARED / "cases" / "architectures" / "kv_cache_update"


@pytest.mark.skipif(
    not CACHE.with_suffix(".npz").exists(),
    reason=f"{CACHE} is not there; CMLC_SHARED says where to look",
)
def test_a_cache_written_by_slices_as_an_argument():
    """Three calls of different lengths, against PyTorch; the program is in float16."""
    model = cmlc.compile(CACHE.with_suffix(".mlpackage"), states="arguments")
    held = {}
    with np.load(CACHE.with_suffix(".npz")) as known:
        for step in range(3):
            given = {name: known[f"step{step}_{name}"] for name in ("k", "mask")}
            found = model.predict({**given, **held})
            expected = known[f"step{step}_y"]
            np.testing.assert_allclose(
                found.pop("y"), expected, atol=5e-4 * np.abs(expected).max(), rtol=0
            )
            held = found
        np.testing.assert_array_equal(held["cache"][..., :8, :], known["cache_first_8_places"])
