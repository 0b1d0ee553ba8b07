"""Recommenders by the similarity of items (ItemSimilarityRecommender.proto)."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import (
    GreaterEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    Minimum,
    Mul,
    Select,
    Sub,
)
from ....ir.dialects.core.fill import BroadcastLike
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.reduce import ReduceSum
from ....ir.dialects.core.reshaping import Reshape, Squeeze
from ....ir.dialects.core.scatter import Scatter, ScatterMode
from ....ir.dialects.core.slicing import DynamicSlice
from ....ir.dialects.core.sort import Argsort
from ....ir.interface import Labels
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ...source.interface import Interface
from ..values import cast
from .context import ModelContext, ModelRules
from .encoders import dense, is_found, position_in, spread
from .forms import Keyed, Pairs, Sequence

rules = ModelRules("recommender")

_MOST_ITEMS = 2**24
# One element in a sequence that isn't given: an empty one is given. No item is called so.
_NOBODY = {"string": "", "int64": -(2**63)}


def _absent(message: Any, interface: Interface) -> dict[str, float | None]:
    """All items are wanted, unless a number is given; what stands for a sequence that isn't."""
    number = message.numRecommendationsInputFeatureName
    found: dict[str, float | None] = {}
    for feature in interface.inputs:
        if feature.kind == "sequence":
            found[feature.name] = None if feature.key_type == "string" else _NOBODY["int64"]
        elif feature.name == number:
            found[feature.name] = 2**31 - 1
    return found


class _Items(NamedTuple):
    """Numbers by item, [I] f64, and which items are meant, [I] bool."""

    numbers: Value
    present: Value


@rules("itemSimilarityRecommender", entries=False, absent=_absent)
def recommender(cx: ModelContext) -> None:
    """The items with the highest scores, best first, and their scores.

    The score of k is the sum over given items i of similarity(i, k) times (score(i) - shift(k)); a
    sequence gives items a score of 1 each. Unknown items count for nothing. The given items
    are not recommended; if items to exclude are given, those aren't instead. All items may be
    recommended, or those of a restriction. Of equal scores, which the specification leaves open,
    the item that the model lists first is first.
    """
    labels = _labels(cx)
    given = _given(cx, labels)
    scores = _scores(cx, given, len(labels))
    candidates = LogicalNot(_excluded(cx, labels, given)).result
    if (name := _declared(cx, cx.message.itemRestrictionInputFeatureName)) is not None:
        listed, absent = _listed(cx, name, labels)
        allowed = LogicalOr(listed, BroadcastLike(absent, listed).result).result
        candidates = LogicalAnd(candidates, allowed).result
    chosen = _best(cx, scores, candidates)
    _give(cx, labels, chosen, scores)


def _give(cx: ModelContext, labels: Labels, chosen: Value, scores: Value) -> None:
    """The outputs: the chosen items, and their scores."""
    dtype = object if isinstance(labels[0], str) else np.int64
    items = constant(np.array(labels, dtype), "items")
    ids = Gather(items, chosen, axis=0).result
    numbers = Gather(scores, chosen, axis=0).result
    for feature in cx.interface.outputs:
        if feature.name == cx.message.recommendedItemListOutputFeatureName:
            cx.made[feature.name] = Sequence(ids)
        elif feature.name == cx.message.recommendedItemScoreOutputFeatureName:
            cx.made[feature.name] = Pairs(ids, numbers)
        else:
            cx.fail(f"the model doesn't say what the output '{feature.name}' is")


# -- items -----------------------------------------------------------------------------------------


def _labels(cx: ModelContext) -> Labels:
    """The items: those listed, or else 0, 1, … to the largest that is mentioned."""
    strings, integers = cx.message.itemStringIds.vector, cx.message.itemInt64Ids.vector
    cx.require(not (strings and integers), "the model lists its items twice")
    rows = cx.message.itemItemSimilarities
    mentioned = [row.itemId for row in rows]
    mentioned += [other.itemId for row in rows for other in row.similarItemList]
    largest = max(mentioned, default=-1)
    listed: Labels = tuple(strings) or tuple(integers)
    if not listed:
        cx.require(largest >= 0, "the model has no items")
        if largest >= _MOST_ITEMS:
            message = f"the model has {largest + 1} items, and at most {_MOST_ITEMS} are supported"
            cx.fail(message, kind="unsupported", remedy="list the items' ids in the model")
        return tuple(range(largest + 1))
    count = len(listed)
    cx.require(largest < count, f"the model has similarities of item {largest}, and lists {count}")
    cx.require_distinct(listed, "items")
    return listed


