"""Promises about shapes and numbers that only running can keep."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def assert_shape(x: Any, allowed: Sequence[Sequence[int]], subject: str, expectation: str) -> Any:
    """See the core op `tensor.assert_shape`; the message says what shape it is."""
    import tensorflow as tf

    shape = tf.shape(x)
    most = np.iinfo(np.int32).max  # no extent is larger
    limits = np.minimum(np.asarray(allowed, np.int64), most).astype(np.int32)
    limits = limits.reshape(len(allowed), -1, 2)
    greatest = np.where(limits[..., 1] < 0, most, limits[..., 1])
    inside = (shape >= limits[..., 0]) & (shape <= greatest)
    fits = tf.reduce_any(tf.reduce_all(inside, -1))
    return required(x, fits, [f"{subject} has shape [", shape, f"], {expectation}"])


def required(value: Any, condition: Any, message: Sequence[Any]) -> Any:
    """The value; where the condition doesn't hold, the run stops with a message of these parts.

    Text and tensors become one string: TensorFlow would show several ones in brackets.
    """
    import tensorflow as tf

    def text(part: Any) -> Any:
        if isinstance(part, str):
            return part
        return tf.strings.reduce_join(tf.strings.as_string(part), separator=", ")

    whole = tf.strings.join([text(part) for part in message])
    with tf.control_dependencies([tf.debugging.Assert(condition, [whole])]):
        return tf.identity(value)
