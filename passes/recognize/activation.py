"""Raises spelled-out activations and softmax."""

import math

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.dialects.core import activation as core
from ...ir.dialects.core import elementwise, reduce
from ...ir.ssa import Op, Value
from ..constant_fold import view
from ..patterns import Rewrite, no, pattern
from .chains import factors_near, if_private, is_rounded, number_of, plus_number, product_of


@pattern(elementwise.Inverse, elementwise.RealDiv)
def sigmoid_by_exp(op: Op) -> Rewrite:
    """1 / (1 + exp(-x)) → sigmoid(x)."""
    match op:
        case elementwise.Inverse(below, epsilon) if epsilon in (0, 1):
            bottom, one = plus_number(below)
            total = one + epsilon
        case elementwise.RealDiv(above, below) if number_of(above) == 1:
            bottom, total = plus_number(below)
        case _:
            return None
    x = _negated_in_exp(bottom)
    if x is None or total != 1 or op.results[0].type != x.type:
        return None
    return if_private(op, [x], core.Sigmoid(x).result)


@pattern(elementwise.RealDiv)
def silu_by_exp(op: elementwise.RealDiv) -> Rewrite:
    """x / (1 + exp(-x)) → silu(x)."""
    bottom, total = plus_number(op.y)
    x = _negated_in_exp(bottom)
    if x is None or x is not op.x or total != 1:
        return None
    return if_private(op, [x], core.Silu(x).result)


def _negated_in_exp(value: Value) -> Value | None:
    match value.op:
        case elementwise.Exp(Value(op=elementwise.Neg(x))):
            return x
        case _:
            return None


@pattern(elementwise.Mul)
def gated_by_sigmoid(op: elementwise.Mul) -> Rewrite:
    """x * sigmoid(x) → silu(x); x * sigmoid(1.702 * x) → gelu(x)."""
    for x, gate in ((op.x, op.y), (op.y, op.x)):
        match gate.op:
            case core.Sigmoid(inner) if inner is x:
                found = core.Silu(x).result
            case core.Sigmoid(Value(op=elementwise.Mul(same, scale))) if same is x:
                number = number_of(scale)
                if number is None or x.type != op.result.type:
                    return None
                if not is_rounded(number, 1.702):
                    return no("the gate's factor is not 1.702")
                found = core.Gelu(x, mode="sigmoid_approximation").result
            case _:
                continue
        return if_private(op, [x], found)
    return None


@pattern(elementwise.Mul, elementwise.RealDiv)
def gelu_by_erf(op: Op) -> Rewrite:
    """0.5 * x * (1 + erf(x / sqrt(2))), multiplied in any order → gelu(x)."""
    for gate in factors_near(op.results[0]):
        function, one = plus_number(gate)
        if one != 1 or not isinstance(function.op, elementwise.Erf):
            continue
        inner = function.op.x
        match inner.op:
            case elementwise.Mul(x, y) if (number := number_of(y)) is not None:
                exact = is_rounded(number, math.sqrt(0.5))
            case elementwise.RealDiv(x, y) if (number := number_of(y)) is not None:
                exact = is_rounded(number, math.sqrt(2))
            case _:
                return None
        if not _is_half(op, x, gate):
            return None
        if not exact:
            return no("the argument of erf is not x / sqrt(2)")
        return if_private(op, [x], core.Gelu(x).result)
    return None


@pattern(elementwise.Mul, elementwise.RealDiv)
def gelu_by_tanh(op: Op) -> Rewrite:
    """0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))) → gelu(x)."""
    for gate in factors_near(op.results[0]):
        function, one = plus_number(gate)
        if one != 1 or not isinstance(function.op, elementwise.Tanh):
            continue
        for x in _candidates(op, gate):
            if not _is_half(op, x, gate):
                continue
            numbers = _cubic(function.op.x, x)
            if numbers is None:
                return None
            if not is_rounded(numbers[0], math.sqrt(2 / math.pi)):
                return no("the factor in tanh is not sqrt(2 / pi)")
            if not is_rounded(numbers[1], 0.044715):
                return no("the factor of x ** 3 is not 0.044715")
            return if_private(op, [x], core.Gelu(x, mode="tanh_approximation").result)
    return None


def _candidates(op: Op, gate: Value) -> list[Value]:
    """Factors of a product that may be x."""
    near = factors_near(op.results[0])
    return [value for value in near if value is not gate and number_of(value) is None]


def _is_half(op: Op, x: Value, gate: Value) -> bool:
    """Whether an op computes 0.5 * x * gate."""
    result = op.results[0]
    found = product_of(result, (x, gate))
    if found is None or not found.is_of(x, gate) or x.type != result.type:
        return False
    # Halving is exact: the order matters only beyond half the largest number, where a program that
    # halves last has infinity and the op has x.
    return found.over != 0 and found.times / found.over == 0.5


def _cubic(value: Value, x: Value) -> tuple[float, float] | None:
    """(a, b) of a * (x + b * x ** 3) or a * x * (1 + b * x ** 2)."""
    for part in factors_near(value):
        match part.op:
            case elementwise.Add(left, right):
                outer = product_of(value, (x, part))
            case _:
                continue
        if outer is None or outer.over != 1:
            return None
        if outer.is_of(part):
            rest = right if left is x else left if right is x else None
            power = 3
        else:
            rest = left if outer.is_of(part, x) and number_of(right) == 1 else None
            power = 2
        inner = None if rest is None else product_of(rest, (x,))
        if inner is None or inner.over != 1 or not inner.is_of(*[x] * power):
            return None
        return outer.times, inner.times
    return None


