"""Every target's executable keeps the contract: it runs what it was made of, or says why not."""

from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.executable import Executable
from cmlc.backends.table import TARGETS
from cmlc.compiler.driver import load_text
from cmlc.ir.deviation import deviation
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import random_inputs, run
from PIL import Image

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
TARGET_NAMES = sorted(TARGETS)
# Several results, one of them of rank 0, in another order than that of their names.
SIMPLE = """
func @main(%x: f32[2,3], %y: f32[2,3]) -> ("b": f32[2,3], "a": f32[]) {
  %b = tensor.add(%x, %y) : f32[2,3]
  %a = tensor.reduce_sum(%b) {axes = [0, 1]} : f32[]
  return %b, %a
}
"""
FLEXIBLE = """
func @main(%x: f32[N,3]) -> ("y": f32[N,3]) {
  %y = nn.relu(%x) : f32[N,3]
  return %y
}
"""
PAIRED = """
func @main(%x: f32[N], %y: f32[N]) -> ("z": f32[N]) {
  %z = tensor.add(%x, %y) : f32[N]
  return %z
}
"""
SEVERAL = """
func @main(%x: f32[2]) -> ("y": f32[2]) {
  %y = nn.relu(%x) : f32[2]
  return %y
}

func @other(%x: f32[2]) -> ("z": f32[2]) {
  %z = tensor.neg(%x) : f32[2]
  return %z
}
"""
STATES = """
func @main(%x: f32[2], %s: f32[2] {kind = "state"}) -> ("y": f32[2], "s": f32[2] {kind = "state"}) {
  %y = tensor.add(%x, %s) : f32[2]
  return %y, %y
}
"""


def compiled(text, target):
    return cmlc.compile(load_text(text), target=target)


def refused(make):
    """What a CompileError says, or "" if there is none; anything else is a fault."""
    try:
        make()
    except CompileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_it_gives_the_interpreters_numbers(target):
    model = compiled(SIMPLE, target)
    assert isinstance(model.executable, Executable)
    assert model.executable.functions == ("main",)
    given = random_inputs(model.lowered.main, 0)
    ours, theirs = run(model.module, given), model.executable.run(given)
    assert list(theirs) == ["b", "a"]
    for name, array in ours.items():
        assert isinstance(theirs[name], np.ndarray)
        assert (theirs[name].dtype, theirs[name].shape) == (array.dtype, array.shape)
        assert deviation(array, theirs[name]).relative < 1e-6


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_open_dimensions(target):
    model = compiled(FLEXIBLE, target)
    for size in (1, 3, 2):
        given = random_inputs(model.lowered.main, size, N=size)
        np.testing.assert_array_equal(model.executable.run(given)["y"], np.maximum(given["x"], 0))


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_what_does_not_exist_or_is_missing(target):
    executable = compiled(SIMPLE, target).executable
    given = random_inputs(executable.module.main, 0)
    with pytest.raises(CompileError, match="no function 'nothing'; its functions are main"):
        executable.run(given, "nothing")
    with pytest.raises(CompileError, match="input 'y' is missing"):
        executable.run({"x": given["x"]})
    executable.run(given | {"unknown": given["x"]}, "main")


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_several_functions_run_or_are_refused(target):
    said = refused(lambda: compiled(SEVERAL, target).executable)
    if said:
        assert "several: main, other" in said
        assert "--function" in said
        return
    executable = compiled(SEVERAL, target).executable
    assert executable.functions == ("main", "other")
    x = np.float32([-1, 2])
    assert executable.run({"x": x})["y"].tolist() == [0, 2]
    assert executable.run({"x": x}, "other")["z"].tolist() == [1, -2]


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_states_run_or_are_refused(target):
    said = refused(lambda: compiled(STATES, target).executable)
    if said:
        assert "states" in said
        assert "SavedModel" in said
        return
    model = compiled(STATES, target)
    state = model.make_state()
    for total in (1, 2):
        assert model.predict({"x": np.ones(2)}, state)["y"].tolist() == [total, total]


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_a_classifier_predicts(target):
    model = cmlc.compile(DIGITS, target=target)
    image = Image.fromarray(np.load(DIGITS.with_suffix(".npz"))["images"][0])
    ours, theirs = model.interpret({"image": image}), model.predict({"image": image})
    assert theirs.keys() <= ours.keys()
    found, expected = theirs["digitProbabilities"], ours["digitProbabilities"]
    assert found.keys() == expected.keys()
    assert max(abs(found[label] - expected[label]) for label in expected) < 1e-5


@pytest.mark.parametrize("target", TARGET_NAMES)
def test_inputs_that_do_not_fit_each_other(target):
    executable = compiled(PAIRED, target).executable
    with pytest.raises(CompileError, match="on these inputs"):
        executable.run({"x": np.ones(2, np.float32), "y": np.ones(3, np.float32)})
