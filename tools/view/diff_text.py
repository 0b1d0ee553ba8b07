"""Differences for people: a summary line, then op by op, unified or side by side."""

import shutil
import sys
import textwrap
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from ...ir import alike
from ...ir.diff import Edit, Place
from ..cli import printing
from .diff_facts import Compared, change_of, following, section, summary

_LIKE = 4  # so many similar edits are shown as one
_NAMED = 3  # how many ops are named then
_WIDTH = 160  # columns of text that does not go to a terminal
_MARKS = {"removed": "-", "added": "+", "moved": ">", "replaced": "!"}
_COLOURS = {"-": "red", "+": "green", ">": "cyan", "!": "yellow", "~": "yellow", "@": "cyan"}


@dataclass
class Entry:
    """The lines about one op, or about several similar ones.

    Attributes:
        mark: "-", "+", ">", "!", or "~" for an op in which something differs; "" otherwise.
        heading: the section.
        edits: the differences of the first op.
        places: all ops with these differences.
    """

    mark: str
    heading: str
    edits: list[Edit]
    places: list[Place] = field(default_factory=list[Place])


def print_difference(compared: Compared, limit: int, *, beside: bool, quiet: bool) -> None:
    """Print a comparison on standard output.

    Args:
        compared: what to print.
        limit: the number of lines; 0 for all, with every edit by itself.
        beside: whether old and new lines are side by side.
        quiet: whether only the summary line is printed.
    """
    found = compared.difference
    if not quiet:
        print(f"{_styled('- ' + compared.old, '-')}\n{_styled('+ ' + compared.new, '+')}")
    print(printing.style(summary(found), "bold", sys.stdout))
    if quiet:
        return
    listed = entries(found.edits, fold=limit > 0)
    lines = list(_side_by_side(listed) if beside else _unified(listed))
    shown = lines[:limit] if limit else lines
    print("\n".join(shown), end="\n" if shown else "")
    if len(shown) < len(lines):
        print(f"… {printing.plural(len(lines) - len(shown), 'more line')}; --limit=0 shows all")
    for sentence in following(found):
        print(printing.style(f"→ {sentence}", "dim", sys.stdout))


def entries(edits: Iterable[Edit], *, fold: bool) -> list[Entry]:
    """Edits by op, in order; with `fold`, similar ones together."""
    found = [
        Entry(_mark(edits := list(group)), section(edits[0]), edits, _places(edits))
        for _, group in groupby(edits, key=_op_of)
    ]
    return list(_folded(_together(found))) if fold else found


def _together(found: list[Entry]) -> Iterator[Entry]:
    """Entries, with many equal changes of inputs after each other as one."""
    for run in alike.runs(found, _change):
        edits = [edit for entry in run for edit in entry.edits]
        if len(run) > 1:
            kind, *_ = _change(run[0])
            names = [edit.what.removeprefix(f"{kind} ") for edit in edits]
            what = f"{len(run):,} {kind}s {alike.named(names)}"
            edits = [replace(edits[0], what=what)]
        yield replace(run[0], edits=edits)


def _change(entry: Entry) -> tuple[Hashable, ...]:
    """What entries that are shown as one share; those of ops stay alone."""
    edit = entry.edits[0]
    kind, _, name = edit.what.partition(" ")
    if edit.kind != "interface" or not name.startswith("'"):
        return (id(entry),)
    return kind, entry.heading, edit.old, edit.new, edit.note


def _op_of(edit: Edit) -> object:
    """A key that edits of one op share; ops added (removed) together are one entry."""
    if edit.group >= 0:
        return edit.kind, edit.group
    return (edit.before, edit.after) if edit.before is not None else edit


def _mark(edits: list[Edit]) -> str:
    kinds = [edit.kind for edit in edits]
    if edits[0].kind in ("interface", "function", "metadata"):
        return ""
    return next((_MARKS[kind] for kind in kinds if kind in _MARKS), "~")


def _places(edits: list[Edit]) -> list[Place]:
    return list(dict.fromkeys(edit.place for edit in edits if edit.place is not None))


def _folded(found: Iterable[Entry]) -> Iterator[Entry]:
    """Merge entries with the same differences into the first one."""
    groups: dict[object, list[Entry]] = {}
    for number, entry in enumerate(found):
        groups.setdefault(_likeness(entry) or number, []).append(entry)
    for group in groups.values():
        if len(group) < _LIKE:
            yield from group
            continue
        places = [place for entry in group for place in entry.places]
        yield Entry(group[0].mark, group[0].heading, group[0].edits, places)


def _likeness(entry: Entry) -> object:
    """A key that entries shown as one share; None for those that stay alone."""
    if not entry.mark or len({place.op for place in entry.places}) != 1:
        return None
    if any(edit.weight is not None or edit.kind in ("moved", "operands") for edit in entry.edits):
        return None
    changes = tuple((e.kind, e.what, e.old, e.new) for e in entry.edits)
    return entry.heading, entry.mark, entry.places[0].op, changes


