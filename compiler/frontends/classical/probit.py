"""Bayesian probit regressors (BayesianProbitRegressor.proto)."""

from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import Add, Mul
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.lookup import Lookup
from ....ir.dialects.core.reduce import ReduceSum
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ..values import cast
from .context import ModelContext, ModelRules
from .encoders import is_found

rules = ModelRules("probit")

# Key of value v of feature f: f * _STRIDE + v. Values are below 2^32, so that a negative one, which
# an input may have, is not the key of another feature's.
_STRIDE = 2**33
_MOST_FEATURES = 2**30


@rules("bayesianProbitRegressor")
def regressor(cx: ModelContext) -> None:
    """Mean and variance of the sum of weights: of the bias, and of each feature's value.

    Weights are independent and normally distributed, so the variance is the sum of theirs, the
    inverse precisions. Probabilities are refused: they need the parameter beta, which the message
    has no field for. What a value without a weight means is not documented, either; it stops the
    run.
    """
    message = cx.message
    name = message.regressionInputFeatureName or cx.only_input().name
    table = _table(cx)
    found = _positions(cx, name, table)
    for feature in cx.interface.outputs:
        if feature.name == message.meanOutputFeatureName:
            means = np.array([weight.mean for weight in table.values()])
            cx.give(feature, _total(cx, found, means, message.bias.mean, "mean"))
        elif feature.name == message.varianceOutputFeatureName:
            variances = np.array([_variance(cx, weight) for weight in table.values()])
            bias = _variance(cx, message.bias)
            cx.give(feature, _total(cx, found, variances, bias, "variance"))
        else:
            text = f"output '{feature.name}' is a probability, and the model doesn't say its beta"
            remedy = "declare the mean alone as an output"
            cx.fail(text, kind="unsupported", remedy=remedy)


def _table(cx: ModelContext) -> dict[int, Any]:
    """The weight of each value of each feature, by key."""
    features, count = cx.message.features, cx.message.numberOfFeatures
    cx.require(0 < count <= _MOST_FEATURES, f"the model has {count} features")
    cx.require(
        len(features) == count, f"the model has the weights of {len(features)} of {count} features"
    )
    table: dict[int, Any] = {}
    seen: set[int] = set()
    for feature in features:
        number = feature.featureId
        cx.require(number < count, f"feature {number} is not one of {count}")
        cx.require(number not in seen, f"feature {number} has weights twice")
        cx.require(bool(feature.weights), f"feature {number} has no weights")
        seen.add(number)
        for weight in feature.weights:
            key = number * _STRIDE + weight.featureValue
            text = f"value {weight.featureValue} of feature {number} has weights twice"
            cx.require(key not in table, text)
            table[key] = weight.featureWeight
    return table


def _variance(cx: ModelContext, weight: Any) -> float:
    cx.require(weight.precision > 0, f"a weight has the precision {weight.precision:g}")
    return 1 / weight.precision


def _positions(cx: ModelContext, name: str, table: dict[int, Any]) -> Value:
    """Where the values of the input are in the table, [1, F] i32."""
    x = cx.entry(name)
    cx.require(x.type.dtype.is_integer, f"input '{name}' is {x.type.dtype.value}, not integers")
    count, shape = cx.message.numberOfFeatures, x.type.static_shape[1:]
    x = cast(x, DType.I64)
    if shape == (count,):
        ids: Value = constant(np.arange(count, dtype=np.int64))
    elif len(shape) == 2 and shape[1] == 2:
        ids, x = _column(x, 0), _column(x, 1)
    else:
        cx.fail(f"input '{name}' is {list(shape)}, not [{count}] values or pairs of id and value")
    stride = constant(np.asarray(_STRIDE, np.int64))
    keys = Add(Mul(ids, stride).result, x).result
    known = constant(np.array(list(table), np.int64), "keys")
    found = Lookup(keys, known).result
    message = f"'{name}' has a value of a feature for which the model has no weight"
    return cx.checked(found, is_found(found), message)


def _column(x: Value, index: int) -> Value:
    """A column of [1, M, 2], as [1, M]."""
    return Gather(x, constant(np.asarray(index, np.int32)), axis=2).result


def _total(cx: ModelContext, positions: Value, weights: Array, bias: float, name: str) -> Value:
    """The bias and the weights at the positions, summed: [1]."""
    chosen = Gather(cx.weight(weights, name), positions, axis=0).result
    total = ReduceSum(chosen, axes=(1,)).result
    return Add(total, cx.weight(np.asarray(bias), f"bias_{name}")).result
