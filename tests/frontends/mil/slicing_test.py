"""Slices, splits, windows and tiles of programs."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core.control import Assert
from support.mil.programs import (
    BOOL,
    FP32,
    I32,
    assert_refused,
    imported,
    op,
    program,
    result,
    results,
)
from support.mil.single_operation import X, one
from support.networks.builders import assert_close, flexible, numbers

SLICES = [
    ({"begin": [0, 1, 1], "end": [2, 3, 4]}, np.s_[0:2, 1:3, 1:4]),
    ({"begin": [0, -2, -1], "end": [2, -1, -4], "stride": [1, 1, -2]}, np.s_[:, -2:-1, -1:-4:-2]),
    (
        {
            **{"begin": [1, 0, 2], "end": [0, 0, 0], "squeeze_mask": [True, False, False]},
            **{"begin_mask": [False, True, False], "end_mask": [False, True, True]},
        },
        np.s_[1, :, 2:],
    ),
    (  # as coremltools converts x[i] of TensorFlow
        {
            **{"begin": [1], "end": [2], "squeeze_mask": [True, False, False]},
            **{"begin_mask": [False, True, True], "end_mask": [False, True, True]},
        },
        np.s_[1],
    ),
]


@pytest.mark.parametrize(("parameters", "slices"), SLICES)
@pytest.mark.parametrize("computed", [False, True])
def test_slice_by_index(parameters, slices, computed):
    expected = X[slices]
    if not computed:
        found = one("slice_by_index", expected.shape, X, x="x", **parameters)
    else:
        begin, end = (np.array(parameters[name], np.int32) for name in ("begin", "end"))
        given = {**parameters, "x": "x", "begin": "y", "end": "z"}
        kinds, shape = {"y": I32, "z": I32}, (None,) * expected.ndim
        found = one("slice_by_index", shape, X, begin, end, dtypes=kinds, **given)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("parameters", "slices"), SLICES)
@pytest.mark.parametrize("computed", [False, True])
def test_slice_update(parameters, slices, computed):
    expected = X.copy()
    update = expected[slices] * 0 + 7
    expected[slices] = 7
    arrays, kinds, given = [X], {}, {**parameters, "x": "x", "update": update.astype("float32")}
    if computed:
        arrays += [np.array(parameters[name], np.int32) for name in ("begin", "end")]
        kinds, given = {"y": I32, "z": I32}, {**given, "begin": "y", "end": "z"}
    found = one("slice_update", X.shape, *arrays, opset=18, dtypes=kinds, **given)
    assert np.array_equal(found, expected)


UPDATE_REFUSALS = [
    ({"begin": [0], "end": [2]}, (3,), "writes f32[3] to a slice of 2 elements along axis 0"),
    ({"begin": [3], "end": [7]}, (4,), "writes f32[4] to a slice of 2 elements along axis 0"),
    ({"begin": [-9], "end": [2]}, (2,), "to a slice of 3 elements along axis 0"),
    ({"begin": [0], "end": [2]}, (2, 1), "writes f32[2,1] to a slice of rank 1"),
    ({"begin": [0, 0], "end": [2]}, (2,), "has 2 begins for rank 1"),
    ({"begin": [0], "end": [2], "stride": [0]}, (2,), "has a stride of 0"),
    ({"begin": [0], "end": [2], "stride": [1, 1]}, (2,), "has 2 strides for rank 1"),
]


@pytest.mark.parametrize(("parameters", "shape", "said"), UPDATE_REFUSALS)
def test_slices_that_are_not_updated(parameters, shape, said):
    made = op("slice_update", "y", (5,), x="x", update="u", **parameters)
    assert_refused(program(made, opset=18, x=(5,), u=shape), said)


def test_a_single_position_outside():
    given = {"begin": [5, 0], "end": [6, 0], "squeeze_mask": [True, False]}
    made = op("slice_update", "y", (5, 2), x="x", update="u", **given, end_mask=[False, True])
    model = program(made, opset=18, x=(5, 2), u=(2,))
    assert_refused(model, "writes to position 5 of a dimension of 5")


@pytest.mark.parametrize(("begin", "end", "fits"), [(1, 3, 1), (-4, -2, 1), (1, 4, 0), (-1, 1, 0)])
def test_the_size_of_a_slice_that_only_running_tells(begin, end, fits):
    arrays = [X[0, 0, :4], np.array([begin], np.int32), np.array([end], np.int32)]
    given = {"x": "x", "update": np.array([7, 8], np.float32), "begin": "y", "end": "z"}
    kinds = {"y": I32, "z": I32}
    if not fits:
        with pytest.raises(CompileError, match="another number of elements than its slice has"):
            one("slice_update", (4,), *arrays, opset=18, dtypes=kinds, **given)
        return
    expected = X[0, 0, :4].copy()
    expected[begin:end] = 7, 8
    assert np.array_equal(
        one("slice_update", (4,), *arrays, opset=18, dtypes=kinds, **given), expected
    )


@pytest.mark.parametrize(("begin", "fits"), [(1, 1), (-4, 1), (-2, 0), (3, 0), (-1, 0)])
def test_a_slice_of_known_size_at_a_computed_position(begin, fits):
    """An end that follows from the begin needs no check; both count from the end, or neither."""
    model = program(
        op("add", "e", (1,), I32, x="b", y=np.array([2], np.int32)),
        op("slice_update", "y", (4,), x="x", update="u", begin="b", end="e"),
        opset=18,
        dtypes={"b": I32},
        **{"x": (4,), "u": (2,), "b": (1,)},
    )
    assert not any(isinstance(found, Assert) for found in imported(model).walk())
    x, update = numbers(4), numbers(2, seed=1)
    if not fits:
        with pytest.raises(CompileError, match="writes to positions"):
            result(model, x, update, np.array([begin], np.int32))
        return
    expected = x.copy()
    expected[begin : begin + 2 or None] = update
    assert np.array_equal(result(model, x, update, np.array([begin], np.int32)), expected)


@pytest.mark.parametrize("columns", [10, 8])
def test_extents_of_inputs_as_indices(columns):
    """A table cut to the lengths of an input, up to 9, and repeated as torch's expand does it."""
    table = numbers(9, columns)
    model = flexible(
        program(
            op("shape", "s", (2,), I32, x="x"),
            op("equal", "e", (2,), BOOL, x="s", y=np.int32(-1)),
            op("select", "c", (2,), I32, cond="e", a=np.int32([3, 3]), b="s"),
            op("slice_by_index", "p", (None, None), x=table, begin=[0, 0], end="c"),
            op("shape", "t", (2,), I32, x="p"),
            op("real_div", "r", (2,), I32, x="c", y="t"),
            op("tile", "y", (None, None), x="p", reps="r"),
            x=(1, 4),
        )
    )
    (found,) = imported(model).main.results
    assert str(found.type) == "f32[d_x_0,d_x_1]"
    np.testing.assert_array_equal(result(model, np.zeros((2, 3))), table[:2, :3])
    if columns < 9:  # expand refuses what it can't repeat
        with pytest.raises(CompileError, match="broadcast"):
            result(model, np.zeros((2, 9)))


