"""What an op says about a batch: the protocol of `Op.batch`.

A rule is asked where the operands have the batch, and answers where it needs them to have it, where
the results then have it, and how its attributes change. It promises: each entry of the results is
what the op makes of the same entry of the operands. Rules see entries: the types are those of a
batch of one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..dims import Expr
from .place import Place

# Where several values have the batch; None for what is the same for all entries.
Places: TypeAlias = tuple[Place | None, ...]


class RefusalError(Exception):
    """An op can't treat the entries of a batch independently; the message says what it does."""


@dataclass(frozen=True)
class Gap:
    """A shared operand with an extent of 1 before dimension `axis`: there others have the batch."""

    axis: int


@dataclass(frozen=True)
class Offset:
    """Positions in a dimension that holds all entries one after the other.

    Position p of entry n becomes n * extent + p. `column`: which number of multi-indices, that are
    the last dimension, is meant.
    """

    place: Place
    extent: int
    column: int | None = None


@dataclass(frozen=True)
class FirstEntry:
    """The first entry alone, for what is the same for all: extents."""


@dataclass(frozen=True)
class Widened:
    """A shared vector of numbers for dimensions, with more of them: for one that the batch adds.

    `entries` take the place of `replaced` numbers from `axis` on. None stands for the extent N.
    """

    axis: int
    entries: tuple[int | None, ...]
    replaced: int = 0


@dataclass(frozen=True)
class EntryNumbers:
    """For a missing operand: the number of each position's entry, `count` positions for each."""

    count: int


# What an op wants of an operand: to be at a place (one that is shared is repeated), one of the
# above, or nothing.
Want: TypeAlias = Place | Gap | Offset | FirstEntry | Widened | None


@dataclass(frozen=True)
class Inner:
    """What becomes of a region: where its arguments have the batch, and what it yields."""

    arguments: Places
    yields: Places


@dataclass(frozen=True)
class Taken:
    """The answer of a rule.

    Attributes:
        results: where the results have the batch; None for what is the same for all entries.
        operands: what is wanted of each flat operand; empty if all are fine.
        changes: attributes and optional operands that change, by name; for an operand that is
            missing, what to make.
        regions: what becomes of each region, by name.
    """

    results: Places
    operands: tuple[Want, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    regions: Mapping[str, Inner] = field(default_factory=dict[str, Inner])


@dataclass(frozen=True)
class Given:
    """The question to a rule.

    Attributes:
        places: where each flat operand has the batch; None if it is the same for all entries.
        size: the extent N.
        inside: what a region yields, where its arguments have the batch at these places.
    """

    places: Places
    size: Expr
    inside: Callable[[Any, Sequence[Place | None]], Places] = field(repr=False)

    def anywhere(self) -> bool:
        """Whether any operand has the batch."""
        return any(place is not None for place in self.places)


# What `batch` is in an op's class: a method, or a function of the op and the question.
Rule: TypeAlias = Callable[[Any, Given], Taken]


def refuse(reason: str) -> Rule:
    """The rule of an op that can't take a batch; the reason goes on after the op's name."""

    def refusing(op: Any, given: Given, /) -> Taken:
        raise RefusalError(reason)

    refusing.__doc__ = f"Refused: it {reason}."
    return refusing
