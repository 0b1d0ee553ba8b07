"""Custom layers."""

from collections.abc import Sequence
from typing import Any

from ....ir.dialects.core.custom import Parameter, called, definition_of
from ....ir.types import Tensor
from .shape import checked


def custom_call(
    inputs: Sequence[Any],
    definition: str,
    parameters: Sequence[Sequence[Parameter]],
    weights: int,
    results_are: Sequence[Tensor],
) -> tuple[Any, ...]:
    """The results of a custom layer's registered function, checked against the declared types."""
    import tensorflow as tf

    function = definition_of(definition).tensorflow
    if function is None:
        raise TypeError("it has no TensorFlow function")
    found = called(function, inputs, weights, parameters)
    if len(found) != len(results_are):
        raise TypeError(f"it returns {len(found)} results, {len(results_are)} were declared")
    made: list[Any] = []
    for value, expected in zip(found, results_are, strict=True):
        shape = [dim if isinstance(dim, int) else None for dim in expected.shape]
        tensor = tf.cast(tf.convert_to_tensor(value), expected.dtype.numpy)
        made.append(checked(tensor, shape))
    return tuple(made)
