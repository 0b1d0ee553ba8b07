"""Values of a batch brought to other places: by reshapes, transposes, repetition."""

from collections.abc import Sequence

import numpy as np

from ..ir.batch.place import Place
from ..ir.batch.rule import EntryNumbers, FirstEntry, Gap, Offset, RefusalError, Want, Widened
from ..ir.dialects.builtin import constant
from ..ir.dialects.core import elementwise, shape, sort
from ..ir.dims import Dim, Expr, Shape, product
from ..ir.rewrite import adopt
from ..ir.ssa import Function, Value
from ..ir.types import DType


class Mover:
    """Makes operands what rules want them to be, in one function.

    Args:
        function: the function with the batch; what it needs to know of all entries comes first.
        size: the extent of the batch.
    """

    def __init__(self, function: Function, size: Expr) -> None:
        self.function = function
        self.size = size
        self._numbers: Value | None = None
        self._like: Value | None = None
        self._extent: Value | None = None

    def wanted(self, value: Value, entry: Shape, place: Place | None, want: Want) -> Value:
        """The operand that a rule wants, detached.

        Args:
            value: the operand with the batch.
            entry: its shape in a batch of one.
            place: where it has the batch; None if all entries share it.
            want: what the rule says.

        Raises:
            RefusalError: it can't be brought there.
        """
        match want:
            case Place():
                return self.at(value, entry, place, want)
            case Gap(axis):
                return shape.ExpandDims(value, (axis,)).result
            case Offset():
                return self._offset(value, entry, place, want)
            case FirstEntry():
                return value if place is None else self._first(value, entry, place)
            case Widened():
                return self._widened(value, want)
            case None:
                return value

    def at(self, value: Value, entry: Shape, place: Place | None, target: Place) -> Value:
        """The value with its batch at another place; one that entries share is repeated."""
        if place == target:
            return value
        if place is None:
            return self._repeated(value, entry, target)
        found = target.opened(entry, self.size)
        if place.elements_before(entry) == target.elements_before(entry):
            return _reshaped(value, found)
        parts, source, position = _parts(entry, place, target)
        split = _reshaped(value, (*parts[:source], self.size, *parts[source:]))
        order = [axis for axis in range(len(parts) + 1) if axis != source]
        order.insert(position, source)
        return _reshaped(shape.Transpose(split, tuple(order)).result, found)

    def _repeated(self, value: Value, entry: Shape, target: Place) -> Value:
        """A choice between the value and nothing, which broadcasts to all entries."""
        apart = target if target.own or target.is_dimension(entry) else target.apart(entry)
        if apart.own and apart.axis > 0:
            value = shape.ExpandDims(value, (apart.axis,)).result
        rank = len(apart.opened(entry, self.size))
        after = rank - 1 - max(apart.axis, 0)
        if value.type.dtype is DType.STR:
            raise RefusalError("needs the same strings for all entries")
        like = _along(self._entries(), after, value.type.dtype)
        always = constant(np.asarray(True))
        found = elementwise.Select(always, value, like).result
        return self.at(found, entry, apart, target)

    def _first(self, value: Value, entry: Shape, place: Place) -> Value:
        """Entry 0."""
        apart = place if place.is_dimension(entry) else place.apart(entry)
        moved = self.at(value, entry, place, apart)
        rank, axis = moved.type.rank, max(apart.axis, 0)
        ends = [int(i == axis) for i in range(rank)]
        open_ends = tuple(1 - end for end in ends)
        zeros = (0,) * rank
        ones = (1,) * rank
        first = shape.SliceByIndex(moved, zeros, tuple(ends), ones, zeros, open_ends).result
        return shape.Squeeze(first, (axis,)).result if apart.own else first

    def _offset(self, value: Value, entry: Shape, place: Place | None, want: Offset) -> Value:
        """Positions among those of all entries; negative ones become positive first."""
        target = want.place
        apart = target if target.own or target.is_dimension(entry) else target.apart(entry)
        picked = self.at(value, entry, place, apart)
        if want.column is None:
            moved = self._moved_on(picked, want.extent, apart)
        else:
            last = picked.type.rank - 1
            columns = _columns(picked, (want.column, want.column + 1))
            columns[1] = self._moved_on(columns[1], want.extent, apart)
            kept = tuple(part for part in columns if part.type.shape[last] != 0)
            moved = shape.Concat(kept, last).result
        return self.at(moved, entry, apart, target)

    def _widened(self, value: Value, want: Widened) -> Value:
        """The vector, with N computed where it is among the numbers."""
        kind = value.type.dtype
        last = value.type.rank - 1
        before, _, after = _columns(value, (want.axis, want.axis + want.replaced))
        numbers = tuple(
            self._count(kind) if n is None else constant(np.asarray([n], kind.numpy))
            for n in want.entries
        )
        parts = (before, *numbers, after)
        return shape.Concat(tuple(p for p in parts if p.type.shape[last] != 0), last).result

    def _count(self, dtype: DType) -> Value:
        """N, as a vector of one number."""
        if self._extent is None:
            arguments = self.function.arguments
            source = next(v for v in arguments if v.type.shape[:1] == (self.size,))
            sizes = shape.ShapeOf(source).result
            self._extent, _ = _columns(sizes, (1,))
            self._put([self._extent])
        same = self._extent.type.dtype is dtype
        return self._extent if same else elementwise.Cast(self._extent, dtype).result

    def _moved_on(self, picked: Value, extent: int, place: Place) -> Value:
        kind = picked.type.dtype.numpy
        after = picked.type.rank - 1 - max(place.axis, 0)
        numbers = _along(self._counted(), after, picked.type.dtype)
        if extent == 1:
            return elementwise.Select(constant(np.asarray(True)), numbers, picked).result
        whole = constant(np.asarray(extent, kind))
        first = elementwise.Mul(numbers, whole).result
        return elementwise.Add(elementwise.Mod(picked, whole).result, first).result

    def numbers_of_entries(self, want: EntryNumbers) -> Value:
        """0 for each position of the first entry, then 1 for each of the second, and so on."""
        each = shape.ExpandDims(self._counted(), (1,)).result
        shared = constant(np.zeros((1, want.count), np.int32))
        repeated = elementwise.Add(each, shared).result
        return _reshaped(repeated, (self.size * want.count,))

    def _counted(self) -> Value:
        """0, 1, … for each entry, as i32[N]: sums of ones, so that no shape has to be computed."""
        if self._numbers is None:
            one = constant(np.asarray(1, np.int32))
            like = elementwise.Cast(self._entries(), DType.I32).result
            each = elementwise.Select(constant(np.asarray(True)), one, like).result
            self._numbers = sort.Cumsum(each, axis=0, exclusive=True).result
            self._put([self._numbers])
        return self._numbers

    def _entries(self) -> Value:
        """Some number of each entry, of an argument that has the batch."""
        if self._like is None:
            value = next(filter(self._tells, self.function.arguments), None)
            if value is None:
                raise RefusalError("needs to know how many entries there are")
            rank = value.type.rank
            zeros, ones = (0,) * rank, (1,) * rank
            first = shape.SliceByIndex(value, zeros, ones, ones, zeros, (1, *zeros[1:])).result
            self._like = _reshaped(first, (self.size,))
            self._put([self._like])
        return self._like

    def _tells(self, argument: Value) -> bool:
        """Whether an argument has a number for each entry."""
        sizes = argument.type.shape
        fits = sizes[:1] == (self.size,) and 0 not in sizes
        return fits and argument.type.dtype is not DType.STR

    def _put(self, values: list[Value]) -> None:
        """Compute values first of all: whatever block needs them sees them there."""
        done = self._like.op if self._like is not None else None
        block = self.function.block
        first = done.next if done is not None and done.parent is block else block.first
        adopt(values, block, first)


