"""Arithmetic identities; only those that hold for every number, including NaN and infinity."""

import numpy as np

from ...ir.dialects.builtin import Const, Constant, constant, splat_of
from ...ir.dialects.core import elementwise as core
from ...ir.dialects.core.activation import LinearActivation
from ...ir.dialects.core.fill import BroadcastLike
from ...ir.dialects.core.shape import BroadcastTo, ExpandDims, Squeeze
from ...ir.dialects.core.sort import Cumsum
from ...ir.dialects.core.unary import Abs
from ...ir.rewrite import replace
from ...ir.ssa import Op, Value
from ...ir.types import DType, Tensor
from ..constant_fold import view
from ..patterns import Rewrite, no, pattern


@pattern(core.Elementwise)
def constant_to_the_right(op: core.Elementwise) -> Rewrite:
    """op(const, x) → op(x, const), for every commutative op."""
    if not op.is_commutative:
        return None
    x, y = op.operands
    if isinstance(x, Const) and not isinstance(y, Const):
        return replace(op, x=y, y=x).result
    return None


@pattern(core.Elementwise)
def number_without_dimensions(op: core.Elementwise) -> Rewrite:
    """op(x, [[c]]) → op(x, c): a constant of one element is a number."""
    changes = {
        item.name: view(value.op.value, tuple(range(value.type.rank)), ())
        for item, value in zip(op.spec.operands, op.operands, strict=True)
        if isinstance(value.op, Constant) and value.type.rank and set(value.type.shape) == {1}
    }
    if not changes:
        return None
    found = replace(op, **changes).result
    return found if found.type == op.result.type else no("the constant adds dimensions")


@pattern(core.Add, core.Sub, core.Mul, core.RealDiv, core.Pow)
def neutral_element(op: Op) -> Rewrite:
    """x + 0, x - 0, x * 1, x / 1, x ** 1 → x."""
    x, y = op.operands
    number = splat_of(y)
    if number is None:
        return None
    neutral = 0.0 if isinstance(op, core.Add | core.Sub) else 1.0
    if number != neutral:
        return None
    # x + 0 turns -0 into 0, a difference that no Core ML model can observe.
    if x.type != op.result.type:
        return no("the constant broadcasts x")
    return x


@pattern(LinearActivation)
def linear_activation_to_arithmetic(op: LinearActivation) -> Rewrite:
    """linear_activation(x, alpha, beta) → x * alpha + beta, without neutral parts; -x for -1."""
    value = op.x
    if op.alpha == -1:
        value = core.Neg(value).result
    elif op.alpha != 1:
        value = core.Mul(value, _number(op.alpha, value)).result
    return value if op.beta == 0 else core.Add(value, _number(op.beta, value)).result


def _number(number: float, like: Value) -> Value:
    return constant(np.asarray(number, like.type.dtype.numpy))


@pattern(core.Mul)
def times_minus_one(op: core.Mul) -> Rewrite:
    """x * -1 → -x."""
    if splat_of(op.y) == -1 and op.x.type == op.result.type:
        return core.Neg(op.x).result
    return None


@pattern(core.Mul, core.Pow)
def times_itself(op: core.Mul | core.Pow) -> Rewrite:
    """x * x, x ** 2 → square(x), of floats."""
    if not op.x.type.dtype.is_float or op.x.type != op.result.type:
        return None
    twice = op.x is op.y if isinstance(op, core.Mul) else splat_of(op.y) == 2
    return core.Square(op.x).result if twice else None


@pattern(core.Neg)
def negated_twice(op: core.Neg) -> Rewrite:
    """-(-x) → x."""
    match op:
        case core.Neg(Value(op=core.Neg(x))):
            return x
        case _:
            return None


@pattern(core.Neg)
def negated_limit(op: core.Neg) -> Rewrite:
    """-max(-x, c) → min(x, -c), and the same for min, on floats: -c of an integer may wrap."""
    if not op.x.type.dtype.is_float:
        return None
    match op:
        case core.Neg(Value(op=core.Maximum(Value(op=core.Neg(x)), limit)) as inner):
            other: type[core.Maximum] | type[core.Minimum] = core.Minimum
        case core.Neg(Value(op=core.Minimum(Value(op=core.Neg(x)), limit)) as inner):
            other = core.Maximum
        case _:
            return None
    if not inner.has_one_use:
        return no("the limited value has another user")
    bound = splat_of(limit)
    if bound is None or limit.type.rank:
        return no("the limit is not a scalar constant")
    return other(x, _number(-bound, x)).result


