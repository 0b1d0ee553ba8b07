"""Combining slices with updates where TensorFlow has no kernel."""

from collections.abc import Callable
from typing import Any


def scatter_nd_mul(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.multiply)


def scatter_nd_div(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.divide)


def _scatter_in_turn(tensor: Any, indices: Any, updates: Any, combine: Callable[..., Any]) -> Any:
    """Combines slices with updates, one after the other if several have the same index.

    The first updates of all indices are applied at once, then the second ones, and so on; slices
    without an update are combined with 1. Numbers round and overflow as with one update at a time.
    """
    import tensorflow as tf

    depth = indices.shape[-1]
    shape = tf.shape(tensor, out_type=indices.dtype)
    positions = tf.reshape(indices, (-1, depth))
    slices = tf.reshape(updates, tf.concat([tf.shape(positions)[:1], tf.shape(tensor)[depth:]], 0))
    strides = tf.math.cumprod(shape[:depth], exclusive=True, reverse=True)
    flat = tf.reduce_sum(positions * strides, -1)
    # The turn of an update: how many earlier ones have the same index.
    order = tf.argsort(flat, stable=True)
    ordered = tf.gather(flat, order)
    turns_in_order = tf.range(tf.size(flat)) - tf.searchsorted(ordered, ordered)
    turns = tf.scatter_nd(order[:, tf.newaxis], turns_in_order, tf.shape(flat))
    ones = tf.ones_like(tensor)

    def body(turn: Any, result: Any) -> tuple[Any, Any]:
        now = turns == turn
        factors = tf.tensor_scatter_nd_update(
            ones, tf.boolean_mask(positions, now), tf.boolean_mask(slices, now)
        )
        return turn + 1, combine(result, factors)

    count = tf.reduce_max(tf.concat([[-1], turns], 0)) + 1
    return tf.while_loop(lambda turn, _: turn < count, body, (tf.constant(0), tensor))[1]


def scatter_nd_last(tensor: Any, indices: Any, updates: Any) -> Any:
    """Slices replaced by the last update with their index, whatever order a runtime writes in.

    The last one is found, not written last: the largest number of an update for each slice.
    """
    import tensorflow as tf

    rows, slices, places = _by_place(tensor, indices, updates)
    numbers = tf.range(tf.size(places))
    last = tf.math.unsorted_segment_max(numbers, places, tf.shape(rows)[0])
    # One row more: where there are no updates, those that aren't chosen are still gathered.
    slices = tf.concat([slices, tf.zeros_like(slices[:1] if slices.shape[0] else rows[:1])], 0)
    written = tf.gather(slices, tf.maximum(last, 0))
    return tf.reshape(tf.where(last[:, tf.newaxis] >= 0, written, rows), tf.shape(tensor))


def scatter_nd_combined(tensor: Any, indices: Any, updates: Any, combine: str) -> Any:
    """Slices combined with all updates of their index, which are combined first.

    Only for "max" and "min", whose order doesn't matter: products may overflow on the way.
    """
    import tensorflow as tf

    first, then = {
        "max": (tf.math.unsorted_segment_max, tf.maximum),
        "min": (tf.math.unsorted_segment_min, tf.minimum),
    }[combine]
    rows, slices, places = _by_place(tensor, indices, updates)
    return tf.reshape(then(rows, first(slices, places, tf.shape(rows)[0])), tf.shape(tensor))


def _by_place(tensor: Any, indices: Any, updates: Any) -> tuple[Any, Any, Any]:
    """(slices as rows, updates as rows, the row that each of these is for)."""
    import tensorflow as tf

    depth, indices = indices.shape[-1], tf.cast(indices, tf.int32)
    extents = tf.unstack(tf.shape(tensor)[:depth], num=depth)
    places = indices[..., 0]
    for axis in range(1, depth):
        places = places * extents[axis] + indices[..., axis]
    width = _product(tf.shape(tensor)[depth:], tensor.shape[depth:])
    count = _product(tf.shape(tensor)[:depth], tensor.shape[:depth])
    places = tf.reshape(places, (-1,))
    slices = tf.reshape(updates, (tf.size(places), width))
    return tf.reshape(tensor, (count, width)), slices, places


def _product(sizes: Any, known: Any) -> Any:
    """The number of elements: a number where all extents are known."""
    import tensorflow as tf

    if known.is_fully_defined():
        return known.num_elements()
    return tf.reduce_prod(sizes)
