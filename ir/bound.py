"""What the constructor of an op was given, as the parts that the op is made of."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .declare import REQUIRED, AttributeField, OperandField, OpSpec, RegionField
from .diagnostics import NamedOp, VerifyError
from .types import Type


class Typed(Protocol):
    """What a value is here."""

    type: Type


ValueT = TypeVar("ValueT", bound=Typed)


class Bound(NamedTuple, Generic[ValueT]):
    """The parts of an op.

    Attributes:
        operands: flat, in declaration order.
        groups: where each declared operand is among them.
        attributes: converted and normalized values.
        regions: the regions.
        types: the result types, where they are given.
    """

    operands: list[ValueT]
    groups: dict[str, slice]
    attributes: dict[str, Any]
    regions: dict[str, Any]
    types: Any


def bound(
    op: NamedOp,
    values: type[ValueT],
    spec: OpSpec,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Bound[ValueT]:
    """The parts of an op for the arguments of its constructor.

    Args:
        op: the op, for messages.
        values: the class of values, which knows ops, so this module can't import it.
        spec: what its class declares.
        args: positional arguments.
        kwargs: arguments by the names of fields.

    Raises:
        VerifyError: one is missing, or can't be what is declared.
        TypeError: there are too many, one is not a field, or an operand is not a value.
    """
    given = spec.arguments(type(op).__name__, args, kwargs)
    operands, groups = list[ValueT](), dict[str, slice]()
    attributes, regions = dict[str, Any](), dict[str, Any]()
    types: Any = None
    for item in spec.fields:
        name = item.name
        value = given[name]
        if value is REQUIRED:
            raise VerifyError(op, "", f"needs '{name}'")
        if isinstance(item, OperandField):
            start = len(operands)
            if isinstance(value, values) and not item.variadic:
                operands.append(value)
            else:
                operands += _values(op, values, item, value)
            groups[name] = slice(start, len(operands))
        elif isinstance(item, AttributeField):
            rank = operands[0].type.rank if operands else None
            try:
                attributes[name] = item.converted(value, rank)
            except (TypeError, ValueError) as error:
                raise VerifyError(op, "", f"{name}: {error}") from None
        elif isinstance(item, RegionField):
            regions[name] = value
        else:
            types = value
    return Bound(operands, groups, attributes, regions, types)


def _values(
    op: NamedOp, values: type[ValueT], item: OperandField, value: Any
) -> tuple[ValueT, ...]:
    """The values of an operand that is optional or variadic."""
    if value is None:
        if item.required:
            raise VerifyError(op, "", f"needs '{item.name}'")
        return ()
    if item.variadic and isinstance(value, values):
        raise VerifyError(op, "", f"{item.name}: expected a list of values, got one")
    found = tuple(value) if item.variadic else (value,)
    for each in found:
        if isinstance(each, tuple | list):
            raise VerifyError(op, "", f"{item.name}: expected one value, got a list")
        if not isinstance(each, values):
            raise TypeError(f"{type(op).__name__}.{item.name} must be a Value, got {each!r}")
    return found
