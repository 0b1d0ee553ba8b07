"""What is read, run and written as one: a few entries of many, in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..tables.files import Row


@dataclass(frozen=True)
class Part:
    """Entries that run together.

    Attributes:
        number: its position among the parts, from 0.
        rows: its entries: rows of a table; or files, rows of one cell, the path.
        seal: what its files are like; empty for rows of a table.
    """

    number: int
    rows: tuple[Row, ...]
    seal: str = ""


@dataclass(frozen=True)
class Failure:
    """An entry for which there is no result.

    Attributes:
        index: its position in the part.
        place: where it is: `line 7`, or a path.
        reason: what is wrong.
    """

    index: int
    place: str
    reason: str


@dataclass(frozen=True)
class Done:
    """What became of a part.

    Attributes:
        number: the part's.
        seal: the part's.
        count: how many entries it has.
        rows: the results of those that didn't fail, in the format of the file to write.
        failures: the others, in their order.
    """

    number: int
    seal: str
    count: int
    rows: bytes
    failures: tuple[Failure, ...] = ()

    def head(self) -> Mapping[str, Any]:
        """All but the results as plain data."""
        failures = [[each.index, each.place, each.reason] for each in self.failures]
        facts = {"number": self.number, "seal": self.seal, "count": self.count}
        return {**facts, "failures": failures}

    @classmethod
    def of(cls, head: Mapping[str, Any], rows: bytes) -> "Done":
        """The part with this head."""
        failures = tuple(Failure(*each) for each in head["failures"])
        return cls(head["number"], head["seal"], head["count"], rows, failures)


def merged(results: Sequence[Any], failed: Mapping[int, Any]) -> list[Any]:
    """Results, and what there is in place of those that failed, in the order of entries."""
    rest = iter(results)
    total = len(results) + len(failed)
    return [failed[index] if index in failed else next(rest) for index in range(total)]
