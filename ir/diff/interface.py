"""Compares what callers see: functions, inputs, outputs, class labels and metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..interface import Description, Result
from ..ssa import Function, Module
from .edits import Edit, Place
from .graph import attribute_text

_LABELS = "class_labels"
_SHOWN_LABELS = 3


@dataclass
class Pairing:
    """Names that belong together.

    Attributes:
        pairs: (position before, position after).
        removed, added: positions without a partner.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    removed: list[int] = field(default_factory=list[int])
    added: list[int] = field(default_factory=list[int])


def pair_names(old: list[tuple[str, Any]], new: list[tuple[str, Any]]) -> Pairing:
    """Pair (name, type) by name, then those left by type in order, then a single one left."""
    found = Pairing()
    free = {name: i for i, (name, _) in reversed(list(enumerate(new))) if name}
    left: list[int] = []
    for i, (name, _) in enumerate(old):
        if name in free:
            found.pairs.append((i, free.pop(name)))
        else:
            left.append(i)
    taken = {j for _, j in found.pairs}
    rest = [j for j in range(len(new)) if j not in taken]
    for i in list(left):
        partner = next((j for j in rest if new[j][1] == old[i][1]), None)
        if partner is None and len(left) == len(rest) == 1:
            partner = rest[0]
        if partner is not None:
            found.pairs.append((i, partner))
            left.remove(i)
            rest.remove(partner)
    found.pairs.sort()
    found.removed, found.added = left, rest
    return found


def inputs_of(function: Function) -> list[tuple[str, Any]]:
    """(name, type) of the arguments."""
    return [(value.name, value.type) for value in function.arguments]


def outputs_of(function: Function) -> list[tuple[str, Any]]:
    """(name, type) of the results; those of private functions are known by their positions."""
    names = function.result_names or [str(i) for i in range(len(function.results))]
    return [(name, value.type) for name, value in zip(names, function.results, strict=True)]


@dataclass(frozen=True)
class Causes:
    """Differences of interfaces that ops repeat.

    Attributes:
        recolored: inputs and outputs, as locations name them, whose colour order differs.
        labels: class labels, old and new; empty if they are equal.
    """

    recolored: frozenset[str] = frozenset()
    labels: tuple[list[Any], list[Any]] = field(default=([], []))


@dataclass
class InterfaceEdits:
    """Differences of two functions' interfaces.

    Attributes:
        edits: independent differences.
        following: output types that differ because of the ops that compute them.
        causes: explanations for differences of ops.
    """

    edits: list[Edit] = field(default_factory=list[Edit])
    following: list[str] = field(default_factory=list[str])
    causes: Causes = field(default_factory=Causes)


def compare_interfaces(
    a: Function, b: Function, inputs: Pairing, outputs: Pairing
) -> InterfaceEdits:
    """Compare the interfaces of two functions."""
    found = InterfaceEdits()
    if a.name != b.name:
        found.edits.append(Edit("function", "name", f"@{a.name}", f"@{b.name}"))
    if a.public != b.public:
        old, new = (f"{'public' if f.public else 'private'} @{f.name}" for f in (a, b))
        found.edits.append(Edit("function", "visibility", old, new))
    where = Place(b.name, "func")
    _compare(found, "input", inputs, (inputs_of(a), a.inputs), (inputs_of(b), b.inputs), where)
    sides = (outputs_of(a), _described(a)), (outputs_of(b), _described(b))
    _compare(found, "output", outputs, *sides, where)
    renamed = {(outputs_of(a)[i][0], outputs_of(b)[j][0]) for i, j in outputs.pairs}
    classes_a, classes_b = a.classifier.entries(), b.classifier.entries()
    for key in _keys(classes_a, classes_b):
        old, new = classes_a.get(key), classes_b.get(key)
        if _text(old) == _text(new) or (old, new) in renamed:
            continue
        if key == _LABELS:
            found.edits.append(Edit("interface", "class labels", *_labels(old, new), after=where))
            found.causes = replace(found.causes, labels=(list(old or ()), list(new or ())))
        else:
            found.edits.append(Edit("interface", key, _text(old), _text(new), after=where))
    return found


_Side = tuple[list[tuple[str, Any]], Sequence[Description]]


def _described(function: Function) -> list[Result]:
    """The interface attributes of each named result."""
    return function.outputs or [Result() for _ in function.results]


