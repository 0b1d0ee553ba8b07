"""Writing slices: rows at multi-indices, so that every program that reads graphs takes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .shape import with_extents

Number = Any  # an int, or a scalar tensor where only running tells
_LONGEST = 16  # extents whose positions are spelled out as constants


def slice_update(x: Any, update: Any, begin: Any, strides: Sequence[int], depth: int) -> Any:
    """x with the update written from `begin` on, by `strides`; a position outside is an error.

    Rows are scattered. Parts of rows are first joined with what is left of them.

    Args:
        x: the tensor.
        update: what is written.
        begin: the first position along each dimension, from the start.
        strides: the distances of positions.
        depth: how many of the first dimensions the slice cuts.
    """
    import tensorflow as tf

    if not depth:
        return update
    rank = x.shape.rank
    starts = entries_of(begin)
    if depth == rank and strides[-1] == 1:
        cuts = [axis for axis in range(rank - 1) if not _is_whole(x, update, starts, strides, axis)]
        depth = cuts[-1] + 1 if cuts else 0
        lines = tf.gather_nd(x, positions(update, starts, strides, depth)) if depth else x
        update = _joined(lines, update, starts[-1])
        if not depth:
            return update
    return tf.tensor_scatter_nd_update(x, positions(update, starts, strides, depth), update)


def _joined(lines: Any, update: Any, first: Number) -> Any:
    """Lines with the update from a position of the last dimension on."""
    import tensorflow as tf

    count, extent = sizes_of(update)[-1], sizes_of(lines)[-1]
    before, _, after = tf.split(lines, [first, count, extent - first - count], -1)
    return with_extents(tf.concat([before, update, after], -1), lines.shape.as_list())


def dynamic_update_slice(x: Any, update: Any, begin: Any) -> Any:
    """TFLite's operation, which would move a slice that doesn't fit: a reshape fails before."""
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.ops import gen_xla_ops

    fixed = tf.get_static_value(begin) is not None and update.shape.is_fully_defined()
    if not fixed:
        begin = tf.cast(begin, tf.int32)
        room = tf.maximum(tf.minimum(begin + tf.shape(update), tf.shape(x)) - begin, 0)
        update = tf.reshape(update, room)
    return gen_xla_ops.xla_dynamic_update_slice(x, update, begin)


def slice_positions(update: Any, begin: Any, strides: Sequence[int], depth: int) -> Any:
    """The multi-indices of the rows of x that `slice_update` writes."""
    return positions(update, entries_of(begin), strides, depth)


def positions(update: Any, starts: Sequence[Number], strides: Sequence[int], depth: int) -> Any:
    """The multi-indices of the first `depth` dimensions where an update is written.

    Its shape is that of these dimensions, and then `depth`.
    """
    return grid(starts[:depth], sizes_of(update)[:depth], strides[:depth])


def grid(starts: Sequence[Number], sizes: Sequence[Number], strides: Sequence[int]) -> Any:
    """All multi-indices from `starts` on: [*sizes, how many dimensions there are].

    What is known is one constant, unless that were long.
    """
    import tensorflow as tf

    depth, units = len(sizes), np.eye(len(sizes), dtype=np.int32)
    rows = list(enumerate(zip(starts, sizes, strides, strict=True)))
    known = {
        axis: int(first) + np.arange(size, dtype=np.int32) * step
        for axis, (first, size, step) in rows
        if isinstance(first, int) and isinstance(size, int) and size <= _LONGEST
    }
    found: Any = np.zeros((*(1,) * depth, depth), np.int32)
    for axis, steps in known.items():
        found = found + steps.reshape(-1, *(1,) * (depth - axis)) * units[axis]
    for axis, (first, size, step) in rows:
        if axis not in known:
            steps = tf.range(first, first + size * step, step)
            found = found + tf.reshape(steps, (-1, *(1,) * (depth - axis))) * units[axis]
    return found


def entries_of(vector: Any) -> list[Number]:
    """The entries of a vector of indices: numbers where they are known."""
    import tensorflow as tf

    (count,) = vector.shape.as_list()
    known = tf.get_static_value(vector, partial=True)
    if known is None:
        known = [None] * count
    # What a vector was made of needs no taking apart, and is the same for several vectors.
    scalars = list(vector.op.inputs) if vector.op.type == "Pack" else None
    found: list[Number] = []
    for i in range(count):
        if known[i] is not None:
            found.append(int(known[i]))
        else:
            found.append(tf.cast(scalars[i] if scalars else vector[i], tf.int32))
    return found


def sizes_of(x: Any) -> list[Number]:
    """The extents of a tensor: numbers where they are known."""
    import tensorflow as tf

    known = x.shape.as_list()
    if None not in known:
        return known
    computed = tf.shape(x)
    return [computed[axis] if size is None else size for axis, size in enumerate(known)]


def _is_whole(
    x: Any, update: Any, starts: Sequence[Number], strides: Sequence[int], axis: int
) -> bool:
    """Whether an update certainly has all of x along a dimension."""
    first, size = starts[axis], x.shape[axis]
    begins = isinstance(first, int) and first == 0 and strides[axis] == 1
    return begins and size is not None and size == update.shape[axis]
