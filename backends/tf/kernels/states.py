"""States in variables: read and written by slices, in place.

TensorFlow copies a variable whenever it is read after parts of it were written, so that what was
read never changes. So slices are gathered from the variable itself. That each access sees what was
written before it is up to the function around: it runs what uses a variable in order.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from .slices import entries_of, grid, sizes_of


def read_state(state: Any) -> Any:
    """All of it."""
    return state.read_value()


def write_state(state: Any, value: Any) -> list[Any]:
    """Set it."""
    state.assign(value, read_value=False)
    return []


def write_slice(state: Any, update: Any, begin: Any, strides: Sequence[int]) -> list[Any]:
    """Write the update from `begin` on, by `strides`; a position outside is an error.

    Args:
        state: the variable.
        update: what is written.
        begin: the first position along each dimension, from the start.
        strides: the distances of positions.
    """
    import tensorflow as tf

    ends: list[Any] = []
    inside: list[Any] = []
    sizes = sizes_of(update)
    if any(isinstance(size, int) and size == 0 for size in sizes):
        return []
    rows = zip(entries_of(begin), sizes, strides, state.shape.as_list(), strict=True)
    for first, size, step, extent in rows:
        last = first + (_reach(size, step) if step != 1 else size)
        ends.append(last)
        if isinstance(last, int) and size and not 0 <= first < last <= extent:
            message = f"writes to positions {first} to {last - 1}, outside of the state's {extent}"
            raise CompileError(Diagnostic(message))
        if not isinstance(last, int):
            inside += [first >= 0, last <= extent]
    checks: list[Any] = []
    if inside:
        text = f"a slice that is written is outside of the state of shape {state.shape.as_list()}"
        empty = [size <= 0 for size in sizes if not isinstance(size, int)]
        fits = reduce(tf.logical_or, [*empty, reduce(tf.logical_and, inside)])
        checks.append(tf.debugging.Assert(fits, [text]))
    with tf.control_dependencies(checks):
        tf.raw_ops.ResourceStridedSliceAssign(
            ref=state.handle,
            begin=tf.cast(begin, tf.int32),
            end=tf.stack(ends) if ends else tf.zeros(0, tf.int32),
            strides=tf.constant(strides, tf.int32),
            value=update,
        )
    return []


def _reach(size: Any, step: int) -> Any:
    """From the first position to the one behind the last; nothing, of no positions."""
    import tensorflow as tf

    reach = (size - 1) * step + 1
    return reach if isinstance(size, int) else tf.maximum(reach, 0)


def read_slice(
    state: Any,
    axes: Sequence[int],
    begins: Sequence[int],
    ends: Sequence[int],
    first: Sequence[int],
    last: Sequence[int],
    strides: Sequence[int],
    begin: Any = None,
    end: Any = None,
) -> Any:
    """A slice, as rows at multi-indices; see the op `kernels.read_slice`."""
    starts: list[Any] = list(first)
    rows = list(zip(first, last, strides, strict=True))
    counts: list[Any] = [len(range(*row)) for row in rows]
    extents = state.shape.as_list()
    whole = [row == (0, n, 1) for row, n in zip(rows, extents, strict=True)]
    for axis, first_entry, last_entry in zip(axes, begins, ends, strict=True):
        start = 0 if first_entry < 0 else _position(begin, first_entry, extents[axis])
        stop = extents[axis] if last_entry < 0 else _position(end, last_entry, extents[axis])
        starts[axis], counts[axis], whole[axis] = start, _distance(start, stop), False
    depth = max(axis + 1 for axis, uncut in enumerate(whole[:-1]) if not uncut)
    found = gather_state(state, grid(starts[:depth], counts[:depth], strides[:depth]))
    if not whole[-1]:  # a part of each row
        length = counts[-1] * strides[-1]
        found = found[..., starts[-1] : starts[-1] + length : strides[-1]]
    return found


def _position(positions: Any, entry: int, extent: int) -> Any:
    """Where a slice begins or ends, from the start and not outside."""
    import tensorflow as tf

    known = tf.get_static_value(positions, partial=True)
    if known is not None and known[entry] is not None:
        return slice(int(known[entry]), None).indices(extent)[0]
    found = entries_of(positions)[entry]
    return tf.clip_by_value(tf.where(found < 0, found + extent, found), 0, extent)


def _distance(start: Any, stop: Any) -> Any:
    """How many elements are between two positions."""
    import tensorflow as tf

    if isinstance(start, int) and isinstance(stop, int):
        return max(stop - start, 0)
    return stop if isinstance(start, int) and start == 0 else tf.maximum(stop - start, 0)


def gather_state(state: Any, indices: Any) -> Any:
    """Slices at multi-indices."""
    import tensorflow as tf

    return tf.raw_ops.ResourceGatherNd(resource=state.handle, indices=indices, dtype=state.dtype)


def scatter_state(state: Any, indices: Any, updates: Any, combine: str) -> list[Any]:
    """Combine slices with updates, in order."""
    import tensorflow as tf

    calls = {
        "update": tf.raw_ops.ResourceScatterNdUpdate,
        "add": tf.raw_ops.ResourceScatterNdAdd,
        "sub": tf.raw_ops.ResourceScatterNdSub,
        "max": tf.raw_ops.ResourceScatterNdMax,
        "min": tf.raw_ops.ResourceScatterNdMin,
    }
    calls[combine](ref=state.handle, indices=indices, updates=updates)
    return []
