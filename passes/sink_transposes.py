"""Moves transposes towards the end of the graph, where they meet their inverses and vanish."""

from dataclasses import dataclass

from ..ir.dialects.builtin import Const
from ..ir.dialects.core import linear, shape
from ..ir.dims import Dim, product
from ..ir.hooks import hook_of
from ..ir.ssa import Op, Value
from .canonicalize.shape import transpose_of_transpose, transpose_of_units
from .constant_fold import view_of_constant
from .manager import PatternPass
from .patterns import Rewrite, no, pattern
from .permute import Perm, permute_op, permuted_positions


@pattern(Op)
def sink_transpose(op: Op) -> Rewrite:
    """f(transpose(x, p), …) → transpose(f(x, …), p) for every op that permits it."""
    if not (op.is_elementwise or op.permuted_operands or hook_of(op, "permute")):
        return None
    perm = _shared_perm(op)
    if perm is None:
        return None
    sources: list[Value] = list(op.operands)
    for position in permuted_positions(op):
        source = _source(op.operands[position], perm, op)
        if source is None:
            return no(f"operand {position} is not transposed alike")
        sources[position] = source
    result = permute_op(op, perm, sources)
    if result is None:
        return no("it depends on the order of its dimensions")
    new, result_perm = result
    return tuple(shape.Transpose(value, result_perm).result for value in new.results)


def _shared_perm(op: Op) -> Perm | None:
    """The permutation of the first transposed operand."""
    for position in permuted_positions(op):
        producer = op.operands[position].op
        if isinstance(producer, shape.Transpose):
            return producer.perm
    return None


def _source(value: Value, perm: Perm, op: Op) -> Value | None:
    """The value that `value` is a transpose of."""
    producer = value.op
    if isinstance(producer, shape.Transpose) and producer.perm == perm:
        return producer.x
    if value.type.rank == 0 and op.is_elementwise:
        return value
    inverse = tuple(perm.index(axis) for axis in range(len(perm)))
    if not isinstance(value, Const):
        if value.type.rank == len(perm) and _moves_only_units(value.type.shape, inverse):
            return shape.Transpose(value, inverse).result  # becomes a reshape
        # A value that is transposed back anyway costs no further transpose: cse merges the two.
        # (Except if the permutation is its own inverse: two such values would alternate endlessly.)
        perms = {user.perm for user in value.users if isinstance(user, shape.Transpose)}
        again = inverse in perms and inverse != perm
        return shape.Transpose(value, inverse).result if again else None
    if op.is_elementwise and value.type.rank < len(perm):
        # Broadcasting lines up trailing dimensions: spell the leading ones out first.
        added = tuple(range(len(perm) - value.type.rank))
        value = shape.ExpandDims(value, added).result
    if value.type.rank != len(perm):
        return None
    return shape.Transpose(value, inverse).result


def _moves_only_units(sizes: tuple[Dim, ...], perm: Perm) -> bool:
    """Whether a transpose moves no numbers, as that of a gate for each channel."""
    kept = [axis for axis in perm if sizes[axis] != 1]
    return kept == sorted(kept)


@pattern(linear.Linear)
def flattened_transpose_into_linear(op: linear.Linear) -> Rewrite:
    """linear(reshape(transpose(x)), w) → linear(reshape(x), w with its columns reordered)."""
    match op:
        case linear.Linear(
            Value(op=shape.Reshape(Value(op=shape.Transpose(x, perm) as moved), target)),
            weight,
            bias,
        ) if isinstance(weight, Const):
            pass
        case _:
            return None
    count = _flattened(moved.result.type.shape, target)
    if count is None:
        return no("the reshape does more than merge trailing dimensions")
    lead = len(perm) - count
    if perm[:lead] != tuple(range(lead)):
        return no("the transpose moves dimensions that are not merged")
    sizes = [dim for dim in moved.result.type.shape[lead:] if isinstance(dim, int)]
    if len(sizes) != count:
        return no("a merged dimension is symbolic")
    tail = tuple(axis - lead for axis in perm[lead:])
    inverse = tuple(tail.index(axis) for axis in range(count))
    outputs = weight.type.shape[0]
    columns = shape.Reshape(weight, (outputs, *sizes)).result
    reordered = shape.Transpose(columns, (0, *(axis + 1 for axis in inverse))).result
    flat = shape.Reshape(reordered, weight.type.shape).result
    return linear.Linear(shape.Reshape(x, target).result, flat, bias).result


def _flattened(source: tuple[Dim, ...], target: tuple[Dim, ...]) -> int | None:
    """How many trailing dimensions a reshape merges into its last one, if it does only that."""
    lead = len(target) - 1
    if lead < 0 or source[:lead] != target[:lead]:
        return None
    return len(source) - lead if product(source[lead:]) == target[-1] else None


@dataclass(frozen=True)
class SinkTransposes(PatternPass):
    """Move transposes through every op that permits it, and cancel adjacent ones."""

    name = "sink-transposes"
    patterns = (
        transpose_of_transpose,
        transpose_of_units,
        view_of_constant,
        sink_transpose,
        flattened_transpose_into_linear,
    )