def expanding(x, like):
    """What coremltools writes for PyTorch's x.expand(like.shape)."""
    rank = len(like)
    return program(
        op("shape", "t", (rank,), I32, x="like"),
        op("shape", "s", (rank,), I32, x="x"),
        op("real_div", "r", (rank,), I32, x="t", y="s"),
        op("tile", "y", (None,) * rank, x="x", reps="r"),
        like=like,
        x=x,
    )


def test_a_tile_by_one_shape_over_another_is_a_broadcast():
    model = flexible(expanding((1, 1), (2, 3)))
    assert "tensor.dynamic_broadcast_to" in [op.name for op in imported(model).main.block]
    x = numbers(1, 1)
    assert_close(result(model, np.zeros((4, 3)), x), np.tile(x, (4, 3)))


def test_computed_repetitions():
    """What is repeated as a whole, and what is not the shape of anything, stays a tile."""
    x, count = numbers(2, 3), np.int32([2, 3])
    tile = op("tile", "y", (None, None), x="x", reps="n")
    tiled = program(tile, x=(2, 3), n=(2,), dtypes={"n": I32})
    assert "tensor.dynamic_tile" in [op.name for op in imported(tiled).main.block]
    assert_close(result(tiled, x, count), np.tile(x, count))
    repeated = flexible(expanding((2, 3), (4, 9)))
    assert "tensor.dynamic_tile" in [op.name for op in imported(repeated).main.block]
    assert_close(result(repeated, np.zeros((4, 9)), x), np.tile(x, (2, 3)))


