"""Functions as comparable graphs: ops are nodes, constants are properties of their users.

Calls of functions that only one side has are looked through: their ops are nodes like those around
them, and know which function they are in. Everything that makes two nodes alike is a small integer
from an `Ids` that both sides share, so equal integers mean equal things: there are no collisions.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..attributes import literal
from ..dialects.builtin import Call, Constant
from ..ssa import Function, Op, Value
from ..weights.resources import Resource

# What a source is. Arguments of region r of a node are of kind REGION + r.
NODE, ARGUMENT, CONSTANT, REGION = 0, 1, 2, 3

# How much of an op its label includes.
EXACT, SHAPED, KIND, ANYTHING = 0, 1, 2, 3


class Source(NamedTuple):
    """Where an operand comes from.

    Attributes:
        kind: NODE, ARGUMENT, CONSTANT, or REGION + the number of a region.
        owner: the node; the number of the function's argument, which both sides share; or the id
            of the constant's contents.
        position: the position of the node's result or of the region's argument.
    """

    kind: int
    owner: int
    position: int


class Use(NamedTuple):
    """A use of a node's result as an operand.

    Attributes:
        user: the node that uses it.
        slot: which of its operands.
        result: which result of the node.
    """

    user: int
    slot: int
    result: int


class Ids:
    """Gives equal things equal numbers, and different things different numbers."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def __call__(self, thing: Hashable) -> int:
        return self._known.setdefault(thing, len(self._known))


@dataclass(slots=True)
class Node:
    """An op of the graph.

    Attributes:
        op: the op.
        function: the name of the function that it is in.
        parent: the node whose region it is in, or -1; `region` is which.
        sources: where its operands come from, flat.
        uses: the uses of its results.
        bodies: for each of its regions, the node that ends it.
        inner: unused nodes in its regions; they matter nevertheless.
        labels: the op's own labels at EXACT, SHAPED, KIND and ANYTHING.
    """

    op: Op
    function: str
    parent: int
    region: int
    sources: list[Source]
    uses: list[Use] = field(default_factory=list[Use])
    bodies: list[int] = field(default_factory=list[int])
    inner: list[int] = field(default_factory=list[int])
    labels: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class Names:
    """The names of both sides that mean the same, as far as a graph needs them.

    Attributes:
        arguments: a number for each argument of the function, the same one on both sides.
        results: likewise for its results.
        callees: the names of functions on the first side.
    """

    arguments: list[int]
    results: list[int]
    callees: Mapping[str, str]


