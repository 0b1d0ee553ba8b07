"""Calling a traced function with flat arguments: what is the same in each call is found once."""

from collections.abc import Mapping
from typing import Any

from ...ir.ssa import Function
from ...ir.types import Array
from .names import argument_names, result_names, tf_dtype


class FlatCall:
    """A traced function as a call of arrays by the model's names; gives tensors in results' order.

    A call with keywords sorts, checks and converts them, and arranges results, which takes a third
    of the time of a small model. Nothing is recorded for gradients.
    """

    def __init__(self, graph: Any, function: Function) -> None:
        import tensorflow as tf

        self._constant = tf.constant
        self._function = graph.inference_fn
        self._captured: list[Any] = graph.captured_inputs
        names = dict(zip(argument_names(function), function.arguments, strict=True))
        count = len(graph.inputs) - len(self._captured)
        given = [names[tensor.op.name] for tensor in graph.inputs[:count]]
        self._inputs = [(value.name, tf_dtype(value.type.dtype)) for value in given]
        keys = result_names(function)
        order = {key: index for index, key in enumerate(sorted(keys))}  # as results are flattened
        self._results = [order[key] for key in keys]

    def __call__(self, arrays: Mapping[str, Array]) -> list[Any]:
        given = [self._constant(arrays[name], dtype) for name, dtype in self._inputs]
        found = self._function.call_flat(*given, *self._captured)
        return [found[index] for index in self._results]
