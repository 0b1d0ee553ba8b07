"""Positions among keys."""

from typing import Any, Protocol


class Table(Protocol):
    """Keys in a form that finds their positions."""

    def lookup(self, keys: Any) -> Any:
        """The position of each element, -1 for those that are not among the table's keys."""
        ...


def lookup(x: Any, keys: Table) -> Any:
    """The position of each element of x in a table."""
    import tensorflow as tf

    return tf.cast(keys.lookup(x), tf.int32)


def first_equal(x: Any, keys: Any) -> Any:
    """The position of each element of x among keys [K], compared with each of them; else -1.

    The earlier a key, the larger its weight: the largest weight among equal ones is the first's.
    """
    import tensorflow as tf

    count = tf.size(keys)
    weights = tf.range(count, 0, -1)
    equal = tf.equal(tf.expand_dims(x, -1) if x.shape.rank else x, keys)
    first = tf.reduce_max(tf.where(equal, weights, 0), -1)
    return tf.where(first > 0, count - first, -1)
