"""Ops of the IR itself: constants, calls and the terminators."""

from typing import Any

import numpy as np

from ..attributes import Resource
from ..batch.rule import refuse
from ..declare import attr, operand, result_type
from ..dims import differs
from ..ssa import Function, Module, Op, Value
from ..types import Array, Tensor, Type, bound_symbols
from ..values import substituted
from ..weights.resources import Origin, as_resource, root


class Constant(Op):
    """A constant tensor; its data are a resource, read lazily and shared by equality of content.

    Example:
        %c = const {value = dense<[1.0, 2.0]>} : f32[2]
    """

    name = "const"

    value: Resource = attr()

    def infer(self) -> Type:
        return self.value.type

    def evaluate(self) -> Array:
        return self.value.array()


class Return(Op):
    """Ends a function and returns its results.

    Example:
        return %x
    """

    name = "return"
    is_terminator = True

    values: tuple[Value, ...] = operand()


class Yield(Op):
    """Ends a region of an op and returns the region's results.

    Example:
        yield %x
    """

    name = "yield"
    is_terminator = True

    values: tuple[Value, ...] = operand()


class Call(Op):
    """Calls a function of the module, public or private.

    Symbols in the function's types are local to it: those of its arguments stand for the operands'
    dimensions, others are new in each call, which names them in its result types. The verifier and
    the interpreter, which see the module, resolve the callee's name; nothing else knows the callee.

    Example:
        %y = call(%x) {callee = "block"} : f32[2]
    """

    name = "call"
    batch = refuse("calls a function, which is made for one entry")

    arguments: tuple[Value, ...] = operand()
    callee: str = attr()
    result_types: tuple[Type, ...] = result_type()

    def effects(self) -> bool:
        return True

    @staticmethod
    def to(function: Function, *arguments: Value) -> "Call":
        """A call of `function`, with the function's result types for these arguments."""
        given = (value.type for value in arguments)
        symbols = bound_symbols((value.type for value in function.arguments), given)
        types = tuple(substituted(value.type, symbols) for value in function.results)
        return Call(arguments, callee=function.name, result_types=types)


class _ConstantPattern(type):
    """Lets `case Const(array)` match a *value* that a constant defines."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Value) and isinstance(instance.op, Constant)


class Const(metaclass=_ConstantPattern):
    """Pattern for values defined by `Constant`: `case nn.Conv(x, Const(weight))`.

    `weight` is the value; read its array with `array_of`.
    """


def array_of(value: Value) -> Array | None:
    """The constant array that defines a value, or None."""
    return value.op.value.array() if isinstance(value.op, Constant) else None


def held_by(module: Module) -> list[Resource]:
    """The data of all constants, without repetition: a weight that is seen in two ways is one."""
    roots = [root(op.value) for op in module.walk() if isinstance(op, Constant)]
    return list({item.identity: item for item in roots}.values())


def splat_of(value: Value) -> float | None:
    """The number that a constant value holds everywhere, or None."""
    if not isinstance(value.op, Constant) or value.op.value.size == 0:
        return None
    array = value.op.value.array()
    if array.dtype.kind in "OSU":
        return None
    first: Any = array.flat[0]
    return float(first) if bool(np.all(array == first)) else None


def constant(
    data: Resource | Array | float | list[Any], name: str = "", origin: Origin | None = None
) -> Value:
    """A detached constant's value.

    Args:
        data: its numbers, or what holds them.
        name: what text calls it, and the numbers.
        origin: which weight numbers are; None if they are part of the computation.
    """
    op = Constant(as_resource(data, name, origin))
    op.result.name = name or op.value.name
    return op.result


def scalar(number: float, like: Value) -> Value:
    """A detached rank-0 constant with the dtype of `like`."""
    return constant(np.asarray(number, like.type.dtype.numpy))


def shapes_may_agree(a: Tensor, b: Tensor) -> bool:
    """Whether two types have the same dtype and shapes that can be equal at run time."""
    return (
        a.dtype == b.dtype
        and a.rank == b.rank
        and not any(differs(x, y) for x, y in zip(a.shape, b.shape, strict=True))
    )


OPS = (Constant, Return, Yield, Call)
