"""States: values that outlive a prediction.

The IR has no states: a function takes the value of each state and returns its new value, and the
name of a state stands for the value written last. Only targets keep variables.
"""

from ....ir.diagnostics import CompileError
from ....ir.dialects.builtin import shapes_may_agree
from ....ir.dialects.core import shape
from ....ir.ssa import Value
from ..rules import Result
from .context import MilContext, MilRules

rules = MilRules("states")


@rules("read_state", since=18)
def read_state(cx: MilContext) -> Result:
    """The current value of the state."""
    _state(cx, "input")
    return cx.value("input")


@rules("coreml_update_state", since=18)
def coreml_update_state(cx: MilContext) -> Result:
    """Write a state; returns its new value."""
    return _write(cx, "state", "value")


@rules("write_state", since=18)
def write_state(cx: MilContext) -> Result:
    """Write a state; returns nothing."""
    _write(cx, "input", "data")
    return ()


def _write(cx: MilContext, state: str, data: str) -> Value:
    name, before, value = _state(cx, state), cx.value(state), cx.value(data)
    cx.require(
        shapes_may_agree(value.type, before.type),
        f"writes {value.type} to the state '{name}', which holds {before.type}",
    )
    if value.type != before.type:  # dimensions known only at run time
        sizes = before.type.static_shape
        allowed = (tuple(size for size in sizes for _ in range(2)),)
        value = shape.AssertShape(value, allowed, f"the state '{name}'").result
        value = shape.Reshape(value, sizes).result
    cx.scope.names[name] = cx.scope.put(value, cx.location)
    return value


def _state(cx: MilContext, parameter: str) -> str:
    """The name of the state in a parameter."""
    arguments = cx.operation.inputs[parameter].arguments
    name = arguments[0].name if arguments else ""
    if name not in cx.scope.states:
        cx.require(False, f"has '{parameter}' = '{name}', which is not a state of the function")
        raise CompileError(())
    return name
