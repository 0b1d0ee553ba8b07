"""Slices and padding: ops of the shape family that remove and add elements along dimensions."""

import numpy as np

from ...attributes import Dims, PadPairs, PerAxis
from ...batch.kinds import ALONG, by_axes
from ...batch.rule import Given, RefusalError, Taken, Widened
from ...declare import attr, operand
from ...dims import Dim, ceil_div, differs
from ...failures import FailedCheckError
from ...ssa import Op, Value
from ...types import ANY, INDEX, Array, DType, Type


class SliceByIndex(Op):
    """x[begin:end:stride] in every dimension, with numpy's rules.

    Negative indices count from the end; where the mask entry is 1, the index is ignored and the
    slice starts or ends at the edge (MIL `slice_by_index`, without its squeeze mask).

    (C1) strides are not 0.
    """

    name = "tensor.slice_by_index"
    permuted_operands = ("x",)

    x: Value = operand()
    begin: PerAxis = attr()
    end: PerAxis = attr()
    stride: PerAxis = attr()
    begin_mask: PerAxis = attr()
    end_mask: PerAxis = attr()

    def slices(self) -> tuple[slice, ...]:
        """Python slices, with masks applied."""
        rows = zip(self.begin, self.end, self.stride, self.begin_mask, self.end_mask, strict=True)
        return tuple(
            slice(None if no_begin else begin, None if no_end else end, stride)
            for begin, end, stride, no_begin, no_end in rows
        )

    def infer(self) -> Type:
        self.require("C1", 0 not in self.stride, "has a stride of 0")
        shape = [
            sliced_extent(dim, part)
            for dim, part in zip(self.x.type.shape, self.slices(), strict=True)
        ]
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        return x[self.slices()]

    def fold(self) -> Value | None:
        whole = all(part == slice(None, None, 1) for part in self.slices())
        return self.x if whole or self._keeps_all() else None

    def batch(self, given: Given) -> Taken:
        """Whole along the batch; where entries are cut, it is a dimension of its own."""
        (place,) = given.places
        entry = self.x.type.shape
        assert place is not None
        if not place.own and _is_whole(entry[place.axis], self.slices()[place.axis]):
            return Taken((place,), changes=_with_whole(self, place.axis, 1))
        if place.is_dimension(entry):
            raise RefusalError(ALONG)
        place = place.apart(entry)
        return Taken((place,), (place,), _with_whole(self, place.axis, 0))

    def _keeps_all(self) -> bool:
        return all(map(_is_whole, self.x.type.shape, self.slices()))


def _is_whole(dim: Dim, part: slice) -> bool:
    """Whether a slice takes everything, in order."""
    if isinstance(dim, int):
        return range(dim)[part] == range(dim)
    return part == slice(None, None, 1)


def _with_whole(
    op: "SliceByIndex | DynamicSlice", axis: int, replaced: int
) -> dict[str, tuple[int, ...]]:
    """Attributes that take everything along one dimension, in place of one or before it."""
    whole = {"begin": 0, "end": 0, "stride": 1, "begin_mask": 1, "end_mask": 1}
    found: dict[str, tuple[int, ...]] = {}
    for name in whole.keys() & op.attributes.keys():
        given: tuple[int, ...] = op.attributes[name]
        found[name] = (*given[:axis], whole[name], *given[axis + replaced :])
    return found


def sliced_extent(dim: Dim, part: slice) -> Dim:
    """How many elements `part` takes from a dimension; exact for numbers.

    Indices into a symbolic dimension are assumed to be in range, which holds for every model that
    Core ML accepts: an index out of range in a model with flexible shapes is an error there.
    """
    if isinstance(dim, int):
        return len(range(dim)[part])
    step = part.step
    start: Dim = (0 if step > 0 else dim - 1) if part.start is None else part.start
    stop: Dim = (dim if step > 0 else -1) if part.stop is None else part.stop
    if isinstance(start, int) and start < 0 and part.start is not None:
        start = dim + start
    if isinstance(stop, int) and stop < 0 and part.stop is not None:
        stop = dim + stop
    return ceil_div(stop - start, step) if step > 0 else ceil_div(start - stop, -step)


