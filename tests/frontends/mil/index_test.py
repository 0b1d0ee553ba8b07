"""Computed positions, fills, orders, random numbers and boxes of programs."""

import numpy as np
import pytest
from cmlc.ir.interpret import InterpretError, run
from cmlc.passes.manager import Instrumentation, parse_pipeline
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
from support.networks.builders import flexible


def test_gather():
    found = one("gather", (2, 2, 4), X, x="x", indices=[2, -1], axis=1)
    assert np.array_equal(found, X[:, [2, 2]])
    indices = np.array([[[2, 0]], [[1, 3]]], np.int32)
    given = {"x": "x", "indices": "y", "axis": -1, "batch_dims": 1}
    found = one("gather", (2, 3, 1, 2), X, indices, opset=16, dtypes={"y": I32}, **given)
    assert np.array_equal(found, np.stack([X[0][:, [[2, 0]]], X[1][:, [[1, 3]]]]))
    rows = [[2, 0], [1, 3]]
    found = one("gather_nd", (2,), X, opset=16, x="x", indices=rows, batch_dims=1)
    assert np.array_equal(found, [X[0, 2, 0], X[1, 1, 3]])
    where = np.array([[[0, 1, 2, 0]]] * 2)
    found = one("gather_along_axis", (2, 1, 4), X, x="x", indices=where, axis=1)
    assert np.array_equal(found, np.take_along_axis(X, where, 1))


def test_indices_may_be_checked():
    for bad in ([3], [-1]):
        given = {"x": "x", "indices": bad, "axis": 1, "validate_indices": True}
        made = op("gather", "y", (2, 1, 4), **given)
        assert_refused(program(made, opset=17, x=X.shape), "indices out of range")


@pytest.mark.parametrize("part", ["data", "extents"])
def test_constant_positions_out_of_range_fail_the_run_only(part):
    """What is never run, a branch for example, must not keep a model from being compiled."""
    if part == "data":
        made = [op("gather", "y", (1,), x=np.float32([1, 2]), indices=[5], axis=0)]
    else:
        made = [
            op("shape", "s", (3,), I32, x="x"),
            op("gather", "n", (1,), I32, x="s", indices=[5], axis=0),
            op("reshape", "y", (None,), x="x", shape="n"),
        ]
    module = imported(program(*made, x=X.shape))
    parse_pipeline("canonicalize, constant-fold").run(module, Instrumentation())
    with pytest.raises(InterpretError, match="fails on these inputs: index 5 is out of bounds"):
        run(module, [X], "main")


@pytest.mark.parametrize(("mode", "expected"), [("update", [5, 2, 4]), ("sub", [-4, 2, -1])])
def test_scatter(mode, expected):
    x = np.array([1, 2, 3], np.float32)
    update = np.array([4, 5], np.float32)
    given = {"data": "x", "updates": update, "mode": mode}
    for kind, indices in (
        ("scatter", [2, 0]),
        ("scatter_along_axis", [2, 0]),
        ("scatter_nd", [[2], [0]]),
    ):
        assert one(kind, (3,), x, indices=indices, **given).tolist() == expected
    made = op("scatter", "y", (3,), **{**given, "mode": "xor"}, indices=[2, 0])
    assert_refused(program(made, x=(3,)), "unknown mode 'xor'", kind="unsupported")


@pytest.mark.parametrize("computed", [False, True])
def test_one_hot(computed):
    x, arrays, size, shape = np.array([1, 0, 5], np.int32), [], 3, (3, 3)
    if computed:
        arrays, size, shape = [np.array([3], np.int32)], "y", (None, 3)
    given = {"indices": "x", "axis": 0, "on_value": 2.0, "off_value": -1.0}
    kinds = {"x": I32, "y": I32}
    found = one("one_hot", shape, x, *arrays, dtypes=kinds, one_hot_vector_size=size, **given)
    assert found.tolist() == [[-1, 2, -1], [2, -1, -1], [-1, -1, -1]]


def test_rows_and_sequences():
    x = np.array([[0, 1], [2, 0]], np.float32)
    assert one("non_zero", (None, 2), x, dtype=I32, x="x").tolist() == [[0, 1], [1, 0]]
    found = one("reverse_sequence", (2, 3, 4), X, x="x", lengths=[2, 3], seq_axis=1)
    assert np.array_equal(found, [X[0][[1, 0, 2]], X[1][::-1]])
    assert np.array_equal(one("band_part", (2, 2), x + 1, x="x", lower=0), np.triu(x + 1))


