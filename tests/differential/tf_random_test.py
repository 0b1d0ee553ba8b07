"""Random numbers in TensorFlow: the interpreter's for a seed, others in each run without one."""

import cmlc
import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.ir.interpret import run
from cmlc.ir.text.parser import parse
from support.networks.builders import constant, layer, network
from support.running.tensorflow_run import assert_close, compare, lowered

pytestmark = pytest.mark.slow

DRAWS = """
func @main(%s: i32[2]) -> (f32[A,B], f32[A,B], f32[A,B]) {
  %u = tensor.random_uniform(%s) {dims = [A, B], seed = SEED, low = -1.0, high = 3.0} : f32[A,B]
  %n = tensor.random_normal(%s) {dims = [A, B], seed = SEED, mean = 1.0, stddev = 2.0} : f32[A,B]
  %b = tensor.random_bernoulli(%s) {dims = [A, B], seed = SEED, prob = 0.3} : f32[A,B]
  return %u, %n, %b
}"""
CLASSES = """
func @main(%x: f32[N,3,5]) -> i32[N,3,400] {
  %y = tensor.random_categorical(%x) {size = 400, seed = SEED} : i32[N,3,400]
  return %y
}"""


@pytest.mark.parametrize("seed", [0, 42, -2, 2**63 - 1])
@pytest.mark.parametrize("shape", [(1, 1), (37, 1), (300, 701), (0, 3)])
def test_numbers_of_a_seed(seed, shape):
    compare(parse(DRAWS.replace("SEED", str(seed))), {"s": np.int32(shape)})


@pytest.mark.parametrize("seed", [0, 42])
def test_classes_of_a_seed(seed):
    compare(parse(CLASSES.replace("SEED", str(seed))), N=(1, 7))


def test_uniform_numbers_are_the_same_bits():
    module = parse(DRAWS.replace("SEED", "5"))
    given = {"s": np.int32([1000, 1000])}
    theirs = load_target("tf").executable(lowered(module)).run(given, "main")
    np.testing.assert_array_equal(theirs["0"], run(module, given, "main")["0"])
    assert theirs["0"].min() >= -1
    assert theirs["0"].max() < 3


def test_extents_that_are_none():
    executable = load_target("tf").executable(lowered(parse(DRAWS.replace("SEED", "5"))))
    with pytest.raises(cmlc.CompileError, match=r"fails on these inputs"):
        executable.run({"s": np.int32([-1, 2])}, "main")


# -- whole models ----------------------------------------------------------------------------------

MOMENTS = {
    "randomNormalLike": ({"mean": 2, "stdDev": 3}, 2, 9),
    "randomUniformLike": ({"minVal": -1, "maxVal": 2}, 0.5, 0.75),
    "randomBernoulliLike": ({"prob": 0.8}, 0.8, 0.16),
}


def noisy(kind, seed):
    """The sum of two draws of one seed."""
    fields = {**MOMENTS[kind][0], "seed": seed}
    layers = (layer(kind, ["x"], [name], **fields) for name in "ab")
    return network(*layers, layer("subtractBroadcastable", ["a", "b"], ["y"]), x=(100, 100))


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_saved_model_draws_anew(kind, tmp_path):
    import tensorflow as tf

    x = np.zeros((100, 100), np.float32)
    model = cmlc.compile(noisy(kind, -1))
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    again = tf.saved_model.load(str(tmp_path / "model"))
    serve = loaded.signatures["serving_default"], again.signatures["serving_default"]
    drawn = [f(x=tf.constant(x))["y"].numpy() for f in serve for _ in range(2)]
    drawn += [model.predict({"x": x})["y"] for _ in range(2)]
    drawn += [model.interpret({"x": x})["y"] for _ in range(2)]
    for i, one in enumerate(drawn):
        assert not any(np.array_equal(one, other) for other in drawn[:i])
        # Of independent draws, also the two within a run: variances add up.
        assert abs(one.mean()) < 0.2
        assert abs(one.var() / (2 * MOMENTS[kind][2]) - 1) < 0.08


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_saved_model_with_a_seed(kind, tmp_path):
    import tensorflow as tf

    fields, mean, variance = MOMENTS[kind]
    x = np.zeros((100, 100), np.float32)
    model = cmlc.compile(network(layer(kind, seed=3, **fields), x=x.shape))
    serve = tf.saved_model.load(str(model.write(tmp_path / "model"))).signatures["serving_default"]
    drawn = [serve(x=tf.constant(x))["y"].numpy() for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    assert_close(model.interpret({"x": x})["y"], drawn[0])
    assert abs(drawn[0].mean() - mean) < 0.1
    assert abs(drawn[0].var() / variance - 1) < 0.08


def test_a_loop_draws_anew_in_each_round():
    text = """func @main(%x: f32[3]) -> (i32[], f32[3]) {
      %zero = const {value = dense<0>} : i32[]
      %s = const {value = dense<[3]>} : i32[1]
      %n, %y = ctl.while_loop(%zero, %x) ({ ^(%i: i32[], %v: f32[3]):
        %two = const {value = dense<2>} : i32[]
        %less = tensor.less(%i, %two) : bool[]
        yield %less
      }, { ^(%j: i32[], %w: f32[3]):
        %one = const {value = dense<1>} : i32[]
        %k = tensor.add(%j, %one) : i32[]
        %u = tensor.random_uniform(%s) {dims = [3]} : f32[3]
        %d = tensor.sub(%u, %w) : f32[3]
        yield %k, %d
      }) : i32[], f32[3]
      return %n, %y
    }"""
    module = parse(text)
    executable = load_target("tf").executable(lowered(module))
    given = {"x": np.zeros(3, np.float32)}
    for results in (executable.run(given, "main"), run(module, given, "main")):
        assert np.all(results["1"] != 0)  # the difference of two draws


@pytest.mark.parametrize("is_logits", [False, True])
def test_classes_of_a_model(is_logits):
    weights = np.float32([[1, 2, 5], [4, 4, 0]])
    fields = {"numSamples": 20_000, "seed": -1, "isLogits": is_logits}
    model = cmlc.compile(network(layer("categoricalDistribution", **fields), x=weights.shape))
    with np.errstate(divide="ignore"):
        given = np.log(weights) if is_logits else weights
    first, second = (model.predict({"x": given})["y"] for _ in range(2))
    assert not np.array_equal(first, second)
    counts = np.stack([np.bincount(row.astype(int), minlength=3) for row in first])
    np.testing.assert_allclose(counts / 20_000, weights / 8, atol=0.015)


def test_a_shape_that_is_an_input():
    item = layer("randomNormalDynamic", ["s"], ["y"], stdDev=1, seed=4)
    model = cmlc.compile(network(item, s=(3,)))
    for shape in ((2, 3, 4), (1, 1, 7)):
        given = {"s": np.float32(shape)}
        assert_close(model.interpret(given)["y"], model.predict(given)["y"])
    known = cmlc.compile(network(constant("s", 2, 2), item, x=(1,)))
    assert known.predict({"x": [0]})["y"].shape == (2, 2)
