"""Raises normalizations with computed statistics: layer, instance, group and L2 norms."""

from ...ir.dialects.core import elementwise, reduce
from ...ir.dialects.core import norm as core
from ...ir.ssa import Op, Value
from ...ir.types import DType
from ..patterns import Declined, Rewrite, no, pattern
from .chains import if_private, number_of, plus_number


@pattern(elementwise.RealDiv, elementwise.Mul)
def over_its_root(op: Op) -> Rewrite:
    """(x - mean) / sqrt(variance + e) → mean_variance_norm(x); x / sqrt(sum(x²) + e) → l2_norm."""
    for value, gamma, (radicand, epsilon) in _divided(op):
        total = _sum_of_squares(radicand, value)
        if total is None or value.type != op.results[0].type:
            continue
        normal = _normal(value, total, epsilon)
        if isinstance(normal, Declined):
            return normal
        found, inputs = normal.results[0], [normal.operands[0]]
        if gamma is not None:
            found, inputs = elementwise.Mul(found, gamma).result, [*inputs, gamma]
        return if_private(op, inputs, found)
    match op:
        case elementwise.RealDiv(_, Value(op=elementwise.Add(root, y))):
            if _root(root) is not None and number_of(y) is not None:
                return no("epsilon is added outside the root")
        case _:
            pass
    return None


def _sum_of_squares(value: Value, x: Value) -> reduce.Reduction | None:
    """The op that sums or averages the squares of x, if that computes the value."""
    match value.op:
        case reduce.ReduceMean(Value(op=elementwise.Square(same))) as total if same is x:
            return total
        case reduce.ReduceSum(Value(op=elementwise.Square(same))) as total if same is x:
            return total
        case reduce.ReduceSumSquare(same) as total if same is x:
            return total
        case _:
            return None


def _normal(value: Value, total: reduce.Reduction, epsilon: float) -> Op | Declined:
    if not isinstance(total, reduce.ReduceMean):
        if not _broadcasts(total):
            return no("the divisor varies along other dimensions")
        return _checked(value, epsilon) or core.L2Norm(value, _axes(total), epsilon=epsilon)
    match value.op:
        case elementwise.Sub(x, Value(op=reduce.ReduceMean(same) as mean)) if same is x:
            return _standardized(x, mean, total, epsilon)
        case _:
            return no("it divides by a root mean square without subtracting the mean")


def _standardized(
    x: Value, mean: reduce.Reduction, variance: reduce.Reduction, epsilon: float
) -> core.MeanVarianceNorm | Declined:
    same = set(mean.over()) == set(variance.over())
    if not same or not _broadcasts(mean) or not _broadcasts(variance):
        return no("the mean and the variance are taken over different axes")
    return _checked(x, epsilon) or core.MeanVarianceNorm(x, _axes(variance), epsilon=epsilon)


def _checked(x: Value, epsilon: float) -> Declined | None:
    if epsilon < 0:
        return no("epsilon is negative")
    if x.type.dtype is DType.F16:
        # Where squares of float16 overflow, a program has zeros and the op has numbers. Such
        # chains get here only under `--precision=keep`, which promises the program's numbers.
        return no("the squares are in half precision, those of the op are not")
    return None


@pattern(elementwise.Add)
def scaled_and_moved(op: elementwise.Add) -> Rewrite:
    """x * s + (beta - mean * s), s = gamma / sqrt(variance + e) → mean_variance_norm, Mul, Add."""
    match op:
        case elementwise.Add(
            Value(op=elementwise.Mul(x, scale)),
            Value(op=elementwise.Sub(beta, Value(op=elementwise.Mul(mean, same)))),
        ) if same is scale:
            pass
        case _:
            return None
    match scale.op:
        case elementwise.Mul(deviation, gamma):
            root = _inverse_root(deviation)
        case _:
            gamma, root = None, _inverse_root(scale)
    if root is None:
        return None
    variance, epsilon = root
    match variance.op, mean.op:
        case (
            reduce.ReduceMean(
                Value(op=elementwise.Square(Value(op=elementwise.Sub(inner, middle))))
            ) as total,
            reduce.ReduceMean(averaged) as average,
        ) if inner is x and averaged is x and middle is mean:
            pass
        case _:
            return no("the statistics are not those of x")
    if x.type != op.result.type:
        return no("gamma or beta broadcast x")
    normal = _standardized(x, average, total, epsilon)
    if isinstance(normal, Declined):
        return normal
    scaled = normal.result if gamma is None else elementwise.Mul(normal.result, gamma).result
    inputs = [x, beta] if gamma is None else [x, beta, gamma]
    return if_private(op, inputs, elementwise.Add(scaled, beta).result)


def _divided(op: Op) -> list[tuple[Value, Value | None, tuple[Value, float]]]:
    """(x, gamma, (y, e)) of whatever computes gamma * x / sqrt(y + e); all ways to read it so."""
    x, y = op.operands
    found: list[tuple[Value, Value | None, tuple[Value, float] | None]] = []
    if isinstance(op, elementwise.RealDiv):
        found.append((x, None, _root(y)))
        if isinstance(x.op, elementwise.Mul):
            found += [(x.op.x, x.op.y, _root(y)), (x.op.y, x.op.x, _root(y))]
    else:
        for value, factor in ((x, y), (y, x)):
            found.append((value, None, _inverse_root(factor)))
            if isinstance(factor.op, elementwise.Mul):
                found.append((value, factor.op.y, _inverse_root(factor.op.x)))
    return [(value, gamma, root) for value, gamma, root in found if root is not None]


def _root(value: Value) -> tuple[Value, float] | None:
    """(y, e) of sqrt(y + e)."""
    match value.op:
        case elementwise.Sqrt(radicand):
            return plus_number(radicand)
        case elementwise.Pow(radicand, y) if number_of(y) == 0.5:
            return plus_number(radicand)
        case _:
            return None


def _inverse_root(value: Value) -> tuple[Value, float] | None:
    """(y, e) of 1 / sqrt(y + e)."""
    match value.op:
        case elementwise.Rsqrt(radicand, epsilon):
            inner, added = plus_number(radicand)
            return inner, added + epsilon
        case elementwise.Pow(radicand, y) if number_of(y) == -0.5:
            return plus_number(radicand)
        case elementwise.Inverse(root, epsilon) if epsilon == 0:
            return _root(root)
        case elementwise.RealDiv(x, root) if number_of(x) == 1:
            return _root(root)
        case _:
            return None


def _axes(op: reduce.Reduction) -> tuple[int, ...]:
    return tuple(sorted(op.over()))


def _broadcasts(op: reduce.Reduction) -> bool:
    """Whether each result element is broadcast to the elements that it was computed from."""
    return op.keep_dims or len(op.over()) == op.x.type.rank


PATTERNS = (over_its_root, scaled_and_moved)
