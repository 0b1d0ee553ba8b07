"""`--timing` and `--stats`: stages, passes and groups of passes as one tree."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from . import printing

if TYPE_CHECKING:
    from ...compiler.watch import Watch
    from ...passes.measure import PassRun, PatternCount

_KINDS_SHOWN = 4


@dataclass
class Node:
    """A stage, a group of passes, or a pass with all its runs in one place of the pipeline.

    Attributes:
        rounds: the rounds of a group; 0 for anything else.
        runs: the runs of a pass.
    """

    name: str
    seconds: float
    rounds: int = 0
    runs: list["PassRun"] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    @property
    def delta(self) -> Counter[str]:
        """The change of the number of ops of each kind over all its runs."""
        change: Counter[str] = Counter()
        for run in self.runs:
            change.update(run.after)
            change.subtract(run.before)
        return Counter({kind: count for kind, count in change.items() if count})

    @property
    def patterns(self) -> dict[str, "PatternCount"]:
        """What patterns did in all its runs, the slowest first."""
        from ...passes.measure import PatternCount

        found: dict[str, PatternCount] = {}
        for run in self.runs:
            for name, count in run.patterns.items():
                sum_ = found.setdefault(name, PatternCount())
                sum_.calls += count.calls
                sum_.declined += count.declined
                sum_.rewrites += count.rewrites
                sum_.seconds += count.seconds
        return dict(sorted(found.items(), key=lambda item: -item[1].seconds))


def tree(watch: "Watch") -> Node:
    """All stages, with passes below the stage that runs them."""
    total = Node("total", sum(watch.seconds.values()))
    for name, seconds in watch.seconds.items():
        stage = Node(name, seconds)
        stage.children = list(_below(watch.runs.get(name, ()), 0))
        total.children.append(stage)
    return total


def _below(runs: Iterable["PassRun"], depth: int) -> Iterator[Node]:
    """Passes and groups at a depth of the pipeline; a pass that runs again is one node."""
    for _, items in groupby(sorted(runs, key=_order(depth)), key=_order(depth)):
        members = list(items)
        step, seconds = members[0].path[depth], sum(run.seconds for run in members)
        if step.round:
            rounds = max(run.path[depth].round for run in members)
            yield Node(step.text, seconds, rounds, children=list(_below(members, depth + 1)))
        else:
            yield Node(step.text, seconds, runs=members)


def _order(depth: int) -> Any:
    return lambda run: run.path[depth].position


# -- time -----------------------------------------------------------------------------------------


def print_timing(watch: "Watch", patterns: bool) -> None:
    """Print the tree with times and shares of the total on standard error."""
    root = tree(watch)
    printing.print_rows(_time_rows(root, 0, root.seconds or 1.0, patterns), sys.stderr)


def _time_rows(node: Node, depth: int, whole: float, patterns: bool) -> Iterator[tuple[str, ...]]:
    yield _time_row(node.name, depth, node.seconds, whole, _times(node))
    for child in node.children:
        yield from _time_rows(child, depth + 1, whole, patterns)
    for name, count in node.patterns.items() if patterns else ():
        if count.calls:
            yield _time_row(name, depth + 1, count.seconds, whole, _counts(count))


def _time_row(
    name: str, depth: int, seconds: float, whole: float, note: str = ""
) -> tuple[str, ...]:
    share = f"{seconds / whole:6.1%}"
    return ("  " * depth + name, f"{seconds * 1000:9.1f} ms", share, note)


def _times(node: Node) -> str:
    if node.rounds:
        return printing.plural(node.rounds, "round")
    if not node.runs:
        return ""
    ops = printing.plural(node.runs[-1].after.total(), "op")
    return ops if len(node.runs) == 1 else f"{ops}, {len(node.runs)} runs"


def _counts(count: "PatternCount") -> str:
    parts = [f"{count.rewrites:,} of {printing.plural(count.calls, 'op')} rewritten"]
    return ", ".join(parts + ([f"{count.declined:,} declined"] if count.declined else []))


# -- ops and rewrites -----------------------------------------------------------------------------


def print_stats(watch: "Watch") -> None:
    """Print what every pass and pattern did to the ops, on standard error."""
    stages = [node for node in tree(watch).children if node.children]
    if not stages:
        print("no pass ran", file=sys.stderr)
        return
    rows = [row for stage in stages for row in _stage_rows(stage, watch.runs[stage.name])]
    printing.print_rows(rows[1:], sys.stderr)


# The name of the ops that the passes of a stage receive.
_GIVEN = {"optimize": "before", "lower": "lowered"}


def _stage_rows(stage: Node, runs: Sequence["PassRun"]) -> Iterator[tuple[str, ...]]:
    """A blank line, what the passes of a stage did, and the number of ops of each kind."""
    first, last = runs[0].before, runs[-1].after
    yield ("", "", "")
    yield (_GIVEN[stage.name], printing.plural(first.total(), "op"), "")
    for child in stage.children:
        yield from _stat_rows(child, 0)
    yield ("", "", "")
    for kind in sorted({*first, *last}, key=lambda kind: (-last[kind], kind)):
        change = "" if first[kind] == last[kind] else f"{last[kind] - first[kind]:+,}"
        yield (kind, f"{first[kind]:,} → {last[kind]:,}", change)


def _stat_rows(node: Node, depth: int) -> Iterator[tuple[str, ...]]:
    name = "  " * depth + node.name
    if node.rounds:
        yield (name, "", printing.plural(node.rounds, "round"))
    else:
        yield (name, printing.plural(node.runs[-1].after.total(), "op"), _changes(node.delta))
    for child in node.children:
        yield from _stat_rows(child, depth + 1)
    for pattern, count in sorted(node.patterns.items()):
        if count.rewrites or count.declined:
            yield ("  " * (depth + 1) + pattern, "", _counts(count))


def _changes(delta: Counter[str]) -> str:
    """`nn.relu -2, tensor.square +1, …`."""
    ordered = sorted(delta.items(), key=lambda item: (-abs(item[1]), item[0]))
    shown = [f"{kind} {count:+,}" for kind, count in ordered[:_KINDS_SHOWN]]
    return ", ".join(shown + (["…"] if len(ordered) > _KINDS_SHOWN else []))


# -- for programs ---------------------------------------------------------------------------------


def timing_facts(watch: "Watch", patterns: bool) -> dict[str, Any]:
    """The tree as plain data; `share` is a fraction of the total."""
    root = tree(watch)
    return _node_facts(root, root.seconds or 1.0, patterns)


def _node_facts(node: Node, whole: float, patterns: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": node.name,
        "seconds": node.seconds,
        "share": node.seconds / whole,
    }
    if node.rounds:
        facts["rounds"] = node.rounds
    if node.runs:
        facts["runs"] = [
            {"seconds": run.seconds, "ops": run.after.total(), "changed": run.changed}
            for run in node.runs
        ]
    if node.runs and patterns:
        facts["patterns"] = {name: vars(count) for name, count in node.patterns.items()}
    if node.children:
        facts["children"] = [_node_facts(child, whole, patterns) for child in node.children]
    return facts


def stats_facts(watch: "Watch") -> list[dict[str, Any]]:
    """Each run of a pass: ops by kind before and after it, and what its patterns did."""
    return [
        {
            "stage": stage,
            "name": run.name,
            "pass": run.path[-1].text,
            "rounds": [step.round for step in run.path[:-1]],
            "changed": run.changed,
            "ops_before": dict(sorted(run.before.items())),
            "ops_after": dict(sorted(run.after.items())),
            "patterns": {
                name: {"calls": c.calls, "rewrites": c.rewrites, "declined": c.declined}
                for name, c in sorted(run.patterns.items())
                if c.calls
            },
        }
        for stage, runs in watch.runs.items()
        for run in runs
    ]