class Graph:
    """One function, together with the functions that it calls and the other side lacks.

    Attributes:
        nodes: ops in the order of the text.
        order: node numbers, operands before users, in an order that depends on structure alone.
        exit: the node that returns.
        names: see `Names`.
        constants: the data of each constant source, by id.
    """

    def __init__(
        self, function: Function, inlined: Mapping[str, Function], names: Names, ids: Ids
    ) -> None:
        self.nodes: list[Node] = []
        self.names = names
        self.constants: dict[int, Resource] = {}
        self.ids = ids
        self._inlined = inlined
        self._found: dict[Value, Source] = {}
        for value, number in zip(function.arguments, names.arguments, strict=True):
            self._found[value] = Source(ARGUMENT, number, 0)
        self._add_ops(function.block, -1, 0, function.name)
        self.exit = self._last()
        self.order = self._ordered()

    def _last(self) -> int:
        return next(i for i in range(len(self.nodes) - 1, -1, -1) if self.nodes[i].parent < 0)

    # -- building --------------------------------------------------------------------------------

    def _add_ops(self, ops: Iterable[Op], parent: int, region: int, function: str) -> None:
        for op in ops:
            if isinstance(op, Constant) and op.result.use_count:
                self._found[op.result] = self._constant(op.value)
            elif isinstance(op, Call) and op.callee in self._inlined:
                self._see_through(op, parent, region)
            else:
                self._add(op, parent, region, function)

    def _see_through(self, call: Call, parent: int, region: int) -> None:
        callee = self._inlined[call.callee]
        for argument, given in zip(callee.arguments, call.operands, strict=True):
            self._found[argument] = self._found[given]
        body = (op for op in callee.block if not op.is_terminator)
        self._add_ops(body, parent, region, callee.name)
        for value, result in zip(call.results, callee.results, strict=True):
            self._found[value] = self._found[result]

    def _constant(self, data: Resource) -> Source:
        number = self.ids(("constant", data.type, data.digest))
        self.constants.setdefault(number, data)
        return Source(CONSTANT, number, 0)

    def _add(self, op: Op, parent: int, region: int, function: str) -> None:
        number = len(self.nodes)
        sources = [self._found[value] for value in op.operands]
        node = Node(op, function, parent, region, sources)
        self.nodes.append(node)
        for slot, source in enumerate(sources):
            if source.kind == NODE:
                self.nodes[source.owner].uses.append(Use(number, slot, source.position))
        for index, value in enumerate(op.results):
            self._found[value] = Source(NODE, number, index)
        for index, body in enumerate(op.all_regions()):
            for position, value in enumerate(body.block.arguments):
                self._found[value] = Source(REGION + index, number, position)
            self._add_ops(body.block, number, index, function)
            node.bodies.append(len(self.nodes) - 1)
        node.labels = self._labels(node)

    def _labels(self, node: Node) -> tuple[int, int, int, int]:
        op, ids = node.op, self.ids
        kind = ids(("kind", op.name))
        attributes = tuple(self.attribute_key(op, item) for item in op.attributes)
        groups = tuple(len(op.values_of(item.name)) for item in op.spec.operands)
        constants = [(slot, s.owner) for slot, s in enumerate(node.sources) if s.kind == CONSTANT]
        shapes = tuple((slot, self.constants[owner].type) for slot, owner in constants)
        shaped = ids(("shaped", kind, attributes, groups, shapes))
        exact = ids(("exact", shaped, tuple(constants), self._own_data(op)))
        return exact, shaped, kind, ids("anything")

    def _own_data(self, op: Op) -> tuple[int, ...]:
        """Data that the op itself holds, for constants that nothing uses."""
        return tuple(self._constant(v).owner for v in op.attributes.values() if _is_data(v))

    def attribute_key(self, op: Op, name: str) -> Hashable:
        """An attribute's value as a comparison key; only the type of data."""
        value: Any = op.attributes[name]
        if _is_data(value):
            return name, value.type
        if isinstance(op, Call) and name == "callee":
            return name, self.names.callees.get(op.callee, op.callee)
        return name, attribute_text(value)

    def constant_sizes(self, number: int) -> list[int]:
        """The number of elements of each constant that a node uses."""
        sources = self.nodes[number].sources
        return [self.constants[s.owner].size for s in sources if s.kind == CONSTANT]

    # -- order -----------------------------------------------------------------------------------

    def _ordered(self) -> list[int]:
        """Operands before users, depth first from the results; unused nodes come last."""
        for number, node in enumerate(self.nodes):
            if node.parent >= 0 and not node.uses and not node.op.is_terminator:
                self.nodes[node.parent].inner.append(number)
        unused = (
            number
            for number, node in enumerate(self.nodes)
            if node.parent < 0 and not node.uses and number != self.exit
        )
        order: list[int] = []
        state = bytearray(len(self.nodes))  # 1: waits for its operands, 2: in order
        for root in (self.exit, *unused):
            stack = [root]
            while stack:
                number = stack[-1]
                if state[number] == 0:
                    state[number] = 1
                    stack += [n for n in self._needed(number) if state[n] == 0]
                    continue
                stack.pop()
                if state[number] == 1:
                    state[number] = 2
                    order.append(number)
        return order

    def _needed(self, number: int) -> Iterator[int]:
        """The nodes that must come before a node, last first."""
        node = self.nodes[number]
        yield from reversed(node.inner)
        yield from reversed(node.bodies)
        for source in reversed(node.sources):
            if source.kind == NODE:
                yield source.owner


def _is_data(value: Any) -> bool:
    return isinstance(value, Resource)


def attribute_text(value: Any) -> str:
    """An attribute's value in IR text."""
    if isinstance(value, Resource):
        return str(value.type)
    try:
        return literal(value)
    except TypeError:  # a value of a target, which has no text form
        return repr(value)
