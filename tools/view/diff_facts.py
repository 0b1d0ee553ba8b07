"""The result of `cmlc-diff`: in words that text and page share, and as plain data."""

from dataclasses import asdict, dataclass
from typing import Any

from ...ir.diff import Difference, Edit, WeightChange
from ..cli import printing

# One and several edits of a kind.
NOUNS = {
    "interface": ("interface", "interface"),
    "function": ("function", "functions"),
    "removed": ("op removed", "ops removed"),
    "added": ("op added", "ops added"),
    "replaced": ("op replaced", "ops replaced"),
    "moved": ("op moved", "ops moved"),
    "attribute": ("attribute", "attributes"),
    "operands": ("operand", "operands"),
    "type": ("type", "types"),
    "weight": ("weight", "weights"),
    "metadata": ("metadata", "metadata"),
}


@dataclass(frozen=True)
class Compared:
    """Two modules, by the user's names, and how they differ."""

    old: str
    new: str
    difference: Difference


def summary(found: Difference) -> str:
    """One line: the number of edits of each kind, and how much is equal."""
    same = f"{printing.plural(found.matched, 'op')} matched"
    if found.ops != (found.matched, found.matched):
        same += f" of {found.ops[0]:,} and {found.ops[1]:,}"
    if found.equal:
        return f"no differences; {same}"
    parts = [
        f"{count:,} {NOUNS[kind][0 if count == 1 else 1]}" for kind, count in found.counts().items()
    ]
    return f"{printing.plural(len(found.edits), 'edit')}: {', '.join(parts)}; {same}"


def following(found: Difference) -> list[str]:
    """The consequences of the edits, one sentence each."""
    types = found.types_following
    if not types:
        return list(found.following)
    counted = "the type of 1 op follows" if types == 1 else f"types of {types:,} ops follow"
    return [*found.following, counted]


def section(edit: Edit) -> str:
    """The heading above an edit."""
    if edit.kind == "interface" and edit.place is not None and edit.place.function != "main":
        return f"interface of @{edit.place.function}"
    if edit.kind in ("interface", "function", "metadata"):
        return edit.kind
    if edit.is_preprocessing and edit.place is not None:
        return f"preprocessing of {edit.place.layer}"
    return f"@{edit.place.function}" if edit.place is not None else ""


def distance(change: WeightChange) -> str:
    """How far the contents of two constants differ."""
    if change.old_type != change.new_type and change.changed is None:
        how = f": transposed by {list(change.transposed)}" if change.transposed else ""
        return f"{change.old_type} → {change.new_type}{how}"
    if change.changed is None:
        return "contents differ; only their hashes are available"
    if change.changed == 0:
        return "the same numbers, stored differently"
    text = f"{change.changed:,} of {printing.plural(change.size, 'element')} differ"
    if change.changed == change.size > 1:
        text = f"all {change.size:,} elements differ"
    if change.max_difference is None or change.mean_difference is None:
        return text
    text += f", max {change.max_difference:.3g}"
    if change.relative is not None:
        text += f" ({100 * change.relative:.3g}% of the largest)"
    return f"{text}, mean {change.mean_difference:.3g}"


def change_of(edit: Edit) -> str:
    """The change on one line."""
    if edit.kind == "moved":
        return f"was {edit.old or 'alone'}, is {edit.new or 'alone'}"
    if edit.weight is not None and edit.weight.changed is not None:
        shown = f"{edit.old} → {edit.new}: " if edit.old != edit.new else f"{edit.old}: "
        return shown + distance(edit.weight)
    if edit.weight is not None:
        return distance(edit.weight)
    if edit.note == "swapped":
        return f"swapped: ({edit.old}) → ({edit.new})"
    if edit.kind == "function" and edit.what in ("removed", "added"):
        return f"{edit.old}{edit.new}; {edit.note}" if edit.note else f"{edit.old}{edit.new}"
    text = f"{edit.old or 'none'} → {edit.new or 'none'}"
    return f"{text}; {edit.note}" if edit.note else text


def facts(compared: Compared) -> dict[str, Any]:
    """The comparison as plain data."""
    found = compared.difference
    return {
        "ok": True,
        "equal": found.equal,
        "old": compared.old,
        "new": compared.new,
        "summary": summary(found),
        "counts": found.counts(),
        "matched": found.matched,
        "ops": list(found.ops),
        "edits": [_edit(edit) for edit in found.edits],
        "following": list(found.following),
        "types_following": found.types_following,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    """An edit without what it does not have."""
    made = {key: value for key, value in asdict(edit).items() if value not in (None, "", -1)}
    if edit.is_preprocessing:
        made["preprocessing"] = True
    return made
