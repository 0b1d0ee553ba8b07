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
