"""ML Programs as converters write them, if nothing in front has fused their chains."""

from collections import Counter

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.interpret import run
from cmlc.passes import OPTIMIZE
from cmlc.passes.manager import parse_pipeline
from support.mil.programs import FP16, FP32, imported, op, program
from support.networks.builders import assert_close, numbers

ROWS, WIDTH = 3, 4
SHAPE, SMALL = (2, ROWS, WIDTH), (2, ROWS, 1)
X = numbers(*SHAPE)
GAMMA, BETA = numbers(WIDTH), numbers(WIDTH) + 1
WEIGHT = numbers(WIDTH, WIDTH)
LAST = np.array([-1])


def optimized(model):
    """(ops by name, constants aside; a function from an array to the only output)."""
    module = imported(model)
    parse_pipeline(OPTIMIZE).run(module)
    found = Counter(item.name for item in module.walk() if item.name not in ("const", "return"))

    def call(x):
        (only,) = run(module, [x], "main").values()
        return only

    return found, call


def mean_of_torch(dtype=FP32):
    """(x - mean) / sqrt(var + eps) * gamma + beta."""
    half = np.float16 if dtype == FP16 else np.float32
    return (
        op("reduce_mean", "m", SMALL, dtype, x="x", axes=LAST, keep_dims=True),
        op("sub", "c", SHAPE, dtype, x="x", y="m"),
        op("pow", "q", SHAPE, dtype, x="c", y=half(2)),
        op("reduce_mean", "v", SMALL, dtype, x="q", axes=LAST, keep_dims=True),
        op("add", "w", SMALL, dtype, x="v", y=half(1e-3)),
        op("sqrt", "d", SMALL, dtype, x="w"),
        op("real_div", "n", SHAPE, dtype, x="c", y="d"),
        op("mul", "s", SHAPE, dtype, x="n", y=GAMMA.astype(half)),
        op("add", "y", SHAPE, dtype, x="s", y=BETA.astype(half)),
    )


def mean_of_tensorflow():
    """x * s + (beta - mean * s), s = gamma * rsqrt(var + eps)."""
    return (
        op("reduce_mean", "m", SMALL, x="x", axes=LAST, keep_dims=True),
        op("sub", "c", SHAPE, x="x", y="m"),
        op("square", "q", SHAPE, x="c"),
        op("reduce_mean", "v", SMALL, x="q", axes=LAST, keep_dims=True),
        op("add", "w", SMALL, x="v", y=np.float32(1e-3)),
        op("rsqrt", "r", SMALL, x="w", epsilon=np.float32(1e-12)),
        op("mul", "s", SHAPE, x="r", y=GAMMA),
        op("mul", "a", SHAPE, x="x", y="s"),
        op("mul", "b", SHAPE, x="m", y="s"),
        op("sub", "t", SHAPE, x=BETA, y="b"),
        op("add", "y", SHAPE, x="a", y="t"),
    )


def normalized(x):
    variance = x.var(-1, keepdims=True)
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(variance + 1e-3) * GAMMA + BETA


@pytest.mark.parametrize("made", [mean_of_torch, mean_of_tensorflow])
def test_layer_norm(made):
    found, call = optimized(program(*made(), x=SHAPE))
    assert found == {"nn.mean_variance_norm": 1, "tensor.mul": 1, "tensor.add": 1}
    assert_close(call(X), normalized(X))


def test_layer_norm_of_a_half_precision_program():
    """It is computed in float32, so nothing is lost by the one op."""
    found, _ = optimized(program(*mean_of_torch(FP16), x=SHAPE, dtypes={"x": FP16}))
    assert found["nn.mean_variance_norm"] == 1
    assert not found["tensor.sqrt"]


