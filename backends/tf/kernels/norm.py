"""Normalization."""

from typing import Any


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
