"""Weights as tf.Variables: one for each distinct content, named after the layer."""

import re
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.resources import Resource
from ...ir.ssa import Module
from .names import tf_dtype, unique


class Weights:
    """The variables that a module's constants are read from.

    Attributes:
        variables: by name, in the order of first use.
    """

    def __init__(self, module: Module) -> None:
        self.variables: dict[str, Any] = {}
        self._of_constant: dict[int, Any] = {}
        by_content: dict[Resource, Any] = {}
        for op in module.walk():
            if isinstance(op, Constant) and _is_weight(op.value):
                variable = by_content.get(op.value)
                if variable is None:
                    variable = self._variable(op.value)
                    by_content[op.value] = variable
                self._of_constant[id(op)] = variable

    def _variable(self, resource: Resource) -> Any:
        import tensorflow as tf

        name = unique(re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", resource.name), self.variables)
        array: Any = np.ascontiguousarray(resource.array())
        variable = tf.Variable(array, name=name, dtype=tf_dtype(resource.type.dtype))
        resource.release()
        self.variables[name] = variable
        return variable

    def read(self, op: Constant) -> Any:
        """The constant's tensor: what its variable holds when the graph runs, or its numbers."""
        import tensorflow as tf

        variable = self._of_constant.get(id(op))
        if variable is not None:
            return variable.read_value()
        return tf.constant(op.value.array(), tf_dtype(op.value.type.dtype))


def _is_weight(resource: Resource) -> bool:
    """Named floating-point tensors are variables; numbers and indices stay constants."""
    return bool(resource.name) and resource.type.dtype.is_float and resource.size > 1
