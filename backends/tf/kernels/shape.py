"""Assertions about shapes and numbers at run time."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def assert_shape(x: Any, allowed: Sequence[Sequence[int]], subject: str, expectation: str) -> Any:
    """See the core op `tensor.assert_shape`; the message contains the shape."""
    import tensorflow as tf

    shape = tf.shape(x)
    most = np.iinfo(np.int32).max  # no dimension is larger
    limits = np.minimum(np.asarray(allowed, np.int64), most).astype(np.int32)
    limits = limits.reshape(len(allowed), -1, 2)
    greatest = np.where(limits[..., 1] < 0, most, limits[..., 1])
    inside = (shape >= limits[..., 0]) & (shape <= greatest)
    fits = tf.reduce_any(tf.reduce_all(inside, -1))
    return required(x, fits, [f"{subject} has shape [", shape, f"], {expectation}"])


def required(value: Any, condition: Any, message: Sequence[Any]) -> Any:
    """The value; if the condition doesn't hold, the run stops with a message of these parts.

    Text and tensors become one string, because TensorFlow would show several in brackets.
    """
    import tensorflow as tf

    def text(part: Any) -> Any:
        if isinstance(part, str):
            return part
        return tf.strings.reduce_join(tf.strings.as_string(part), separator=", ")

    whole = tf.strings.join([text(part) for part in message])
    with tf.control_dependencies([tf.debugging.Assert(condition, [whole])]):
        return tf.identity(value)


def asserted(condition: Any, values: Sequence[Any], message: str) -> list[Any]:
    """See the core op `ctl.assert`."""
    import tensorflow as tf

    whole = condition if condition.shape.rank == 0 else tf.reduce_all(condition)
    with tf.control_dependencies([tf.debugging.Assert(whole, [message])]):
        return [tf.identity(value) for value in values]


def checked(x: Any, extents: Sequence[int | None]) -> Any:
    """x, which has this shape: checked when it runs, unless it is known. None is any extent.

    Other programs, such as TFLite's converter, don't take the check.
    """
    import tensorflow as tf

    fits = x.shape.rank == len(extents) and _is_known(x, extents)
    return x if fits else tf.ensure_shape(x, extents)


def _is_known(x: Any, extents: Sequence[int | None]) -> bool:
    """Whether TensorFlow's own static shape says all that is wanted."""
    known = x.shape.as_list() if x.shape.rank is not None else None
    return known is not None and all(
        n is None or n == m for n, m in zip(extents, known, strict=True)
    )


def with_extents(x: Any, extents: Sequence[int | None]) -> Any:
    """x with this shape; None and -1 are dimensions known only at run time.

    This is a reshape that changes nothing: `ensure_shape` would be a check, but TFLite lacks it.
    """
    import tensorflow as tf

    wanted = [None if extent == -1 else extent for extent in extents]
    if _is_known(x, wanted):
        return x
    if wanted.count(None) > 1:
        sizes = tf.shape(x)
        return tf.reshape(x, [sizes[i] if n is None else n for i, n in enumerate(wanted)])
    return tf.reshape(x, [-1 if n is None else n for n in wanted])
