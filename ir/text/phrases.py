"""The meaning of types, dictionaries, literals and locations; equal phrases are read once."""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar, cast

from lark import Token, Tree

from ..attributes import EnumLiteral
from ..diagnostics import Diagnostic, caret_excerpt
from ..dims import Dim, floor_div, maximum, symbol
from ..interface import Entries, ModuleFacts, module_fact
from ..location import UNKNOWN, InText, Location, called_by, fuse, parse_location
from ..types import LARGEST_EXTENT, DType, Tensor
from .literals import key, location_string, named, numbers, string
from .syntax import Node, ParseError, read

EntriesT = TypeVar("EntriesT", bound=Entries)


class PhraseReader:
    """Reads the phrases of one text.

    Attributes:
        source, file: the text and its name, for errors.
        types, dicts, locations: the meaning of phrases, by their text.
    """

    def __init__(self, source: str, file: str) -> None:
        self.source = source
        self.file = file
        self.types: dict[str, Tensor] = {}
        self.dicts: dict[str, list[tuple[Token, str, Any]]] = {}
        self.locations: dict[str, Location] = {}

    def entries(self, node: Any) -> list[tuple[Token, str, Any]]:
        """(token of the key, key, value) of each entry; values with data stay nodes."""
        if node is None:
            return []
        if not isinstance(node, Token):
            return [self.entry(*child.children) for child in items_of(node)]
        found = self.dicts.get(node.value)
        if found is None:
            found = self.dicts[node.value] = self.entries(read(node.value, "dict"))
        return found

    def entry(self, token: Token, value: Node) -> tuple[Token, str, Any]:
        return token, key(token), value if holds_data(value) else self.literal(value)

    def described(self, cls: type[EntriesT], node: Any) -> EntriesT:
        """The interface attributes in a dictionary of an argument, a result or a function.

        Raises:
            ParseError: an entry is unknown, or has the wrong type.
        """

        def convert(token: Token, name: str, value: Any) -> Any:
            if name not in cls.order:
                close = difflib.get_close_matches(name, cls.order, 1)
                guess = f"did you mean '{close[0]}'? " if close else ""
                remedy = f"{guess}the entries are {', '.join(cls.order)}"
                raise self.error(token, f"{cls.noun} has no '{name}'", remedy)
            return cls.converted(name, value)

        return cls(**self.fields(node, convert))

    def module_facts(self, node: Any) -> ModuleFacts:
        """The metadata in a dictionary of a module.

        Raises:
            ParseError: a known entry has the wrong type.
        """
        found = self.fields(node, lambda _, name, value: module_fact(name, value))
        return cast(ModuleFacts, found)

    def fields(self, node: Any, convert: Callable[[Token, str, Any], Any]) -> dict[str, Any]:
        """The entries, each given once, converted by `convert(token of the key, key, value)`.

        Raises:
            ParseError: also for a TypeError of `convert`.
        """
        found: dict[str, Any] = {}
        for token, name, value in self.entries(node):
            if holds_data(value):
                raise self.error(value, "only constants have data")
            if name in found:
                raise self.error(token, f"'{name}' is given twice")
            try:
                found[name] = convert(token, name, value)
            except TypeError as error:
                raise self.error(token, f"{name}: {error}") from None
        return found

    def type(self, node: Node) -> Tensor:
        if isinstance(node, Token):
            found = self.types.get(node.value)
            if found is None:
                found = self.types[node.value] = self.type(read(node.value, "type"))
            return found
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
        if isinstance(value, int) and value > LARGEST_EXTENT:
            raise self.error(node, f"the extent {value} is larger than {LARGEST_EXTENT}")
        return value

    def literal(self, node: Node) -> Any:
        if isinstance(node, Token):
            return numbers(node) if node.type == "NUMBERS" else self.type(node)
        if holds_data(node):
            raise self.error(node, "only constants have data")
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
                return tuple(self.literal(child) for child in items_of(node))
            case "type":
                return self.type(node)
            case "name":
                return named(str(children[0]))
            case operation:
                return self.arithmetic(operation, children)

    def arithmetic(self, operation: str, children: list[Node]) -> Any:
        if operation == "neg":
            return -self.literal(children[0])
        a, b = (self.dim(child) for child in children)
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

    def told(self, node: Any) -> Location:
        """The location in `loc(…)`."""
        if isinstance(node, Token):
            found = self.locations.get(node.value)
            if found is None:
                found = self.locations[node.value] = self.origin(location_string(node), node)
            return found
        return self.place(node.children[0])

    def place(self, node: Node) -> Location:
        if isinstance(node, Token):
            return self.origin(string(node), node)
        if node.data == "callsite":
            callee, caller = map(self.place, node.children)
            return called_by(callee, caller)
        by, *parts = node.children
        return fuse(string(by), map(self.place, parts))

    def origin(self, text: str, node: Node) -> Location:
        try:
            return parse_location(text)
        except ValueError as error:
            raise self.error(node, str(error)) from None

    def location(self, node: Node) -> Location:
        if isinstance(node, Token):
            return InText(self.file, node.line or 0, node.column or 0)
        if node.meta.empty:
            return UNKNOWN
        return InText(self.file, node.meta.line, node.meta.column)

    def error(self, node: Node, message: str, remedy: str = "") -> ParseError:
        where = self.location(node)
        excerpt = ""
        if isinstance(where, InText):
            width = len(node) if isinstance(node, Token) else 1
            excerpt = caret_excerpt(self.source, where.line, where.column, width)
        return ParseError(
            Diagnostic(message, kind="invalid", location=where, excerpt=excerpt, remedy=remedy)
        )


def holds_data(value: Any) -> bool:
    """Whether an entry's value is a node, `dense<…>` or `resource<…>`, not a literal."""
    return isinstance(value, Tree) and str(value.data) in ("dense", "resource")


def items_of(node: Node) -> list[Any]:
    """The children that are present; none for an absent node."""
    return [] if node is None else [child for child in node.children if child is not None]
