"""Matrix products."""

from math import prod

import numpy as np

from .files import Dims
from .layer import EspressoLayer, RuleTable


def inner_product(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Weights are [nC, nB]; ranks above 3 flatten channel, height and width."""
    cx.arity(1)
    shape, out, total = cx.shape(), cx.size("nC"), cx.size("nB")
    image = 3 if len(shape) > 3 else 1
    lead, found = shape[:-image], prod(shape[-image:])
    cx.require(found == total, f"takes {total} numbers, its input {list(shape)} has {found}")
    function = cx.fused(has_relu="ReLU", has_tanh="tanh")
    cx.optional("has_prelu", 0)
    before = cx.before(function)
    p = cx.add("innerProduct", outputs=before)
    p.inputChannels, p.outputChannels = total, out
    cx.weights(p.weights, (out, total))
    if cx.flag("has_biases"):
        p.hasBias = True
        cx.bias(p.bias, out)
    cx.activate(function, before)
    return ((*lead, out, *(1,) * (image - 1)),)


def batch_matmul(cx: EspressoLayer) -> tuple[Dims, ...]:
    """The product of two blobs' last two dimensions; the others broadcast."""
    cx.only_exact()
    cx.arity(2)
    cx.expect("channel_mode", 0)
    x, y = cx.shape(0), cx.shape(1)
    p = cx.add("batchedMatmul", since=4)
    p.transposeB = cx.flag("transpose_y")
    last = (-1, -2) if p.transposeB else (-2, -1)
    fits = min(len(x), len(y)) > 1 and x[-1] == y[last[0]]
    try:
        lead = np.broadcast_shapes(x[:-2], y[:-2])
    except ValueError:
        fits = False
    if not fits:
        raise cx.error(f"multiplies {list(x)} by {list(y)}")
    return ((*lead, x[-2], y[last[1]]),)


RULES: RuleTable = {"inner_product": inner_product, "batch_matmul": batch_matmul}
