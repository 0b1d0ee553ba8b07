"""Core ops → TensorFlow ops: the families' tables, and the ops without a counterpart."""

from ....ir.ssa import Op
from ...lowering import Rule, compose
from ...refusals import Refusal
from . import (
    activation,
    control,
    conv,
    coupling,
    custom,
    detection,
    elementwise,
    fill,
    image,
    index,
    linear,
    lookup,
    norm,
    pool,
    random,
    recurrent,
    reduce,
    scatter,
    shape,
    sort,
    trees,
)

FAMILIES = (
    *(activation, control, conv, coupling, custom, detection, elementwise, fill, image, index),
    *(linear, lookup, norm, pool, random, recurrent, reduce, scatter, shape, sort, trees),
)
LOWERING: dict[type[Op], Rule] = compose(*(family.lower for family in FAMILIES))
# Core ops that TensorFlow can't express, with the reason a user is told.
UNSUPPORTED: dict[type[Op], Refusal] = {}
