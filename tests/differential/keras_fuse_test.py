"""Cases of the passes on Keras's dialect: both sides are built as Keras models, and compared."""

from pathlib import Path

import numpy as np
import pytest
from cmlc.backends import PASSES
from cmlc.backends.table import load_target
from cmlc.ir.interface import Result
from cmlc.ir.interpret import random_inputs
from cmlc.passes.manager import parse_pipeline
from cmlc.tools.cases import parsed, read_cases
from support.running.tensorflow_run import assert_close

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parents[1] / "passes"
CASES = {
    f"{path.stem}::{case.name}": case
    for path in sorted(FOLDER.glob("*_keras.cmir"))
    for case in read_cases(path.read_text())
    if case.error is None
}
# Keras 3.15 takes one side of these sums for a bias and adds it along another dimension.
MISREAD = {
    "fuse_keras::what_keras_takes_for_a_bias_goes_left",
    "fuse_keras::what_keras_takes_for_a_bias_is_subtracted",
}


def model_of(module):
    """The Keras model of a lowered module whose constants may be held by nothing yet."""
    function = module.main
    function.result_names = [str(i) for i, _ in enumerate(function.results)]
    function.outputs = [Result() for _ in function.results]
    parse_pipeline("hold-constants-keras").run(module)
    return load_target("keras").executable(module)


def both_sides(name):
    """(the inputs, the model before the pass, the model after it)."""
    before, after = parsed(CASES[name]), parsed(CASES[name])
    parse_pipeline(CASES[name].run).run(after)
    return random_inputs(before.main, 0, N=3), model_of(before), model_of(after)


@pytest.mark.parametrize("name", sorted(CASES.keys() - MISREAD))
def test_the_pass_keeps_the_numbers(name):
    inputs, before, after = both_sides(name)
    theirs = after.run(inputs)
    for result, array in before.run(inputs).items():
        assert_close(array, theirs[result], f"result '{result}'")


@pytest.mark.parametrize("name", sorted(MISREAD))
def test_sums_that_keras_misreads(name):
    """If this fails, Keras has mended it on TensorFlow, and the pattern can go."""
    import keras

    inputs, before, after = both_sides(name)
    right = np.sin(inputs["x"]) + np.sin(inputs["b"])
    assert_close(right, after.run(inputs)["0"])
    if keras.backend.backend() == "tensorflow":
        with pytest.raises((AssertionError, ValueError)):
            assert_close(right, before.run(inputs)["0"])
    else:
        assert_close(right, before.run(inputs)["0"])


def test_all_passes_of_keras_are_here():
    run = {case.run for case in CASES.values()}
    assert run == {name for name in PASSES if name.endswith("-keras")}
