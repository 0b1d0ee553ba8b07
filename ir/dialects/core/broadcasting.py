"""Bases of elementwise ops: how shapes broadcast, which operands they take, how they evaluate."""

from collections.abc import Callable
from typing import ClassVar

from ...batch.kinds import elementwise
from ...declare import operand
from ...dims import Dim, Shape, differs, maximum, merge
from ...ssa import Op, Value, VerifyError
from ...types import BOOL, FLOAT, NUMERIC, SIGNED, Array, DType, Type


def broadcast_shapes(op: Op, *shapes: Shape, label: str = "") -> Shape:
    """The rule of numpy for symbolic shapes; `label` is the constraint that says so.

    Raises:
        VerifyError: two dimensions are provably unequal and neither is 1.
    """
    rank = max(map(len, shapes))
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for axis, dim in enumerate(shape, rank - len(shape)):
            result[axis] = _broadcast_dims(op, label, result[axis], dim)
    return tuple(result)


def _broadcast_dims(op: Op, label: str, a: Dim, b: Dim) -> Dim:
    if a == 1 or b == 1 or a == b:
        return b if a == 1 else a
    if isinstance(a, int) or isinstance(b, int):
        if differs(a, b) and isinstance(a, int) and isinstance(b, int):
            raise VerifyError(op, label, f"dimensions {a} and {b} do not broadcast")
        return merge(a, b)
    return maximum(a, b)


class Elementwise(Op):
    """Base: the result has the operands' broadcast shape and the first operand's dtype."""

    is_elementwise = True
    batch = elementwise
    kernel: ClassVar[Callable[..., Array]]  # evaluates, unless the op defines `evaluate` itself

    def infer(self) -> Type:
        first = self.operands[0].type
        return first.with_shape(broadcast_shapes(self, *(v.type.shape for v in self.operands)))


class Unary(Elementwise):
    """Base of ops on one floating-point operand."""

    x: Value = operand(FLOAT)

    def evaluate(self, x: Array) -> Array:
        return type(self).kernel(x)


class UnaryNumeric(Elementwise):
    """Base of ops on one signed number."""

    x: Value = operand(FLOAT | SIGNED)

    def evaluate(self, x: Array) -> Array:
        return type(self).kernel(x)


class Binary(Elementwise):
    """Base of ops on two numbers of the same dtype."""

    x: Value = operand(NUMERIC)
    y: Value = operand(NUMERIC, like="x")

    def evaluate(self, x: Array, y: Array) -> Array:
        return type(self).kernel(x, y)


class Comparison(Elementwise):
    """Base of ops that compare two numbers and give a bool."""

    x: Value = operand(NUMERIC | BOOL)
    y: Value = operand(NUMERIC | BOOL, like="x")

    def infer(self) -> Type:
        return super().infer().with_dtype(DType.BOOL)

    def evaluate(self, x: Array, y: Array) -> Array:
        return type(self).kernel(x, y)


class Ordering(Comparison):
    """Base of comparisons that need an order, which bools don't have."""

    x: Value = operand(NUMERIC)
    y: Value = operand(NUMERIC, like="x")


class Logical(Elementwise):
    """Base of ops on two bools."""

    x: Value = operand(BOOL)
    y: Value = operand(BOOL)
    is_commutative = True

    def evaluate(self, x: Array, y: Array) -> Array:
        return type(self).kernel(x, y)
