"""Core ops → Keras layers and functions: the families' tables, and ops without a counterpart."""

from ....ir.dialects.core import control, custom, detection, random
from ....ir.dialects.core import image as image_ops
from ....ir.dialects.core import index as index_ops
from ....ir.dialects.core import shape as shape_ops
from ....ir.dialects.core import sort as sort_ops
from ....ir.ssa import Op
from ...lowering import Rule, compose
from . import (
    activation,
    conv,
    elementwise,
    fill,
    image,
    index,
    linear,
    norm,
    pool,
    recurrent,
    reduce,
    scatter,
    shape,
    sort,
)

FAMILIES = (
    *(activation, conv, elementwise, fill, image, index, linear, norm, pool),
    *(recurrent, reduce, scatter, shape, sort),
)
LOWERING: dict[type[Op], Rule] = compose(*(family.lower for family in FAMILIES))

_RANDOM = (
    "a functional model draws numbers once, when it is built, and Keras's generators "
    "don't draw the same numbers for a seed"
)
_DATA = "its shape depends on data, which shapes of a functional model can't"
# Core ops that Keras code can't express, with the reason a user is told.
UNSUPPORTED: dict[type[Op], str] = {
    **dict.fromkeys(random.OPS, _RANDOM),
    index_ops.NonZero: _DATA,
    shape_ops.ShapeOf: (
        "a functional model can't compute with dynamic dimensions (--fixed-shapes avoids them)"
    ),
    sort_ops.DynamicCumsum: "Keras doesn't take a computed axis",
    # Left over by `if-convert` and `unroll`.
    control.Cond: "a functional model has no branches, and these can't both be computed",
    control.WhileLoop: (
        "a functional model has no loops, and it is not known that this one runs at most once"
    ),
    control.Assert: "a functional model can't stop a run",
    image_ops.CropResize: "no function of Keras samples boxes of images (--emit=savedmodel does)",
    detection.NonMaximumSuppression: (
        "Keras has no such function on all backends (--emit=savedmodel has it)"
    ),
    custom.Call: ("its definition uses only TensorFlow; for Keras code, define it by core ops"),
}
