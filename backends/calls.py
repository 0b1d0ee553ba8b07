"""Target ops that *are* Python calls: the op's fields are the callee's keyword arguments.

One declaration serves execution and printing. `call` is a dotted path whose first part the target
resolves ("tf" is TensorFlow, "kernels" the target's own composite functions), so that a dialect can
be imported, printed and parsed without the library behind it.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..ir.attributes import EnumLiteral
from ..ir.ssa import Region, Value
from .target_op import TargetOp


class CallOp(TargetOp):
    """Base of target ops that are Python calls with keywords.

    A subclass declares `class Relu(TfOp, call="tf.nn.relu")`. Its textual name is the call, behind
    the first of `roots` if the callee belongs to none of them; with `variant="dynamic"` it is
    `tf.reshape_dynamic`, a second op that calls the same. The class is called after the last part
    of that, in CamelCase.

    Attributes:
        call: the callee's dotted path.
        roots: what the paths of the target's own callees begin with.
    """

    call: ClassVar[str] = ""
    roots: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, call: str = "", variant: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if call:
            cls.call = call
            own = call.startswith(tuple(f"{root}." for root in cls.roots))
            name = call if own else f"{cls.roots[0]}.{call}"
            cls.name = f"{name}_{variant}" if variant else name

    def arguments(
        self,
        values: Mapping[Value, Any],
        convert: Callable[[Any], Any],
        run: Callable[[Region], Callable[..., Any]],
    ) -> dict[str, Any]:
        """The callee's keyword arguments.

        Args:
            values: the library's value for each operand.
            convert: turns an attribute value into the library's form.
            run: makes a callable from a region.
        """
        grouped = self.grouped([values[v] for v in self.operands])
        given: dict[str, Any] = {
            name: list(group) if isinstance(group, tuple) else group
            for name, group in grouped.items()
            if group is not None
        }
        for item in self.spec.attributes:
            value = self.attributes[item.name]
            if value is not None:
                given[item.name] = convert(value)
        given |= {item.name: run(self.regions[item.name]) for item in self.spec.regions}
        return given


def resolve(call: str, roots: Mapping[str, Any]) -> Callable[..., Any]:
    """The callee of a dotted path, whose first part is looked up in `roots`."""
    first, *rest = call.split(".")
    found = roots[first]
    for name in rest:
        found = getattr(found, name)
    return found


def plain(value: Any) -> Any:
    """An attribute as plain Python: enum members as their values, tuples as lists."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, EnumLiteral):
        return value.value
    return value