@pattern(core.Cast)
def cast_of_cast(op: core.Cast) -> Rewrite:
    """cast(cast(x, a), b) → cast(x, b), where a holds every value of x's dtype."""
    match op:
        case core.Cast(Value(op=core.Cast(x, middle)), dtype):
            if not holds(middle, x.type.dtype):
                return no(f"{middle.value} does not hold every {x.type.dtype.value}")
            return core.Cast(x, dtype).result
        case _:
            return None


@pattern(Abs)
def magnitude_of_truth(op: Abs) -> Rewrite:
    """|cast(b)| → cast(b), of a truth value b."""
    match op:
        case Abs(Value(op=core.Cast(Value(type=Tensor(dtype=DType.BOOL))))):
            return op.x
        case _:
            return None


@pattern(core.Greater)
def truth_above_number(op: core.Greater) -> Rewrite:
    """cast(b) > c → b, of a truth value b, for 0 <= c < 1."""
    match op:
        case core.Greater(
            Value(op=core.Cast(Value(type=Tensor(dtype=DType.BOOL)) as truth)), limit
        ):
            number = splat_of(limit)
            if number is None or not 0 <= number < 1:
                return no("the truth value is compared with a number that is not in [0, 1)")
            return truth if op.result.type == truth.type else None
        case _:
            return None


@pattern(core.Select)
def index_from_the_beginning(op: core.Select) -> Rewrite:
    """select(i >= 0, i, j) → i, of indices that are never negative."""
    match op:
        case core.Select(Value(op=core.GreaterEqual(x, zero)), a) if splat_of(zero) == 0:
            same = a is x or (splat_of(a) is not None and splat_of(a) == _repeated(x))
            if not same or a.type.dtype is not x.type.dtype or x.type != op.result.type:
                return None
            return x if _is_natural(x) else no("the index may be negative")
        case _:
            return None


def _is_natural(value: Value) -> bool:
    """Whether all numbers are whole and not negative: constants, and running sums of ones."""
    if not value.type.dtype.is_integer:
        return False
    match value.op:
        case Constant(resource):
            return resource.size > 0 and resource.array().min() >= 0
        case Cumsum(x):
            return _repeated(x) in (0, 1)
        case ExpandDims(x) | Squeeze(x) | BroadcastTo(x) | BroadcastLike(x):
            return _is_natural(x)
        case _:
            return False


def _repeated(value: Value) -> float | None:
    """The number that a value has everywhere, if that is known."""
    match value.op:
        case ExpandDims(x) | Squeeze(x) | BroadcastTo(x) | BroadcastLike(x):
            return _repeated(x)
        case _:
            return splat_of(value)


_MANTISSA = {DType.F16: 11, DType.F32: 24, DType.F64: 53}


def holds(wide: DType, narrow: DType) -> bool:
    """Whether every value of `narrow` is a value of `wide`."""
    if wide is narrow or narrow is DType.BOOL:
        return wide is not DType.BOOL or narrow is DType.BOOL
    if DType.STR in (wide, narrow) or wide is DType.BOOL:
        return False
    if wide.is_float:
        if narrow.is_float:
            return wide.bytes >= narrow.bytes
        return narrow.bytes * 8 <= _MANTISSA[wide]
    if narrow.is_float:
        return False
    signed_wide, signed_narrow = wide.value[0] == "i", narrow.value[0] == "i"
    if signed_wide == signed_narrow:
        return wide.bytes >= narrow.bytes
    return signed_wide and wide.bytes > narrow.bytes


PATTERNS = (
    constant_to_the_right,
    number_without_dimensions,
    neutral_element,
    linear_activation_to_arithmetic,
    times_minus_one,
    times_itself,
    negated_twice,
    negated_limit,
    cast_of_cast,
    magnitude_of_truth,
    truth_above_number,
    index_from_the_beginning,
)
