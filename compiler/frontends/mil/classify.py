"""Classifiers: the label of the highest probability, and the probabilities of all classes."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import index, reduce, shape
from ....ir.dims import product
from ....ir.types import DType
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules

rules = MilRules("classify")


@rules("classify")
def classify(cx: MilContext) -> Result:
    """The label of the first highest probability, and [classes] probabilities in float32.

    The second result is a dictionary in MIL; the runtime makes one of it.
    """
    probabilities, classes = cx.value("probabilities"), cx.array("classes")
    known = classes is not None and classes.ndim == 1 and classes.dtype.kind in "Oi"
    cx.require(known, "has classes that are neither texts nor whole numbers")
    assert classes is not None
    count = len(classes)
    fits = product(probabilities.type.shape) == count
    cx.require(fits, f"has probabilities of type {probabilities.type} for {count} classes")
    lead = (1,) * (probabilities.type.rank > 1)  # the batch of one, which may be made dynamic
    rows = cast(shape.Reshape(probabilities, (*lead, count)).result, DType.F32)
    best = reduce.ReduceArgmax(rows, axis=-1).result
    kind = object if classes.dtype.kind == "O" else np.int64
    cx.scope.walk.labels = tuple(classes.tolist())
    label = index.Gather(constant(classes.astype(kind), "class_labels"), best, axis=0).result
    return shape.Reshape(label, ()).result, shape.Reshape(rows, (count,)).result
