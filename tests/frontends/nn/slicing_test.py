"""Splits, slices, tiles."""

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import (
    assert_close,
    constant,
    flexible,
    layer,
    layer_result,
    network,
    numbers,
    result,
    results,
    text,
)

X = numbers(4, 5, 6)


@pytest.mark.parametrize(
    ("fields", "cuts"),
    [
        ({"axis": 0, "numSplits": 2}, [2]),
        ({"axis": -2, "numSplits": 2}, [3]),
        ({"axis": 1, "splitSizes": [1, 4], "numSplits": 7}, [1]),
        ({"axis": 2, "numSplits": 4}, [2, 4, 5]),
    ],
)
def test_split(fields, cuts):
    names = ["a", "b", "c", "d"][: len(cuts) + 1]
    found = results(network(layer("splitND", outputs=names, **fields), x=X.shape), X)
    expected = np.split(X, cuts, fields["axis"])
    for name, part in zip(names, expected, strict=True):
        assert_close(found[name], part)


@pytest.mark.parametrize("extent", [6, 5, 4])
def test_split_of_a_flexible_extent(extent):
    names = ["a", "b", "c", "d"]
    split = layer("splitND", outputs=names, axis=-1, numSplits=4)
    x = numbers(2, extent)
    found = results(flexible(network(split, x=(2, 6))), x)
    for name, part in zip(names, np.array_split(x, 4, -1), strict=True):
        assert_close(found[name], part)


def test_tile():
    x = numbers(2, 3)
    assert_close(layer_result("tile", x, reps=[3, 2]), np.tile(x, (3, 2)))
    assert_close(layer_result("tile", x, reps=[2]), np.tile(x, (1, 2)))
    assert_close(layer_result("tile", x, [3, 2]), np.tile(x, (3, 2)))
    assert_close(layer_result("tile", X, [3, 1, 2]), np.tile(X, (3, 1, 2)))
    assert_close(layer_result("tile", X, [3, 2]), np.tile(X, (1, 3, 2)))
    assert_close(layer_result("tile", x[0], [[2]]), np.tile(x[0], 2))
    model = network(constant("r", 3, 2), layer("tile", ["x", "r"], reps=[9]), x=x.shape)
    assert_close(result(model, x), np.tile(x, (3, 2)))
    assert "tensor.tile(%x) {reps = [3, 2]}" in text(model)[-2]


# The layers' fields, and the same as Python slices.
SLICES = [
    (
        {
            "beginIds": [1, 2, 3],
            "beginMasks": [True, False, True],
            "endIds": [3, -3, 2],
            "endMasks": [False, True, True],
            "strides": [2, 2, 2],
        },
        np.s_[:3:2, 2::2, ::2],
    ),
    (
        {
            "beginIds": [1, 2, 3],
            "beginMasks": [True, False, True],
            "endIds": [3, -3, 2],
            "endMasks": [False, True, True],
            "strides": [2, 2, 2],
            "squeezeMasks": [False, True, False],
        },
        np.s_[:3:2, 2, ::2],
    ),
    (
        {"beginIds": [3, -1, 0], "endIds": [0, 1, -2], "strides": [-2, -1, 3]},
        np.s_[3:0:-2, -1:1:-1, 0:-2:3],
    ),
    (
        {
            "beginIds": [0, -1, 2],
            "endIds": [2, 0, 0],
            "strides": [1, 1, 1],
            "squeezeMasks": [False, True, True],
        },
        np.s_[:2, -1, 2],
    ),
]


@pytest.mark.parametrize(("fields", "part"), SLICES)
def test_static_slices(fields, part):
    assert_close(layer_result("sliceStatic", X, **fields), X[part])


@pytest.mark.parametrize(("fields", "part"), SLICES)
def test_dynamic_slices(fields, part):
    rest = dict(fields)
    begin, end, strides = rest.pop("beginIds"), rest.pop("endIds"), rest.pop("strides")
    assert_close(
        layer_result("sliceDynamic", X, begin, endIds=end, strides=strides, **rest), X[part]
    )
    assert_close(
        layer_result("sliceDynamic", X, begin, end, endIds=[9] * 3, strides=strides, **rest),
        X[part],
    )
    zeros = [False] * 3
    names = ("beginMasks", "endMasks", "squeezeMasks")
    rows = [begin, end, strides, *(rest.get(name, zeros) for name in names)]
    inputs = [constant(f"c{i}", *row) for i, row in enumerate(rows)]
    read = ["x", *(f"c{i}" for i in range(6))]
    wrong = {"strides": [5] * 3, **{name: [True] * 3 for name in names}}
    model = network(*inputs, layer("sliceDynamic", read, **wrong), x=X.shape)
    assert_close(result(model, X), X[part])
    assert not any("dynamic" in line for line in text(model))


def test_last_positions_that_masks_ignore_may_be_left_out():
    """As coremltools converts x[i] in a TensorFlow loop."""
    ignored = [False, True, True]
    fields = {"strides": [1] * 3, "beginMasks": ignored, "endMasks": ignored}
    fields["squeezeMasks"] = [True, False, False]
    assert_close(layer_result("sliceDynamic", X, [1], [2], **fields), X[1])
    assert_close(layer_result("sliceDynamic", X, [1], endIds=[2], **fields), X[1])
    assert_close(layer_result("sliceDynamic", X, [[1]], [[2]], **fields), X[1])
    fields["endMasks"] = [False, False, True]
    model = network(
        constant("b", 1),
        constant("e", 2),
        layer("sliceDynamic", ["x", "b", "e"], **fields),
        x=X.shape,
    )
    with pytest.raises(CompileError, match="has 1 ends for rank 3"):
        result(model, X)


def test_slices_of_all_dimensions_leave_one():
    fields = {"beginIds": [1], "endIds": [2], "strides": [1], "squeezeMasks": [True]}
    assert_close(layer_result("sliceStatic", numbers(3), **fields), numbers(3)[1:2])


def test_dynamic_slices_between_partly_known_positions():
    join = layer("concatND", ["n", "two"], ["end"])
    cut = layer("sliceDynamic", ["x", "zeros", "end"], strides=[1] * 5, endIds=[1] * 5)
    model = network(constant("zeros", 0, 1), constant("two", 2), join, cut, x=(4, 5), n=(1,))
    assert_close(result(model, X[..., 0], [3]), X[:3, 1:2, 0])
    assert text(model)[-2].endswith("dims = [d3_l3_0, 1]} : f32[d3_l3_0,1]")


@pytest.mark.parametrize("begin", [0, 2, -3])
def test_slice_by_size(begin):
    expected = np.take(X, range(begin, begin + 3), 1)
    assert_close(layer_result("sliceBySize", X, [begin], axis=1, size=3), expected)
    model = network(
        constant("b", begin), layer("sliceBySize", ["x", "b"], axis=-2, size=3), x=X.shape
    )
    assert_close(result(model, X), expected)
    assert "tensor.slice_by_index" in text(model)[-2]


def test_tile_of_open_extents():
    x = numbers(3, 2)
    model = flexible(network(layer("tile"), x=x.shape, r=(2,)))
    assert_close(result(model, x, [2, 3]), np.tile(x, (2, 3)))
