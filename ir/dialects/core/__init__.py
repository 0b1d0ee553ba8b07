"""The core ops: every frontend makes them, and every target starts from them."""

from ...ssa import Op
from .. import builtin, op_table
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
    *(elementwise, activation, conv, pool, norm, linear, coupling, reduce),
    *(shape, fill, random, index, lookup, scatter, sort, recurrent, control, image, detection),
    *(trees, custom),
)
CORE_OPS: tuple[type[Op], ...] = tuple(op for family in FAMILIES for op in family.OPS)
TABLE: dict[str, type[Op]] = op_table(builtin.OPS, CORE_OPS)