def _along(values: Value, after: int, dtype: DType) -> Value:
    """A number of each entry, with so many dimensions of 1 after them."""
    found = elementwise.Cast(values, dtype).result if values.type.dtype is not dtype else values
    axes = tuple(range(1, after + 1))
    return shape.ExpandDims(found, axes).result if axes else found


def _columns(value: Value, cuts: Sequence[int]) -> list[Value]:
    """Slices of the last dimension, between positions."""
    rank = value.type.rank
    extent = value.type.shape[-1]
    assert isinstance(extent, int)
    found: list[Value] = []
    for begin, end in zip((0, *cuts), (*cuts, extent), strict=True):
        zeros, ones = (0,) * (rank - 1), (1,) * (rank - 1)
        part = shape.SliceByIndex(
            value, (*zeros, begin), (*zeros, end), (*ones, 1), (*ones, 0), (*ones, 0)
        )
        found.append(part.result)
    return found


def _reshaped(value: Value, target: Shape) -> Value:
    return value if value.type.shape == target else shape.Reshape(value, target).result


def _parts(entry: Shape, source: Place, target: Place) -> tuple[list[Dim], int, int]:
    """The dimensions of an entry cut at two places, and how many parts lie before each."""
    cuts = [source.cut(entry), target.cut(entry)]
    parts: list[Dim] = []
    positions = [0, 0]
    for axis, extent in enumerate(entry):
        here = sorted({outer for at, outer in cuts if at == axis and outer != 1})
        pieces = _pieces(extent, here)
        for index, (at, outer) in enumerate(cuts):
            if at == axis:
                positions[index] = len(parts) + (0 if outer == 1 else here.index(outer) + 1)
        parts += pieces
    for index, (at, _) in enumerate(cuts):
        if at == len(entry):
            positions[index] = len(parts)
    return parts, positions[0], positions[1]


def _pieces(extent: Dim, cuts: list[int]) -> list[Dim]:
    """Factors of an extent whose products are the cuts, slowest first."""
    pieces: list[Dim] = []
    done = 1
    for cut in cuts:
        if cut % done:
            raise RefusalError("has the batch in the middle of a dimension")
        pieces.append(cut // done)
        done = cut
    pieces.append(extent // done)
    assert product(pieces) == extent
    return pieces