class DynamicSlice(Op):
    """`tensor.slice_by_index` with indices computed at run time.

    `dims` declares the result's shape for the compiler: numbers where known, fresh symbols
    elsewhere.

    (C1) begin, end and dims have one entry for each dimension of x.
    (C2) strides are not 0.
    """

    name = "tensor.dynamic_slice"

    x: Value = operand()
    begin: Value = operand(INDEX, rank=1)
    end: Value = operand(INDEX, rank=1, like="begin")
    stride: PerAxis = attr()
    begin_mask: PerAxis = attr()
    end_mask: PerAxis = attr()
    dims: Dims = attr()

    def infer(self) -> Type:
        rank = self.x.type.rank
        counts = {"begin": self.begin.type.shape[0], "end": self.end.type.shape[0]}
        for name, count in {**counts, "dims": len(self.dims)}.items():
            self.require("C1", not differs(count, rank), f"{name} has {count} entries, x {rank}")
        self.require("C2", 0 not in self.stride, "has a stride of 0")
        return self.x.type.with_shape(self.dims)

    def evaluate(self, x: Array, begin: Array, end: Array) -> Array:
        rows = zip(begin, end, self.stride, self.begin_mask, self.end_mask, strict=True)
        return x[
            tuple(
                slice(None if no_first else int(first), None if no_last else int(last), step)
                for first, last, step, no_first, no_last in rows
            )
        ]

    def batch(self, given: Given) -> Taken:
        """Between the same positions in all entries: whole along the batch."""
        place, *positions = given.places
        if place is None or any(positions):
            raise RefusalError("takes one pair of positions for the whole batch")
        entry = self.x.type.shape
        if place.own or self.dims[place.axis] != entry[place.axis]:
            if place.is_dimension(entry):
                raise RefusalError(ALONG)
            place = place.apart(entry)
        replaced = int(not place.own)
        widened = Widened(place.axis, (0,), replaced)
        changes = _with_whole(self, place.axis, replaced)
        dims = {"dims": place.opened(self.dims, given.size)}
        return Taken((place,), (place, widened, widened), {**changes, **dims})


class SliceUpdate(Op):
    """x with `update` written from `begin` on.

    Element i of the update along a dimension becomes element begin + i * stride of x. Positions
    count from the start; one outside of x is an error when it runs (StableHLO's
    `dynamic_update_slice`, which moves the slice instead, and has no strides).

    (C1) begin and stride have one entry for each dimension of x, and update has its rank.
    (C2) strides are positive.
    (C3) the update is not larger than what x has at its strides.
    """

    name = "tensor.slice_update"

    x: Value = operand(ANY - {DType.STR})
    update: Value = operand(ANY - {DType.STR}, like="x")
    begin: Value = operand(INDEX, rank=1)
    stride: PerAxis = attr()

    def infer(self) -> Type:
        rank, (count,) = self.x.type.rank, self.begin.type.shape
        fits = not differs(count, rank) and len(self.stride) == self.update.type.rank == rank
        found = f"begin has {count} entries, stride {len(self.stride)}, update is"
        self.require("C1", fits, f"{found} {self.update.type}, and x {self.x.type}")
        self.require("C2", all(step > 0 for step in self.stride), "has a stride below 1")
        for own, dim, step in zip(
            self.update.type.shape, self.x.type.shape, self.stride, strict=True
        ):
            if isinstance(own, int) and isinstance(dim, int):
                message = f"can't write {self.update.type} to {self.x.type}"
                self.require("C3", (own - 1) * step < dim, message)
        return self.x.type

    def evaluate(self, x: Array, update: Array, begin: Array) -> Array:
        rows = zip(begin, update.shape, self.stride, x.shape, strict=True)
        parts: list[slice] = []
        for first, count, step, extent in rows:
            last = int(first) + (count - 1) * step + 1
            if count and not 0 <= first < last <= extent:
                message = f"writes to positions {int(first)} to {last - 1} of an extent of {extent}"
                raise FailedCheckError(message)
            parts.append(slice(int(first), max(last, int(first)), step))
        result = x.copy()
        result[tuple(parts)] = update
        return result

    def batch(self, given: Given) -> Taken:
        """At the same positions in all entries: whole along the batch."""
        place, written, position = given.places
        if position is not None:
            raise RefusalError("takes one position for the whole batch")
        place = place or written
        assert place is not None
        entry, own = self.x.type.shape, self.update.type.shape
        if not place.own and own[place.axis] != entry[place.axis]:
            if place.is_dimension(entry):
                raise RefusalError(ALONG)
            place = place.apart(entry)
        replaced = int(not place.own)
        stride = (*self.stride[: place.axis], 1, *self.stride[place.axis + replaced :])
        widened = Widened(place.axis, (0,), replaced)
        return Taken((place,), (place, place, widened), {"stride": stride})