def test_perceptron_of_tensorflow():
    """A dense layer, gelu by tanh, another dense layer."""
    model = program(
        op("matmul", "a", SHAPE, x="x", y=WEIGHT),
        op("add", "b", SHAPE, x="a", y=BETA),
        op("pow", "p", SHAPE, x="b", y=np.float32(3)),
        op("mul", "q", SHAPE, x=np.float32(0.044715), y="p"),
        op("add", "r", SHAPE, x="b", y="q"),
        op("mul", "s", SHAPE, x=np.float32(np.sqrt(2 / np.pi)), y="r"),
        op("tanh", "t", SHAPE, x="s"),
        op("add", "u", SHAPE, x=np.float32(1), y="t"),
        op("mul", "v", SHAPE, x=np.float32(0.5), y="u"),
        op("mul", "w", SHAPE, x="b", y="v"),
        op("matmul", "z", SHAPE, x="w", y=WEIGHT, transpose_y=True),
        op("add", "y", SHAPE, x="z", y=GAMMA),
        x=SHAPE,
    )
    found, call = optimized(model)
    assert found == {"nn.linear": 2, "nn.gelu": 1}
    hidden = X @ WEIGHT + BETA
    gate = 1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3))
    assert_close(call(X), (0.5 * hidden * gate) @ WEIGHT.T + GAMMA)


def test_attention_of_torch():
    """softmax(q k^T) v, its softmax spelled out and its keys transposed."""
    square = (2, ROWS, ROWS)
    model = program(
        op("transpose", "k", (2, WIDTH, ROWS), x="x", perm=np.array([0, 2, 1])),
        op("matmul", "a", square, x="x", y="k"),
        op("reduce_max", "m", SMALL, x="a", axes=LAST, keep_dims=True),
        op("sub", "c", square, x="a", y="m"),
        op("exp", "e", square, x="c"),
        op("reduce_sum", "s", SMALL, x="e", axes=LAST, keep_dims=True),
        op("real_div", "p", square, x="e", y="s"),
        op("matmul", "y", SHAPE, x="p", y="x"),
        x=SHAPE,
    )
    found, call = optimized(model)
    assert found == {"nn.attention": 1}
    scores = np.exp(X @ X.swapaxes(1, 2))
    assert_close(call(X), scores / scores.sum(-1, keepdims=True) @ X)


@pytest.mark.parametrize(
    ("to_space", "to_depth"),
    [("depth_to_space", "space_to_depth"), ("pixel_shuffle", "pixel_unshuffle")],
)
def test_blocks_between_convolutions(to_space, to_depth):
    """Neither leaves a transpose where the layout changes."""
    names = {
        "depth_to_space": "block_size",
        "space_to_depth": "block_size",
        "pixel_shuffle": "upscale_factor",
        "pixel_unshuffle": "downscale_factor",
    }
    model = program(
        op("conv", "a", (1, 8, 4, 6), x="x", weight=numbers(8, 3, 1, 1)),
        op(to_space, "b", (1, 2, 8, 12), x="a", **{names[to_space]: np.int32(2)}),
        op("conv", "c", (1, 3, 8, 12), x="b", weight=numbers(3, 2, 1, 1)),
        op(to_depth, "d", (1, 12, 4, 6), x="c", **{names[to_depth]: np.int32(2)}),
        op("conv", "y", (1, 2, 4, 6), x="d", weight=numbers(2, 12, 1, 1)),
        x=(1, 3, 4, 6),
        opset=16,
    )
    found, _ = optimized(model)
    assert found == {
        "nn.conv": 3,
        "image.depth_to_space": 1,
        "image.space_to_depth": 1,
        "tensor.transpose": 2,
    }


def test_sums_that_no_attention_has_are_not_read_in_all_ways():
    """Each sum can be scores and a mask in two ways, and of what it adds again."""
    lines = [f"%s{i + 1} = tensor.add(%s{i}, %s{i}) : f32[2,4,4]" for i in range(60)]
    body = "\n".join(["%s0 = nn.relu(%x) : f32[2,4,4]", *lines])
    text = f"""func @main(%x: f32[2,4,4]) -> f32[2,4,4] {{
{body}
%w = nn.softmax(%s60) {{axis = 2}} : f32[2,4,4]
%y = nn.matmul(%w, %x) : f32[2,4,4]
return %y
}}"""
    module = load_text(text)
    assert not parse_pipeline("recognize").run(module)
