"""Promises about shapes and numbers that only running can keep."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def assert_shape(x: Any, allowed: Sequence[Sequence[int]], subject: str, expectation: str) -> Any:
    """See the core op `tensor.assert_shape`; the message is one string, with the shape in it."""
    import tensorflow as tf

    shape = tf.shape(x)
    limits = np.asarray(allowed, np.int32).reshape(len(allowed), -1, 2)
    greatest = np.where(limits[..., 1] < 0, np.iinfo(np.int32).max, limits[..., 1])
    inside = (shape >= limits[..., 0]) & (shape <= greatest)
    text = tf.strings.reduce_join(tf.strings.as_string(shape), separator=", ")
    message = tf.strings.join([f"{subject} has shape [", text, f"], {expectation}"])
    fits = tf.reduce_any(tf.reduce_all(inside, -1))
    with tf.control_dependencies([tf.debugging.Assert(fits, [message])]):
        return tf.identity(x)


def required(value: Any, condition: Any, message: Sequence[Any]) -> Any:
    """The value; the graph fails where the condition doesn't hold."""
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(condition, message)]):
        return tf.identity(value)
