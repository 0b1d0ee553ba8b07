"""How far two constants differ."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from ..text.printer import dense_text
from ..types import Array
from ..weights.resources import MissingResourceError, Resource
from .edits import WeightChange

_PART = 1 << 20  # how many elements are compared at a time, so that float64 copies stay small
SHOWN = 4  # constants of up to so many elements are shown


def compare_weights(old: Resource, new: Resource) -> WeightChange:
    """The change from one constant to another; both are released again."""
    name = old.name or new.name
    change = WeightChange(name, str(old.type), str(new.type), new.size)
    try:
        if old.type.shape == new.type.shape:
            change = _compared(change, old.array().reshape(-1), new.array().reshape(-1))
        elif sorted(old.type.static_shape) == sorted(new.type.static_shape):
            change = replace(change, transposed=_permutation(old.array(), new.array()))
    except MissingResourceError:
        return change
    old.release()
    new.release()
    return change


def _permutation(a: Array, b: Array) -> tuple[int, ...]:
    """The permutation of a's axes that gives b; empty if there is none."""
    corner = (slice(0, 2),) * b.ndim  # nearly always decides at once
    for perm in permutations(range(a.ndim)):
        turned = a.transpose(perm)
        fits = turned.shape == b.shape and np.array_equal(turned[corner], b[corner])
        if fits and np.array_equal(turned, b):
            return perm
    return ()


def _compared(change: WeightChange, a: Array, b: Array) -> WeightChange:
    if a.dtype.kind == "O" or b.dtype.kind == "O":
        return replace(change, changed=sum(map(_differs, a.tolist(), b.tolist())))
    changed, total, most, largest = 0, 0.0, 0.0, 0.0
    for start in range(0, a.size, _PART):
        x, y = a[start : start + _PART], b[start : start + _PART]
        unlike = (x != y) & ~((x != x) & (y != y))  # NaN is NaN
        distance = _distance(x, y, unlike)
        changed += int(np.count_nonzero(unlike))
        total += float(distance.sum())
        most = max(most, float(distance.max(initial=0.0)))
        magnitude = np.abs(x.astype(np.float64))
        largest = max(largest, float(np.nanmax(magnitude, initial=0.0)))
    return replace(
        change,
        changed=changed,
        max_difference=most,
        mean_difference=total / max(a.size, 1),
        relative=most / largest if largest else None,
    )


def _distance(x: Array, y: Array, unlike: Array) -> Array:
    """Absolute differences where elements differ; infinite where only one is a number."""
    with np.errstate(invalid="ignore", over="ignore"):
        distance: Array = np.abs(x.astype(np.float64) - y.astype(np.float64))
    distance[np.isnan(distance)] = np.inf
    distance[~unlike] = 0.0
    return distance


def _differs(x: Any, y: Any) -> bool:
    return bool(x != y)


def shown(resource: Resource) -> str:
    """A constant for people: its numbers if there are few, else its type."""
    if resource.size > SHOWN:
        return str(resource.type)
    try:
        return dense_text(resource.array())
    except MissingResourceError:
        return str(resource.type)
