"""Layers that move data."""

import numpy as np
import pytest
from support.networks.builders import (
    assert_close,
    edges,
    flexible,
    layer,
    network,
    numbers,
    result,
    results,
    text,
)

X = numbers(2, 3, 4, 5)
CHW, SEQUENCE = numbers(3, 4, 5), numbers(6, 1, 2, 3, 2)


def run(kind, *inputs, rank5=False, **fields):
    named = {f"x{i}": np.shape(x) for i, x in enumerate(inputs)}
    return result(network(layer(kind, **fields), rank5=rank5, **named), *inputs)


def last(x):
    """Channels last."""
    return np.moveaxis(x, -3, -1)


@pytest.mark.parametrize("rank5", [False, True])
def test_flatten(rank5):
    x = CHW if rank5 else X
    lead = () if rank5 else (2,)
    first, pixels = (run("flatten", x, rank5=rank5, mode=mode) for mode in (0, 1))
    shape = (*lead, 60, 1, 1)
    assert_close(first, x.reshape(shape))
    assert_close(pixels, last(x).reshape(shape))


def test_flatten_text():
    assert text(network(layer("flatten", mode=1), x=X.shape)) == [
        "%0 = tensor.transpose(%x) {perm = [0, 2, 3, 1]} : f32[2,4,5,3]",
        "%1 = tensor.reshape(%0) {shape = [2, 60]} : f32[2,60]",
        "%2 = tensor.expand_dims(%1) {axes = [2, 3]} : f32[2,60,1,1]",
        "return %2",
    ]


@pytest.mark.parametrize(
    ("rank5", "target"), [(False, (5, 6, 2)), (True, (5, 6, 2)), (True, (1, 5, 6, 2))]
)
def test_reshape(rank5, target):
    x = CHW if rank5 else X
    c, h, w = target[-3:]
    shape = (c, h, w) if rank5 else (2, c, h, w)
    assert_close(run("reshape", x, rank5=rank5, targetShape=target), x.reshape(shape))
    pixels = last(x).reshape(*shape[:-3], h, w, c)
    expected = np.moveaxis(pixels, -1, -3)
    assert_close(run("reshape", x, rank5=rank5, targetShape=target, mode=1), expected)


def test_reshape_of_sequences():
    assert_close(run("reshape", SEQUENCE, targetShape=[3, 2, 2]), SEQUENCE.reshape(6, 1, 3, 2, 2))
    expected = SEQUENCE.reshape(12, 1, 3, 2, 1)
    assert_close(run("reshape", SEQUENCE, targetShape=[12, 3, 2, 1]), expected)


def test_permute():
    assert_close(run("permute", CHW, axis=[0, 3, 1, 2], rank5=True), CHW.transpose(2, 0, 1))
    expected = SEQUENCE.transpose(2, 1, 0, 4, 3)
    assert_close(run("permute", SEQUENCE, axis=[1, 0, 3, 2]), expected)


def test_transpose():
    assert_close(run("transpose", X, axes=[2, 0, 3, 1]), X.transpose(2, 0, 3, 1))


def test_concat():
    assert_close(run("concat", X, X * 2), np.concatenate([X, X * 2], 1))
    found = run("concat", SEQUENCE, SEQUENCE, sequenceConcat=True)
    assert_close(found, np.concatenate([SEQUENCE, SEQUENCE]))
    found = run("concatND", X, X * 2, axis=-1)
    assert_close(found, np.concatenate([X, X * 2], -1))
    found = run("concatND", X, X * 2, axis=1, interleave=True)
    assert_close(found, np.stack([X, X * 2], 2).reshape(2, 6, 4, 5))


def test_stack():
    assert_close(run("stack", X, X * 2, axis=1), np.stack([X, X * 2], 1))


def test_split():
    x = numbers(1, 4, 2, 2)
    found = results(network(layer("split", outputs=["a", "b"], nOutputs=2), x=x.shape), x)
    assert_close(found["a"], x[:, :2])
    assert_close(found["b"], x[:, 2:])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("start", "end", "stride"), [(1, 3, 1), (0, -1, 1), (-2, -1, 1), (0, 3, 2)]
)
def test_slice(axis, start, end, stride):
    part = [slice(None)] * 4
    part[axis + 1] = slice(start, end, stride)
    found = run("slice", X, axis=axis, startIndex=start, endIndex=end, stride=stride)
    assert_close(found, X[tuple(part)])


def test_crop():
    found = run("crop", X, cropAmounts=edges(1, 0, 2, 1)["paddingAmounts"])
    assert_close(found, X[:, :, 1:, 2:4])
    like = numbers(2, 3, 2, 2)
    assert_close(run("crop", X, like, offset=[1, 3]), X[:, :, 1:3, 3:5])
    assert_close(run("crop", X, like), X[:, :, :2, :2])


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({"constant": {"value": 2.0}}, {"constant_values": 2}),
        ({}, {}),
        ({"reflection": {}}, {"mode": "reflect"}),
        ({"replication": {}}, {"mode": "edge"}),
    ],
)
def test_padding(fields, mode):
    expected = np.pad(X, ((0, 0), (0, 0), (1, 2), (0, 3)), **mode)
    assert_close(run("padding", X, **edges(1, 2, 0, 3), **fields), expected)


