"""Runs of things that are alike, so that thousands of inputs are shown as one."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

Item = TypeVar("Item")

MOST = 16  # so many alike are still shown one by one


def runs(items: Iterable[Item], key: Callable[[Item], Hashable]) -> Iterator[list[Item]]:
    """The items in order: more than `MOST` after each other with equal keys together."""
    for _, group in groupby(items, key):
        run = list(group)
        yield from [run] if len(run) > MOST else ([item] for item in run)


def named(names: list[str]) -> str:
    """What a run is called: by its first and its last name."""
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
