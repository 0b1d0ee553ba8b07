"""States that a graph keeps in variables: what it reads and writes, step by step."""

import subprocess
import sys
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.driver import load_text

pytestmark = pytest.mark.slow

STEPS = 9
ROWS = 6  # of a cache

# Each function takes a row %x [1,3] and the number %n of the step.
TEXT = (Path(__file__).parents[1] / "data" / "states.txt").read_text()
PROGRAMS = {part.split("(")[0].removeprefix("func @"): part for part in TEXT.split("\n\n")}
# What copies the whole state: reading all of it once parts were written.
COPIED = {
    "all_is_read",
    "what_was_before",
    "before_and_after",
    "new_is_returned",
    "old_is_returned",
}


def compiled(name):
    return cmlc.compile(load_text(PROGRAMS[name]))


def inputs_of(step):
    row = np.random.default_rng(abs(step)).standard_normal((1, 3)).astype(np.float32)
    return {"x": row, "n": np.array([step], np.int32)}


def expected(model):
    """What the interpreter gives for each step, and the states after the last one."""
    state = model.make_state()
    rows = [model.interpret(inputs_of(step), state)["y"] for step in range(STEPS)]
    return rows, {name: state.read_state(name) for name in state.names}


@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_by_predict_and_by_the_saved_model(name, tmp_path):
    import tensorflow as tf

    model = compiled(name)
    wanted, states = expected(model)
    state, other = model.make_state(), model.make_state()
    model.predict(inputs_of(7), other)  # sees nothing of the first
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    call = loaded.signatures["serving_default"]
    for _ in range(2):
        for step in range(STEPS):
            given = {key: tf.constant(value) for key, value in inputs_of(step).items()}
            np.testing.assert_allclose(call(**given)["y"], wanted[step], rtol=1e-5, atol=1e-6)
        for key, value in states.items():
            np.testing.assert_allclose(loaded.states[key], value, rtol=1e-5, atol=1e-6)
        loaded.signatures["reset"]()
    for step in range(STEPS):
        got = model.predict(inputs_of(step), state)["y"]
        np.testing.assert_allclose(got, wanted[step], rtol=1e-5, atol=1e-6)
    for key, value in states.items():
        np.testing.assert_allclose(state.read_state(key), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_as_large_as_a_state_is_read_or_written(name):
    model = compiled(name)
    kinds = [op.type for op in _operations(model.executable.signature(name).graph)]
    assert kinds.count("ReadVariableOp") == int(name in COPIED)
    assert kinds.count("AssignVariableOp") == int(name == "before_and_after")
    if name == "layers":
        assert kinds.count("ResourceStridedSliceAssign") == 2
        assert kinds.count("ResourceGatherNd") == 2


def _operations(graph):
    yield from graph.get_operations()
    for function in graph._functions.values():
        yield from function.graph.get_operations()


def test_a_known_position_outside_is_told_when_it_is_compiled():
    text = PROGRAMS["layers"].replace("%at = tensor.mod(%step, %six) : i32[]", "")
    text = text.replace("%at", "%six")
    message = "<text>:10:3: error: writes to positions 6 to 6, outside of the state's 6"
    model = cmlc.compile(load_text(text))
    with pytest.raises(cmlc.CompileError, match=message) as caught:
        model.predict(inputs_of(0), model.make_state())
    assert caught.value.diagnostics[0].kind == "invalid"


@pytest.mark.parametrize("step", [6, -1])
def test_a_position_outside_is_an_error_and_changes_nothing(step):
    text = PROGRAMS["layers"].replace("tensor.mod(%step, %six)", "tensor.add(%step, %zero)")
    model = cmlc.compile(load_text(text))
    state = model.make_state()
    model.predict(inputs_of(3), state)
    before = state.read_state("s")
    with pytest.raises(cmlc.CompileError, match="outside of the state"):
        model.predict(inputs_of(step), state)
    np.testing.assert_array_equal(state.read_state("s"), before)
    with pytest.raises(cmlc.CompileError, match="positions"):
        model.interpret(inputs_of(step), state)


def test_what_a_caller_has_read_stays_what_it_was(tmp_path):
    """A tensor that was read of the variable is not written to, by the first write neither."""
    import tensorflow as tf

    model = compiled("layers")
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    call = loaded.signatures["serving_default"]
    for step in range(3):
        read = loaded.states["s"].read_value()
        before = read.numpy().copy()
        call(**{key: tf.constant(value) for key, value in inputs_of(step).items()})
        np.testing.assert_array_equal(read, before)
        assert np.abs(loaded.states["s"].numpy() - before).max() > 0


def test_predictions_and_interpretations_take_turns_on_one_state():
    model, state = compiled("layers"), compiled("layers").make_state()
    wanted, _ = expected(model)
    for step in range(STEPS):
        run = model.interpret if step % 3 == 1 else model.predict
        np.testing.assert_allclose(run(inputs_of(step), state)["y"], wanted[step], rtol=1e-5)
    state.write_state("s", np.zeros((2, ROWS, 3)))
    np.testing.assert_allclose(model.predict(inputs_of(0), state)["y"], wanted[0], rtol=1e-5)


SCRIPT = """
import sys
import numpy as np, tensorflow as tf
call = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
rows = []
for step in range(int(sys.argv[3])):
    row = np.random.default_rng(step).standard_normal((1, 3)).astype(np.float32)
    rows.append(call(x=tf.constant(row), n=tf.constant([step]))["y"].numpy())
assert "cmlc" not in sys.modules
np.save(sys.argv[2], rows)
"""


def test_another_process_runs_it(tmp_path):
    model = compiled("layers")
    folder, file = model.write(tmp_path / "model"), tmp_path / "rows.npy"
    command = [sys.executable, "-c", SCRIPT, str(folder), str(file), str(STEPS)]
    subprocess.run(command, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(file), expected(model)[0], rtol=1e-5, atol=1e-6)


def test_a_large_state_makes_no_large_graph(tmp_path):
    """The file has nothing of a state's size, and what a graph takes is independent of it."""
    text = PROGRAMS["layers"]
    large = text.replace("[2,6,3]", "[2,60000,3]").replace("[1,6,3]", "[1,60000,3]")
    large = large.replace("f32[6,3]", "f32[60000,3]").replace("dense<6>", "dense<60000>")
    sizes = []
    for name, program in (("small", text), ("large", large)):
        folder = cmlc.compile(load_text(program)).write(tmp_path / name)
        sizes.append((folder / "saved_model.pb").stat().st_size)
    assert sizes[1] < sizes[0] + 1000
