"""Small networks of the kinds that people train further, as core IR with a batch of one.

They are written as converters write such networks of PyTorch; weights are random.
"""

import numpy as np
from cmlc.ir.attributes import PadType
from cmlc.ir.dialects.builtin import Return, constant
from cmlc.ir.dialects.core import activation, conv, elementwise, linear, norm, reduce, shape
from cmlc.ir.dialects.core.index import Gather
from cmlc.ir.dialects.core.reshaping import Reshape
from cmlc.ir.interface import Result
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.resources import Origin

CLASSES, WORDS = 3, 40
WIDTH, HEADS, TOKENS = 16, 2, 8


class _Weights:
    """Random weights; what is near 1 or 0 everywhere isn't mistaken for nothing."""

    def __init__(self):
        self.random = np.random.default_rng(0)

    def __call__(self, name, *sizes, scale=None, around=0.0):
        scale = sizes[-1] ** -0.5 if scale is None else scale
        numbers = around + scale * self.random.standard_normal(sizes)
        return constant(numbers.astype(np.float32), name, Origin())

    def linear(self, x, name, units):
        weight = self(f"{name}.weight", units, x.type.shape[-1])
        return linear.Linear(x, weight, self(f"{name}.bias", units, scale=0.1)).result

    def layer_norm(self, x, name, axis=-1):
        axis %= x.type.rank
        sizes = [1] * x.type.rank
        sizes[axis] = x.type.shape[axis]
        x = norm.MeanVarianceNorm(x, (axis,)).result
        x = elementwise.Mul(x, self(f"{name}.weight", *sizes, scale=0.1, around=1.0)).result
        return elementwise.Add(x, self(f"{name}.bias", *sizes, scale=0.1)).result

    def conv(self, x, name, filters, kernel, stride=1, groups=1, bias=True):
        inputs = x.type.shape[1] // groups
        weight = self(
            f"{name}.weight", filters, inputs, kernel, kernel, scale=(inputs * kernel**2) ** -0.5
        )
        given = {"strides": (stride, stride), "groups": groups}
        if kernel > stride:
            given |= {"pad_type": PadType.CUSTOM, "pad": (kernel // 2,) * 4}
        return conv.Conv(x, weight, self(f"{name}.bias", filters) if bias else None, **given).result

    def batch_norm(self, x, name):
        count = x.type.shape[1]
        mean, beta = (self(f"{name}.{part}", count, scale=0.1) for part in ("mean", "bias"))
        variance, gamma = (self(f"{name}.{p}", count, scale=0.1, around=1.0) for p in ("var", "w"))
        return norm.BatchNorm(x, mean, variance, gamma, beta).result

    def attention(self, x, name, *, causal=False):
        depth = WIDTH // HEADS

        def heads(role):
            y = self.linear(x, f"{name}.{role}", WIDTH)
            y = Reshape(y, (1, x.type.shape[1], HEADS, depth)).result
            return shape.Transpose(y, (0, 2, 1, 3)).result

        query, key, value = map(heads, ("query", "key", "value"))
        future = np.triu(np.full((x.type.shape[1],) * 2, -1e4, np.float32), 1)
        mask = constant(future, f"{name}.mask") if causal else None
        y = linear.Attention(query, key, value, mask, scale=depth**-0.5).result
        y = shape.Transpose(y, (0, 2, 1, 3)).result
        return self.linear(Reshape(y, x.type.shape).result, f"{name}.out", WIDTH)

    def block(self, x, name, *, causal=False):
        """Attention and a perceptron, each after its norm."""
        y = self.attention(self.layer_norm(x, f"{name}.norm1"), f"{name}.attention", causal=causal)
        x = elementwise.Add(x, y).result
        y = self.linear(self.layer_norm(x, f"{name}.norm2"), f"{name}.fc1", 2 * WIDTH)
        y = self.linear(activation.Gelu(y).result, f"{name}.fc2", WIDTH)
        return elementwise.Add(x, y).result


def _module(name, argument, result):
    """A module with one function from the argument's type to the result."""
    function = argument.block.parent.parent
    end = Return((result,))
    adopt(end.operands, function.block)
    function.block.insert(end)
    function.result_names, function.outputs = ["scores"], [Result()]
    return Module(name, [function])


def _argument(name, *sizes, dtype=DType.F32):
    return Function("main", [Tensor(dtype, sizes)], [name]).arguments[0]


def _probabilities(x):
    return activation.Softmax(x, -1).result


def vit():
    """Patches, a class token, positions, two blocks, a head on the class token."""
    w, image = _Weights(), _argument("image", 1, 3, 16, 16)
    x = w.conv(image, "patches", WIDTH, 8, 8)
    x = shape.Transpose(Reshape(x, (1, WIDTH, 4)).result, (0, 2, 1)).result
    x = shape.Concat((w("class_token", 1, 1, WIDTH), x), 1).result
    x = elementwise.Add(x, w("positions", 1, 5, WIDTH)).result
    for i in range(2):
        x = w.block(x, f"blocks.{i}")
    x = Gather(w.layer_norm(x, "norm"), constant(np.int32(0)), 1).result
    return _module("vit", image, _probabilities(w.linear(x, "head", CLASSES)))


def convnext():
    """A stem, two blocks of a wide depthwise convolution, a perceptron and a layer scale."""
    w, image = _Weights(), _argument("image", 1, 3, 16, 16)
    x = w.layer_norm(w.conv(image, "stem", WIDTH, 4, 4), "stem_norm", 1)
    for i in range(2):
        y = w.conv(x, f"blocks.{i}.depthwise", WIDTH, 7, groups=WIDTH)
        y = w.layer_norm(shape.Transpose(y, (0, 2, 3, 1)).result, f"blocks.{i}.norm")
        y = w.linear(y, f"blocks.{i}.fc1", 4 * WIDTH)
        y = w.linear(activation.Gelu(y).result, f"blocks.{i}.fc2", WIDTH)
        y = elementwise.Mul(y, w(f"blocks.{i}.gamma", WIDTH, scale=0.1, around=0.5)).result
        x = elementwise.Add(x, shape.Transpose(y, (0, 3, 1, 2)).result).result
    x = reduce.ReduceMean(x, (2, 3), keep_dims=False).result
    return _module("convnext", image, _probabilities(w.linear(x, "head", CLASSES)))


def bert():
    """Words and positions, two blocks; every token's features, which are classified by a head."""
    w, words = _Weights(), _argument("words", 1, TOKENS, dtype=DType.I32)
    x = Gather(w("words.weight", WORDS, WIDTH), words, 0).result
    x = elementwise.Add(x, w("positions", 1, TOKENS, WIDTH)).result
    for i in range(2):
        x = w.block(x, f"layers.{i}")
    return _module("bert", words, w.layer_norm(x, "norm"))


def gpt():
    """The same with a mask, and with the table of words as the last layer: the next word."""
    w, words = _Weights(), _argument("words", 1, TOKENS, dtype=DType.I32)
    table = w("words.weight", WORDS, WIDTH)
    x = Gather(table, words, 0).result
    x = elementwise.Add(x, w("positions", 1, TOKENS, WIDTH)).result
    for i in range(2):
        x = w.block(x, f"layers.{i}", causal=True)
    x = linear.Linear(w.layer_norm(x, "norm"), table).result
    return _module("gpt", words, _probabilities(x))


def cnn():
    """Convolutions with batch norms and a shortcut; features, for a head."""
    w, image = _Weights(), _argument("image", 1, 3, 16, 16)
    x = w.conv(image, "stem.conv", 8, 3, 2, bias=False)
    x = activation.Relu(w.batch_norm(x, "stem.bn")).result
    for i in range(2):
        y = w.batch_norm(w.conv(x, f"blocks.{i}.conv1", 8, 3, bias=False), f"blocks.{i}.bn1")
        y = w.conv(activation.Relu(y).result, f"blocks.{i}.conv2", 8, 3, bias=False)
        x = elementwise.Add(x, w.batch_norm(y, f"blocks.{i}.bn2")).result
        x = activation.Relu(x).result
    return _module("cnn", image, reduce.ReduceMean(x, (2, 3), keep_dims=False).result)
