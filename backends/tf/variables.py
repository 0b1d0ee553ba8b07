"""Weights as tf.Variables: one for each distinct content, named after the layer.

Compressed weights are stored as their parts, of small types, and decoded where a graph reads them:
TensorFlow folds constants, but not variables, so they stay small in files and in memory.
"""

import re
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.encoded_views import settled
from ...ir.encodings import EncodedResource, is_worth_keeping
from ...ir.resources import Resource, ViewResource
from ...ir.ssa import Module
from .decode import decode
from .names import tf_dtype, unique


class Weights:
    """The variables that a module's constants are read from.

    Attributes:
        variables: by name, in the order of first use.
    """

    def __init__(self, module: Module) -> None:
        self.variables: dict[str, Any] = {}
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
        """Variables of all that an encoded resource is made of."""
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
        array: Any = np.ascontiguousarray(resource.array())
        variable = tf.Variable(array, name=name, dtype=tf_dtype(resource.type.dtype))
        resource.release()
        self.variables[name] = variable
        return variable

    def read(self, resource: Resource) -> Any:
        """A constant's tensor: what its variables hold when the graph runs, or its numbers."""
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


def _is_weight(resource: Resource) -> bool:
    """Named floating-point tensors are variables; numbers and indices stay constants."""
    return bool(resource.name) and resource.type.dtype.is_float and resource.size > 1