# -- unified --------------------------------------------------------------------------------------


def _unified(listed: list[Entry]) -> Iterator[str]:
    heading = ""
    for entry in sorted(listed, key=_by_heading(listed)):
        if entry.heading != heading:
            heading = entry.heading
            yield ""
            yield _styled(heading, "@")
        yield from _lines(entry)


def _by_heading(listed: list[Entry]):
    order = {heading: i for i, heading in enumerate(dict.fromkeys(e.heading for e in listed))}
    return lambda entry: order[entry.heading]


def _lines(entry: Entry) -> Iterator[str]:
    if not entry.mark:
        for edit in entry.edits:
            yield f"  {edit.what:<24} {change_of(edit)}"
        return
    several = len(entry.places) > 1
    if (several and entry.edits[0].group < 0) or len(entry.edits) < len(entry.places):
        yield _styled(f"{entry.mark} {_many(entry.places)}", entry.mark)
    elif entry.edits[0].group >= 0:
        yield from _grouped_lines(entry)
    else:
        yield from _op_lines(entry)
    yield from _details(entry)


def _many(places: list[Place]) -> str:
    names = ", ".join(map(_named, places[:_NAMED]))
    more = f" and {len(places) - _NAMED:,} more" if len(places) > _NAMED else ""
    return f"{len(places):,} × {places[0].op}: {names}{more}"


def _named(place: Place) -> str:
    name = place.name or place.op
    return f"{name} ({place.layer})" if place.layer else name


def _grouped_lines(entry: Entry) -> Iterator[str]:
    """The lines of ops that were added or removed together."""
    note, count = entry.edits[0].note, len(entry.edits)
    if note and count > 1:
        yield printing.style(f"  {printing.plural(count, 'op')} {note}", "dim", sys.stdout)
    for edit in entry.edits:
        if edit.place is not None:
            yield _styled(f"{entry.mark} {edit.place.line}", entry.mark) + _layer(edit.place)
    if note and count == 1:
        yield printing.style(f"    {note}", "dim", sys.stdout)


def _op_lines(entry: Entry) -> Iterator[str]:
    edit = entry.edits[0]
    before, after = edit.before, edit.after
    if entry.mark == "!" and before is not None and after is not None:
        yield _styled(f"- {before.line}", "-") + _layer(before)
        yield _styled(f"+ {after.line}", "+")
    elif edit.place is not None:
        place = edit.place
        named = f"{place.name} = {place.op}" if place.name else place.op
        yield _styled(f"{entry.mark} {named}", entry.mark) + _layer(place)


def _layer(place: Place) -> str:
    return printing.style(f"   {place.layer}", "dim", sys.stdout) if place.layer else ""


def _details(entry: Entry) -> Iterator[str]:
    for edit in entry.edits:
        if edit.kind in ("added", "removed", "replaced"):
            continue
        what = "moved" if edit.kind == "moved" else edit.what or edit.kind
        users = len(edit.weight.users) if edit.weight is not None else 0
        shared = f" (and {printing.plural(users - 1, 'other op')})" if users > 1 else ""
        yield f"    {what:<12} {change_of(edit)}{shared}"


def _styled(text: str, mark: str) -> str:
    return printing.style(text, _COLOURS[mark], sys.stdout)


# -- side by side ---------------------------------------------------------------------------------


def _side_by_side(listed: list[Entry]) -> Iterator[str]:
    """Old lines left, new ones right, with the marks of `diff -y` between them."""
    total = shutil.get_terminal_size((_WIDTH, 0)).columns
    width = max((total - 3) // 2, 20)
    heading = ""
    for entry in sorted(listed, key=_by_heading(listed)):
        if entry.heading != heading:
            heading = entry.heading
            yield ""
            yield _styled(heading, "@")
        if len(entry.edits) < len(entry.places) or not entry.mark:
            yield from _lines(entry)
            continue
        for before, after in dict.fromkeys((e.before, e.after) for e in entry.edits):
            yield from _columns(before, after, width)
        yield from _details(entry)


def _columns(before: Place | None, after: Place | None, width: int) -> Iterator[str]:
    left, right = (textwrap.wrap(p.line, width) if p else [] for p in (before, after))
    mark = "<" if after is None else ">" if before is None else "|"
    for row in range(max(len(left), len(right))):
        old = (left[row] if row < len(left) else "").ljust(width)
        new = right[row] if row < len(right) else ""
        middle = mark if row == 0 else " "
        if before is not None and after is not None:
            yield f"{_styled(old, '-')} {middle} {_styled(new, '+')}".rstrip()
        else:
            yield _styled(f"{old} {middle} {new}".rstrip(), "-" if after is None else "+")
