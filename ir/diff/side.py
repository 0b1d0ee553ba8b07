"""Names of a graph's nodes in the text of its module."""

from functools import cached_property

from ..ssa import Function, Op, Value
from ..text.printer import op_lines
from ..types import Type
from .edits import Place
from .graph import ARGUMENT, CONSTANT, NODE, REGION, Graph, Source
from .matching import origin
from .weights import shown


class Side:
    """One of the graphs, with the names in its text."""

    def __init__(self, graph: Graph, functions: dict[str, Function]) -> None:
        self.graph = graph
        self._functions = functions

    @cached_property
    def _texts(self) -> tuple[dict[Op, str], dict[Value, str]]:
        lines: dict[Op, str] = {}
        names: dict[Value, str] = {}
        for name in {node.function: None for node in self.graph.nodes}:
            found, called = op_lines(self._functions[name])
            lines |= found
            names |= called
        return lines, names

    def place(self, number: int) -> Place:
        """An op as edits show it."""
        node = self.graph.nodes[number]
        lines, names = self._texts
        layer = str(origin(node.op) or "")
        name = names.get(node.op.results[0], "") if node.op.results else ""
        return Place(node.function, node.op.name, name, layer, lines.get(node.op, ""))

    def called(self, source: Source | None) -> str:
        """The name of a source in text."""
        if source is None:
            return "none"
        if source.kind == CONSTANT:
            return f"constant {shown(self.graph.constants[source.owner])}"
        return self._texts[1].get(self._value(source), "?")

    def type_of(self, source: Source) -> Type:
        """The type of a source."""
        if source.kind == CONSTANT:
            return self.graph.constants[source.owner].type
        return self._value(source).type

    def _value(self, source: Source) -> Value:
        if source.kind == ARGUMENT:
            top = self._functions[self.graph.nodes[self.graph.exit].function]
            return top.arguments[self.graph.names.arguments.index(source.owner)]
        op = self.graph.nodes[source.owner].op
        if source.kind == NODE:
            return op.results[source.position]
        return op.all_regions()[source.kind - REGION].block.arguments[source.position]
