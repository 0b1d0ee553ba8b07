"""Inner products, embeddings, matrix products."""

import numpy as np
import pytest
from support.networks.builders import assert_close, layer, network, numbers, result, results, text

W, B = numbers(3, 4), numbers(3, seed=1)


def product(bias=True, inputs=4, **fields):
    return layer(
        "innerProduct",
        inputChannels=inputs,
        outputChannels=3,
        weights=W,
        hasBias=bias,
        **({"bias": B} if bias else {}),
        **fields,
    )


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 5, 4)])
def test_inner_product_of_ranks_1_to_3(shape):
    x = numbers(*shape, seed=2)
    assert_close(result(network(product(), x=shape), x), x @ W.T + B)


@pytest.mark.parametrize("shape", [(2, 4, 1, 1), (2, 1, 2, 2), (5, 2, 4, 1, 1), (5, 1, 2, 1, 2)])
def test_inner_product_of_ranks_4_and_5(shape):
    x = numbers(*shape, seed=2)
    expected = x.reshape(*shape[:-3], 4) @ W.T + B
    assert_close(result(network(product(), x=shape), x), expected[..., None, None])


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2)])
def test_inner_product_in_rank_5_networks(shape):
    x = numbers(*shape, seed=2)
    found = result(network(product(bias=False), rank5=True, x=shape), x)
    assert_close(found.ravel(), W @ x.ravel())


def test_text():
    item = layer("innerProduct", inputChannels=2, outputChannels=1, weights=np.float32([3, 4]))
    assert text(network(item, x=(5, 2, 1, 1))) == [
        "%0 = tensor.squeeze(%x) {axes = [2, 3]} : f32[5,2]",
        "%1 = const {value = dense<[[3.0, 4.0]]>} : f32[1,2]",
        "%2 = nn.linear(%0, %1) : f32[5,1]",
        "%3 = tensor.expand_dims(%2) {axes = [2, 3]} : f32[5,1,1,1]",
        "return %3",
    ]


@pytest.mark.parametrize("bias", [False, True])
def test_embedding(bias):
    table, x = numbers(3, 5), np.float32([4, 0, 2]).reshape(3, 1, 1, 1)
    fields = {"inputDim": 5, "outputChannels": 3, "weights": table, "hasBias": bias}
    fields |= {"bias": B} if bias else {}
    expected = table.T[[4, 0, 2]] + (B if bias else 0)
    found = result(network(layer("embedding", **fields), x=x.shape), x)
    assert_close(found, expected[..., None, None])


def test_embedding_nd():
    table, x = numbers(3, 5), np.float32([[4, 0], [2, 2]])[..., None]
    item = layer("embeddingND", vocabSize=5, embeddingSize=3, weights=table, hasBias=True, bias=B)
    expected = table.T[[[4, 0], [2, 2]]] + B
    assert_close(result(network(item, x=x.shape), x), expected)


@pytest.mark.parametrize(
    ("a", "b", "transposed"),
    [
        ((2, 3, 4), (2, 4, 5), (False, False)),
        ((3, 4), (2, 4, 5), (False, False)),
        ((4, 3), (5, 4), (True, True)),
    ],
)
def test_matmul_of_two(a, b, transposed):
    x, y = numbers(*a), numbers(*b, seed=1)
    item = layer("batchedMatmul", transposeA=transposed[0], transposeB=transposed[1])
    left, right = (v.swapaxes(-1, -2) if t else v for v, t in zip((x, y), transposed, strict=True))
    assert_close(result(network(item, x=a, z=b), x, y), left @ right)


def test_matmul_of_vectors():
    x, y = numbers(4), numbers(4, seed=1)
    found = result(network(layer("batchedMatmul"), x=(4,), z=(4,)), x, y)
    assert_close(found, (x @ y).reshape(1, 1))


def test_matmul_with_a_weight():
    x, weight = numbers(2, 4), numbers(4, 3, seed=1)
    item = layer(
        "batchedMatmul",
        weightMatrixFirstDimension=4,
        weightMatrixSecondDimension=3,
        weights=np.ascontiguousarray(weight.T),
        hasBias=True,
        bias=B,
    )
    assert_close(result(network(item, x=x.shape), x), x @ weight + B)


def test_several_outputs():
    model = network(
        product(), layer("activation", ["y"], ["z"], ReLU={}), x=(4,), outputs=["y", "z"]
    )
    model.neuralNetwork.layers[0].output[0] = "y"
    found = results(model, np.ones(4))
    assert_close(found["z"], np.maximum(found["y"], 0))


def test_int8_dynamic_quantization_is_only_faster():
    x = numbers(2, 4, seed=2)
    quantized = product(int8DynamicQuantize=True)
    assert_close(result(network(quantized, x=x.shape), x), x @ W.T + B)
