"""Random numbers."""

from typing import Any

from .shape import checked


def fresh_key() -> Any:
    """A key of random numbers, u64[1], from TensorFlow's own state; it differs in each run."""
    import tensorflow as tf

    most = tf.int64.max
    return tf.cast(tf.random.uniform((1,), maxval=most, dtype=tf.int64), tf.uint64)


def random_categorical(logits: Any, key: Any, size: int) -> Any:
    """See the core op `tensor.random_categorical`: where uniform numbers lie in running sums."""
    import tensorflow as tf

    wide = tf.cast(logits, tf.float64)
    sums = tf.cumsum(tf.exp(wide - tf.reduce_max(wide, -1, keepdims=True)), -1)
    shape = tf.concat([tf.shape(logits)[:-1], [size]], 0)
    counter = tf.zeros(2, tf.uint64)
    uniform = tf.raw_ops.StatelessRandomUniformV2(
        shape=shape, key=key, counter=counter, alg=1, dtype=tf.float64
    )
    found = tf.searchsorted(sums, uniform * sums[..., -1:], side="right")
    return checked(found, (*logits.shape[:-1], size))