def _given(cx: ModelContext, labels: Labels) -> _Items:
    """The items that a user has, and their scores."""
    name = cx.message.itemInputFeatureName or cx.only_input().name
    match cx.form(name):
        case Pairs() | Keyed() as form:
            return _items(spread(cx, form, labels))
        case Sequence(value):
            return _items(spread(cx, _ones(value), labels))
        case _:
            message = f"input '{name}' is neither a dictionary nor a sequence of items"
            cx.fail(message, kind="unsupported", remedy="declare it as one of these")


def _ones(sequence: Value) -> Pairs:
    one = constant(np.ones(1))
    return Pairs(sequence, BroadcastLike(one, sequence).result)


def _items(found: Keyed) -> _Items:
    numbers = Squeeze(dense(found), (0,)).result
    if found.present is None:
        count = len(found.labels)
        return _Items(numbers, constant(np.ones(count, bool)))
    return _Items(numbers, Squeeze(found.present, (0,)).result)


def _declared(cx: ModelContext, name: str) -> str | None:
    """An input that the model names, if it is given at all."""
    if not name:
        return None
    names = [feature.name for feature in cx.inputs]
    cx.require(name in names, f"the model needs '{name}', which is not among its inputs")
    return name if name in cx.given else None


def _listed(cx: ModelContext, name: str, labels: Labels) -> tuple[Value, Value]:
    """Which items a sequence has, [I] bool, and whether it is not given at all, [1] bool."""
    sequence = cx.sequence(name)
    listed = _items(spread(cx, _ones(sequence), labels)).present
    (feature,) = (feature for feature in cx.inputs if feature.name == name)
    nobody = _NOBODY["string" if isinstance(labels[0], str) else "int64"]
    if not feature.optional:
        return listed, constant(np.zeros(1, bool))
    if nobody in labels:
        message = f"the item {nobody!r} can't be told from an optional input that is not given"
        cx.fail(message, kind="unsupported", remedy="give the item another id")
    alone: Labels = (nobody,)  # pyright: ignore[reportAssignmentType]
    is_nobody = cast(is_found(position_in(cx, alone, sequence)), DType.I32)
    count = ReduceSum(is_nobody, axes=(0,), keep_dims=True).result
    return listed, GreaterEqual(count, constant(np.asarray(1, np.int32))).result


def _excluded(cx: ModelContext, labels: Labels, given: _Items) -> Value:
    """Which items are not recommended, [I] bool."""
    name = _declared(cx, cx.message.itemExclusionInputFeatureName)
    if name is None:
        return given.present
    listed, absent = _listed(cx, name, labels)
    return Select(BroadcastLike(absent, listed).result, given.present, listed).result


# -- scores ----------------------------------------------------------------------------------------


def _scores(cx: ModelContext, given: _Items, count: int) -> Value:
    """The score of each item, [I] f64, by one term for each pair that the model has."""
    rows = cx.message.itemItemSimilarities
    shift = np.zeros(count)
    for row in rows:
        shift[row.itemId] = row.itemScoreAdjustment or shift[row.itemId]
    pairs = [(row.itemId, other) for row in rows for other in row.similarItemList]
    source = _indices(item for item, _ in pairs)
    target = _indices(other.itemId for _, other in pairs)
    similarity = np.array([other.similarityScore for _, other in pairs], np.float64)
    score = Gather(given.numbers, constant(source), axis=0).result
    if shift.any():
        has = Gather(cast(given.present, DType.F64), constant(source), axis=0).result
        score = Sub(score, Mul(has, cx.weight(shift[target], "shifts")).result).result
    terms = Mul(score, cx.weight(similarity, "similarities")).result
    zeros = constant(np.zeros(count))
    return Scatter(zeros, constant(target), terms, axis=0, mode=ScatterMode.ADD).result


def _indices(items: Iterable[int]) -> Array:
    return np.array(list(items), np.int32)


def _best(cx: ModelContext, scores: Value, candidates: Value) -> Value:
    """The positions of the candidates with the highest scores, as many as are wanted, [R] i32."""
    lowest = constant(np.asarray(-np.inf))
    order = Argsort(Select(candidates, scores, lowest).result, axis=0).result
    count = ReduceSum(cast(candidates, DType.I32), axes=(0,)).result
    name = _declared(cx, cx.message.numRecommendationsInputFeatureName)
    if name is not None:
        wanted = cx.whole(name)
        is_number = wanted.type.dtype.is_integer and not wanted.type.rank
        cx.require(is_number, f"input '{name}' is {wanted.type}, not an integer")
        zero = constant(np.asarray(0, wanted.type.dtype.numpy))
        fits = GreaterEqual(wanted, zero).result
        wanted = cx.checked(wanted, fits, f"'{name}' is negative")
        count = cast(Minimum(cast(wanted, DType.I64), cast(count, DType.I64)).result, DType.I32)
    end = Reshape(count, (1,)).result
    start = constant(np.zeros(1, np.int32))
    dims = (cx.fresh("recommended"),)
    return DynamicSlice(order, start, end, (1,), (0,), (0,), dims).result