def test_fills():
    found = one("fill", (2, 3), X, dtype=I32, shape=[2, 3], value=np.int32(4))
    assert np.array_equal(found, np.full((2, 3), 4))
    shape = np.array([2, 3], np.int32)
    found = one("fill", (None, None), shape, dtypes={"x": I32}, shape="x")
    assert np.array_equal(found, np.zeros((2, 3)))
    found = one("fill_like", X.shape, X, opset=16, dtype=BOOL, ref_tensor="x", value=True)
    assert found.all()
    found = one("range_1d", (3,), X, dtype=I32, start=1, end=6, step=2)
    assert found.tolist() == [1, 3, 5]


def test_topk():
    x = np.array([[3, 1, 2]], np.float32)
    rows = [("v", (1, 2), FP32), ("i", (1, 2), I32)]
    found = results(program(op("topk", rows, x="x", k=2, ascending=True), x=x.shape), x)
    assert (found["v"].tolist(), found["i"].tolist()) == ([[1, 2]], [[1, 2]])
    given = {"k": -1, "sort": False, "return_indices": False}
    assert one("topk", (1, 3), x, opset=17, x="x", **given).tolist() == [[3, 2, 1]]
    everything = op("topk", "y", (None, None), x="x", **given)
    model = flexible(program(everything, opset=17, x=x.shape))
    assert str(imported(model).main.arguments[0].type) == "f32[d_x_0,d_x_1]"
    assert result(model, [[3, 1, 2, 4]]).tolist() == [[4, 3, 2, 1]]
    assert one("argsort", (1, 3), x, dtype=I32, x="x").tolist() == [[0, 2, 1]]
    assert one("cumsum", (1, 3), x, x="x", axis=1, exclusive=True).tolist() == [[0, 3, 4]]


@pytest.mark.parametrize(
    ("kind", "parameters", "low", "high"),
    [
        ("random_uniform", {"low": 2.0, "high": 3.0}, 2, 3),
        ("random_normal", {"mean": 5.0, "stddev": 0.0}, 5, 5),
        ("random_bernoulli", {"prob": 1.0}, 1, 1),
    ],
)
def test_random(kind, parameters, low, high):
    found = one(kind, (4, 5), X, shape=[4, 5], seed=3, **parameters)
    assert found.shape == (4, 5)
    assert low <= found.min() <= found.max() <= high


def test_random_classes():
    x = np.array([[0, 0, 1], [1, 0, 0]], np.float32)
    found = one("random_categorical", (2, 4), x, x="x", mode="probs", size=4, seed=3)
    assert found.tolist() == [[2] * 4, [0] * 4]


@pytest.mark.parametrize("opset", [15, 17])
def test_non_maximum_suppression(opset):
    boxes = np.array([[[0, 0, 2, 2], [0, 0, 2, 2.1], [9, 9, 2, 2]]], np.float32)
    scores = np.array([[[0.5], [0.9], [0.7]]], np.float32)
    given = {"boxes": "x", "scores": "y", "iou_threshold": 0.5, "max_boxes": 3}
    rows = [("b", (1, 3, 4), FP32), ("s", (1, 3, 1), FP32), ("i", (1, 3), I32), ("n", (1,), I32)]
    if opset == 17:
        boxes, scores = boxes.transpose(0, 2, 1), scores.transpose(0, 2, 1)
        rows = [("b", (1, 4, 3), FP32), ("s", (1, 1, 3), FP32), ("i", (1, 3), I32)]
    else:
        given["score_threshold"] = 0.1
    made = op("non_maximum_suppression", rows, **given)
    model = program(made, opset=opset, x=boxes.shape, y=scores.shape)
    assert results(model, boxes, scores)["i"].tolist() == [[1, 2, -1]]


def test_negative_positions_stop_a_checked_run():
    given = {"x": "x", "indices": "y", "validate_indices": True}
    made = op("gather", "out", (1, 3, 4), **given)
    model = program(made, opset=17, dtypes={"y": I32}, x=X.shape, y=(1,))
    assert np.array_equal(result(model, X, np.array([1])), X[[1]])
    with pytest.raises(InterpretError, match="out of bounds"):
        result(model, X, np.array([-1]))
