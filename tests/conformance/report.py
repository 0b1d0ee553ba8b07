"""Turns outcomes into what a reader wants to know: tables, rates, failures, an exit status.

Owns the definitions of the rates (over supported cases only) and the list of known disagreements.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from case import Entry
from play import Outcome, Status

KNOWN = Path(__file__).resolve().parent / "known_disagreements.toml"
FAILURES = frozenset({Status.DISAGREE, Status.ERROR, Status.INVALID})
COLUMNS = ("cases", "agree", "strict", "disagree", "error", "invalid", "unsupported")


def read_known(path: Path = KNOWN) -> dict[str, str]:
    """Case id to the reason why the recorded expectation is wrong or cannot be known."""
    known = tomllib.loads(path.read_text())
    for caseid, reason in known.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{path.name}: '{caseid}' needs a reason")
    return known


@dataclass(frozen=True)
class Tally:
    """Counts over some cases."""

    cases: int
    agree: int
    strict: int
    disagree: int
    error: int
    invalid: int
    unsupported: int

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Tally:
        """Count once."""
        listed = list(outcomes)
        by_status = Counter(outcome.status for outcome in listed)
        strict = sum(item.strict for item in listed if item.status is Status.AGREE)
        return cls(
            cases=len(listed),
            agree=by_status[Status.AGREE],
            strict=strict,
            disagree=by_status[Status.DISAGREE],
            error=by_status[Status.ERROR],
            invalid=by_status[Status.INVALID],
            unsupported=by_status[Status.UNSUPPORTED],
        )

    @property
    def supported(self) -> int:
        """Cases the compiler did not decline."""
        return self.cases - self.unsupported

    @property
    def agree_rate(self) -> float:
        """Share of supported cases that agree; of none, none."""
        return self.agree / self.supported if self.supported else 0.0

    @property
    def strict_share(self) -> float:
        """Share of supported cases that agree strictly."""
        return self.strict / self.supported if self.supported else 0.0


@dataclass(frozen=True)
class Report:
    """All outcomes of a run, with the cases they belong to."""

    entries: Mapping[str, Entry]
    outcomes: Sequence[Outcome]
    known: Mapping[str, str]

    def failures(self) -> list[Outcome]:
        """Supported cases that went wrong and are not known to."""
        return [item for item in self.outcomes if self.failed(item)]

    def failed(self, outcome: Outcome) -> bool:
        """Whether this one makes the run fail."""
        return outcome.status in FAILURES and outcome.caseid not in self.known

    def fixed(self) -> list[str]:
        """Known disagreements that agree by now: their lines can go."""
        agreeing = {item.caseid for item in self.outcomes if item.status is Status.AGREE}
        return sorted(agreeing & self.known.keys())

    def unsupported_layers(self) -> Counter[str]:
        """Layer types the compiler declined, with the number of cases each one stops."""
        return Counter(name for item in self.outcomes for name in item.unsupported)

    def by_type(self) -> dict[str, Tally]:
        """One tally for each layer type or op; a case counts under each that it contains."""
        groups: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            for name in self.entries[outcome.caseid].types or ("(no layer)",):
                groups.setdefault(name, []).append(outcome)
        return {name: Tally.of(groups[name]) for name in sorted(groups)}

    def lines(self, *, list_failures: bool, only_supported: bool = False) -> Iterator[str]:
        """The whole report as text."""
        tallies = self.by_type()
        if only_supported:
            tallies = {name: tally for name, tally in tallies.items() if tally.supported}
        yield from table(tallies)
        if layers := self.unsupported_layers():
            yield ""
            yield f"unsupported layers ({len(layers)}), by the number of cases they stop:"
            yield from (f"  {count:5d}  {name}" for name, count in layers.most_common())
        yield from self.failure_lines(None if list_failures else 20)
        yield ""
        yield from self.summary()

    def failure_lines(self, limit: int | None) -> Iterator[str]:
        """Each failure with its reason: all, or the first few."""
        failures = self.failures()
        if not failures:
            return
        yield ""
        yield f"failures ({len(failures)}):"
        for outcome in failures[:limit]:
            entry = self.entries[outcome.caseid]
            types = ",".join(entry.types[:4]) + (",…" if len(entry.types) > 4 else "")
            yield f"  {outcome.status:8} {entry.suite}/{outcome.caseid} [{types}] {outcome.reason}"
        if limit is not None and len(failures) > limit:
            yield f"  … {len(failures) - limit} more: --list-failures"

    def summary(self) -> Iterator[str]:
        """Totals and rates."""
        total = Tally.of(self.outcomes)
        yield ", ".join(f"{getattr(total, column)} {column}" for column in COLUMNS)
        yield f"agree {total.agree_rate:.2%} of supported, strict {total.strict_share:.2%}"
        excused = sum(item.status in FAILURES and not self.failed(item) for item in self.outcomes)
        if excused:
            yield f"{excused} known disagreements do not count as failures"
        if fixed := self.fixed():
            yield f"known disagreements that agree now: {', '.join(fixed)}"

    def write_json(self, path: Path) -> None:
        """Everything, for scripts: totals, and one object for each case."""
        cases = [
            {**asdict(item), "suite": self.entries[item.caseid].suite, "types": entry_types}
            for item in self.outcomes
            for entry_types in [list(self.entries[item.caseid].types)]
        ]
        totals = asdict(Tally.of(self.outcomes))
        path.write_text(json.dumps({"totals": totals, "cases": cases}, indent=1) + "\n")


def table(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """One row for each type; zeros are dots, so that what is there stands out."""
    width = max((len(name) for name in tallies), default=10)
    yield f"{'layer or op':{width}}" + "".join(f"{column:>12}" for column in COLUMNS)
    for name, tally in tallies.items():
        counts = [getattr(tally, column) for column in COLUMNS]
        yield f"{name:{width}}" + "".join(f"{count or '·':>12}" for count in counts)
