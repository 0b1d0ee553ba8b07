"""Weights as tf.Variables: one for each weight that the model has, named after its layer.

Weights that are equal by chance are two, and are trained apart. One that the model stores once and
uses twice is one, also if it is used in two layouts: then the graph transposes what it reads.

Compressed weights are stored as their parts, in small types, and decoded where a graph reads them.
TensorFlow folds constants but not variables, so they stay small in files and in memory.

Variables are empty until something runs: graphs can be traced and saved without their values, and a
checkpoint is written straight from the resources. Large weights are therefore never all in memory.
"""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.names import distinct
from ...ir.ssa import Module
from ...ir.types import Array
from ...ir.weights.encodings import EncodedResource
from ...ir.weights.resources import Resource, ViewResource, is_worth_keeping, root
from ...ir.weights.views import settled
from ..names import NODE, Renamed, changed
from .decode import decode
from .names import tf_dtype


class Weights:
    """The variables that a module's constants are read from.

    Attributes:
        variables: by name, in the order of first use; empty before `fill`.
        is_filled: whether they hold the weights.
        renamed: weights whose variable is called otherwise.
    """

    def __init__(self, module: Module) -> None:
        self.variables: dict[str, Any] = {}
        self.is_filled = False
        self._resources: dict[str, Resource] = {}
        self._made: dict[Hashable, Any] = {}
        self._wanted: dict[Hashable, tuple[Resource, str]] = {}
        self._settled: dict[Hashable, Resource] = {}
        constants = [op.value for op in module.walk() if isinstance(op, Constant)]
        weights = [item for item in constants if item.is_weight and not item.compressed]
        seen: dict[Hashable, set[Hashable]] = {}
        for item in weights:
            seen.setdefault(root(item).identity, set()).add(item.identity)
        for item in constants:
            if item.compressed:
                found = self._settled.setdefault(item.identity, settled(item))
                self._add_parts(found, item.name or "weight")
            elif item.is_weight:
                base = root(item)
                self._add(base if len(seen[base.identity]) > 1 else item, item.name or "weight")
        self.renamed = tuple(self._make_variables())

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
        self._wanted.setdefault(resource.identity, (resource, name))

    def _make_variables(self) -> Iterator[Renamed]:
        """Make all that are wanted; which ones have another name than the model's."""
        names = [name for _, name in self._wanted.values()]
        written = distinct(NODE, names, "weight")
        for name, (identity, (resource, _)) in zip(written, self._wanted.items(), strict=True):
            self.variables[name] = self._made[identity] = _variable(resource, name)
            self._resources[name] = resource
        return changed("weight", names, written)

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

        resource = self._settled.get(resource.identity, resource)
        variable = self._made.get(resource.identity)
        if variable is not None:
            return variable.read_value()
        if isinstance(resource, EncodedResource) and is_worth_keeping(resource):
            return decode(resource.encoding, self.read)
        stored = root(resource).identity in self._made
        if isinstance(resource, ViewResource) and (resource.compressed or stored):
            moved = tf.transpose(self.read(resource.base), resource.perm)
            return tf.reshape(moved, resource.type.static_shape)
        return tf.constant(resource.array(), tf_dtype(resource.type.dtype))


def _variable(resource: Resource, name: str) -> Any:
    """An empty variable for it, which never held as much memory as its contents."""
    # What `tf.Variable` makes begins with a value of its shape, which stays for a while.
    from tensorflow.python.ops.resource_variable_ops import UninitializedVariable

    dtype, shape = tf_dtype(resource.type.dtype), resource.type.static_shape
    variable = UninitializedVariable(trainable=True, name=name, shape=shape, dtype=dtype)
    _assign(variable, np.zeros((0,), resource.type.dtype.numpy))
    return variable


def _assign(variable: Any, value: Any) -> None:
    """Like `variable.assign`, but also for values of other shapes, such as empty ones."""
    import tensorflow as tf

    tf.raw_ops.AssignVariableOp(
        resource=variable.handle,
        value=tf.constant(value, variable.dtype),
        validate_shape=False,
    )
