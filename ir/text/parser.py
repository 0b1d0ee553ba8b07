"""Text to IR: names become values, literals typed attributes. Errors show line, column, excerpt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lark import Token

from ..attributes import EnumLiteral
from ..declare import ResultTypeField
from ..diagnostics import CompileError, Diagnostic, caret_excerpt
from ..dialects.builtin import Return, Yield
from ..dialects.core import TABLE
from ..dims import Dim, floor_div, maximum, symbol
from ..encodings import Cast, EncodedResource
from ..location import UNKNOWN, InText, Location, fuse, parse_location
from ..resources import (
    ArrayResource,
    FileResource,
    HashResource,
    RandomResource,
    Resource,
    SplatResource,
)
from ..ssa import Block, Function, Module, Op, Region, Value
from ..types import DType, Tensor
from .literals import check_elements, key, named, string, unquote
from .syntax import Node, ParseError, read


def parse(
    text: str,
    file: str = "<text>",
    table: Mapping[str, type[Op]] | None = None,
    resources: Mapping[str, Resource] | None = None,
) -> Module:
    """The module that the text describes (bare functions make an unnamed module).

    Args:
        text: IR text.
        file: its name in diagnostics; `file(…)` resources are relative to its folder.
        table: op classes by name; the core ops by default.
        resources: contents for resources that the text knows by hash only, keyed by digest.

    Raises:
        ParseError: with line, column and excerpt.
    """
    return _Builder(text, file, table or TABLE, resources or {}).module(read(text, file))


class _Builder:
    def __init__(
        self,
        text: str,
        file: str,
        table: Mapping[str, type[Op]],
        known: Mapping[str, Resource],
    ) -> None:
        self.source = text
        self.file = file
        self.table = table
        self.known = known
        self.resources: dict[str, Resource] = {}
        self.values: dict[str, Value] = {}

    # -- structure -----------------------------------------------------------------------------

    def module(self, tree: Node) -> Module:
        children = _items(tree)
        for child in children:
            if child.data == "resources":
                for entry in child.children:
                    self.resource_entry(entry)
        if children[0].data == "module":
            name, attributes, *functions = children[0].children
            module = Module("" if name is None else unquote(name))
            module.attributes = self.dict(attributes)
        else:
            module = Module()
            functions = [child for child in children if child.data == "func"]
        for node in functions:
            function = self.function(node)
            if function.name in module.functions:
                raise self.error(node, f"@{function.name} is defined twice")
            module.functions[function.name] = function
        return module

    def function(self, node: Node) -> Function:
        name, arguments, results, attributes, block = node.children
        self.values = {}
        entries = _items(arguments)
        function = Function(
            unquote(name),
            [self.type(entry.children[1]) for entry in entries],
            [unquote(entry.children[0]) for entry in entries],
        )
        function.argument_attributes = [self.dict(entry.children[2]) for entry in entries]
        function.attributes = self.dict(attributes)
        for entry, value in zip(entries, function.arguments, strict=True):
            self.define(entry.children[0], value)
        self.block(block, function.block)
        self.function_results(function, results)
        return function

    def function_results(self, function: Function, node: Node) -> None:
        if node.data == "one_result":
            declared = [(None, node.children[0], None)]
        else:
            declared = [tuple(child.children) for child in _items(node)]
        types = [self.type(item) for _, item, _ in declared]
        actual = [value.type for value in function.results]
        if types != actual:
            shown = ", ".join(map(str, actual))
            raise self.error(node, f"@{function.name} returns {shown}")
        names = [string(name) for name, _, _ in declared if name is not None]
        if names:
            function.result_names = names
            function.result_attributes = [self.dict(extra) for _, _, extra in declared]

    def block(self, node: Node, block: Block) -> None:
        *ops, terminator = node.children
        for child in ops:
            block.insert(self.op(child))
        kind, *operands = terminator.children
        make = Return if kind == "return" else Yield
        end = make(tuple(self.value(token) for token in operands if token is not None))
        end.location = self.location(terminator)
        block.insert(end)

    def op(self, node: Node) -> Op:
        targets, name, operands, attributes, regions, types, location = node.children
        cls = self.table.get(str(name))
        if cls is None:
            raise self.error(name, f"there is no op called '{name}'")
        declared = [self.type(child) for child in _items(types)]
        given = self.bind(cls, name, operands, regions)
        given |= self.op_attributes(cls, attributes, declared, name)
        if cls.spec.carries_types:
            given[_carried(cls)] = tuple(declared)
        try:
            op = cls(**given)
        except CompileError as error:
            raise self.error(name, error.diagnostics[0].message) from None
        except TypeError as error:
            raise self.error(name, f"'{cls.name}': {error}") from None
        op.location = self.op_location(location, node)
        actual = [value.type for value in op.results]
        if actual != declared:
            shown = ", ".join(map(str, actual)) or "nothing"
            raise self.error(types or name, f"'{cls.name}' gives {shown} here")
        tokens = _items(targets)
        if len(tokens) != len(op.results):
            raise self.error(name, f"'{cls.name}' has {len(op.results)} results")
        for token, value in zip(tokens, op.results, strict=True):
            self.define(token, value)
        return op

    def bind(self, cls: type[Op], name: Token, operands: Any, regions: Any) -> dict[str, Any]:
        items = cls.spec.operands
        nodes: list[Node] = _items(operands)
        given: dict[str, Any] = {}
        if len(items) == 1 and items[0].variadic:
            given[items[0].name] = tuple(self.operand(child) for child in nodes)
        else:
            if len(nodes) > len(items):
                raise self.error(name, f"'{cls.name}' has {len(items)} operands")
            for item, child in zip(items, nodes, strict=False):
                given[item.name] = self.operand(child)
        bodies = [self.region(child) for child in regions.children] if regions is not None else []
        if len(bodies) != len(cls.spec.regions):
            raise self.error(name, f"'{cls.name}' has {len(cls.spec.regions)} regions")
        given |= {item.name: body for item, body in zip(cls.spec.regions, bodies, strict=True)}
        return given

    def operand(self, node: Node) -> Any:
        if isinstance(node, Token):
            return self.value(node)
        if node.data == "absent":
            return None
        return tuple(self.value(token) for token in _items(node))

    def region(self, node: Node) -> Region:
        arguments, block = node.children
        entries = _items(arguments)
        outer = dict(self.values)
        body = Region(
            Block(
                [self.type(entry.children[1]) for entry in entries],
                [unquote(entry.children[0]) for entry in entries],
            )
        )
        for entry, value in zip(entries, body.block.arguments, strict=True):
            self.define(entry.children[0], value)
        self.block(block, body.block)
        self.values = outer
        return body

    def op_attributes(
        self, cls: type[Op], node: Any, declared: list[Tensor], name: Token
    ) -> dict[str, Any]:
        given: dict[str, Any] = {}
        known = {item.name: item for item in cls.spec.attributes}
        for entry in _items(node):
            token, value = entry.children
            field = known.get(key(token))
            if field is None:
                raise self.error(token, f"'{cls.name}' has no attribute '{key(token)}'")
            if field.name in given:
                raise self.error(token, f"'{field.name}' is given twice")
            if field.annotation is Resource:
                given[field.name] = self.resource(value, declared, name)
            else:
                given[field.name] = self.literal(value)
        return given

    # -- values and resources ------------------------------------------------------------------

    def define(self, token: Node, value: Value) -> None:
        name = unquote(token)
        if name in self.values:
            raise self.error(token, f"{token} is defined twice")
        self.values[name] = value
        value.name = name

    def value(self, token: Token) -> Value:
        value = self.values.get(unquote(token))
        if value is None:
            raise self.error(token, f"{token} is not defined")
        return value

    def resource(self, node: Node, declared: list[Tensor], name: Token) -> Resource:
        if node.data == "resource":
            key = string(node.children[0])
            if key not in self.resources:
                raise self.error(node.children[0], f"there is no resource {node.children[0]}")
            return self.resources[key]
        if node.data != "dense" or len(declared) != 1:
            raise self.error(name, "a constant needs dense<…> or resource<…> and a type")
        data = self.literal(node.children[0])
        kind = declared[0]
        try:
            check_elements(data, kind.dtype)
            array = np.asarray(data, kind.dtype.numpy).reshape(kind.static_shape)
        except (ValueError, TypeError, OverflowError):
            raise self.error(name, f"the data do not make a {kind}") from None
        return ArrayResource(array)

    def resource_entry(self, node: Node) -> None:
        token, type_node, source, *arguments = node.children
        name, kind = string(token), self.type(type_node)
        given = [self.literal(argument) for argument in arguments if argument is not None]
        match str(source), given:
            case "hash", [str(digest)]:
                found: Resource = self.known.get(digest) or HashResource(kind, digest, name)
            case "splat", [int() | float() as number]:
                found = SplatResource(kind, number, name)
            case "random", [int(seed)]:
                found = RandomResource(kind, seed, name)
            case "random", [int(seed), DType() as stored]:
                numbers = RandomResource(kind.with_dtype(stored), seed, name)
                found = EncodedResource(Cast(numbers, kind.dtype), name)
            case "file", [str(path), int(offset)]:
                found = FileResource(kind, Path(self.file).parent / path, offset, name)
            case _:
                raise self.error(source, "expected hash(…), file(…), splat(…) or random(…)")
        self.resources[name] = found

    # -- literals ------------------------------------------------------------------------------

    def dict(self, node: Any) -> dict[str, Any]:
        entries = _items(node)
        return {key(e.children[0]): self.literal(e.children[1]) for e in entries}

    def type(self, node: Node) -> Tensor:
        name, *dims = node.children
        try:
            dtype = DType(str(name))
        except ValueError:
            raise self.error(name, f"there is no element type '{name}'") from None
        return Tensor(dtype, tuple(self.dim(child) for child in dims if child is not None))

    def dim(self, node: Node) -> Dim:
        value = self.literal(node)
        if isinstance(value, DType):
            return symbol(value.value)
        if isinstance(value, bool) or not (isinstance(value, int) or hasattr(value, "terms")):
            raise self.error(node, "expected a dimension")
        return value

    def literal(self, node: Node) -> Any:
        children: list[Any] = node.children
        match str(node.data):
            case "int":
                return int(children[0])
            case "float":
                return float(children[0])
            case "string":
                return string(children[0])
            case "enum":
                return EnumLiteral(str(children[0])[1:])
            case "list":
                return tuple(self.literal(child) for child in _items(node))
            case "type":
                return self.type(node)
            case "name":
                return named(str(children[0]))
            case "neg":
                return -self.literal(children[0])
            case "resource" | "dense":
                raise self.error(node, "only constants hold data")
            case operation:
                return self.arithmetic(operation, *(self.dim(child) for child in children))

    @staticmethod
    def arithmetic(operation: str, a: Dim, b: Dim) -> Dim:
        match operation:
            case "add":
                return a + b
            case "sub":
                return a - b
            case "mul":
                return a * b
            case "max":
                return maximum(a, b)
            case _:
                return floor_div(a, b)

    # -- locations and errors --------------------------------------------------------------------

    def op_location(self, node: Any, op: Node) -> Location:
        if node is None:
            return self.location(op)
        (inner,) = node.children
        try:
            if isinstance(inner, Token):
                return parse_location(string(inner))
            by, *parts = (string(token) for token in inner.children)
            return fuse(by, map(parse_location, parts))
        except ValueError as error:
            raise self.error(node, str(error)) from None

    def location(self, node: Node) -> Location:
        if isinstance(node, Token):
            return InText(self.file, node.line or 0, node.column or 0)
        if node.meta.empty:
            return UNKNOWN
        return InText(self.file, node.meta.line, node.meta.column)

    def error(self, node: Node, message: str) -> ParseError:
        where = self.location(node)
        excerpt = ""
        if isinstance(where, InText):
            width = len(node) if isinstance(node, Token) else 1
            excerpt = caret_excerpt(self.source, where.line, where.column, width)
        return ParseError(Diagnostic(message, kind="invalid", location=where, excerpt=excerpt))


def _carried(cls: type[Op]) -> str:
    """The field that takes the result types of an op that carries them."""
    return next(item.name for item in cls.spec.fields if isinstance(item, ResultTypeField))


def _items(node: Node) -> list[Any]:
    """The children that are there; none for an absent node."""
    return [] if node is None else [child for child in node.children if child is not None]
