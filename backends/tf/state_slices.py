"""Which part of a state is read: slices of slices, as one slice of the variable."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...ir.ssa import Op, Value
from . import dialect as tf

Row = tuple[int, int, int]  # first, last, stride: a range


@dataclass(frozen=True)
class Part:
    """What an op reads of a state.

    Attributes:
        op: the last op that takes the part; what reads the variable takes its place.
        needs: what the part depends on beside the state.
        read: makes the detached result of `op`, given the state.
    """

    op: Op
    needs: tuple[Value, ...]
    read: Callable[[Value], Value]


def part_of(user: Op, value: Value) -> Part | None:
    """What a user reads of a state's value; None if it needs all of it, or too much.

    A cut along the last dimension alone takes a part of every row: all are gathered as fast.
    """
    if isinstance(user, tf.GatherNd) and user.params is value and user.indices is not value:
        indices, out = user.indices, user.result.type
        return Part(user, (indices,), lambda s: tf.GatherState(s, indices, result_types=out).result)
    found: _Slice | None = _Slice.whole(value)
    part: Part | None = None
    op: Op | None = user
    while op is not None and found is not None:
        found = found.followed_by(op)
        if found is not None:
            part = found.part(op) or part
        op = _only_user(op)
    return part


def _only_user(op: Op) -> Op | None:
    if len(op.results) != 1:
        return None
    (result,) = op.results
    if not result.has_one_use:
        return None
    (user,) = result.users
    return user if user.parent is op.parent and not user.is_terminator else None


@dataclass(frozen=True)
class _Slice:
    """A part of a state: a range along each dimension, or computed ends.

    Attributes:
        rows: the known ranges; everything where ends are computed.
        dims: the state's dimensions that are left, in order; others were squeezed.
        ends: along dimensions with computed ends, the entries of `begin` and `end`; -1 is the edge.
        begin: computed positions, if there are any.
        end: likewise.
    """

    value: Value
    rows: tuple[Row, ...]
    dims: tuple[int, ...]
    ends: tuple[tuple[int, int, int], ...] = ()
    begin: Value | None = None
    end: Value | None = None

    @staticmethod
    def whole(value: Value) -> "_Slice":
        sizes = value.type.static_shape
        return _Slice(value, tuple((0, size, 1) for size in sizes), tuple(range(len(sizes))))

    def followed_by(self, op: Op) -> "_Slice | None":
        """The same after a slice of it was taken; None if that is not one slice of the state."""
        if isinstance(op, tf.Squeeze):
            gone = {axis % len(self.dims) for axis in op.axis}
            return replace(self, dims=tuple(d for i, d in enumerate(self.dims) if i not in gone))
        if isinstance(op, tf.StridedSlice) and not op.shrink_axis_mask:
            return self._between(op)
        if isinstance(op, tf.StridedSliceDynamic) and not self.ends:
            return self._between_computed(op)
        return None

    def _between(self, op: tf.StridedSlice) -> "_Slice | None":
        rows, computed = list(self.rows), {axis for axis, _, _ in self.ends}
        for i, axis in enumerate(self.dims):
            first = None if op.begin_mask >> i & 1 else op.begin[i]
            last = None if op.end_mask >> i & 1 else op.end[i]
            cut = slice(first, last, op.strides[i])
            if axis in computed:
                if cut not in (slice(None, None, 1), slice(0, None, 1)):
                    return None
                continue
            taken = range(*rows[axis])[cut]
            if taken.step < 0 or not taken:
                return None
            rows[axis] = (taken.start, taken.stop, taken.step)
        return replace(self, rows=tuple(rows))

    def _between_computed(self, op: tf.StridedSliceDynamic) -> "_Slice | None":
        ends: list[tuple[int, int, int]] = []
        for i, axis in enumerate(self.dims):
            begins, stops = (not mask >> i & 1 for mask in (op.begin_mask, op.end_mask))
            if op.strides[i] != 1:
                return None
            if begins or stops:
                if self.rows[axis] != (0, self.value.type.static_shape[axis], 1):
                    return None
                ends.append((axis, i if begins else -1, i if stops else -1))
        begin, end = map(_source, (op.begin, op.end))
        return replace(self, ends=tuple(ends), begin=begin, end=end)

    def part(self, op: Op) -> Part | None:
        """What reads it, in place of the op that ends it."""
        sizes = self.value.type.static_shape
        cut = {axis for axis, size in enumerate(sizes) if self.rows[axis] != (0, size, 1)}
        cut |= {axis for axis, _, _ in self.ends}
        if not cut - {len(sizes) - 1}:
            return None
        (result,) = op.results
        shape = [len(range(*row)) for row in self.rows]
        full = list(result.type.with_shape(shape).shape)
        for i, axis in enumerate(self.dims):
            full[axis] = result.type.shape[i]
        needs = tuple(value for value in (self.begin, self.end) if value is not None)
        gone = tuple(axis for axis in range(len(sizes)) if axis not in self.dims)

        def read(state: Value) -> Value:
            first, last, strides = zip(*self.rows, strict=True)
            axes, begins, ends = zip(*self.ends, strict=True) if self.ends else ((), (), ())
            kind = result.type.with_shape(full)
            found = tf.ReadSlice(
                *(state, axes, begins, ends, first, last, strides, self.begin, self.end),
                result_types=kind,
            ).result
            return tf.Squeeze(found, gone, result_types=result.type).result if gone else found

        return Part(op, needs, read)


def _source(positions: Value) -> Value:
    """What lowering hides behind an identity."""
    hidden = positions.op
    return hidden.input if isinstance(hidden, tf.Identity) else positions
