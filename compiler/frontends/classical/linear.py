"""Generalized linear models (GLMRegressor.proto, GLMClassifier.proto)."""

import math

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.activation import Sigmoid, Softmax
from ....ir.dialects.core.elementwise import Add, Erf, Mul, RealDiv
from ....ir.dialects.core.linear import Linear
from ....ir.dialects.core.reduce import ReduceSum
from ....ir.dialects.core.shape import Concat
from ....ir.ssa import Value
from ....ir.types import Array
from .classes import binary, classified, labels_of
from .context import ModelContext, ModelRules

rules = ModelRules("linear")

_REFERENCE_CLASS, _ONE_VS_REST = 0, 1
_PROBIT = 1  # GLMClassifier's; its 0 is the logit


def _number(value: float) -> Value:
    return constant(np.float64(value))


def probit(z: Value) -> Value:
    """The standard normal distribution's cumulative probability."""
    scaled = Mul(z, _number(math.sqrt(0.5))).result
    return Mul(Add(Erf(scaled).result, _number(1.0)).result, _number(0.5)).result


def _weights(cx: ModelContext) -> Array:
    rows = [list(row.value) for row in cx.message.weights]
    cx.require(bool(rows), "the model has no weights")
    lengths = {len(row) for row in rows}
    cx.require(len(lengths) == 1, "the model's weight vectors have different lengths")
    offsets = len(cx.message.offset)
    cx.require(
        offsets == len(rows), f"the model has {offsets} offsets for {len(rows)} weight vectors"
    )
    return np.array(rows, np.float64)


def _scores(cx: ModelContext) -> Value:
    """W x + offset, [1, R]."""
    weights, x = _weights(cx), cx.vector()
    count = x.type.shape[1]
    cx.require(
        count == weights.shape[1],
        f"the inputs have {count} elements, the weights {weights.shape[1]}",
    )
    bias = cx.weight(cx.message.offset, "offset")
    return Linear(x, cx.weight(weights, "weights"), bias).result


@rules("glmRegressor")
def regressor(cx: ModelContext) -> None:
    """The scores after the inverse of the link function.

    The specification names only the enum; the same names in GLMClassifier, and coremltools' tests
    of LogisticRegression on macOS, show that it is the inverse.
    """
    scores = _scores(cx)
    match cx.message.postEvaluationTransform:
        case 0:
            found = scores
        case 1:
            found = Sigmoid(scores).result
        case 2:
            found = probit(scores)
        case other:
            cx.fail(f"the model has an unknown transform ({other})")
    cx.give(cx.only_output(), found)


@rules("glmClassifier")
def classifier(cx: ModelContext) -> None:
    """Probabilities by the encoding of the classes; with two, one score is that of the second."""
    rows, scores = len(cx.message.weights), _scores(cx)
    encoding, transform = cx.message.classEncoding, cx.message.postEvaluationTransform
    cx.require(transform in (0, 1), f"the model has an unknown transform ({transform})")
    cx.require(encoding in (0, 1), f"the model has an unknown encoding of classes ({encoding})")
    count = len(cx.interface.class_labels) or max(rows, 2)
    labels = labels_of(cx, count)
    single = count == 2
    wanted = 1 if single else count - 1 if encoding == _REFERENCE_CLASS else count
    cx.require(
        rows == wanted, f"{count} classes need {wanted} weight vectors, the model has {rows}"
    )
    link = probit if transform == _PROBIT else _sigmoid
    cx.require(single or transform != _PROBIT, "a probit transform is defined for two classes only")
    if single:
        binary(cx, labels, link(scores))
        return
    if encoding == _REFERENCE_CLASS:
        # The first class is the reference: its score is 0.
        zero = constant(np.zeros((1, 1)))
        found = Softmax(Concat((zero, scores), axis=1).result, axis=1).result
    else:
        each = link(scores)
        found = RealDiv(each, ReduceSum(each, axes=(1,), keep_dims=True).result).result
    classified(cx, labels, found)


def _sigmoid(z: Value) -> Value:
    return Sigmoid(z).result
