"""Which ops a rule can make, read from its source: for the reference of ops.

A rule makes the op classes that its code names as values, and so do the functions and tables of
this package that it names, recursively. Classes in annotations, in `isinstance` and in patterns of
`match` are not made. What a frontend's context does around rules (weights, conversions, expanded
dimensions) is left out, because nearly every rule may need it. So is `ir.rewrite.replace`, which
makes an op of the same class. The result is what a rule can make in any of its branches; a layer of
one model makes some of it.
"""

import ast
import dis
import functools
import inspect
import textwrap
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from ...compiler.frontends.nn.custom import RULES as CUSTOM_RULES  # differ from user to user
from ...ir.ssa import Op

_ASKING = ("isinstance", "issubclass")
_LOADS = ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME")
# Packages with rules; names from the IR itself make nothing else.
_OWN = tuple(f"{__name__.split('.')[0]}.{part}" for part in ("compiler", "backends", "passes"))


@cache
def constructed(rule: Any) -> frozenset[type[Op]]:
    """The op classes that a rule can make."""
    found: set[type[Op]] = set()
    seen: set[int] = set()
    work: list[Any] = [rule]
    while work:
        item = work.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if inspect.isclass(item) and issubclass(item, Op):
            found.add(item)
        else:
            work += _named_by(item)
    return frozenset(found)


def _named_by(item: Any) -> list[Any]:
    """The objects that a function, a class, a table or a partial application refers to."""
    if item is CUSTOM_RULES:
        return []
    if inspect.isclass(item) and item.__module__.startswith(_OWN):
        return [member for member in vars(item).values() if _is_written(member)]
    if isinstance(item, functools.partial):
        return [item.func, *item.args, *item.keywords.values()]
    if isinstance(item, Mapping):
        return list(item.values())
    if isinstance(item, tuple | list | frozenset | set):
        return list(item)
    if inspect.isfunction(item) and item.__module__.startswith(_OWN):
        return list(_values_in(item))
    return []


def _is_written(member: Any) -> bool:
    """Whether it is a function with source; those that dataclasses make have none."""
    if not inspect.isfunction(member):
        return False
    return not inspect.unwrap(member).__code__.co_filename.startswith("<")


def _values_in(function: Any) -> Iterator[Any]:
    function = inspect.unwrap(function)
    scope = dict(function.__globals__)
    scope |= inspect.getclosurevars(function).nonlocals
    if function.__name__ == "<lambda>":  # its source may begin in the middle of an expression
        yield from _values_in_code(function.__code__, scope)
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in _values(tree):
        value = _resolved(node, scope)
        if value is not None:
            yield value


def _values_in_code(code: types.CodeType, scope: Mapping[str, Any]) -> Iterator[Any]:
    """The same, read from compiled code: names, and attributes of modules."""
    value: Any = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            value = getattr(value, step.argval, None) if inspect.ismodule(value) else None
        else:
            value = scope.get(step.argval) if step.opname in _LOADS else None
        yield value


def _values(node: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Names and dotted names that the code uses as values."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield node
    skipped: set[ast.AST] = set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        skipped |= {*node.decorator_list, *filter(None, [node.returns])}
    elif isinstance(node, ast.arg | ast.AnnAssign):
        skipped |= {*filter(None, [node.annotation])}
    elif isinstance(node, ast.MatchClass):
        skipped.add(node.cls)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        skipped |= set(node.args) if node.func.id in _ASKING else set()
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _values(child)


def _resolved(node: ast.expr, scope: Mapping[str, Any]) -> Any:
    """The object of a dotted name in the module; None if it is known only at run time."""
    if isinstance(node, ast.Name):
        return scope.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolved(node.value, scope)
        return getattr(owner, node.attr, None) if inspect.ismodule(owner) else None
    return None
