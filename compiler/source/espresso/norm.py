"""Normalization.

Ordinary batch normalization is folded into convolutions. Where it isn't, the file has neither the
epsilon to add to the variance nor says whether it was added: such layers are refused.
"""

import numpy as np

from .files import Dims
from .layer import EspressoLayer, RuleTable, store_floats


def batchnorm(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Instance normalization; parameters are [gamma, beta, mean, variance] of each channel."""
    shape = cx.image()
    count = cx.size("C")
    cx.require(shape[-3] == count, f"has {count} channels, its input {shape[-3]}")
    if not (cx.flag("training") and cx.flag("training_instancenorm")):
        raise cx.unsupported("adds an unknown epsilon to its variance")
    p = cx.add("batchnorm")
    p.channels, p.computeMeanVar, p.instanceNormalization = count, True, True
    p.epsilon = cx.number("training_eps")
    cx.require(p.epsilon > 0, f"has training_eps = {p.epsilon:g}")
    cx.keys.pop("training_momentum", None)  # epsilon of statistics that are not used
    params = np.frombuffer(cx.blob("blob_batchnorm_params", 4 * count), "<f4").reshape(count, 4)
    store_floats(p.gamma, params[:, 0].tobytes())
    store_floats(p.beta, params[:, 1].tobytes())
    return (shape,)


RULES: RuleTable = {"batchnorm": batchnorm}
