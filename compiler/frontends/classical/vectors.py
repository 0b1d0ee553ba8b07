"""Support vector machines (SVM.proto), as libsvm computes them.

The specification gives the formulas; what it leaves open is libsvm's: the order of pairs, votes,
and how probabilities of pairs become those of classes. Support vectors that are stored sparsely
become a matrix, and distances are computed from differences: the shorter formula, of norms and
products, loses digits where a distance is small.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.activation import Sigmoid
from ....ir.dialects.core.coupling import PairwiseCoupling
from ....ir.dialects.core.elementwise import (
    Add,
    Clip,
    Exp,
    Greater,
    Mul,
    Pow,
    Square,
    Sub,
    Tanh,
)
from ....ir.dialects.core.linear import Linear
from ....ir.dialects.core.reduce import ReduceSum
from ....ir.dialects.core.reshaping import ExpandDims
from ....ir.dialects.core.shape import Concat
from ....ir.reference.coupling import LEAST
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ..values import cast
from .classes import classified, labels_of
from .context import ModelContext, ModelRules

rules = ModelRules("vectors")

_LARGEST = 2**28  # numbers of a matrix that the message stores sparsely: 2 GiB


def _number(value: float) -> Value:
    return constant(np.float64(value))


@rules("supportVectorRegressor")
def regressor(cx: ModelContext) -> None:
    """The sum of coefficients times kernel values, less rho."""
    x = cx.vector()
    vectors = _support_vectors(cx, x.type.static_shape[1])
    alpha = np.array(cx.message.coefficients.alpha, np.float64)
    cx.require(
        len(alpha) == len(vectors),
        f"the model has {len(alpha)} coefficients for {len(vectors)} support vectors",
    )
    rho = np.array([-cx.message.rho])
    cx.give(cx.only_output(), _weighted(cx, _kernel(cx, x, vectors), alpha[None], rho))


@rules("supportVectorClassifier")
def classifier(cx: ModelContext) -> None:
    """The class with the most votes of pairs, or the most probable one.

    The decision for classes i and j is a vote for i above 0, else for j; of several classes with as
    many votes the first wins. With probA and probB, the probability of i is
    1 / (1 + exp(A decision + B)), limited to 1e-7 from 0 and 1. For two classes that is the result,
    as Core ML's differs from scikit-learn's in that; for more, libsvm couples pairs by iteration.
    The label then is the most probable one, as in libsvm; scikit-learn's comes from votes.
    """
    x = cx.vector()
    vectors = _support_vectors(cx, x.type.static_shape[1])
    counts = list(cx.message.numberOfSupportVectorsPerClass)
    labels = labels_of(cx, len(counts))
    cx.require(len(counts) > 1, f"the model has {len(counts)} classes, not 2 or more")
    rho = -_per_pair(cx, "rho", len(counts) * (len(counts) - 1) // 2)
    pairs = list(combinations(range(len(counts)), 2))
    weights = _pair_weights(cx, counts, len(vectors), pairs)
    decisions = _weighted(cx, _kernel(cx, x, vectors), weights, rho)
    if not cx.message.probA and not cx.message.probB:
        _refuse_probabilities(cx)
        classified(cx, labels, _votes(decisions, len(counts), pairs))
        return
    slope, shift = (_per_pair(cx, name, len(pairs)) for name in ("probA", "probB"))
    scaled = Mul(decisions, cx.weight(-slope, "probA")).result
    odds = Add(scaled, cx.weight(-shift, "probB")).result
    classified(cx, labels, _probabilities(odds, len(counts)))


def _refuse_probabilities(cx: ModelContext) -> None:
    for feature in cx.interface.outputs:
        if feature.kind == "dictionary":
            cx.fail(f"output '{feature.name}' needs probA and probB, which the model lacks")


def _per_pair(cx: ModelContext, name: str, count: int) -> Array:
    numbers = np.array(getattr(cx.message, name), np.float64)
    cx.require(
        len(numbers) == count,
        f"the model has {len(numbers)} values of {name} for {count} pairs of classes",
    )
    return numbers


def _pair_weights(
    cx: ModelContext, counts: list[int], vectors: int, pairs: list[tuple[int, int]]
) -> Array:
    """The weight of each support vector in each decision, [pairs, V].

    A vector of class i has its weight against class j in row j of the coefficients, without a row
    for i itself.
    """
    cx.require(min(counts) >= 0, f"the model has a class with {min(counts)} support vectors")
    cx.require(
        sum(counts) == vectors,
        f"the classes have {sum(counts)} support vectors, the model {vectors}",
    )
    rows = [np.array(row.alpha, np.float64) for row in cx.message.coefficients]
    cx.require(
        len(rows) == len(counts) - 1,
        f"the model has {len(rows)} rows of coefficients for {len(counts)} classes",
    )
    for index, row in enumerate(rows):
        cx.require(
            len(row) == vectors,
            f"row {index} has {len(row)} coefficients for {vectors} support vectors",
        )
    ends = np.cumsum([0, *counts])
    found = _zeros(cx, len(pairs), vectors)
    for pair, (i, j) in enumerate(pairs):
        first, second = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        found[pair, first] = rows[j - 1][first]
        found[pair, second] = rows[i][second]
    return found


def _votes(decisions: Value, classes: int, pairs: list[tuple[int, int]]) -> Value:
    """How many pairs each class wins, [1, K]."""
    wins = np.zeros((classes, len(pairs)))
    for pair, (i, j) in enumerate(pairs):
        wins[i, pair], wins[j, pair] = 1, -1
    second = (wins < 0).sum(1).astype(np.float64)  # what a class has if it is the second in all
    first = cast(Greater(decisions, _number(0)).result, DType.F64)
    return Linear(first, constant(wins), constant(second)).result


def _probabilities(odds: Value, classes: int) -> Value:
    """[1, K] from the log-odds of pairs."""
    if classes > 2:
        return PairwiseCoupling(odds).result
    first = Clip(Sigmoid(odds).result, alpha=LEAST, beta=1 - LEAST).result
    return Concat((first, Sub(_number(1), first).result), axis=1).result


def _weighted(cx: ModelContext, kernel: Value, weights: Array, offset: Array) -> Value:
    """Sums of kernel values, [1, R]."""
    bias = cx.weight(offset, "rho")
    return Linear(kernel, cx.weight(weights, "coefficients"), bias).result


# -- kernels ---------------------------------------------------------------------------------------


def _kernel(cx: ModelContext, x: Value, vectors: Array) -> Value:
    """The kernel of x and each support vector, [1, V]."""
    kernel, points = cx.message.kernel, cx.weight(vectors, "support_vectors")
    match kernel.WhichOneof("kernel"):
        case "linearKernel":
            return Linear(x, points).result
        case "rbfKernel":
            gamma = _gamma(cx, kernel.rbfKernel)
            apart = Square(Sub(ExpandDims(x, (1,)).result, points).result).result
            return Exp(Mul(ReduceSum(apart, axes=(2,)).result, _number(-gamma)).result).result
        case "polyKernel":
            degree = kernel.polyKernel.degree
            cx.require(degree >= 0, f"the kernel has the degree {degree}, not 0 or more")
            return Pow(_affine(cx, kernel.polyKernel, x, points), _number(degree)).result
        case "sigmoidKernel":
            return Tanh(_affine(cx, kernel.sigmoidKernel, x, points)).result
        case _:
            cx.fail("the model has no kernel")


def _gamma(cx: ModelContext, kernel: Any) -> float:
    cx.require(kernel.gamma >= 0, f"the kernel has the gamma {kernel.gamma:g}, not 0 or more")
    return kernel.gamma


def _affine(cx: ModelContext, kernel: Any, x: Value, points: Value) -> Value:
    """gamma <x, v> + c."""
    scaled = Mul(Linear(x, points).result, _number(_gamma(cx, kernel))).result
    return Add(scaled, _number(kernel.c)).result


# -- support vectors -------------------------------------------------------------------------------


def _support_vectors(cx: ModelContext, features: int) -> Array:
    """The support vectors, [V, F]."""
    which = cx.message.WhichOneof("supportVectors")
    if which is None:
        cx.fail("the model has no support vectors")
    stored = getattr(cx.message, which).vectors
    if which == "denseSupportVectors":
        return _dense(cx, [vector.values for vector in stored], features)
    found = _zeros(cx, len(stored), features)
    for index, vector in enumerate(stored):
        for position, value in _nodes(cx, index, vector, features):
            found[index, position] = value
    return found


def _dense(cx: ModelContext, rows: list[Any], features: int) -> Array:
    for index, row in enumerate(rows):
        message = f"support vector {index} has {len(row)} elements, the inputs {features}"
        cx.require(len(row) == features, message)
    return np.array(rows, np.float64).reshape(len(rows), features)


def _zeros(cx: ModelContext, rows: int, columns: int) -> Array:
    if rows * columns > _LARGEST:
        message = f"the model takes a matrix of {rows} × {columns} numbers, more than {_LARGEST}"
        cx.fail(message, kind="unsupported", remedy="train a model with fewer support vectors")
    return np.zeros((rows, columns))


def _nodes(cx: ModelContext, index: int, vector: Any, features: int) -> Iterator[tuple[int, float]]:
    """Positions from 0, and the elements there; the others are 0."""
    seen: set[int] = set()
    for node in vector.nodes:
        message = f"support vector {index} has an element {node.index}, the inputs 1 to {features}"
        cx.require(1 <= node.index <= features, message)
        message = f"support vector {index} has the element {node.index} twice"
        cx.require(node.index not in seen, message)
        seen.add(node.index)
        yield node.index - 1, node.value
