"""Layers that draw random numbers: shapes, distributions, seeds."""

import numpy as np
import pytest
from support.networks.builders import (
    RGB,
    add_image,
    assert_close,
    constant,
    flexible,
    imported,
    layer,
    layer_result,
    network,
    numbers,
    result,
    text,
)

LAYERS = (
    *("randomNormalLike", "randomNormalStatic", "randomNormalDynamic"),
    *("randomUniformLike", "randomUniformStatic", "randomUniformDynamic"),
    *("randomBernoulliLike", "randomBernoulliStatic", "randomBernoulliDynamic"),
)
# Kind → parameters, and the mean and variance that follow.
KINDS = {
    "Normal": ({"mean": -1, "stdDev": 2}, -1, 4),
    "Uniform": ({"minVal": 2, "maxVal": 5}, 3.5, 9 / 12),
    "Bernoulli": ({"prob": 0.3}, 0.3, 0.3 * 0.7),
}
SHAPE = (40, 50, 60)


def drawn(kind, way, shape, **fields):
    """What a layer of a kind draws, its shape given in one of three ways."""
    given = {**KINDS[kind][0], **fields}
    assert f"random{kind}{way}" in LAYERS
    if way == "Like":
        return layer_result(f"random{kind}Like", np.zeros(shape), **given)
    if way == "Dynamic":
        return layer_result(f"random{kind}Dynamic", shape, **given)
    item = layer(f"random{kind}Static", [], outputShape=shape, **given)
    return result(network(item, x=(1,)), [0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["Like", "Static", "Dynamic"])
@pytest.mark.parametrize("seed", [-1, 0, 42])
def test_distributions(kind, way, seed):
    found = drawn(kind, way, SHAPE, seed=seed)
    assert (found.shape, found.dtype) == (SHAPE, np.float32)
    _, mean, variance = KINDS[kind]
    assert abs(found.mean() - mean) < 0.03
    assert abs(found.var() - variance) < 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_seeds(kind):
    """-1 means other numbers each time, any other seed the same, whatever gives the shape."""
    ways = [drawn(kind, way, (50,), seed=7) for way in ("Like", "Static", "Dynamic")]
    np.testing.assert_array_equal(ways[0], ways[1])
    np.testing.assert_array_equal(ways[0], ways[2])
    assert not np.array_equal(ways[0], drawn(kind, "Like", (50,), seed=8))
    assert not np.array_equal(ways[0], drawn(kind, "Like", (50,), seed=7 + 2**33))
    fresh = [drawn(kind, "Like", (50,), seed=-1) for _ in range(2)]
    assert not np.array_equal(*fresh)


def test_layers_without_parameters():
    """What a message leaves out is 0."""
    assert_close(layer_result("randomNormalLike", np.ones(3)), [0, 0, 0])
    assert_close(layer_result("randomUniformLike", np.ones(3)), [0, 0, 0])
    assert_close(layer_result("randomBernoulliLike", np.ones(3)), [0, 0, 0])


def test_shapes_that_are_known_are_constants():
    given = constant("s", 2, 3), layer("randomNormalDynamic", ["s"], stdDev=1, seed=-1)
    assert text(network(*given, x=(1,)))[-2].endswith("{dims = [2, 3]} : f32[2,3]")
    like = network(layer("randomNormalLike", stdDev=1, seed=5), x=(4,))
    assert text(like)[-2].endswith("{dims = [4], seed = 5} : f32[4]")


def test_shapes_of_open_extents():
    x = numbers(3, 2)
    for item in (layer("randomUniformLike", maxVal=1), layer("randomUniformDynamic", ["s"])):
        model = flexible(network(layer("getShape", ["x"], ["s"]), item, x=x.shape))
        if item[0].endswith("Like"):
            model = flexible(network(item, x=x.shape))
        assert text(model)[-2].endswith("f32[d_x_0,d_x_1]")
        assert result(model, x).shape == (3, 2)


def test_images_get_no_batch_where_numbers_are_drawn_anew():
    """One draw would serve the whole batch; numbers of a seed are the same for every entry."""
    for seed, batch in ((-1, "1"), (3, "N")):
        noise = layer("randomNormalStatic", [], ["z"], outputShape=[3, 2, 3], stdDev=1, seed=seed)
        model = network(noise, layer("addBroadcastable", ["image", "z"], ["y"]))
        add_image(model.description.input, "image", RGB)
        assert str(imported(model).main.arguments[0].type) == f"u8[{batch},2,3,3]"


# -- classes ---------------------------------------------------------------------------------------

WEIGHTS = np.array([[[1, 2, 0, 5]], [[3, 0, 3, 2]]], np.float32)


def shares(found, classes=4):
    """How often each class was drawn, row by row."""
    rows = found.reshape(-1, found.shape[-1])
    assert_close(rows, np.round(rows))
    return [np.bincount(row.astype(int), minlength=classes) / len(row) for row in rows]


@pytest.mark.parametrize("scale", [1, 0.125])
@pytest.mark.parametrize("seed", [-1, 0])
def test_probabilities(scale, seed):
    """They need not add up to 1."""
    fields = {"numSamples": 40_000, "seed": seed, "eps": 1e-10, "temperature": 1}
    found = layer_result("categoricalDistribution", WEIGHTS * scale, **fields)
    assert (found.shape, found.dtype) == ((2, 1, 40_000), np.float32)
    np.testing.assert_allclose(shares(found), WEIGHTS[:, 0] / 8, atol=0.01)


@pytest.mark.parametrize("temperature", [0, 0.5, 2])
def test_logits(temperature):
    logits = numbers(3, 4)
    fields = {"numSamples": 40_000, "isLogits": True, "temperature": temperature}
    found = layer_result("categoricalDistribution", logits, **fields)
    powers = np.exp(logits / (temperature or 1))
    np.testing.assert_allclose(shares(found), powers / powers.sum(-1, keepdims=True), atol=0.01)


def test_temperatures_of_probabilities():
    fields = {"numSamples": 40_000, "temperature": 0.5}
    found = layer_result("categoricalDistribution", np.array([1, 2, 3, 0]), **fields)
    assert found.shape == (40_000,)
    np.testing.assert_allclose(shares(found)[0], np.array([1, 4, 9, 0]) / 14, atol=0.01)