def test_slices_are_refused():
    masks = {"begin_mask": [True], "squeeze_mask": [True]}
    made = op("slice_by_index", "y", (), x="x", begin=[1], end=[2], **masks)
    assert_refused(program(made, x=(3,)), "a begin mask and a squeeze mask", kind="unsupported")
    masks = {"begin_mask": [False, True], "end_mask": [False, False]}
    made = op("slice_by_index", "y", (1, 2), x="x", begin=[0], end=[1], **masks)
    assert_refused(program(made, x=(3, 2)), "has 1 ends for rank 2")
    made = op("slice_by_size", "y", (3,), x="x", begin=[1], size=[3])
    assert_refused(program(made, x=(3,)), "can't take a part of size [3]")


@pytest.mark.parametrize("computed", ["", "begin", "size"])
def test_slice_by_size(computed):
    parameters = {"begin": [0, -2, 1], "size": [-1, 1, 2]}
    arrays, kinds, shape = [X], {}, (2, 1, 2)
    if computed:
        arrays.append(np.array(parameters[computed], np.int32))
        parameters[computed] = "y"
        kinds, shape = {"y": I32}, (None, None, None)
    found = one("slice_by_size", shape, *arrays, dtypes=kinds, x="x", **parameters)
    assert np.array_equal(found, X[:, -2:-1, 1:3])


@pytest.mark.parametrize(("begin", "size"), [(-2, 2), (-2, -1), (-2, 1), (-5, 3), (0, -1)])
def test_a_negative_begin_counts_from_the_end(begin, size):
    """As coremltools evaluates it."""
    x = np.arange(5, dtype=np.float32)
    first = begin % 5
    expected = x[first:] if size == -1 else x[first : first + size]
    made = op("slice_by_size", "y", expected.shape, x="x", begin=[begin], size=[size])
    assert np.array_equal(result(program(made, x=(5,)), x), expected)
    beyond = op("slice_by_size", "y", (4,), x="x", begin=[-2], size=[4])
    assert_refused(program(beyond, x=(5,)), "can't take a part of size [4] from f32[5]")


def test_split_of_an_extent_of_the_run():
    wide = op("pad", "w", (2, None, 4), x="x", pad="p")
    rows = [("a", (2, None, 4), FP32), ("b", (2, None, 4), FP32)]
    split = op("split", rows, x="w", axis=-2, num_splits=2)
    model = program(wide, split, x=X.shape, p=(4,), dtypes={"p": I32})
    found = results(model, X, [1, 0, 0, 0])
    want = np.split(np.pad(X, [(0, 0), (1, 0), (0, 0)]), 2, 1)
    np.testing.assert_array_equal(list(found.values()), want)
    with pytest.raises(Exception, match="reshape"):
        results(model, X, [0, 0, 0, 0])


@pytest.mark.parametrize(
    ("parameters", "cuts"),
    [({"num_splits": 2}, [2]), ({"split_sizes": [0, 3, 1]}, [0, 3])],
)
def test_split(parameters, cuts):
    parts = np.split(X, cuts, -1)
    rows = [(f"y{i}", part.shape, FP32) for i, part in enumerate(parts)]
    found = results(program(op("split", rows, x="x", axis=-1, **parameters), x=X.shape), X)
    for (name, *_), part in zip(rows, parts, strict=True):
        assert np.array_equal(found[name], part)


def test_repetitions():
    found = one("tile", (4, 3, 4), X, x="x", reps=[2, 1, 1])
    assert np.array_equal(found, np.tile(X, (2, 1, 1)))
    reps, shape = np.array([2, 1, 3], np.int32), (None, None, None)
    found = one("tile", shape, X, reps, dtypes={"y": I32}, x="x", reps="y")
    assert np.array_equal(found, np.tile(X, (2, 1, 3)))
    x = numbers(7)
    found = one("sliding_windows", (3, 3), x, x="x", axis=0, size=3, stride=2)
    assert np.array_equal(found, [x[0:3], x[2:5], x[4:7]])
