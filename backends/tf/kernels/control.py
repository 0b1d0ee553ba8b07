"""Loops."""

from collections.abc import Callable, Sequence
from typing import Any

from .shape import with_extents


def while_loop(
    loop_vars: Sequence[Any],
    cond: Callable[..., Any],
    body: Callable[..., Any],
    shape_invariants: Sequence[Sequence[int]],
) -> Any:
    """A loop; `cond` returns a tuple of one bool, and dimensions of -1 may change."""
    import tensorflow as tf

    shapes = [tf.TensorShape([d if d >= 0 else None for d in s]) for s in shape_invariants]

    def step(*values: Any) -> list[Any]:
        # TensorFlow loses dimensions in computed padding; the IR knows them.
        return [with_extents(x, s) for x, s in zip(body(*values), shape_invariants, strict=True)]

    return tf.while_loop(lambda *values: cond(*values)[0], step, loop_vars, shapes)
