"""A module as a graph: nodes for ops, arguments and results; weights belong to their users."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from .. import alike
from ..attributes import literal
from ..dialects.builtin import Constant
from ..interface import Argument, Result
from ..location import Unknown, leaves
from ..ssa import Block, Function, Module, Op, Value
from ..text.printer import value_names
from ..weights.resources import Resource


@dataclass
class Node:
    """An op, or an argument or the results of a function; many arguments that are alike are one.

    Attributes:
        kind: the op's name; "input" and "output" for arguments and results of the function.
        name, type: the names and types of its values, as in IR text.
        attributes: its non-default attributes, or what is known of an argument or a result (of one
            with classes, their labels), as text.
        origins: where in the model it comes from.
        weights: (operand, constant data) of each constant operand.
        operands: the nodes whose values it uses, each once.
        groups: the function, and the regions around the op, outer first.
        layer, column: its place: after its operands, next to the other nodes of its layer.
    """

    kind: str
    name: str
    type: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    origins: tuple[str, ...] = ()
    weights: list[tuple[str, Resource]] = field(default_factory=list[tuple[str, Resource]])
    operands: list[int] = field(default_factory=list[int])
    groups: tuple[str, ...] = ()
    layer: int = 0
    column: int = 0


def graph(module: Module) -> list[Node]:
    """The nodes of all functions, operands first; functions are below each other."""
    nodes: list[Node] = []
    for function in module.functions.values():
        first = max((node.layer for node in nodes), default=-2) + 2
        builder = _Builder(function, nodes, first)
        builder.function(function)
    place(nodes)
    return nodes


class _Builder:
    def __init__(self, function: Function, nodes: list[Node], first: int) -> None:
        self.names = value_names(function)
        self.nodes = nodes
        self.first = first
        self.nodes_of: dict[Value, int] = {}
        self.constants: dict[Value, Resource] = {}
        self.ends: dict[int, int] = {}  # the last layer of the nodes in a node's regions

    def function(self, function: Function) -> None:
        groups = (f"@{function.name}" if function.public else f"private @{function.name}",)
        for run in alike.runs(zip_longest(function.arguments, function.inputs), _known_of):
            value, known = run[0]
            entries = _entries(known)
            if len(run) > 1:
                entries["count"] = f"{len(run):,}"
            name = alike.named([self.names[value] for value, _ in run])
            node = Node("input", name, str(value.type), entries, groups=groups)
            self.nodes_of.update(dict.fromkeys((value for value, _ in run), self.add(node)))
        self.block(function.block, groups, self.first)
        for index, value in enumerate(function.results):
            name = function.result_names[index] if function.result_names else self.names[value]
            known = _entries(function.outputs[index] if function.outputs else None)
            if name and name == classes_of(function):
                known["class_labels"] = literal(function.classifier.class_labels)
            node = Node("output", name, str(value.type), known, groups=groups)
            self.connect(node, (value,), ("value",))
            self.add(node)

    def add(self, node: Node) -> int:
        below = (self.ends.get(i, self.nodes[i].layer) + 1 for i in node.operands)
        node.layer = max((node.layer, self.first, *below))
        self.nodes.append(node)
        return len(self.nodes) - 1

    def connect(self, node: Node, values: tuple[Value, ...], labels: tuple[str, ...]) -> None:
        for value, label in zip(values, labels, strict=True):
            if value in self.constants:
                node.weights.append((label, self.constants[value]))
            elif value in self.nodes_of and self.nodes_of[value] not in node.operands:
                node.operands.append(self.nodes_of[value])

    def block(self, block: Block, groups: tuple[str, ...], layer: int) -> None:
        for op in block:
            if isinstance(op, Constant):
                self.constants[op.result] = op.value
            elif not op.is_terminator:
                self.op(op, groups, layer)

    def op(self, op: Op, groups: tuple[str, ...], layer: int) -> None:
        node = Node(
            op.name,
            ", ".join(self.names[value] for value in op.results),
            ", ".join(str(value.type) for value in op.results),
            _attributes(op),
            tuple(str(part) for part in leaves(op.location) if not isinstance(part, Unknown)),
            groups=groups,
            layer=layer,
        )
        self.connect(node, op.operands, tuple(_labels(op)))
        index = self.add(node)
        for number, body in enumerate(op.all_regions()):
            before = len(self.nodes)
            self.nodes_of.update(dict.fromkeys(body.block.arguments, index))
            self.block(body.block, (*groups, f"{node.name} {number}"), node.layer + 1)
            inner = (item.layer for item in self.nodes[before:])
            self.ends[index] = max((self.ends.get(index, node.layer), *inner))
        self.nodes_of.update(dict.fromkeys(op.results, index))


def classes_of(function: Function) -> str:
    """The result that shows the labels of classes: their probabilities, else the predicted one."""
    known = function.classifier
    if not known.class_labels:
        return ""
    named = (known.predicted_probabilities, known.predicted_feature)
    return next((name for name in named if name in function.result_names), "")


def _known_of(row: tuple[Value, Argument | None]) -> tuple[str, ...]:
    """What is shown of an argument beside its name."""
    value, known = row
    return str(value.type), *(f"{name} {text}" for name, text in _entries(known).items())


def _entries(known: Argument | Result | None) -> dict[str, str]:
    return {} if known is None else {name: literal(x) for name, x in known.entries().items()}


def _attributes(op: Op) -> dict[str, str]:
    return {
        item.name: literal(op.attributes[item.name])
        for item in op.spec.attributes
        if op.attributes[item.name] != item.default
        and not isinstance(op.attributes[item.name], Resource)
    }


def _labels(op: Op) -> Iterator[str]:
    """The label of each flat operand."""
    for item in op.spec.operands:
        yield from (item.name for _ in op.values_of(item.name))


def place(nodes: list[Node]) -> None:
    """Choose columns: below the latest operand where that is free, else the next free one."""
    free: dict[tuple[int, int], int] = {}  # an occupied place → a later column to try
    for node in nodes:
        above = max((nodes[i] for i in node.operands), key=lambda n: n.layer, default=None)
        column = wanted = above.column if above is not None else 0
        while (node.layer, column) in free:
            column = free[node.layer, column]
        # Columns that were tried are skipped at once, so placing is linear.
        while wanted < column:
            following = free[node.layer, wanted]
            free[node.layer, wanted], wanted = column + 1, following
        free[node.layer, column] = column + 1
        node.column = column