@pattern(elementwise.Mul, elementwise.RealDiv)
def hard_swish_by_limits(op: Op) -> Rewrite:
    """x * relu6(x + 3) / 6, multiplied in any order → hard_swish(x)."""
    for gate in factors_near(op.results[0]):
        if not isinstance(gate.op, core.Relu6):
            continue
        x, three = plus_number(gate.op.x)
        found = product_of(op.results[0], (x, gate))
        if found is None or not found.is_of(x, gate) or x.type != op.results[0].type:
            continue
        if three != 3:
            return no("the limited value is not x + 3")
        if not is_rounded(found.times / found.over, 1 / 6):
            return no("the product is not divided by 6")
        return if_private(op, [x], core.HardSwish(x).result)
    return None


@pattern(elementwise.Mul)
def hard_swish_by_hard_sigmoid(op: elementwise.Mul) -> Rewrite:
    """x * sigmoid_hard(x) → hard_swish(x), for the line x / 6 + 0.5 (PyTorch's hardswish)."""
    for x, gate in ((op.x, op.y), (op.y, op.x)):
        match gate.op:
            case core.SigmoidHard(inner, alpha, beta) if inner is x:
                pass
            case _:
                continue
        # Attributes are the shortest decimals that round to the same float32.
        if not is_rounded(float(np.float32(alpha)), 1 / 6) or beta != 0.5:
            return no("the line is not x / 6 + 0.5")
        return if_private(op, [x], core.HardSwish(x).result)
    return None


@pattern(core.HardSwish)
def hard_swish_of_threshold(op: core.HardSwish) -> Rewrite:
    """hard_swish(thresholded_relu(x, -3)) → hard_swish(x): both are zero below -3."""
    match op.x.op:
        case core.ThresholdedRelu(x, alpha):
            if alpha > -3:
                return no("the threshold is above -3")
            return if_private(op, [x], core.HardSwish(x).result)
        case _:
            return None


@pattern(elementwise.RealDiv, elementwise.Mul)
def softmax_by_exp(op: Op) -> Rewrite:
    """exp(x - max(x)) / sum(exp(x - max(x))), along one dimension → softmax(x)."""
    match op:
        case elementwise.RealDiv(
            Value(op=elementwise.Exp(shifted)) as powers, Value(op=reduce.ReduceSum() as total)
        ):
            pass
        case elementwise.Mul(
            Value(op=elementwise.Exp(shifted)) as powers,
            Value(op=elementwise.Inverse(Value(op=reduce.ReduceSum() as total), epsilon)),
        ):
            if epsilon != 0:
                return no("something is added to the sum")
        case _:
            return None
    if total.x is not powers:
        return None
    axis = _one_axis(total)
    if axis is None:
        return no("it does not sum over exactly one axis and keep it")
    match shifted.op:
        case elementwise.Sub(x, Value(op=reduce.ReduceMax(same) as largest)) if same is x:
            if _one_axis(largest) != axis:
                return no("the maximum and the sum are taken over different axes")
        case _:
            return no("no maximum is subtracted: large numbers overflow here but not in softmax")
    return if_private(op, [x], core.Softmax(x, axis=axis).result)


@pattern(elementwise.Select)
def relu_by_select(op: elementwise.Select) -> Rewrite:
    """x >= 0 ? x : x * alpha → leaky_relu(x), or prelu(x) with an alpha per channel."""
    match op:
        case elementwise.Select(
            Value(op=elementwise.GreaterEqual() | elementwise.Greater() as test), x, below
        ):
            pass
        case elementwise.Select(
            Value(op=elementwise.Less() | elementwise.LessEqual() as test), below, x
        ):
            pass
        case _:
            return None
    match below.op:
        case elementwise.Mul(same, alpha) if same is x is test.x and x.type == op.result.type:
            pass
        case _:
            return None
    if number_of(test.y) != 0:
        return no("it compares with a number other than 0")
    found = _with_slopes(x, alpha)
    if found is None:
        return no("the slopes aren't constants of one dimension")
    return if_private(op, [x], found)


def _with_slopes(x: Value, alpha: Value) -> Value | None:
    number = number_of(alpha)
    if number is not None:
        return core.LeakyRelu(x, number).result
    missing = x.type.rank - alpha.type.rank
    large = [axis + missing for axis, extent in enumerate(alpha.type.shape) if extent != 1]
    if not isinstance(alpha.op, Constant) or len(large) != 1 or missing < 0:
        return None
    stored = alpha.op.value
    slopes = view(stored, tuple(range(stored.type.rank)), (stored.size,))
    return core.Prelu(x, slopes, large[0]).result


@pattern(core.Softmax)
def softmax_less_maximum(op: core.Softmax) -> Rewrite:
    """softmax(x - max(x)) → softmax(x), which subtracts the maximum itself."""
    match op.x.op:
        case elementwise.Sub(x, Value(op=reduce.ReduceMax(same) as largest)) if same is x:
            if _one_axis(largest) != op.axis:
                return no("the maximum and the softmax are along different axes")
            return if_private(op, [x], core.Softmax(x, axis=op.axis).result)
        case _:
            return None


def _one_axis(op: reduce.Reduction) -> int | None:
    """The reduced axis, if there is exactly one and it is kept."""
    axes = op.over()
    return axes[0] if len(axes) == 1 and op.keep_dims else None


PATTERNS = (
    sigmoid_by_exp,
    silu_by_exp,
    gated_by_sigmoid,
    gelu_by_erf,
    gelu_by_tanh,
    hard_swish_by_limits,
    hard_swish_by_hard_sigmoid,
    hard_swish_of_threshold,
    relu_by_select,
    softmax_by_exp,
    softmax_less_maximum,
)
