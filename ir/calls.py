"""Functions that call functions: which calls which, and whether a call fits its callee."""

import graphlib
from collections.abc import Iterable, Iterator

from .dialects.builtin import Call
from .dims import Dim, differs, substitute, symbols
from .ssa import Function, Module
from .types import Type, bound_symbols


def callees(function: Function) -> list[str]:
    """The names that a function calls, each once, in order."""
    return list(dict.fromkeys(op.callee for op in function.walk() if isinstance(op, Call)))


def called(module: Module) -> set[str]:
    """The names of all functions that are called."""
    return {name for function in module.functions.values() for name in callees(function)}


def reached(module: Module, names: Iterable[str]) -> list[str]:
    """The functions of these names and all that they call, in order of discovery."""
    found = list(dict.fromkeys(names))
    for name in found:  # grows meanwhile
        found += [other for other in callees(module.functions[name]) if other not in found]
    return found


def callees_first(module: Module) -> list[Function]:
    """All functions, each after those that it calls.

    Raises:
        graphlib.CycleError: a function calls itself, perhaps indirectly; the verifier names it.
    """
    return [module.functions[name] for name in _sorter(module).static_order()]


def cycle(module: Module) -> list[str]:
    """A cycle of functions, each of which calls the next one; empty if there is none."""
    try:
        _sorter(module).prepare()
    except graphlib.CycleError as error:
        names = list(reversed(error.args[1]))[1:]
        first = names.index(next(name for name in module.functions if name in names))
        return names[first:] + names[:first]
    return []


def _sorter(module: Module) -> "graphlib.TopologicalSorter[str]":
    return graphlib.TopologicalSorter({n: callees(f) for n, f in module.functions.items()})


def call_problems(call: Call, function: Function) -> Iterator[str]:
    """Why a call doesn't fit its function, as far as that can be proven."""
    declared = [value.type for value in function.arguments]
    given = [value.type for value in call.operands]
    if len(declared) != len(given):
        yield f"@{function.name} takes {len(declared)} arguments, not {len(given)}"
        return
    found = bound_symbols(declared, given)
    for value, wanted, got in zip(function.arguments, declared, given, strict=True):
        if not _may_be(wanted, got, found):
            yield f"@{function.name} takes {wanted} as '{value.name}', not {got}"
    gives = [value.type for value in function.results]
    results = [value.type for value in call.results]
    fits = len(gives) == len(results)
    if not fits or not all(_may_be(*pair, found) for pair in zip(gives, results, strict=True)):
        shown = ", ".join(map(str, gives)) or "nothing", ", ".join(map(str, results)) or "nothing"
        yield f"@{function.name} returns {shown[0]}, not {shown[1]}"


def _may_be(declared: Type, given: Type, known: dict[str, Dim]) -> bool:
    """Whether the types can be equal, given the values of the function's symbols."""

    def fits(wanted: Dim, got: Dim) -> bool:
        # A symbol that no argument determines is known only to the callee.
        return not symbols(wanted) <= known.keys() or not differs(substitute(wanted, known), got)

    same = declared.dtype is given.dtype and declared.rank == given.rank
    return same and all(map(fits, declared.shape, given.shape))
