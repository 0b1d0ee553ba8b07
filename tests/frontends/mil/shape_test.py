"""Reshapes, joins and reversals of programs."""

import cmlc
import numpy as np
import pytest
from support.mil.programs import BOOL, I32, assert_refused, op, program, result, results
from support.mil.single_operation import X, one
from support.networks.builders import assert_close, numbers


@pytest.mark.parametrize(
    ("opset", "target", "shape"),
    [
        (15, [6, 4], (6, 4)),
        (15, [2, -1], (2, 12)),
        (15, [0, -1, 2], (2, 6, 2)),
        (17, [1, 0, 0, 0], (1, 2, 3, 4)),
        (17, [0, 0, 0, -1, 4], (1, 1, 2, 3, 4)),
        (17, [-1, 0], (6, 4)),
    ],
)
@pytest.mark.parametrize("computed", [False, True])
def test_reshape(opset, target, shape, computed):
    given = np.array(target, np.int32)
    if not computed:
        found = one("reshape", shape, X, opset=opset, x="x", shape=given)
    else:
        open_shape = (None,) * len(shape)
        kinds = {"y": I32}
        found = one("reshape", open_shape, X, given, opset=opset, dtypes=kinds, x="x", shape="y")
    assert np.array_equal(found, X.reshape(shape))


def test_reshape_is_refused():
    made = op("reshape", "y", (2, 12), x="x", shape=np.array([0, -1], np.int32))
    assert_refused(program(made, x=(2, 3, 4)), "0 in a shape of 2 entries", kind="unsupported")
    made = op("reshape", "y", (5, 5), x="x", shape=np.array([5, 5], np.int32))
    assert_refused(program(made, x=(2, 3, 4)), "another number of elements")


def test_reshape_like():
    made = op(
        *("reshape_like", "out", (6, 4)),
        **{"x": "x", "ref_tensors": ("y", "z"), "begins": (0, 1), "ends": (1, 0)},
        end_masks=(False, True),
    )
    y, z = numbers(6, 5), numbers(9, 4)
    found = result(program(made, opset=16, x=X.shape, y=y.shape, z=z.shape), X, y, z)
    assert np.array_equal(found, X.reshape(6, 4))


def test_order_and_units():
    found = one("transpose", (4, 2, 3), X, x="x", perm=[-1, 0, 1])
    assert np.array_equal(found, X.transpose(2, 0, 1))
    found = one("expand_dims", (1, 2, 3, 4, 1), X, x="x", axes=[0, -1])
    assert np.array_equal(found, X[None, ..., None])
    wide = X[:, :, :1]
    assert one("squeeze", (2, 3), wide, x="x", axes=[0, -1]).shape == (2, 3)
    assert one("squeeze", (2, 3), wide, x="x").shape == (2, 3)
    assert np.array_equal(one("reverse", (2, 3, 4), X, x="x", axes=[-1]), X[..., ::-1])
    assert np.array_equal(one("reverse", (2, 3, 4), X, x="x"), X[::-1, ::-1, ::-1])
    assert np.array_equal(one("flatten2d", (6, 4), X, x="x", axis=-1), X.reshape(6, 4))
    assert one("shape", (3,), X, dtype=I32, x="x").tolist() == [2, 3, 4]


def test_joins():
    y = X + 1
    found = one("concat", (2, 6, 4), X, y, values=("x", "y"), axis=-2)
    assert np.array_equal(found, np.concatenate([X, y], 1))
    found = one("concat", (2, 6, 4), X, y, values=("x", "y"), axis=1, interleave=True)
    assert np.array_equal(found[:, ::2], X)
    assert np.array_equal(found[:, 1::2], y)
    found = one("stack", (2, 3, 4, 2), X, y, values=("x", "y"), axis=-1)
    assert np.array_equal(found, np.stack([X, y], -1))


def test_scalars_join_to_a_vector():
    parts = [
        op("slice_by_index", n, (), x="x", begin=[i], end=[0], squeeze_mask=[True])
        for i, n in enumerate("ab")
    ]
    joined = op("concat", "out", (2,), values=("b", "a"), axis=0)
    x = numbers(2)
    assert np.array_equal(result(program(*parts, joined, x=(2,)), x), x[::-1])


def test_a_fill_of_as_many_dimensions_as_the_input_has_numbers():
    """The rank is that of the shape that is given; a declared type leaves it open."""
    made = program(
        op("fill", "y", (None,), shape="n", value=np.float32(2)), n=(1,), dtypes={"n": I32}
    )
    block = made.mlProgram.functions["main"].block_specializations["CoreML5"]
    tensor = block.operations[-1].outputs[0].type.tensorType
    tensor.dimensions[0].unknown.variadic = True
    length = made.description.input[0].type.multiArrayType.shapeRange.sizeRanges.add()
    length.lowerBound, length.upperBound = 1, 3
    function = made.mlProgram.functions["main"].inputs[0].type.tensorType
    function.dimensions[0].unknown.variadic = False
    model = cmlc.compile(made)
    assert "a shape of unknown length" in model.module.attributes["fixed_shapes"]
    for sizes in ([3], [2, 3, 1]):
        assert_close(model.interpret({"n": np.int32(sizes)})["y"], np.full(sizes, 2))


def test_identity_keeps_truth_values():
    made = op("greater", "g", (2,), BOOL, x="x", y=0.0), op("identity", "out", (2,), BOOL, x="g")
    found = results(program(*made, x=(2,)), np.array([1.0, -1.0]))
    assert found["out"].tolist() == [1, 0]
