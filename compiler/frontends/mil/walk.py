"""The walk over the operations of a program: names in, ops in a block out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import shapes_may_agree
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Value
from ....ir.types import Tensor
from ..values import cast
from .constants import about, element_type, has_open_rank, tensor_type
from .context import MilContext, MilRule
from .scope import Scope

# The only operations that take a state; the others take its value.
STATE_OPERATIONS = ("read_state", "coreml_update_state", "write_state")


@dataclass(frozen=True)
class Walker:
    """Lowers operations.

    Attributes:
        table: rules by name and opset.
    """

    table: Mapping[str, Mapping[int, MilRule]]

    def run(self, scope: Scope, block: Any, kind: str) -> tuple[Value, ...] | None:
        """Lower a block's operations; its outputs, or None if one of them failed.

        Args:
            scope: the scope that ops are added to.
            block: the message.
            kind: the prefix of its operations' locations.
        """
        for position, operation in enumerate(block.operations):
            names = [output.name for output in operation.outputs]
            called = names[0] if names else operation.type
            location = InModel(kind, position, called, operation.type)
            for name, value in zip(names, self.lowered(scope, operation, location), strict=True):
                is_new = _is_new(scope, name, operation, location)
                scope.names[name] = value if is_new else None
                scope.own.add(name)
        found = [scope.names.get(name) for name in block.outputs]
        return tuple(v for v in found if v is not None) if None not in found else None

    def lowered(self, scope: Scope, operation: Any, location: InModel) -> tuple[Value | None, ...]:
        """The results of one operation, added to the scope's block; all None if it fails."""
        missing = (None,) * len(operation.outputs)
        try:
            values = self._values(scope, operation, location)
        except CompileError as error:
            scope.walk.problems += [
                d
                if isinstance(d.location, InModel)
                else replace(d, kind=_kind(d), location=location, subject=operation.type)
                for d in error.diagnostics
            ]
            return missing
        if values is None:
            return missing
        adopt(values, scope.block, location=location)
        for output, value in zip(operation.outputs, values, strict=True):
            value.name = value.name or output.name
        return values

    def _values(self, scope: Scope, operation: Any, location: InModel) -> tuple[Value, ...] | None:
        """The results of the operation; None if one of its operands failed."""
        if operation.type == "const":
            return (scope.constant(operation.attributes["val"], operation.outputs[0].name),)
        operands = _operands(scope, operation, location)
        if operands is None:
            return None
        cx = MilContext(operation, location, operands, scope, self.run)
        versions = self.table[operation.type]
        since = max((v for v in versions if v <= cx.opset), default=min(versions))
        result = versions[since](cx)
        for name in cx.left_over():
            raise cx.unsupported(f"has a parameter '{name}', which is not understood")
        return _checked(cx, result if isinstance(result, tuple) else (result,))


def _is_new(scope: Scope, name: str, operation: Any, location: InModel) -> bool:
    if name not in scope.own:
        return True
    message = f"{operation.type} makes '{name}', a name that is already defined"
    problem = Diagnostic(message, "malformed", location, subject=operation.type)
    scope.walk.problems.append(problem)
    scope.walk.misnamed.append(problem)
    return False


def _checked(cx: MilContext, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """The results, after checking that they have the declared types."""
    outputs = cx.operation.outputs
    cx.require(len(values) == len(outputs), f"names {len(outputs)} outputs, but has {len(values)}")
    made: list[Value] = []
    for output, value in zip(outputs, values, strict=True):
        if output.type.WhichOneof("type") in ("dictionaryType", "listType"):
            made.append(value)  # a classifier's probabilities, or a list of another length
            continue
        with about(f"'{output.name}'"):
            declared = _declared(output.type, value, cx)
        expected = declared.with_dtype(cx.dtype(declared.dtype))
        if value.type.dtype.is_float and expected.dtype.is_float:
            value = cast(value, expected.dtype)  # where operands differ in precision
        made.append(value)
        if not shapes_may_agree(value.type, expected):
            cx.require(False, f"makes {value.type} by our rule, but declares {expected}")
    return tuple(made)


def _declared(message: Any, value: Value, cx: MilContext) -> Tensor:
    """The declared type; of the value's rank where that is left open."""
    if not has_open_rank(message):
        return tensor_type(message, cx.fresh_symbol)
    return Tensor(element_type(message), value.type.shape)


def _operands(
    scope: Scope, operation: Any, location: InModel
) -> dict[str, tuple[Value, ...]] | None:
    found: dict[str, tuple[Value, ...]] = {}
    for parameter in sorted(operation.inputs):
        row: list[Value] = []
        for binding in operation.inputs[parameter].arguments:
            value = _bound(scope, binding, parameter, operation, location)
            if value is None:
                return None
            row.append(value)
        found[parameter] = tuple(row)
    return found | _attributes(scope, operation, location)


def _attributes(scope: Scope, operation: Any, location: InModel) -> dict[str, tuple[Value, ...]]:
    """Operands of `constexpr` operations, which are attributes up to iOS 17."""
    if not operation.type.startswith("constexpr_"):
        return {}
    return {
        name: (scope.constant(value, f"{location.name}.{name}"),)
        for name, value in sorted(operation.attributes.items())
        if name != "name"
    }


def _bound(scope: Scope, binding: Any, parameter: str, operation: Any, location: InModel) -> Any:
    if binding.WhichOneof("binding") == "value":
        return scope.constant(binding.value, f"{location.name}.{parameter}")
    if binding.name not in scope.names:
        message = f"{operation.type} reads '{binding.name}', which nothing before it makes"
        raise CompileError(Diagnostic(message, "malformed", location, subject=operation.type))
    if binding.name in scope.states and operation.type not in STATE_OPERATIONS:
        message = f"{operation.type} takes the state '{binding.name}' itself"
        remedy = f"it takes the result of {' or '.join(STATE_OPERATIONS)}"
        raise CompileError(
            Diagnostic(message, "malformed", location, subject=operation.type, remedy=remedy)
        )
    return scope.names[binding.name]


def _kind(problem: Diagnostic) -> Any:
    """The kind of a problem: an op that is invalid means a malformed program."""
    return "malformed" if problem.kind == "invalid" else problem.kind
