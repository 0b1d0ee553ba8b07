"""Composite functions that TensorFlow has no single call for; run while the graph is traced.

They are called through the dialect like any function of the library, with keyword arguments named
as there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .recurrent_kernels import gru as gru
from .recurrent_kernels import lstm as lstm
from .recurrent_kernels import rnn as rnn


def conv_transpose(input: Any, filters: Any, strides: Sequence[int]) -> Any:
    """Transposed convolution of [N, *spatial, C], uncropped, for any batch and spatial size."""
    import tensorflow as tf

    known, dynamic = input.shape, tf.shape(input)
    lead = [known[i] if known[i] is not None else dynamic[i] for i in range(len(known) - 1)]
    sizes = [
        (size - 1) * stride + kernel
        for size, stride, kernel in zip(lead[1:], strides, filters.shape[:-2], strict=True)
    ]
    output_shape: Any = [lead[0], *sizes, filters.shape[-2]]
    return tf.nn.conv_transpose(input, filters, output_shape, strides, "VALID")


def local_response_norm(x: Any, size: int, alpha: float, beta: float, k: float, axis: int) -> Any:
    """x / (k + alpha / size * sum of squares over `size` neighbours along `axis`) ** beta."""
    import tensorflow as tf

    below = size // 2
    paddings = [[0, 0]] * len(x.shape)
    paddings[axis] = [below, size - 1 - below]
    squares = tf.pad(tf.square(x), paddings)
    extent = x.shape[axis]
    parts = [tf.gather(squares, tf.range(i, i + extent), axis=axis) for i in range(size)]
    return x / tf.pow(k + alpha / size * tf.add_n(parts), beta)


def along_axis(indices: Any, axis: int) -> Any:
    """Multi-indices [*shape, rank]: each element's own position, but the index along `axis`."""
    import tensorflow as tf

    shape = tf.shape(indices, out_type=indices.dtype)
    ranges = [tf.range(shape[i]) for i in range(len(indices.shape))]
    grid = tf.meshgrid(*ranges, indexing="ij") if len(ranges) > 1 else ranges
    grid[axis] = indices
    return tf.ensure_shape(tf.stack(grid, -1), (*indices.shape, len(ranges)))


def scatter_nd_mul(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.multiply)


def scatter_nd_div(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.divide)


def _scatter_in_turn(tensor: Any, indices: Any, updates: Any, combine: Callable[..., Any]) -> Any:
    """Combines slices with updates, one after the other where they have one position.

    The first updates of all positions are taken at once, then the second ones, and so on; what
    has none is combined with 1. Numbers round and overflow as if there were one update at a time.
    """
    import tensorflow as tf

    depth = indices.shape[-1]
    shape = tf.shape(tensor, out_type=indices.dtype)
    positions = tf.reshape(indices, (-1, depth))
    slices = tf.reshape(updates, tf.concat([tf.shape(positions)[:1], tf.shape(tensor)[depth:]], 0))
    strides = tf.math.cumprod(shape[:depth], exclusive=True, reverse=True)
    flat = tf.reduce_sum(positions * strides, -1)
    # The turn of an update: how many earlier ones have its position.
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


def top_k(input: Any, k: int, axis: int, ascending: bool) -> tuple[Any, Any]:
    """The k largest or smallest elements along `axis` and where they are, lower ones first."""
    import tensorflow as tf

    axes = [i for i in range(len(input.shape)) if i != axis]
    there, last = [*axes, axis], axis == len(axes)
    x = input if last else tf.transpose(input, there)
    if ascending:
        found = tf.argsort(x, stable=True)[..., :k]
        values = tf.gather(x, found, batch_dims=len(axes))
    else:
        values, found = tf.math.top_k(x, k)
    if last:
        return values, found
    back = [there.index(i) for i in range(len(there))]
    return tf.transpose(values, back), tf.transpose(found, back)
