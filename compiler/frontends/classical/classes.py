"""What classifiers give: the class that is most probable, and the probability of each."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import GreaterEqual, Sub
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.reduce import ReduceArgmax
from ....ir.dialects.core.reshaping import Squeeze
from ....ir.dialects.core.shape import Concat
from ....ir.interface import Labels
from ....ir.ssa import Value
from ....ir.types import DType
from ..values import cast
from .context import ModelContext
from .forms import Entry, Keyed


def labels_of(cx: ModelContext, count: int) -> Labels:
    """The classes of a classifier that has `count` of them; 0, 1, … if the model lists none."""
    labels = cx.interface.class_labels or tuple(range(count))
    cx.require(
        len(labels) == count, f"the model has {len(labels)} class labels for {count} classes"
    )
    cx.require_distinct(labels, "class labels")
    return labels


def classified(
    cx: ModelContext, labels: Labels, probabilities: Value, best: Value | None = None
) -> None:
    """Give a classifier's outputs.

    Args:
        cx: the model.
        labels: its K classes.
        probabilities: [1, K] f64; only their order counts if the model gives the label alone.
        best: the position of the predicted class, [1] i32; by default the most probable one, the
            first of several.
    """
    interface = cx.interface
    for feature in interface.outputs:
        if feature.name == interface.predicted_probabilities or feature.kind == "dictionary":
            cx.made[feature.name] = Keyed(labels, probabilities)
        elif feature.name == interface.predicted_feature or feature.kind in ("string", "int64"):
            chosen = best or ReduceArgmax(probabilities, axis=1).result
            cx.made[feature.name] = Entry(labelled(labels, chosen))
        else:
            cx.fail(f"a classifier does not make the output '{feature.name}'")


def binary(cx: ModelContext, labels: Labels, second: Value) -> None:
    """Give the outputs of a classifier of two classes.

    At exactly one half it is the second: coremltools lowers such leaves of scikit-learn's trees by
    1e-7, so that the first one wins as it does there.

    Args:
        cx: the model.
        labels: its two classes.
        second: the probability of the second class, [1, 1] f64.
    """
    first = Sub(constant(np.asarray(1.0)), second).result
    is_second = GreaterEqual(second, constant(np.asarray(0.5))).result
    best = Squeeze(cast(is_second, DType.I32), (1,)).result
    classified(cx, labels, Concat((first, second), axis=1).result, best)


def labelled(labels: Labels, position: Value) -> Value:
    """The classes at positions, str or i64 of their shape."""
    array = np.array(labels, object if isinstance(labels[0], str) else np.int64)
    return Gather(constant(array, "class_labels"), position, axis=0).result
