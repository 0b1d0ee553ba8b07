"""Weights as tf.Variables: one for each distinct content, named after the layer.

Compressed weights are stored as their parts, in small types, and decoded where a graph reads them.
TensorFlow folds constants but not variables, so they stay small in files and in memory.

Variables are empty until something runs: graphs can be traced and saved without their values, and a
checkpoint is written straight from the resources. Large weights are therefore never all in memory.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.ssa import Module
from ...ir.types import Array
from ...ir.weights.encodings import EncodedResource, is_worth_keeping
from ...ir.weights.resources import Resource, ViewResource
from ...ir.weights.views import settled
from .decode import decode
from .names import tf_dtype, unique


class Weights:
    """The variables that a module's constants are read from.

    Attributes:
        variables: by name, in the order of first use; empty before `fill`.
        is_filled: whether they hold the weights.
    """

    def __init__(self, module: Module) -> None:
        self.variables: dict[str, Any] = {}
        self.is_filled = False
        self._resources: dict[str, Resource] = {}
        self._of_resource: dict[int, Any] = {}
        self._settled: dict[int, Resource] = {}
        self._by_content: dict[Resource, Any] = {}
        for op in module.walk():
            if not isinstance(op, Constant):
                continue
            if op.value.compressed:
                found = self._settled[id(op.value)] = settled(op.value)
                self._add_parts(found, op.value.name or "weight")
            elif _is_weight(op.value):
                self._add(op.value, op.value.name)

    def _add_parts(self, resource: Resource, name: str) -> None:
        """Make variables for all parts of an encoded resource."""
        if isinstance(resource, ViewResource) and resource.compressed:
            self._add_parts(resource.base, name)
        elif isinstance(resource, EncodedResource) and is_worth_keeping(resource):
            resource.check()
            for field, part in resource.encoding.parts():
                self._add_parts(part, f"{name}.{field}")
            resource.release()
        elif resource.size > 1:
            self._add(resource, name)

    def _add(self, resource: Resource, name: str) -> None:
        if id(resource) in self._of_resource:
            return
        if (variable := self._by_content.get(resource)) is None:
            variable = self._by_content[resource] = self._variable(resource, name)
        self._of_resource[id(resource)] = variable

    def _variable(self, resource: Resource, name: str) -> Any:
        import tensorflow as tf

        name = unique(re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name), self.variables)
        dtype = tf_dtype(resource.type.dtype)
        variable = tf.Variable(tf.zeros(resource.type.static_shape, dtype), name=name)
        _assign(variable, tf.zeros((0,), dtype))
        self.variables[name] = variable
        self._resources[name] = resource
        return variable

    def fill(self) -> None:
        """Assign the weights to the variables, once."""
        if not self.is_filled:
            for variable, array in zip(self.variables.values(), self.arrays(), strict=True):
                _assign(variable, array)
            self.is_filled = True

    def arrays(self) -> Iterator[Array]:
        """The value of each variable, one by one; each is read on demand."""
        for resource in self._resources.values():
            yield np.ascontiguousarray(resource.array())
            resource.release()

    def read(self, resource: Resource) -> Any:
        """A constant's tensor: the value of its variables at run time, or its numbers."""
        import tensorflow as tf

        resource = self._settled.get(id(resource), resource)
        variable = self._of_resource.get(id(resource))
        if variable is not None:
            return variable.read_value()
        if isinstance(resource, EncodedResource) and is_worth_keeping(resource):
            return decode(resource.encoding, self.read)
        if isinstance(resource, ViewResource) and resource.compressed:
            moved = tf.transpose(self.read(resource.base), resource.perm)
            return tf.reshape(moved, resource.type.static_shape)
        return tf.constant(resource.array(), tf_dtype(resource.type.dtype))


def _assign(variable: Any, value: Any) -> None:
    """Like `variable.assign`, but also for values of other shapes, such as empty ones."""
    import tensorflow as tf

    tf.raw_ops.AssignVariableOp(
        resource=variable.handle,
        value=tf.constant(value, variable.dtype),
        validate_shape=False,
    )


def _is_weight(resource: Resource) -> bool:
    """Named floating-point tensors are variables; numbers and indices stay constants."""
    return bool(resource.name) and resource.type.dtype.is_float and resource.size > 1
