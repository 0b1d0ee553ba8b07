"""What an operation's rule works with: operands, constants, types; and tables of rules by opset.

A rule consumes every parameter that it understands; a remaining one is refused by name. Parameters
of MIL are operands like any other; those that become attributes must be constants.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Constant, constant
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, Interval, symbol
from ....ir.location import InModel
from ....ir.ssa import Op, Value
from ....ir.types import Array, DType
from ..rules import Result, Rules
from .scope import Scope

MilRule: TypeAlias = Callable[["MilContext"], Result]
Operand: TypeAlias = tuple[Value, ...]


@dataclass
class MilContext:
    """One operation being lowered.

    Attributes:
        operation: its message.
        location: where diagnostics point.
        operands: its arguments by parameter; several if a parameter takes a list.
        scope: the block that it is in.
        run: lowers a block of the operation in a scope; see `Walker.run`.
    """

    operation: Any
    location: InModel
    operands: Mapping[str, Operand]
    scope: Scope
    run: Callable[[Scope, Any, str], tuple[Value, ...] | None]
    _taken: set[str] = field(default_factory=set[str])

    @property
    def kind(self) -> str:
        return self.operation.type

    @property
    def opset(self) -> int:
        """15 for iOS 15, and so on."""
        return self.scope.walk.opset

    @property
    def singles(self) -> bool:
        """Whether float16 is computed in float32."""
        return self.scope.walk.singles

    @property
    def limits(self) -> Mapping[str, Interval]:
        """Between which sizes the open dimensions of inputs are, by symbol."""
        return self.scope.walk.limits

    # -- diagnostics ---------------------------------------------------------------------------

    def require(self, condition: bool, message: str, remedy: str = "") -> None:
        """Raise a diagnostic that names this operation unless the condition holds."""
        if not condition:
            raise self._error(message, "malformed", remedy)

    def unsupported(self, message: str, remedy: str = "") -> CompileError:
        """An error for something that can't be expressed."""
        return self._error(message, "unsupported", remedy)

    def _error(self, message: str, kind: Any, remedy: str) -> CompileError:
        text = f"{self.kind} {message}"
        return CompileError(Diagnostic(text, kind, self.location, subject=self.kind, remedy=remedy))

    def left_over(self) -> list[str]:
        """Parameters that no rule consumed."""
        return sorted(set(self.operands) - self._taken)

    # -- operands ------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether a parameter is given."""
        return name in self.operands

    def values(self, name: str) -> Operand:
        """All values of a parameter that takes a list."""
        self._taken.add(name)
        self.require(name in self.operands, f"lacks '{name}'")
        return self.operands[name]

    def value(self, name: str) -> Value:
        """The value of a parameter."""
        found = self.values(name)
        self.require(len(found) == 1, f"has {len(found)} values of '{name}', expected one")
        return found[0]

    def optional(self, name: str) -> Value | None:
        """The value of an optional parameter."""
        self._taken.add(name)
        return self.value(name) if name in self.operands else None

    # -- parameters that must be constants -----------------------------------------------------

    def array(self, name: str) -> Array | None:
        """The array of a constant parameter; None without it."""
        value = self.optional(name)
        if value is None:
            return None
        if not isinstance(value.op, Constant):
            raise self.unsupported(f"computes '{name}', which must be a constant here")
        return value.op.value.array()

    def scalar(self, name: str, default: Any = None) -> Any:
        """A parameter of one element, as a Python number, bool or string."""
        array = self.array(name)
        if array is None:
            self.require(default is not None, f"lacks '{name}'")
            return default
        self.require(array.size == 1, f"has {array.size} values in '{name}', expected one")
        found = array.reshape(-1)[0]
        return found.item() if hasattr(found, "item") else found

    def number(self, name: str, default: float | None = None) -> float:
        """A float parameter, as the shortest decimal that rounds to the same float32."""
        return float(str(np.float32(self.scalar(name, default))))

    def integer(self, name: str, default: int | None = None) -> int:
        return int(self.scalar(name, default))

    def flag(self, name: str, default: bool | None = None) -> bool:
        return bool(self.scalar(name, default))

    def text(self, name: str, default: str | None = None) -> str:
        return str(self.scalar(name, default))

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """A vector of whole numbers."""
        array = self.array(name)
        if array is None:
            if default is None:
                self.require(False, f"lacks '{name}'")
            return default or ()
        return tuple(int(n) for n in array.reshape(-1))

    def flags(self, name: str, count: int) -> tuple[bool, ...]:
        """A vector of bools; all false without it."""
        array = self.array(name)
        return (False,) * count if array is None else tuple(bool(n) for n in array.reshape(-1))

    def extents(self, name: str) -> tuple[Dim | None, ...] | None:
        """The known entries of a shape vector: numbers and symbols; None if nothing is known."""
        return known_dims(self.value(name))

    # -- types ---------------------------------------------------------------------------------

    def dtype(self, dtype: DType) -> DType:
        """The dtype that elements of a type are computed in."""
        return DType.F32 if self.singles and dtype is DType.F16 else dtype

    def fresh_symbol(self, axis: int, output: int = 0) -> Dim:
        """A dimension of a result that is known only at run time, with a unique symbol."""
        index = self.location.index or 0
        return symbol(f"d{self.scope.tag}{index}_{output}_{axis}")

    def constant(self, number: Any, like: Value) -> Value:
        """A scalar constant with the dtype of `like`."""
        return constant(np.asarray(number, like.type.dtype.numpy))


class MilRules(Rules[tuple[str, int], MilRule]):
    """One family's rules: by name, each from an opset on.

    Use as a decorator: `@rules("gather", since=17)`; or `rules.direct("relu", core.Relu)` if an op
    has MIL's parameters as fields, renamed where they differ (`x="data"`).
    """

    def __call__(self, *names: str, since: int = 15) -> Callable[[MilRule], MilRule]:
        def register(rule: MilRule) -> MilRule:
            for name in names:
                self.add((name, since), rule)
            return rule

        return register

    def direct(self, name: str, op: type[Op], since: int = 15, **renamed: str) -> None:
        """Map parameters to fields one to one; attributes are constants, with the op's defaults."""

        def rule(cx: MilContext) -> Result:
            given: dict[str, Any] = {}
            for item in op.spec.operands:
                given[item.name] = cx.optional(renamed.get(item.name, item.name))
            for item in op.spec.attributes:
                parameter = renamed.get(item.name, item.name)
                if cx.has(parameter):
                    given[item.name] = _attribute(cx, parameter, item.annotation)
            made = op(**given)
            return made.results if len(made.results) > 1 else made.result

        rule.__doc__ = op.__doc__
        self.add((name, since), rule)


def _attribute(cx: MilContext, name: str, annotation: Any) -> Any:
    if annotation is float:
        return cx.number(name)
    array = cx.array(name)
    assert array is not None
    found = array.tolist()
    return tuple(found) if isinstance(found, list) else found


def by_opset(rules: Mapping[tuple[str, int], MilRule]) -> dict[str, dict[int, MilRule]]:
    """Rules by name, then by the first opset that they apply to."""
    table: dict[str, dict[int, MilRule]] = {}
    for (name, since), rule in rules.items():
        table.setdefault(name, {})[since] = rule
    return table
