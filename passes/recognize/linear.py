"""Raises matrix products with weights, and attention."""

from dataclasses import dataclass

from ...ir.dialects.builtin import Constant, scalar, splat_of
from ...ir.dialects.core import elementwise
from ...ir.dialects.core import linear as core
from ...ir.dialects.core.activation import Softmax
from ...ir.dialects.core.shape import Transpose
from ...ir.ssa import Value
from ..constant_fold import view
from ..masks import ABSORBING, is_mask
from ..patterns import Rewrite, no, pattern
from .chains import if_private, number_of


@pattern(core.MatMul)
def linear_by_matmul(op: core.MatMul) -> Rewrite:
    """matmul(x, weights) → linear(x, weights), where weights are one constant matrix."""
    source = op.y.op
    if not isinstance(source, Constant):
        return None
    if op.y.type.rank != 2:
        return no("there is one matrix for each entry of a batch")
    if not op.x.type.dtype.is_float:
        return no("linear multiplies only floats")
    if op.transpose_x:
        return no("x is transposed")
    rows, columns = op.y.type.static_shape
    # A view now, not an op that is folded later: passes in between look for constant weights.
    weight = op.y if op.transpose_y else view(source.value, (1, 0), (columns, rows))
    return core.Linear(op.x, weight).result


@pattern(core.MatMul)
def attention_by_matmuls(op: core.MatMul) -> Rewrite:
    """matmul(softmax(matmul(q, k^T) * scale + mask), v) → attention(q, k, v, mask)."""
    if not isinstance(op.x.op, Softmax):
        return None
    weights = op.x.op
    if op.transpose_x or op.transpose_y:
        return no("the weights or the values are transposed")
    if weights.axis not in (-1, weights.x.type.rank - 1):
        return no("the softmax is not over the keys")
    for scores, masks in _masked(weights.x):
        product, scale = _scaled(scores)
        if not isinstance(product.op, core.MatMul) or product.op.transpose_x:
            continue
        query, turned = product.op.x, product.op.y
        key = turned if product.op.transpose_y else _untransposed(turned)
        if key is None:
            return no("the keys are not transposed")
        if _would_mix(masks):
            return no("of two constant masks one is trained, the other isn't")
        inputs = [query, key if product.op.transpose_y else turned, op.y]
        inputs += [value for mask in masks for value in mask.inputs]
        found = core.Attention(query, key, op.y, _sum(masks, product), scale=scale)
        return if_private(op, inputs, found.result)
    return no("the softmax is not of scores")


def _untransposed(turned: Value) -> Value | None:
    """The keys before they were transposed, together with whatever else was transposed."""
    if not isinstance(turned.op, Transpose):
        return None
    rank = turned.type.rank
    return Transpose(turned, (*range(rank - 2), rank - 1, rank - 2)).result


@dataclass(frozen=True)
class _Mask:
    """What is added to scores: a value, or a number where `where` is `unless` and else 0."""

    value: Value | None = None
    where: Value | None = None
    number: float = 0.0
    unless: bool = False

    @property
    def inputs(self) -> tuple[Value, ...]:
        return tuple(value for value in (self.value, self.where) if value is not None)

    def added(self, scores: Value) -> Value:
        """The mask as a tensor of the scores' dtype."""
        if self.value is not None:
            return self.value
        assert self.where is not None
        zero, number = scalar(0.0, scores), scalar(self.number, scores)
        chosen = (number, zero) if self.unless else (zero, number)
        return elementwise.Select(self.where, *chosen).result


def _would_mix(masks: list[_Mask]) -> bool:
    """Whether weights and other constants would be added, which would be folded."""
    makers = [value.op for mask in masks for value in mask.inputs]
    stored = [op.value for op in makers if isinstance(op, Constant)]
    return len({item.is_weight and not is_mask(item.array()) for item in stored}) > 1


_MOST_MASKS = 3  # windows, positions and padding; sums of anything have more ways to read


def _masked(value: Value, most: int = _MOST_MASKS) -> list[tuple[Value, list[_Mask]]]:
    """(scores, masks) for each way to read the value; no mask broadcasts the scores."""
    found: list[tuple[Value, list[_Mask]]] = [(value, [])]
    for scores, mask in _one_mask(value) if most else ():
        found += [(inner, [*masks, mask]) for inner, masks in _masked(scores, most - 1)]
    return found


def _one_mask(value: Value) -> list[tuple[Value, _Mask]]:
    match value.op:
        case elementwise.Add(x, y):
            pairs = ((x, y), (y, x))
            return [(a, _Mask(value=b)) for a, b in pairs if a.type == value.type]
        case elementwise.Select(where, x, y):
            pairs = ((x, y, False), (y, x, True))
            return [
                (a, _Mask(where=where, number=number, unless=unless))
                for a, b, unless in pairs
                if a.type == value.type
                and (number := _splat(b)) is not None
                and number <= ABSORBING
            ]
        case _:
            return []


def _splat(value: Value) -> float | None:
    """The one number of which a constant consists."""
    return splat_of(value) if isinstance(value.op, Constant) else None


def _sum(masks: list[_Mask], scores: Value) -> Value | None:
    """All masks, added from the innermost on."""
    if not masks:
        return None
    first, *others = [mask.added(scores) for mask in masks]
    for other in others:
        first = elementwise.Add(first, other).result
    return first


def _scaled(value: Value) -> tuple[Value, float]:
    """(x, c) of x * c; c is 1 if nothing is multiplied."""
    match value.op:
        case elementwise.Mul(x, y) if (number := number_of(y)) is not None and x.type == value.type:
            return x, number
        case _:
            return value, 1.0


PATTERNS = (linear_by_matmul, attention_by_matmuls)
