"""Core ops → Keras layers and functions: the families' tables, and what has no counterpart."""

from ....ir.dialects.core import CORE_OPS
from ....ir.ssa import Op
from ...lowering import Rule, compose
from . import (
    activation,
    conv,
    elementwise,
    image,
    index,
    linear,
    norm,
    pool,
    recurrent,
    reduce,
    shape,
)

FAMILIES = (
    *(activation, conv, elementwise, image, index, linear, norm, pool),
    *(recurrent, reduce, shape),
)
LOWERING: dict[type[Op], Rule] = compose(*(family.lower for family in FAMILIES))
# Core ops that Keras code can't express, with the reason a user is told.
UNSUPPORTED: dict[type[Op], str] = {op: "not written yet" for op in CORE_OPS if op not in LOWERING}
