"""Replaces calls by the called functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..ir.attributes import Kind
from ..ir.calls import callees_first
from ..ir.dialects.builtin import Call
from ..ir.dims import Dim, bare_symbol, substitute, symbol, symbols
from ..ir.location import called_by
from ..ir.rewrite import clone_ops
from ..ir.ssa import Function, Module, Op, walk
from ..ir.types import Type, bound_symbols
from .manager import Instrumentation, Pass
from .patterns import Declined, Event, Pattern, no


@dataclass(frozen=True)
class Inline(Pass):
    """Replace calls by the ops of the called functions, including public ones.

    Locations of ops name the call. Constants of several copies share their data. Functions are
    kept; `symbol-dce` erases those that nobody can call any more.
    """

    name = "inline"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        limit, changed = instrumentation.limit, False
        for function in callees_first(module):
            work = [op for op in function.walk() if isinstance(op, Call)]
            while work and not (limit is not None and limit.done >= limit.allowed):
                call = work.pop(0)
                before, location = repr(call), call.location
                answer = inline_call(call, function, module.functions[call.callee])
                if isinstance(answer, Declined):
                    event = Event(_RULE, location, before, reason=answer.reason)
                else:
                    changed = True
                    # A call that was not inlined there may be here, where types are precise.
                    work[:0] = [op for op in answer if isinstance(op, Call)]
                    event = Event(_RULE, location, before, tuple(map(repr, answer)))
                    if limit is not None:
                        limit.done += 1
                if instrumentation.trace is not None:
                    instrumentation.trace.events.append(event)
        return changed


def inline_call(call: Call, caller: Function, callee: Function) -> list[Op] | Declined:
    """Replace a call by copies of all ops of a function, including those in regions."""
    declared = [value.type for value in callee.arguments]
    given = [value.type for value in call.operands]
    known = bound_symbols(declared, given)
    if [_as_called(kind, known) for kind in declared] != given:
        return no("the operands may have types that the callee doesn't take")
    known |= _own_symbols(call, caller, callee, known)
    block = call.parent
    assert block is not None
    values = dict(zip(callee.arguments, call.operands, strict=True))
    made: list[Op] = []
    for op in clone_ops((op for op in callee.block if not op.is_terminator), values, known):
        block.insert(op, call)
        made += [op, *_inside(op)]
    for op in made:
        op.location = called_by(op.location, call.location)
    for old, result in zip(call.results, callee.results, strict=True):
        new = values[result]
        also = (*new.known_as, *old.known_as)
        if result not in callee.arguments and old.name:
            new.name = old.name
        new.names = tuple(dict.fromkeys(also))
        old.replace_all_uses_with(new)
    call.erase()
    return made


# Its name in traces; unlike patterns, it takes more than its op.
_RULE = Pattern((Call,), cast(Any, inline_call))


def _inside(op: Op) -> Iterator[Op]:
    for body in op.all_regions():
        yield from walk(body)


def _as_called(kind: Type, known: Mapping[str, Dim]) -> Type | None:
    """An argument's type in a call; None if one of its symbols stands alone nowhere."""
    named = {name for dim in kind.shape for name in symbols(dim)}
    if not named <= known.keys():
        return None
    return kind.with_shape(substitute(dim, known) for dim in kind.shape)


# -- symbols of computed shapes --------------------------------------------------------------------


def _own_symbols(
    call: Call, caller: Function, callee: Function, known: Mapping[str, Dim]
) -> dict[str, Dim]:
    """The caller's names of symbols that no argument determines; each copy has its own.

    Symbols of results have the call's names, unless an op derives names from a prefix.
    """
    own = {name for op in callee.walk() for name in _symbols(op)} - known.keys()
    if not own:
        return {}
    texts = sorted({text for op in callee.walk() for text in _starts(op)})
    starts = {name: next((t for t in texts if name.startswith(f"{t}_")), "") for name in own}
    types = [value.type for value in callee.results], [value.type for value in call.results]
    found: dict[str, Dim] = {
        name: dim
        for name, dim in bound_symbols(*types).items()
        if name in own and not starts[name] and bare_symbol(dim) is not None
    }
    taken = {n for v in caller.arguments for dim in v.type.shape for n in symbols(dim)}
    taken |= {name for op in caller.walk() for name in _symbols(op)}
    rest, number = sorted(own - found.keys()), 0
    while taken & {_numbered(name, starts[name], number) for name in rest}:
        number += 1
    return found | {name: symbol(_numbered(name, starts[name], number)) for name in rest}


def _numbered(name: str, start: str, number: int) -> str:
    """The name of another copy's symbol; symbols with a common prefix keep having one."""
    start = start or name
    return f"{start}_{number}{name[len(start) :]}" if number else name


def _symbols(op: Op) -> Iterator[str]:
    """The symbols in the types of an op's results and of its regions' arguments."""
    arguments = (value for body in op.all_regions() for value in body.block.arguments)
    for value in (*op.results, *arguments):
        for dim in value.type.shape:
            yield from symbols(dim)


def _starts(op: Op) -> Iterator[str]:
    """The prefix of the names of symbols that the op defines."""
    for item in op.spec.attributes:
        if item.kind is Kind.SYMBOLS and op.attributes[item.name]:
            yield op.attributes[item.name]