class Pad(Op):
    """Pads x; `pad` has (before, after) for every dimension.

    `mode`: "constant" (with `value`), "reflect" (without the edge), "replicate" (the edge).

    (C1) the mode is one of these.
    (C2) the padding is not negative, and "reflect" adds less than the size of the dimension.
    """

    name = "tensor.pad"
    permuted_operands = ("x",)

    def batch(self, given: Given) -> Taken:
        """Where entries get a border, the batch is a dimension of its own."""
        return by_axes(self, given, splits=True)

    x: Value = operand()
    pad: PadPairs = attr()
    mode: str = attr(default="constant")
    value: float = attr(default=0.0)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self.pad[::2], self.pad[1::2], strict=True))

    def infer(self) -> Type:
        known = ("constant", "reflect", "replicate")
        self.require("C1", self.mode in known, f"mode is '{self.mode}', expected one of {known}")
        shape: list[Dim] = []
        for dim, (low, high) in zip(self.x.type.shape, self.pairs(), strict=True):
            fits = min(low, high) >= 0 and not (
                self.mode == "reflect" and isinstance(dim, int) and max(low, high) >= max(dim, 1)
            )
            self.require("C2", fits, f"can't add {low} and {high} to a dimension of {dim}")
            shape.append(dim + low + high)
        return self.x.type.with_shape(shape)

    def evaluate(self, x: Array) -> Array:
        if not any(self.pad):  # numpy needs at least one dimension
            return x
        if self.mode == "constant":
            return np.pad(x, self.pairs(), constant_values=x.dtype.type(self.value))
        return np.pad(x, self.pairs(), "reflect" if self.mode == "reflect" else "edge")

    def fold(self) -> Value | None:
        return None if any(self.pad) else self.x


class DynamicPad(Op):
    """`tensor.pad` with a constant and padding computed at run time.

    `pad` holds (before, after) for every dimension, flat. `dims` declares the result's shape for
    the compiler: numbers where known, fresh symbols elsewhere.

    (C1) for each dimension of x, pad has two entries and dims has one.
    """

    name = "tensor.dynamic_pad"

    x: Value = operand(ANY - {DType.STR})
    pad: Value = operand(INDEX, rank=1)
    dims: Dims = attr()
    value: float = attr(default=0.0)

    def infer(self) -> Type:
        rank, (count,) = self.x.type.rank, self.pad.type.shape
        fits = not differs(count, 2 * rank) and len(self.dims) == rank
        found = f"pad has {count} entries and dims {len(self.dims)} for rank {rank}"
        self.require("C1", fits, found)
        return self.x.type.with_shape(self.dims)

    def evaluate(self, x: Array, pad: Array) -> Array:
        if x.ndim == 0:  # numpy needs at least one dimension
            return x
        return np.pad(x, pad.reshape(-1, 2), constant_values=x.dtype.type(self.value))

    def batch(self, given: Given) -> Taken:
        """The same borders around all entries: the batch is a dimension of its own, without."""
        place, borders = given.places
        if place is None or borders is not None:
            raise RefusalError("adds borders that are computed from the numbers of an entry")
        place = place.apart(self.x.type.shape)
        widened = Widened(2 * place.axis, (0, 0))
        return Taken((place,), (place, widened), {"dims": place.opened(self.dims, given.size)})
