"""States as tf.Variables: only SavedModels have them; graphs take and return their values."""

from typing import Any

from ...ir.names import distinct
from ...ir.ssa import Function, Module, Value
from ...ir.types import Array
from ..executable import StateStore
from ..names import ARGUMENT, changed
from .names import argument_names, tf_dtype


def state_arguments(function: Function) -> dict[str, Value]:
    """The arguments that are states, by their names in graphs."""
    rows = zip(argument_names(function), function.arguments, function.inputs, strict=True)
    return {name: value for name, value, known in rows if known.kind == "state"}


class Variables(StateStore):
    """States of one caller as variables, which all executables of TensorFlow share.

    Attributes:
        variables: by the names of states.
    """

    def __init__(self, states: StateStore) -> None:
        import tensorflow as tf

        self.variables: dict[str, Any] = {
            name: tf.Variable(tf.constant(states.read(name)), trainable=False)
            for name in states.names
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.variables)

    def read(self, name: str) -> Array:
        return self.variables[name].numpy()

    def write(self, name: str, array: Array) -> None:
        self.variables[name].assign(array)


class States:
    """One variable for each state; functions share those of the same name and type.

    Attributes:
        variables: by name, in the order of first use; initially zero.
        renamed: states whose variable is called otherwise.
    """

    def __init__(self, module: Module) -> None:
        import tensorflow as tf

        self.variables: dict[str, Any] = {}
        self._made: dict[tuple[str, Any], Any] = {}
        functions = module.public_functions.values()
        arguments = [value for each in functions for value in state_arguments(each).values()]
        kinds = list(dict.fromkeys((value.name, value.type) for value in arguments))
        written = distinct(ARGUMENT, [name for name, _ in kinds], "state")
        for name, (state, kind) in zip(written, kinds, strict=True):
            zeros = tf.zeros(kind.static_shape, tf_dtype(kind.dtype))
            self.variables[name] = tf.Variable(zeros, name=name, trainable=False)
            self._made[state, kind] = self.variables[name]
        self.renamed = tuple(changed("state", [name for name, _ in kinds], written))

    def of(self, function: Function) -> dict[str, Any]:
        """The variables of a function's states, by the arguments' names in graphs."""
        rows = state_arguments(function).items()
        return {name: self._made[value.name, value.type] for name, value in rows}

    def reset(self) -> Any:
        """A function that sets all states to zero."""
        import tensorflow as tf

        def zero() -> dict[str, Any]:
            for variable in self.variables.values():
                variable.assign(tf.zeros_like(variable))
            return {}

        return tf.function(zero, autograph=False).get_concrete_function()
