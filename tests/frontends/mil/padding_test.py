"""Borders added and cut off."""

import numpy as np
import pytest
from cmlc.ir.interpret import InterpretError
from support.mil.programs import I32, assert_refused, op, program, result

X = np.arange(6, dtype="f4").reshape(1, 2, 3)


def pad(shape, /, amounts=None, **given):
    inputs = {} if amounts is None else {"p": (len(amounts),)}
    row = op("pad", "y", shape, x="x", pad="p" if amounts else given.pop("by"), **given)
    return program(row, x=X.shape, dtypes={"p": I32}, **inputs)


def test_last_dimensions():
    got = result(pad((1, 2, 6), by=[1, 2], constant_val=7.0), X)
    np.testing.assert_array_equal(got, np.pad(X, [(0, 0), (0, 0), (1, 2)], constant_values=7))


def test_modes():
    for mode, name in (("reflect", "reflect"), ("replicate", "edge")):
        got = result(pad((1, 3, 5), by=[1, 0, 0, 2], mode=mode), X)
        np.testing.assert_array_equal(got, np.pad(X, [(0, 0), (1, 0), (0, 2)], name))


def test_computed_amounts():
    amounts = [0, 0, 1, 0, 0, 2]
    got = result(pad((1, None, None), amounts), X, amounts)
    np.testing.assert_array_equal(got, np.pad(X, [(0, 0), (1, 0), (0, 2)]))
    last = result(pad((1, 2, None), [2, 1]), X, [2, 1])
    np.testing.assert_array_equal(last, np.pad(X, [(0, 0), (0, 0), (2, 1)]))


@pytest.mark.parametrize(("mode", "name"), [("reflect", "reflect"), ("replicate", "edge")])
def test_computed_amounts_of_other_modes(mode, name):
    computed = pad((1, None, None), [0, 0, 1, 0, 2, 1], mode=mode)
    got = result(computed, X, [0, 0, 1, 0, 2, 1])
    np.testing.assert_array_equal(got, np.pad(X, [(0, 0), (1, 0), (2, 1)], name))
    if mode == "reflect":
        with pytest.raises(InterpretError, match="index -2147483648 is out of bounds"):
            result(computed, X, [0, 0, 1, 0, 0, 5])


def test_refusals():
    assert_refused(pad((1, 2, 3), by=[1]), "has 1 numbers of padding")
    assert_refused(pad((1, 2, 3), by=1), "has padding of type")
    assert_refused(pad((1, 2, None), [1, 1], mode="circle"), "has the unknown mode 'circle'")


def crop(height, width, shape):
    return program(op("crop", "y", shape, x="x", crop_height=height, crop_width=width), x=X.shape)


def test_crop():
    np.testing.assert_array_equal(result(crop([1, 0], [0, 2], (1, 1, 1)), X), X[:, 1:, :1])
    assert_refused(crop([1, 1], [0, 0], (1, 0, 3)), "can't crop 1 and 1 from a dimension of 2")
    assert_refused(crop([1], [0, 0], (1, 1, 3)), "has crop_height [1]")
    flat = program(op("crop", "y", (2,), x="x", crop_height=[0, 0], crop_width=[0, 0]), x=(2,))
    assert_refused(flat, "at least three dimensions")
