"""Core ops → Keras layers and functions: the families' tables, and ops without a counterpart."""

from ....ir.dialects.core import control as control_ops
from ....ir.dialects.core import coupling, custom, detection, random
from ....ir.dialects.core import image as image_ops
from ....ir.dialects.core import index as index_ops
from ....ir.dialects.core import shape as shape_ops
from ....ir.dialects.core import sort as sort_ops
from ....ir.ssa import Op
from ....passes.patterns import Declined
from ....passes.unroll import iterations
from ...lowering import Rule, compose
from ...refusals import Refusal, always
from . import (
    activation,
    control,
    conv,
    elementwise,
    fill,
    image,
    index,
    linear,
    lookup,
    norm,
    pool,
    recurrent,
    reduce,
    scatter,
    shape,
    sort,
    trees,
)
from .shape import DYNAMIC

FAMILIES = (
    *(activation, control, conv, elementwise, fill, image, index, linear, lookup, norm),
    *(pool, recurrent, reduce, scatter, shape, sort, trees),
)
LOWERING: dict[type[Op], Rule] = compose(*(family.lower for family in FAMILIES))

_RANDOM = Refusal(
    "a functional model draws numbers once, when it is built, and Keras's generators "
    "don't draw the same numbers for a seed"
)
_MOST_ITERATIONS = 1000


def _unrolling(op: control_ops.WhileLoop) -> str:
    """What makes a loop straight code, if constants say how often it runs."""
    count = iterations(op, _MOST_ITERATIONS)
    if isinstance(count, Declined):
        return ""
    return f"repeat its body {count} times (--passes='unroll{{limit={count}}}')"


def _counts_extents(op: control_ops.WhileLoop) -> bool:
    """Whether how often a loop runs may depend on shapes; refused, they are still there."""
    outer = (v for inner in op.condition.block for v in inner.operands)
    values = [v for v in (*op.initial, *outer) if v.type.rank < 2 and not v.type.dtype.is_float]
    seen: set[Op] = set()
    while values:
        source = values.pop().op
        if source is None or source in seen:
            continue
        if isinstance(source, shape_ops.ShapeOf):
            return True
        seen.add(source)
        values += source.operands
    return False


# Core ops that Keras code can't express, with the reason a user is told.
UNSUPPORTED: dict[type[Op], Refusal] = {
    **dict.fromkeys(random.OPS, _RANDOM),
    index_ops.NonZero: Refusal(
        "its shape depends on data, which shapes of a functional model can't"
    ),
    shape_ops.ShapeOf: Refusal(DYNAMIC, extents=always),
    sort_ops.DynamicCumsum: Refusal("Keras doesn't take a computed axis"),
    # Left over by `if-convert` and `unroll`.
    control_ops.Cond: Refusal(
        "a functional model has no branches, and these can't both be computed"
    ),
    control_ops.WhileLoop: Refusal(
        "a functional model has no loops (--emit=savedmodel has them)",
        extents=_counts_extents,
        remedy=_unrolling,
    ),
    image_ops.CropResize: Refusal(
        "no function of Keras samples boxes of images (--emit=savedmodel does)"
    ),
    detection.NonMaximumSuppression: Refusal(
        "Keras has no such function on all backends (--emit=savedmodel has it)",
        remedy=lambda _: (
            "--outputs=NAME for each of the values that it takes keeps the network before it; "
            "cmlc MODEL --list-values prints the names"
        ),
    ),
    coupling.PairwiseCoupling: Refusal(
        "a functional model has no loops that stop row by row (--emit=savedmodel has them)"
    ),
    custom.Call: Refusal(
        "its definition uses only TensorFlow; for Keras code, define it by core ops"
    ),
}
