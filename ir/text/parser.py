"""Text to IR: names become values, literals become typed attributes; errors show the place."""

import gc
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from lark import Token
from lark.exceptions import UnexpectedInput

from ..diagnostics import CompileError
from ..dialects.builtin import Return, Yield
from ..dialects.core import TABLE
from ..interface import Argument, Classifier, Result
from ..ssa import Block, Function, Module, Op, Region, Value
from ..types import DType, Tensor
from ..verify import nesting_told
from ..weights.encodings import Cast, EncodedResource
from ..weights.resources import (
    ArrayResource,
    FileResource,
    HashResource,
    Origin,
    RandomResource,
    Resource,
    SplatResource,
)
from .literals import check_elements, string, unquote
from .phrases import PhraseReader, holds_data, items_of
from .syntax import Node, ParseError, read, read_precisely


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
        resources: contents of resources of which the text has only the hash, keyed by digest.

    Raises:
        ParseError: with line, column and excerpt.
    """
    table, resources = table or TABLE, resources or {}
    with _no_collection(), nesting_told():
        try:
            return _Builder(text, file, table, resources).module(read(text))
        except (UnexpectedInput, ParseError):
            tree = read_precisely(text, file)  # a second time, to find the error
            return _Builder(text, file, table, resources).module(tree)


@contextmanager
def _no_collection() -> Generator[None, None, None]:
    """Pause the garbage collector: syntax trees have many objects and no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Builder(PhraseReader):
    def __init__(
        self,
        text: str,
        file: str,
        table: Mapping[str, type[Op]],
        known: Mapping[str, Resource],
    ) -> None:
        super().__init__(text, file)
        self.table = table
        self.known = known
        self.resources: dict[str, Resource] = {}
        self.values: dict[str, Value] = {}

    # -- structure -----------------------------------------------------------------------------

    def module(self, tree: Node) -> Module:
        children = items_of(tree)
        for child in children:
            if child.data == "resources":
                for entry in child.children:
                    self.resource_entry(entry)
        if children[0].data == "module":
            name, attributes, *functions = children[0].children
            module = Module("" if name is None else unquote(name))
            module.attributes = self.module_facts(attributes)
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
        private, name, arguments, results, attributes, block = node.children
        self.values = {}
        entries = items_of(arguments)
        function = Function(
            unquote(name),
            [self.type(entry.children[1]) for entry in entries],
            [unquote(entry.children[0]) for entry in entries],
        )
        function.public = private is None
        function.inputs = [self.described(Argument, entry.children[2]) for entry in entries]
        function.classifier = self.described(Classifier, attributes)
        for entry, value in zip(entries, function.arguments, strict=True):
            self.define(entry.children[0], value)
        self.block(block, function.block)
        self.function_results(function, results)
        return function

    def function_results(self, function: Function, node: Node) -> None:
        if node.data == "one_result":
            declared = [(None, node.children[0], None)]
        else:
            declared = [tuple(child.children) for child in items_of(node)]
        types = [self.type(item) for _, item, _ in declared]
        actual = [value.type for value in function.results]
        if types != actual:
            shown = ", ".join(map(str, actual))
            raise self.error(node, f"@{function.name} returns {shown}")
        names = [string(name) for name, _, _ in declared if name is not None]
        if names:
            function.result_names = names
            function.outputs = [self.described(Result, extra) for _, _, extra in declared]

    def block(self, node: Node, block: Block) -> None:
        *ops, terminator = node.children
        for child in ops:
            block.insert(self.op(*child.children))
        kind, *operands = terminator.children
        make = Return if kind == "return" else Yield
        end = make(tuple(self.value(token) for token in operands if token is not None))
        end.location = self.location(kind)
        block.insert(end)

    def op(
        self,
        targets: Any,
        name: Token,
        operands: Any,
        attributes: Any,
        regions: Any,
        types: Any,
        location: Any,
    ) -> Op:
        cls = self.table.get(name.value)
        if cls is None:
            raise self.error(name, f"there is no op called '{name}'")
        declared = [self.type(child) for child in types.children] if types is not None else []
        given = self.bind(cls, name, operands, regions)
        if attributes is not None:
            given |= self.op_attributes(cls, attributes, declared, name)
        if cls.spec.type_field:
            given[cls.spec.type_field] = tuple(declared)
        try:
            op = cls(**given)
        except CompileError as error:
            raise self.error(name, error.diagnostics[0].message) from None
        except TypeError as error:
            raise self.error(name, f"'{cls.name}': {error}") from None
        tokens: list[Token] = targets.children if targets is not None else []
        first = tokens[0] if tokens else name
        op.location = self.location(first) if location is None else self.told(location)
        actual = [value.type for value in op.results]
        if actual != declared:
            shown = ", ".join(map(str, actual)) or "nothing"
            raise self.error(types or name, f"'{cls.name}' has type {shown} here")
        if len(tokens) != len(op.results):
            raise self.error(name, f"'{cls.name}' has {len(op.results)} results")
        for token, value in zip(tokens, op.results, strict=True):
            self.define(token, value)
        return op

    def bind(self, cls: type[Op], name: Token, operands: Any, regions: Any) -> dict[str, Any]:
        items = cls.spec.operands
        values = self.operands(operands)
        given: dict[str, Any] = {}
        if len(items) == 1 and items[0].variadic:
            given[items[0].name] = tuple(values)
        else:
            if len(values) > len(items):
                raise self.error(name, f"'{cls.name}' has {len(items)} operands")
            given = {item.name: value for item, value in zip(items, values, strict=False)}
        if regions is None and not cls.spec.regions:
            return given
        bodies = [self.region(child) for child in regions.children] if regions is not None else []
        if len(bodies) != len(cls.spec.regions):
            raise self.error(name, f"'{cls.name}' has {len(cls.spec.regions)} regions")
        given |= {item.name: body for item, body in zip(cls.spec.regions, bodies, strict=True)}
        return given

    def operands(self, node: Any) -> list[Any]:
        """The argument for each declared operand: a value, None, or a tuple of values."""
        if node is None:
            return []
        if isinstance(node, Token):  # "(%a, %b)"
            return [self.named(name, node) for name in node.value[2:-1].split(", %")]
        return [self.operand(child) for child in items_of(node)]

    def operand(self, node: Node) -> Any:
        if isinstance(node, Token):
            return self.value(node)
        if node.data == "absent":
            return None
        return tuple(self.value(token) for token in items_of(node))

    def region(self, node: Node) -> Region:
        arguments, block = node.children
        entries = items_of(arguments)
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
        for token, key, value in self.entries(node):
            field = known.get(key)
            if field is None:
                raise self.error(token, f"'{cls.name}' has no attribute '{key}'")
            if key in given:
                raise self.error(token, f"'{key}' is given twice")
            if field.annotation is Resource:
                given[key] = self.resource(value, declared, name)
            elif holds_data(value):
                raise self.error(value, "only constants have data")
            else:
                given[key] = value
        return given

    # -- values and resources ------------------------------------------------------------------

    def define(self, token: Node, value: Value) -> None:
        name = unquote(token)
        if name in self.values:
            raise self.error(token, f"{token} is defined twice")
        self.values[name] = value
        value.name = name

    def value(self, token: Token) -> Value:
        return self.named(unquote(token), token)

    def named(self, name: str, token: Token) -> Value:
        value = self.values.get(name)
        if value is None:
            raise self.error(token, f"{token} is not defined")
        return value

    def resource(self, data: Any, declared: list[Tensor], name: Token) -> Resource:
        if not holds_data(data) or len(declared) != 1:
            raise self.error(name, "a constant needs dense<…> or resource<…> and a type")
        node: Node = data
        if node.data == "resource":
            key = string(node.children[0])
            if key not in self.resources:
                raise self.error(node.children[0], f"there is no resource {node.children[0]}")
            return self.resources[key]
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
        origin = Origin()  # each entry is a weight of its own
        match str(source), given:
            case "hash", [str(digest)]:
                found: Resource = self.known.get(digest) or HashResource(kind, digest, name, origin)
            case "splat", [int() | float() as number]:
                found = SplatResource(kind, number, name, origin)
            case "random", [int(seed)]:
                found = RandomResource(kind, seed, name, origin)
            case "random", [int(seed), DType() as stored]:
                numbers = RandomResource(kind.with_dtype(stored), seed, name, origin)
                found = EncodedResource(Cast(numbers, kind.dtype), name)
            case "file", [str(path), int(offset)]:
                found = FileResource(kind, Path(self.file).parent / path, offset, name, origin)
            case _:
                raise self.error(source, "expected hash(…), file(…), splat(…) or random(…)")
        self.resources[name] = found
