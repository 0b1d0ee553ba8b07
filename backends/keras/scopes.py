"""Checks that each name in generated code means something where it is read."""

import ast
import builtins
from collections.abc import Iterator, Sequence


def unbound_names(text: str) -> list[str]:
    """The names that a program reads where nothing has given them a meaning, with their lines.

    Statements are taken in their order, as code without conditions runs; functions know all that
    the module defines.

    Args:
        text: a program that this target has written.
    """
    tree = ast.parse(text)
    known = {*dir(builtins), "__file__", "__name__", *_bound(tree.body)}
    return [*_unbound(tree.body, known)]


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements define, without those inside functions and classes."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (item.asname or item.name.partition(".")[0] for item in names)
            case ast.Assign(targets=targets):
                yield from (name for target in targets for name in _names(target))
            case ast.For(target=target, body=inner):
                yield from _names(target)
                yield from _bound(inner)
            case ast.If(body=inner, orelse=other):
                yield from _bound([*inner, *other])
            case _:
                pass


def _names(target: ast.AST) -> Iterator[str]:
    """The names that a target of an assignment binds."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _unbound(body: Sequence[ast.stmt], known: set[str]) -> Iterator[str]:
    """Unbound names of statements in order; `known` gets what they bind."""
    for node in body:
        match node:
            case ast.FunctionDef(args=args, body=inner):
                yield from _read(args, known)
                parameters = (*args.posonlyargs, *args.args, *args.kwonlyargs)
                starred = (item for item in (args.vararg, args.kwarg) if item is not None)
                yield from _unbound(inner, known | {a.arg for a in (*parameters, *starred)})
            case ast.ClassDef(body=inner):
                yield from _unbound(inner, {*known})
            case ast.For(target=target, iter=items, body=inner):
                yield from _read(items, known)
                known |= {*_names(target)}
                yield from _unbound(inner, known)
            case ast.If(test=test, body=inner, orelse=other):
                yield from _read(test, known)
                yield from _unbound([*inner, *other], known)
            case _:
                yield from _read(node, known)
                known |= {*_names(node)}


def _read(node: ast.AST, known: set[str]) -> Iterator[str]:
    """Unbound names that an expression, or a statement without a body, reads."""
    own = {
        name
        for inner in ast.walk(node)
        if isinstance(inner, ast.comprehension)
        for name in _names(inner.target)
    }
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Load()) if name not in known | own:
                yield f"line {inner.lineno}: {name}"
            case _:
                pass
