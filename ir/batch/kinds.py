"""The kinds of rules that most ops have: a line `batch = along_axes` in a class declares one."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ..attributes import Kind, insert
from ..dims import Dim, Shape
from ..ssa import Op
from .place import FRONT, Place
from .rule import Gap, Given, RefusalError, Taken, Want

ALONG = "works along the batch dimension"


def elementwise(op: Op, given: Given, /) -> Taken:
    """Element by element: the result has the batch where the operands have it."""
    return broadcasting(op, given, 0)


def leading(op: Op, given: Given, /) -> Taken:
    """The first dimension of the first operand, and of the results, is one of entries."""
    place = given.places[0]
    shared_but(op, given, {0})
    assert place is not None
    if place.axis and place.is_dimension(op.operands[0].type.shape):
        raise RefusalError(ALONG)
    kept = place if not place.own and place.axis == 0 else Place(0)
    return Taken((kept,) * len(op.results), (kept, *(None,) * (len(op.operands) - 1)))


def along_axes(op: Op, given: Given, /) -> Taken:
    """Independent along every dimension that no attribute names."""
    return by_axes(op, given)


def by_axes(
    op: Op,
    given: Given,
    *,
    axes: Mapping[str, Any] | None = None,
    fill: Mapping[str, int] | None = None,
    splits: bool = False,
) -> Taken:
    """Independent along every dimension that no attribute names.

    The operands that share the dimensions are the op's permuted ones, or the first. If attributes
    name the dimension that holds the batch among others, the batch becomes one of its own.

    Args:
        op: the op.
        given: the question.
        axes: attributes in place of the op's own, such as all axes where none mean all.
        fill: what attributes with an entry for each dimension say of one that is left alone.
        splits: whether the batch may be taken out of a dimension of 1 that is worked along, which
            otherwise is a sign that entries are mixed.
    """
    values = {**op.attributes, **(axes or {})}
    fill = fill or {}
    group = sharing(op)
    shared_but(op, given, group)
    index = next(i for i in group if given.places[i] is not None)
    place, entry = given.places[index], op.operands[index].type.shape
    assert place is not None
    worked = _worked(op, values, fill)
    batch = place.axis if place.is_dimension(entry) else place.origin
    if batch in worked and not splits:
        other = place.beside(entry, worked)
        if other is None:
            raise RefusalError(ALONG)
        place = other
    if not place.own and place.axis in worked:
        place = place.apart(entry)
    wants = tuple(place if i in group else None for i in range(len(op.operands)))
    changes: dict[str, Any] = {}
    if place.own:
        for item in op.spec.attributes:
            value = values[item.name]
            changed = insert(item.kind, value, place.axis, fill.get(item.name, 0))
            if changed != op.attributes[item.name]:
                changes[item.name] = changed
    found = tuple(_result_place(op, place, values, value.type.rank) for value in op.results)
    return Taken(found, wants, changes)


def _worked(op: Op, values: Mapping[str, Any], fill: Mapping[str, int]) -> frozenset[int]:
    """The dimensions that attributes name."""
    found: set[int] = set()
    for item in op.spec.attributes:
        value = values[item.name]
        match item.kind:
            case Kind.AXIS:
                found.add(value)
            case Kind.AXES:
                found.update(value)
            case Kind.PER_AXIS:
                found.update(i for i, n in enumerate(value) if n != fill.get(item.name, 0))
            case Kind.PAD_PAIRS:
                found.update(i // 2 for i, n in enumerate(value) if n)
            case _:
                pass
    return frozenset(found)


def _result_place(op: Op, place: Place, values: Mapping[str, Any], rank: int) -> Place:
    """The place among the dimensions that the op leaves and adds."""
    entry = op.operands[sharing(op)[0]].type
    removed: set[int] = set()
    added: list[int] = []
    for item in op.spec.attributes:
        value = values[item.name]
        if item.kind is Kind.NEW_AXIS:
            added.append(value)
        elif rank < entry.rank and item.kind in (Kind.AXIS, Kind.AXES):
            removed.update((value,) if item.kind is Kind.AXIS else value)

    def moved(axis: int, ahead: bool) -> int:
        axis -= sum(other < axis for other in removed)
        return axis + sum(new < axis or (new == axis and not ahead) for new in added)

    origin = None if place.origin is None else moved(place.origin, False)
    return replace(place, axis=moved(place.axis, place.own), origin=origin)


def broadcasting(op: Op, given: Given, inner: int) -> Taken:
    """Independent along all dimensions but the last `inner`, which broadcast as those of sums do.

    Args:
        op: an op with one result.
        given: the question.
        inner: how many dimensions at the end, of all operands and the result, are worked along.
    """
    shape = op.results[0].type.shape
    entries = [value.type.shape for value in op.operands]
    offsets = [len(shape) - len(entry) for entry in entries]
    rows = list(zip(given.places, entries, offsets, strict=True))
    aligned = [place.moved(by) for place, _, by in rows if place is not None]
    common, free = aligned[0], len(shape) - inner
    if set(aligned) == {common} and _leads(common, free):
        if common.own:
            wants = [_beside(common, by) if place is None else None for place, _, by in rows]
            return Taken((common,), tuple(wants))
        fits = [
            _extent(common, entry, by) == (1 if place is None else shape[common.axis])
            for place, entry, by in rows
        ]
        if all(fits):
            return Taken((common,))
    units = [place for place in aligned if _leads(place, free) and place.is_dimension(shape)]
    common = units[0] if units else common.apart(shape) if _leads(common, free) else FRONT
    wants = [_beside(common, by) if place is None else _there(common, by) for place, _, by in rows]
    return Taken((common,), tuple(wants))


def _leads(place: Place, free: int) -> bool:
    """Whether the batch is among the first dimensions of the result."""
    return 0 <= place.axis < free + place.own


def _extent(common: Place, entry: Shape, offset: int) -> Dim:
    """The extent of an operand in the result's dimension that has the batch."""
    return 1 if common.axis < offset else entry[common.axis - offset]


def _beside(common: Place, offset: int) -> Want:
    """What a shared operand needs, if others have the batch there."""
    return Gap(common.axis - offset) if common.own and common.axis > offset else None


def _there(common: Place, offset: int) -> Want:
    """The place in an operand that is this place in the result."""
    if common.own or common.axis >= offset:
        return common.moved(-offset)
    return Place(common.axis + 1 - offset, own=True)


def sharing(op: Op) -> tuple[int, ...]:
    """Which flat operands share the dimensions that attributes name."""
    named = op.permuted_operands or (op.spec.operands[0].name,)
    return tuple(i for i, name in enumerate(operand_names(op)) if name in named)


def operand_names(op: Op) -> list[str]:
    """The name of each flat operand."""
    return [item.name for item in op.spec.operands for _ in op.values_of(item.name)]


def shared_but(op: Op, given: Given, allowed: Collection[int]) -> None:
    """Refuse a batch in any other operand."""
    for index, (name, place) in enumerate(zip(operand_names(op), given.places, strict=True)):
        if place is not None and index not in allowed:
            raise RefusalError(f"takes one {name} for the whole batch")
