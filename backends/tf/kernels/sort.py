"""Sorting."""

from typing import Any

from .shape import required


def top_k(input: Any, k: Any, axis: int, ascending: bool) -> tuple[Any, Any]:
    """The k largest or smallest elements along `axis` and their indices, lower ones first."""
    import tensorflow as tf

    axes = [i for i in range(len(input.shape)) if i != axis]
    there, last = [*axes, axis], axis == len(axes)
    x = input if last else tf.transpose(input, there)
    if not isinstance(k, int) or x.shape[-1] is None:
        extent = tf.shape(x)[-1]
        k = tf.cast(k, tf.int32)
        k = required(k, (k >= 1) & (k <= extent), ["top-k takes ", k, " of ", extent, " elements"])
    if ascending:
        found = tf.argsort(x, stable=True)[..., :k]
        values = tf.gather(x, found, batch_dims=len(axes))
    else:
        values, found = tf.math.top_k(x, k)
    if last:
        return values, found
    back = [there.index(i) for i in range(len(there))]
    return tf.transpose(values, back), tf.transpose(found, back)
