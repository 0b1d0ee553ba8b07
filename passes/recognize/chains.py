"""What patterns of chains need: exact constants, products in any order, no outside users."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from ...ir.dialects.builtin import Constant, splat_of
from ...ir.dialects.core import elementwise as core
from ...ir.ssa import Op, Value
from ..patterns import Rewrite, no

# Products with more factors are not in any pattern.
_FACTORS = 4


def number_of(value: Value) -> float | None:
    """The number in a constant of one element; larger constants are never read."""
    if not isinstance(value.op, Constant) or value.op.value.size != 1:
        return None
    return splat_of(value)


def is_rounded(number: float, exact: float) -> bool:
    """Whether a number is `exact`, correctly rounded in a precision that programs use.

    Half precision counts in float32 chains too: float16 programs are computed in float32 by
    default, with the constants that they store.
    """
    return number in (exact, float(np.float32(exact)), float(np.float16(exact)))


def if_private(root: Op, inputs: Collection[Value], found: Value) -> Rewrite:
    """`found` for `root`, if nothing else uses the values between `inputs` and `root`."""
    between = _between(root, inputs)
    if any(op.parent is not root.parent for op in between):
        return no("a part is computed once, outside a loop or a branch")
    inside = between | {root}
    if any(user not in inside for op in between for r in op.results for user in r.users):
        return no("an op of the chain has another user")
    return found


def _between(root: Op, inputs: Collection[Value]) -> set[Op]:
    """The ops between `inputs` and `root`, without constants."""
    found: set[Op] = set()
    work = [root]
    while work:
        for value in work.pop().operands:
            op = value.op
            if op is None or op in found or value in inputs or isinstance(op, Constant):
                continue
            found.add(op)
            work.append(op)
    return found


@dataclass
class Product:
    """factors[0] * factors[1] * … * times / over."""

    factors: list[Value]
    times: float = 1.0
    over: float = 1.0

    def is_of(self, *values: Value) -> bool:
        """Whether the factors are these, in any order."""
        return sorted(map(id, self.factors)) == sorted(map(id, values))


def product_of(value: Value, atoms: Collection[Value]) -> Product | None:
    """A value as a product of `atoms` and other factors; None if it has too many."""
    found, work = Product([]), [value]
    while work:
        item = work.pop()
        number = number_of(item)
        if number is not None:
            found.times *= number
            continue
        parts = None if item in atoms else _parts(item)
        if parts is None:
            found.factors.append(item)
        else:
            work.extend(parts[0])
            found.over *= parts[1]
        if len(found.factors) + len(work) > _FACTORS:
            return None
    return found


def _parts(value: Value) -> tuple[tuple[Value, ...], float] | None:
    """(factors, divisor) of one op."""
    match value.op:
        case core.Mul(x, y):
            return (x, y), 1.0
        case core.Square(x):
            return (x, x), 1.0
        case core.Pow(x, y) if number_of(y) == 3:
            return (x, x, x), 1.0
        case core.RealDiv(x, y) if (number := number_of(y)) is not None:
            return (x,), number
        case _:
            return None


def factors_near(value: Value, depth: int = 3) -> Iterator[Value]:
    """The operands of the multiplications and divisions by numbers that make up a value."""
    match value.op:
        case core.Mul(x, y) if depth:
            yield from (x, y)
            yield from factors_near(x, depth - 1)
            yield from factors_near(y, depth - 1)
        case core.RealDiv(x, y) if depth and number_of(y) is not None:
            yield x
            yield from factors_near(x, depth - 1)
        case _:
            return


def plus_number(value: Value) -> tuple[Value, float]:
    """(x, c) of x + c; c is 0 if nothing is added."""
    match value.op:
        case core.Add(x, y) if (number := number_of(y)) is not None and x.type == value.type:
            return x, number
        case _:
            return value, 0.0
