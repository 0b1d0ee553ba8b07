"""States: values that outlive a prediction.

In the IR there are none: a function takes what each state holds and gives what it leaves, and the
name of a state stands for the value that was written last. Only targets keep variables.
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
    """What the state holds by now."""
    _state(cx, "input")
    return cx.value("input")


@rules("coreml_update_state", since=18)
def coreml_update_state(cx: MilContext) -> Result:
    """Writes a state; gives what it then holds."""
    return _write(cx, "state", "value")


@rules("write_state", since=18)
def write_state(cx: MilContext) -> Result:
    """Writes a state; gives nothing."""
    _write(cx, "input", "data")
    return ()


def _write(cx: MilContext, state: str, data: str) -> Value:
    name, before, value = _state(cx, state), cx.value(state), cx.value(data)
    cx.require(
        shapes_may_agree(value.type, before.type),
        f"writes {value.type} to the state '{name}', which holds {before.type}",
    )
    if value.type != before.type:  # extents that only running tells
        sizes = before.type.static_shape
        allowed = (tuple(size for size in sizes for _ in range(2)),)
        value = shape.AssertShape(value, allowed, f"the state '{name}'").result
        value = shape.Reshape(value, sizes).result
    cx.scope.names[name] = cx.scope.put(value, cx.location)
    return value


def _state(cx: MilContext, parameter: str) -> str:
    """The name of the state that a parameter names."""
    arguments = cx.operation.inputs[parameter].arguments
    name = arguments[0].name if arguments else ""
    if name not in cx.scope.states:
        cx.require(False, f"has '{parameter}' = '{name}', which is not a state of the function")
        raise CompileError(())
    return name
