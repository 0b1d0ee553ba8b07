"""Random tensors; only the distribution of Core ML's numbers is known, not the numbers."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import random as core
from ....ir.dialects.core.unary import Log
from ....ir.dim_values import known_dims
from ....ir.dims import is_static
from ....ir.ssa import Op
from ..rules import Result
from ..values import cast, integers
from .context import MilContext, MilRules
from .shape import declared_dims, declared_type

rules = MilRules("random")


def _draw(name: str, make: type[Op], **defaults: float) -> None:
    def rule(cx: MilContext) -> Result:
        shape = cx.value("shape")
        known = known_dims(shape)
        cx.require(shape.type.rank == 1, f"takes a shape of type {shape.type}")
        negative = [dim for dim in known or () if isinstance(dim, int) and dim < 0]
        cx.require(not negative, f"makes a tensor of shape {list(map(str, known or ()))}")
        dims = declared_dims(cx, known)
        extents = constant(np.asarray(dims, np.int64)) if is_static(dims) else integers(shape)
        given: dict[str, Any] = {key: cx.number(key, value) for key, value in defaults.items()}
        made = make(extents, dims, cx.integer("seed", -1), **given).result
        return cast(made, cx.dtype(declared_type(cx).dtype))

    rule.__doc__ = make.__doc__
    rules(name)(rule)


_draw("random_normal", core.RandomNormal, mean=0.0, stddev=1.0)
_draw("random_uniform", core.RandomUniform, low=0.0, high=1.0)
_draw("random_bernoulli", core.RandomBernoulli, prob=0.5)


@rules("random_categorical")
def random_categorical(cx: MilContext) -> Result:
    """Draw classes along the last axis, from logits or probabilities."""
    x, mode = cx.value("x"), cx.text("mode", "logits")
    cx.require(mode in ("logits", "probs"), f"has the unknown mode '{mode}'")
    logits = x if mode == "logits" else Log(x).result
    made = core.RandomCategorical(logits, cx.integer("size", 1), cx.integer("seed", -1)).result
    return cast(made, cx.dtype(declared_type(cx).dtype))
