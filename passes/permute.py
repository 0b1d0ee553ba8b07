"""What transposing its operands does to an op, derived from the kinds of its attributes."""

from collections.abc import Sequence

from ..ir.attributes import Kind
from ..ir.attributes import permute as permute_attribute
from ..ir.hooks import hook_of
from ..ir.rewrite import replace
from ..ir.ssa import Op, Value

Perm = tuple[int, ...]


def permute_op(
    op: Op, perm: Perm, operands: Sequence[Value] | None = None
) -> tuple[Op, Perm] | None:
    """The op on untransposed operands, and the permutation that its result needs.

    Where `op`'s permuted operands are `transpose(u, perm)`, the returned op takes the `u`s, and
    `transpose(new.result, result_perm)` equals `op.result`; of several results, each. An op's own
    `permute` hook decides, or else its attribute kinds; ops that name no permuted operands, or
    whose results lose dimensions in different ways, give None.

    Args:
        op: the op.
        perm: dimension i of a permuted operand is dimension perm[i] of its source.
        operands: the sources, for every flat operand (others unchanged); by default the operands
            are taken as if they were the sources (their types must then be permuted alike).
    """
    if (hook := hook_of(op, "permute")) is not None:
        return hook(perm, tuple(operands or op.operands))
    if not (op.is_elementwise or op.permuted_operands) or not op.results or op.regions:
        return None
    if len(op.results) > 1 and any(value.type.rank != len(perm) for value in op.results):
        return None
    changes: dict[str, object] = {}
    for item in op.spec.attributes:
        try:
            value = op.attributes[item.name]
            changes[item.name] = permute_attribute(item.kind, value, perm)
        except ValueError:
            return None
    if operands is not None:
        changes |= {n: g for n, g in op.grouped(operands).items() if g is not None}
    new = replace(op, **changes)
    return new, _result_perm(op, perm)


def _result_perm(op: Op, perm: Perm) -> Perm:
    """The same permutation, without the dimensions that the op removes."""
    if op.results[0].type.rank == len(perm):
        return perm
    removed: set[int] = set()
    for item in op.spec.attributes:
        value = op.attributes[item.name]
        if item.kind is Kind.AXIS:
            removed.add(value)
        elif item.kind is Kind.AXES:
            removed.update(value or range(len(perm)))
    kept = [source for position, source in enumerate(perm) if position not in removed]
    order = sorted(kept)
    return tuple(order.index(source) for source in kept)


def permuted_positions(op: Op) -> list[int]:
    """Which flat operands have the permuted dimensions."""
    if op.is_elementwise:
        return list(range(len(op.operands)))
    grouped = op.grouped(range(len(op.operands)))
    named: list[tuple[int, ...] | int] = [grouped[name] for name in op.permuted_operands]
    return [i for group in named for i in (group if isinstance(group, tuple) else (group,))]
