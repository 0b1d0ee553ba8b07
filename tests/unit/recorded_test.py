"""What is recorded of a model: numbers of bounded size that tell what it computes."""

import numpy as np
from cmlc.compiler.artefacts.recorded import MOST_OF_INPUT, MOST_OF_OUTPUT, record
from cmlc.compiler.driver import load_text

LARGE = """
func @main(%x: f32[1,600,600,3] {kind = "image", color = "RGB"}, %i: i32[5], %s: f32[2,3])
    -> ("y": f32[1,600,600,3], "j": i32[5], "z": f32[2,3]) {
  %y = tensor.neg(%x) : f32[1,600,600,3]
  %j = tensor.neg(%i) : i32[5]
  %z = tensor.neg(%s) : f32[2,3]
  return %y, %j, %z
}
"""
WITHOUT_USE = """
func @main(%x: f32[3], %i: i32[2]) -> ("y": f32[2]) {
  %far = const {value = dense<100>} : i32[]
  %at = tensor.add(%i, %far) : i32[2]
  %y = tensor.gather(%x, %at) : f32[2]
  return %y
}
"""


def test_inputs_are_bounded_and_exactly_what_was_run():
    image, whole, small = record(load_text(LARGE)).inputs
    assert image.numbers.dtype == np.uint8
    assert image.numbers.size == MOST_OF_INPUT
    assert image.numbers.max() == 255
    assert image.array().shape == (1, 600, 600, 3)
    assert image.array().dtype == np.float32
    assert whole.numbers.dtype == np.int32
    assert small.numbers.dtype == np.float16


def test_outputs_are_bounded_and_what_the_inputs_give():
    recording = record(load_text(LARGE))
    for taken, made in zip(recording.inputs, recording.outputs, strict=True):
        assert made.shape == taken.shape
        assert made.numbers.size <= MOST_OF_OUTPUT
        assert np.array_equal(made.numbers, -taken.array().reshape(-1)[:: made.step])
    steps = [row.step for row in recording.outputs]
    assert steps[1:] == [1, 1]
    # Every channel and column is seen.
    assert np.gcd(steps[0], 600 * 600 * 3) == 1


def test_the_same_is_recorded_each_time():
    first, second = (record(load_text(LARGE)) for _ in range(2))
    for a, b in zip(
        (*first.inputs, *first.outputs), (*second.inputs, *second.outputs), strict=True
    ):
        assert np.array_equal(a.numbers, b.numbers)


def test_nothing_is_recorded_where_random_inputs_have_no_use():
    recording = record(load_text(WITHOUT_USE))
    assert "out of" in recording.problem
    assert not recording.inputs
    assert not recording.outputs
