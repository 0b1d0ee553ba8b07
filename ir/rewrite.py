"""Changes to IR: adopting detached ops, replacing, erasing, copying.

Rules and patterns build detached ops and return values; the functions here insert them and take
care of use lists, locations and dead producers, so that authors of rules never have to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from .attributes import Kind
from .dims import Dim, bare_symbol
from .location import UNKNOWN, Location, Unknown, fuse
from .ssa import Block, Function, Module, Op, Region, Value, walk
from .values import substituted

OpT = TypeVar("OpT", bound=Op)
Symbols = Mapping[str, Dim]
_NO_SYMBOLS: Symbols = MappingProxyType({})


def replace(op: OpT, **changes: Any) -> OpT:
    """A detached copy of `op` with some fields changed."""
    return type(op)(**{**op.fields(), **changes})


def detached_producers(values: Iterable[Value]) -> list[Op]:
    """The detached ops that `values` depend on, producers first."""
    order: list[Op] = []
    seen: set[int] = set()
    stack: list[tuple[Op, bool]] = [
        (v.op, False) for v in reversed(list(values)) if v.op is not None
    ]
    while stack:
        op, expanded = stack.pop()
        if expanded:
            order.append(op)
            continue
        if op.parent is not None or id(op) in seen:
            continue
        seen.add(id(op))
        stack.append((op, True))
        stack.extend([(producer, False) for producer in reversed(producers(op))])
    return order


def adopt(
    values: Iterable[Value], block: Block, before: Op | None = None, location: Location = UNKNOWN
) -> list[Op]:
    """Insert the detached producers of `values`, producers first; returns them.

    Ops without a location of their own get `location`.
    """
    new = detached_producers(values)
    for op in new:
        if isinstance(op.location, Unknown):
            op.location = location
        block.insert(op, before)
    return new


def replace_op(op: Op, values: Iterable[Value], by: str) -> list[Op]:
    """Replace the results of `op` by `values` (usually results of detached ops).

    The new ops take the location of `op` and of every producer that dies with it, fused under the
    name `by`. Dead producers are erased. Returns the inserted ops.
    """
    new_values = list(values)
    block = op.parent
    if block is None:
        raise ValueError(f"{op!r} is not in a block")
    inserted = adopt(new_values, block, op)
    for old, new in zip(op.results, new_values, strict=True):
        old.replace_all_uses_with(new)
    dead = _erase_dead(op)
    location = fuse(by, (item.location for item in reversed(dead)))
    for item in inserted:
        if isinstance(item.location, Unknown):
            item.location = location
    return inserted


def is_dead(op: Op) -> bool:
    """Whether the op can be erased: no result is used, and it has no side effects."""
    for result in op.results:
        if result.use_count:
            return False
    return not (op.is_terminator or op.effects())


def producers(op: Op) -> list[Op]:
    """The ops that define the values that the op uses, including in its regions."""
    found = [value.op for value in op.operands if value.op is not None]
    for body in op.all_regions():
        for inner in walk(body):
            found += [value.op for value in inner.operands if value.op is not None]
    return found


def _erase_dead(op: Op) -> list[Op]:
    """Erase a replaced op and the producers that only it used; returns them, users first."""
    dead: list[Op] = []
    work = [op]
    while work:
        candidate = work.pop(0)
        if candidate.parent is None or (candidate is not op and not is_dead(candidate)):
            continue
        if any(result.use_count for result in candidate.results):
            continue
        needed = producers(candidate)
        candidate.erase()
        dead.append(candidate)
        work.extend(needed)
    return dead


def clone(
    op: Op,
    mapping: Mapping[Value, Value],
    clone_region: Callable[[Region], Region] | None = None,
    symbols: Symbols = _NO_SYMBOLS,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> Op:
    """A detached copy with operands replaced by `mapping`; regions need `clone_region`.

    Symbols in types and attributes are replaced by `symbols`; `changes` are other values of fields.
    """
    operands = [mapping.get(value, value) for value in op.operands]
    regions: dict[str, Any] = {}
    for name, value in op.regions.items():
        if clone_region is None:
            raise ValueError(f"{op!r} has regions")
        bodies: tuple[Region, ...] | Region = value
        many = isinstance(bodies, tuple)
        regions[name] = tuple(map(clone_region, bodies)) if many else clone_region(bodies)
    same = zip(op.operands, operands, strict=True)
    if not (symbols or changes or regions) and all(old.type == new.type for old, new in same):
        copy = op.twin(operands)
    else:
        renamed = _renamed(op, symbols) if symbols else {}
        given = {**op.fields(), **op.grouped(operands), **regions, **renamed, **changes}
        copy = type(op)(**given)
        copy.location = op.location
    for old, new in zip(op.results, copy.results, strict=True):
        new.name, new.names = old.name, old.names
    return copy


def _renamed(op: Op, symbols: Symbols) -> dict[str, Any]:
    """The fields that may contain symbols, with their values."""
    found = {
        item.name: _renamed_start(op, op.attributes[item.name], symbols)
        if item.kind is Kind.SYMBOLS
        else substituted(op.attributes[item.name], symbols)
        for item in op.spec.attributes
    }
    if op.spec.type_field:
        found[op.spec.type_field] = substituted(op.given_types, symbols)
    return found


def _renamed_start(op: Op, text: str, symbols: Symbols) -> str:
    """The prefix of the names of the op's own symbols, after renaming by `symbols`."""
    for dim in (dim for value in op.results for dim in value.type.shape):
        name = bare_symbol(dim) or ""
        if name.startswith(f"{text}_") and (new := bare_symbol(symbols.get(name, dim))):
            return new.removesuffix(name[len(text) :])
    return text


def clone_ops(
    ops: Iterable[Op], mapping: dict[Value, Value], symbols: Symbols = _NO_SYMBOLS
) -> Iterator[Op]:
    """Detached copies of ops with their regions; their results are added to `mapping`."""

    def clone_region(body: Region) -> Region:
        arguments = body.block.arguments
        types = (substituted(v.type, symbols) for v in arguments)
        inner = Region(Block(types, (v.name for v in arguments)))
        visible = {**mapping, **dict(zip(arguments, inner.block.arguments, strict=True))}
        for twin in clone_ops(body.block, visible, symbols):
            inner.block.insert(twin)
        return inner

    for op in ops:
        twin = clone(op, mapping, clone_region, symbols)
        mapping.update(zip(op.results, twin.results, strict=True))
        yield twin


def inlined(body: Region, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """The values that a region yields for these arguments, detached; its ops have no regions."""
    mapping = dict(zip(body.block.arguments, arguments, strict=True))
    for op in body.block:
        if op.is_terminator:
            return tuple(mapping.get(value, value) for value in op.operands)
        mapping |= dict(zip(op.results, clone(op, mapping).results, strict=True))
    raise ValueError("the region has no terminator")


def clone_module(module: Module) -> Module:
    """A copy that shares nothing with the original but resources, which are immutable."""
    copy = Module(module.name)
    copy.attributes = module.attributes.copy()
    for name, function in module.functions.items():
        twin = Function(
            name, (v.type for v in function.arguments), (v.name for v in function.arguments)
        )
        twin.result_names = list(function.result_names)
        twin.inputs, twin.outputs = list(function.inputs), list(function.outputs)
        twin.classifier = function.classifier
        twin.public = function.public
        mapping = dict(zip(function.arguments, twin.arguments, strict=True))
        for old, new in mapping.items():
            new.names = old.names
        for op in clone_ops(function.block, mapping):
            twin.block.insert(op)
        copy.functions[name] = twin
    return copy