def test_constant_pad():
    x = numbers(2, 3)
    found = run("constantPad", x, padAmounts=[1, 0, 0, 2], value=0.5)
    assert_close(found, np.pad(x, ((1, 0), (0, 2)), constant_values=0.5))
    found = run("constantPad", x, padAmounts=[0, 4, 5, 0], padToGivenOutputSizeMode=True)
    assert_close(found, np.pad(x, ((0, 2), (2, 0))))
    amounts = layer("loadConstantND", [], ["a"], shape=[4], data=np.float32([0, 1, 1, 0]))
    model = network(amounts, layer("constantPad", ["x", "a"]), x=x.shape)
    assert_close(result(model, x), np.pad(x, ((0, 1), (1, 0))))


def test_constant_pad_by_computed_amounts():
    x = numbers(2, 3)
    found = run("constantPad", x, [1, 0, 0, 2], value=0.5)
    assert_close(found, np.pad(x, ((1, 0), (0, 2)), constant_values=0.5))
    found = run("constantPad", x, [0, 4, 0, 0], padToGivenOutputSizeMode=True)
    assert_close(found, np.pad(x, ((0, 2), (0, 0))))


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_reorganize_data(mode):
    x = numbers(1, 8, 4, 6)
    n, c, h, w = x.shape
    found = run("reorganizeData", x, mode=mode, blockSize=2)
    if mode == 0:
        expected = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 3, 5, 1, 2, 4)
        expected = expected.reshape(n, c * 4, h // 2, w // 2)
    elif mode == 1:
        expected = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2)
        expected = expected.reshape(n, c // 4, h * 2, w * 2)
    else:
        expected = x.reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3)
        expected = expected.reshape(n, c // 4, h * 2, w * 2)
    assert_close(found, expected)


def test_space_to_depth_of_a_flexible_extent():
    made = layer("reorganizeData", mode=0, blockSize=2)
    x = numbers(1, 1, 6, 2)
    found = result(flexible(network(made, x=(1, 1, 2, 2))), x)
    assert_close(found, x.reshape(1, 3, 2, 2).transpose(0, 2, 3, 1).reshape(1, 4, 3, 1))


@pytest.mark.parametrize("rank5", [False, True])
def test_constants(rank5):
    data = numbers(3, 1, 2)
    items = (layer("loadConstant", [], ["c"], shape=[3, 1, 2], data=data), layer("add", ["x", "c"]))
    x = numbers(3, 1, 2, seed=1) if rank5 else numbers(1, 1, 3, 1, 2, seed=1)
    assert_close(result(network(*items, rank5=rank5, x=x.shape), x), x + data)


def test_shapes_are_blobs():
    assert_close(run("getShape", X), [2, 3, 4, 5])
    assert_close(run("copy", X), X)
    assert_close(run("reshapeLike", X, numbers(6, 20)), X.reshape(6, 20))
    shape = layer("getShape", ["z"], ["s"])
    model = network(shape, layer("reshapeDynamic", ["x", "s"]), x=X.shape, z=(6, 20))
    assert_close(result(model, X, np.zeros((6, 20))), X.reshape(6, 20))
    target = layer("loadConstantND", [], ["s"], shape=[3], data=np.float32([2, -1, 5]))
    model = network(target, layer("reshapeDynamic", ["x", "s"]), x=X.shape)
    assert_close(result(model, X), X.reshape(2, 12, 5))


def test_static_shapes():
    x = numbers(1, 3, 1, 2)
    assert_close(run("squeeze", x, axes=[0, -2]), x.reshape(3, 2))
    assert_close(run("squeeze", x, squeezeAll=True), x.reshape(3, 2))
    assert_close(run("squeeze", numbers(1, 1), squeezeAll=True), numbers(1))
    assert_close(run("expandDims", x, axes=[0, -1]), x.reshape(1, 1, 3, 1, 2, 1))
    assert_close(run("flattenTo2D", X, axis=2), X.reshape(6, 20))
    assert_close(run("flattenTo2D", X, axis=-1), X.reshape(24, 5))
    assert_close(run("reshapeStatic", X, targetShape=[6, -1]), X.reshape(6, 20))
    assert_close(run("rankPreservingReshape", X, targetShape=[0, 1, -1, 5]), X.reshape(2, 1, 12, 5))


def test_reverse_and_repeat():
    found = run("reverse", X, reverseDim=[False, True, False, True])
    assert_close(found, X[:, ::-1, :, ::-1])
    assert_close(run("sequenceRepeat", SEQUENCE, nRepetitions=2), np.concatenate([SEQUENCE] * 2))


def test_reshape_to_a_shape_that_is_computed():
    model = network(layer("reshapeDynamic"), x=X.shape, s=(2,))
    for target in ([6, 20], [-1, 8]):
        assert_close(result(model, X, target), X.reshape(target))
    assert text(model)[-2].startswith(
        "%1 = tensor.dynamic_reshape(%x, %0) {dims = [d0_l0_0, d0_l0_1]"
    )