def _compare(
    found: InterfaceEdits, kind: str, pairing: Pairing, old: _Side, new: _Side, where: Place
) -> None:
    (names_a, facts_a), (names_b, facts_b) = old, new
    for i in pairing.removed:
        name, type_ = names_a[i]
        found.edits.append(Edit("interface", f"{kind} '{name}'", str(type_), "", after=where))
    for j in pairing.added:
        name, type_ = names_b[j]
        found.edits.append(Edit("interface", f"{kind} '{name}'", "", str(type_), after=where))
    for i, j in pairing.pairs:
        (name, old_type), (renamed, new_type) = names_a[i], names_b[j]
        rows: list[tuple[str, str, str]] = []
        if name != renamed and name and renamed:
            rows.append(("name", f"'{name}'", f"'{renamed}'"))
        if old_type != new_type and kind == "input":
            rows.append(("", str(old_type), str(new_type)))
        elif old_type != new_type:
            found.following.append(f"{kind} '{renamed}' is {new_type}, was {old_type}")
        rows += _changed_facts(facts_a[i].entries(), facts_b[j].entries(), old_type != new_type)
        if facts_a[i].color != facts_b[j].color:
            places = {f"{kind} '{name}'", f"{kind} '{renamed}'"}
            found.causes = replace(found.causes, recolored=found.causes.recolored | places)
        if rows:
            before, after = _sides(rows)
            what = f"{kind} '{name or renamed}'"
            found.edits.append(Edit("interface", what, before, after, after=where))
    order = [j for _, j in pairing.pairs]
    if order != sorted(order):
        before = ", ".join(f"'{names_a[i][0]}'" for i, _ in pairing.pairs)
        after = ", ".join(f"'{names_b[j][0]}'" for j in sorted(order))
        found.edits.append(Edit("interface", f"order of {kind}s", before, after, after=where))


def _changed_facts(
    old: Mapping[str, Any], new: Mapping[str, Any], retyped: bool
) -> list[tuple[str, str, str]]:
    """Interface attributes that differ; the declared shape is left out if the type differs too."""
    return [
        (key, _text(old.get(key)), _text(new.get(key)))
        for key in _keys(old, new)
        if _text(old.get(key)) != _text(new.get(key)) and not (retyped and key == "shape")
    ]


def _sides(rows: list[tuple[str, str, str]]) -> tuple[str, str]:
    old = ", ".join(f"{key} {before}".strip() for key, before, _ in rows)
    return old, ", ".join(f"{key} {after}".strip() for key, _, after in rows)


def _keys(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [*a, *(key for key in b if key not in a)]


def _text(value: Any) -> str:
    return "none" if value is None else attribute_text(value)


def _labels(old: Any, new: Any) -> tuple[str, str]:
    """The labels that differ, with their positions, and how many labels there are."""
    before, after = list(old or ()), list(new or ())
    if not before or not after:
        return _counted(before), _counted(after)
    if len(before) != len(after):
        missing = [label for label in before if label not in set(after)]
        extra = [label for label in after if label not in set(before)]
        return _counted(before, missing), _counted(after, extra)
    places = [i for i, (x, y) in enumerate(zip(before, after, strict=True)) if x != y]
    return _listed(before, places), _listed(after, places)


def _counted(labels: list[Any], shown: list[Any] | None = None) -> str:
    if not labels:
        return "none"
    listed = ", ".join(map(_text, (shown or [])[:_SHOWN_LABELS]))
    more = ", …" if len(shown or []) > _SHOWN_LABELS else ""
    return f"{len(labels)} labels" + (f", {listed}{more} among them" if listed else "")


def _listed(labels: list[Any], places: list[int]) -> str:
    shown = ", ".join(f"[{i}] {_text(labels[i])}" for i in places[:_SHOWN_LABELS])
    more = len(places) - _SHOWN_LABELS
    return f"{shown}, {more} more" if more > 0 else shown


def compare_facts(a: Module, b: Module) -> list[Edit]:
    """Compare the metadata of modules; their names, which come from files, don't count."""
    old, new = dict(a.attributes), dict(b.attributes)
    return [
        Edit("metadata", key, _text(old.get(key)), _text(new.get(key)))
        for key in _keys(old, new)
        if key != "default_function" and _text(old.get(key)) != _text(new.get(key))
    ]
