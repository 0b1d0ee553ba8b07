"""Colours of nodes: equal for nodes that compute the same, or whose results are used the same.

This is Weisfeiler-Lehman colour refinement, started from known pairs: a paired node has its pair's
colour; the colour of any other node is made of its label and its operands' colours (downwards), or
its users' colours (upwards). One round carries the known pairs through regions of any depth.
"""

from .graph import ARGUMENT, CONSTANT, EXACT, KIND, NODE, REGION, SHAPED, Graph, Ids, Node


class Colours:
    """Both colours of each node of a graph.

    Attributes:
        down: what the node computes.
        up: what its results are used for.
    """

    def __init__(self, graph: Graph, level: int, pairs: list[int], ids: Ids) -> None:
        """Colour a graph.

        Args:
            graph: the graph.
            level: how much of an op its label includes; from KIND on, operands have no order.
            pairs: for each node, the number of its pair, or -1.
            ids: shared with the other graph.
        """
        self._graph, self._level, self._pairs, self._ids = graph, level, pairs, ids
        self._before: dict[int, int] = {}
        count = len(graph.nodes)
        self.down, self.up = [0] * count, [0] * count
        for number in graph.order:
            self.down[number] = self._down(number)
        for number in reversed(graph.order):
            self.up[number] = self._up(number)

    def _down(self, number: int) -> int:
        if self._pairs[number] >= 0:
            return self._ids(("pair", self._pairs[number]))
        node = self._graph.nodes[number]
        inside: tuple[int, ...] = ()
        if self._level < KIND:
            inside = tuple(self.down[body] for body in node.bodies)
        return self._ids(("down", self._entry(number), inside)) if inside else self._entry(number)

    def _entry(self, number: int) -> int:
        """The colour without the ops in regions, which identifies the regions' arguments."""
        if number not in self._before:
            node = self._graph.nodes[number]
            key = (node.labels[self._level], self._scope(node), self._sources(node))
            self._before[number] = self._ids(("entry", key))
        return self._before[number]

    def _scope(self, node: Node) -> int:
        if node.parent < 0:
            return -1
        pair = self._pairs[node.parent]
        known = ("pair", pair) if pair >= 0 else ("in", self._entry(node.parent))
        return self._ids((known, node.region))

    def _sources(self, node: Node) -> tuple[int, ...]:
        found: list[int] = []
        for kind, owner, index in node.sources:
            if kind == NODE:
                found.append(self._ids((NODE, self.down[owner], index)))
            elif kind == ARGUMENT:
                found.append(self._ids((ARGUMENT, owner)))
            elif kind == CONSTANT:  # the label has it
                found.append(-1)
            else:
                found.append(self._argument(kind - REGION, owner, index))
        return tuple(found if self._level < KIND else sorted(found))

    def _argument(self, region: int, owner: int, index: int) -> int:
        pair = self._pairs[owner]
        known = ("pair", pair) if pair >= 0 else ("of", self._entry(owner))
        return self._ids((known, region, index))

    def _up(self, number: int) -> int:
        if self._pairs[number] >= 0:
            return self._ids(("pair", self._pairs[number]))
        node = self._graph.nodes[number]
        if node.parent >= 0 and node.op.is_terminator:
            return self._ids(("ends", self.up[node.parent], node.region))
        ordered = self._level < KIND
        results = self._graph.names.results
        uses: list[tuple[int, int, int]] = []
        for user, slot, result in node.uses:
            place = results[slot] if user == self._graph.exit else slot
            uses.append((self.up[user], place if ordered else 0, result))
        return self._ids(("up", node.labels[self._level], tuple(sorted(uses))))


__all__ = ["EXACT", "KIND", "SHAPED", "Colours"]
