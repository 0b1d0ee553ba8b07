"""What patterns did, and where they declined: `--explain` and `--trace-rewrites`."""

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import printing

if TYPE_CHECKING:
    from ...passes.patterns import Event, Trace


def events_of(name: str, trace: "Trace", starts: list[tuple[str, int]]) -> Iterator["Event"]:
    """The events of all runs of the pass; `starts` are the numbers of events before each run."""
    bounds = [*starts, ("", len(trace.events))]
    for (running, start), (_, end) in itertools.pairwise(bounds):
        if running == name:
            yield from trace.events[start:end]


def print_explained(name: str, events: Iterable["Event"]) -> None:
    """Print near-misses on standard error: patterns that matched, and why they declined."""
    facts = explained_facts(name, events)
    if facts["note"]:
        print(f"{name}: {facts['note']}", file=sys.stderr)
        return
    found = facts["near_misses"]
    done, near = (
        printing.plural(facts["rewrites"], "rewrite"),
        printing.plural(len(found), "near-miss"),
    )
    print(f"{name}: {done}, {near}", file=sys.stderr)
    for item in found:
        times = f" ({item['times']} times)" if item["times"] > 1 else ""
        print(f"{item['pattern']} ({item['where']}) at {item['location']}", file=sys.stderr)
        print(f"    {item['op']}\n    declined: {item['reason']}{times}", file=sys.stderr)


def explained_facts(name: str, events: Iterable["Event"]) -> dict[str, Any]:
    """The same as plain data; a pass that is not a set of patterns says so in `note`."""
    from ...passes.known import KNOWN
    from ...passes.manager import PatternPass, load_pass

    events = list(events)
    declined = (event for event in events if event.reason)
    near = Counter(
        (e.pattern.name, e.pattern.where, e.location, e.before, e.reason) for e in declined
    )
    keys = ("pattern", "where", "location", "op", "reason")
    is_explained = issubclass(load_pass(name, KNOWN), PatternPass)
    note = (
        "is not a set of patterns, so nothing can decline; "
        "--print-after and --stats show what it does"
    )
    return {
        "pass": name,
        "note": "" if is_explained else note,
        "rewrites": sum(not event.reason for event in events),
        "near_misses": [
            dict(zip(keys, map(str, key), strict=True)) | {"times": count}
            for key, count in near.items()
        ],
    }


def print_rewrites(trace: "Trace") -> None:
    """Print every rewrite on standard error, in order."""
    for event in trace.events:
        if event.reason:
            continue
        after = "\n    → ".join(event.after) or "an existing value"
        where = f"{event.pattern.name} ({event.pattern.where}) at {event.location}"
        print(f"{where}\n    {event.before}\n    → {after}", file=sys.stderr)
