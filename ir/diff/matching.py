"""Finds which op of one graph corresponds to which op of the other.

Certain pairs come first: ops that compute the same *and* are used the same, then ops for which one
of these holds, then weights that occur once; each pair says more about its neighbours. The other
ops lie between pairs and are aligned in order. Each step tries labels with less and less
information: all of an op, all but the contents of its weights, its kind only.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from ..location import InModel, leaves
from ..ssa import Op
from .align import align, longest_increasing
from .colours import Colours
from .graph import ANYTHING, ARGUMENT, CONSTANT, EXACT, KIND, NODE, SHAPED, Graph, Ids, Source

_ROUNDS = 8
_WEIGHT = 16  # weights of at least so many elements are identified by their contents
_NEAR = 16  # how many ops an op without weights may have moved; beyond that it is another op
KeyT = TypeVar("KeyT")


class Matching:
    """Pairs of nodes.

    Attributes:
        a, b: the graphs.
        of_a, of_b: for each node the node that it is paired with, or -1.
    """

    def __init__(self, a: Graph, b: Graph, ids: Ids, one_model: bool = False) -> None:
        self.a, self.b = a, b
        self._ids = ids
        self.of_a, self.of_b = [-1] * len(a.nodes), [-1] * len(b.nodes)
        self._places_a, self._places_b = _places(a), _places(b)
        self.pair(a.exit, b.exit)
        self._search(one_model)

    def _search(self, one_model: bool) -> None:
        self._refine(EXACT)
        self._pair_weights()
        self._refine(EXACT)
        if one_model:
            self._pair_origins()
        for level in (SHAPED, KIND):
            self._refine(level)
            self._align(level)
        self._pair_moved()
        self._refine(KIND)
        self._pair_replaced()

    # -- pairs -----------------------------------------------------------------------------------

    def pair(self, a: int, b: int) -> None:
        """Pair two nodes, and the ends of their regions."""
        self.of_a[a], self.of_b[b] = b, a
        for end_a, end_b in zip(self.a.nodes[a].bodies, self.b.nodes[b].bodies, strict=False):
            if self.of_a[end_a] < 0 and self.of_b[end_b] < 0:
                self.pair(end_a, end_b)

    def left_a(self) -> list[int]:
        """Nodes of the first graph without a pair, in order."""
        return [number for number in self.a.order if self.of_a[number] < 0]

    def left_b(self) -> list[int]:
        """Nodes of the second graph without a pair, in order."""
        return [number for number in self.b.order if self.of_b[number] < 0]

    def counterpart(self, source: Source) -> Source | None:
        """The source of the second graph that corresponds to this one of the first, or None."""
        kind, owner, index = source
        if kind in (CONSTANT, ARGUMENT):
            return source
        other = self.of_a[owner]
        return Source(kind, other, index) if other >= 0 else None

    def same(self, a: Source, b: Source) -> bool:
        """Whether two operands are the same: paired, or computed in the same way elsewhere."""
        other = self.counterpart(a)
        if other is None:
            return False
        if other == b:
            return True
        if other.kind != NODE or b.kind != NODE or other.position != b.position:
            return False
        return self._values[other.owner] == self._values[b.owner]

    @cached_property
    def _values(self) -> list[int]:
        """Equal numbers for nodes of the second graph that compute equal values."""
        values = Colours(self.b, EXACT, [-1] * len(self.b.nodes), self._ids).down
        draws = [False] * len(values)
        for number in self.b.order:
            node = self.b.nodes[number]
            given = any(source.kind == NODE and draws[source.owner] for source in node.sources)
            draws[number] = given or bool(node.bodies) or node.op.effects()
        return [self._ids(("own", n)) if draws[n] else value for n, value in enumerate(values)]

    # -- colours ---------------------------------------------------------------------------------

    def _refine(self, level: int) -> None:
        for _ in range(_ROUNDS):
            if not self._round(level):
                return

    def _round(self, level: int) -> bool:
        """Pair nodes with equal colours; True if there were any."""
        left = self.left_a()
        if not left or not self.left_b():
            return False
        ours = Colours(self.a, level, self._known_a(), self._ids)
        theirs = Colours(self.b, level, self.of_b, self._ids)
        self._pair_by(
            lambda n: (ours.down[n], ours.up[n]), lambda n: (theirs.down[n], theirs.up[n]), True
        )
        self._pair_by(ours.down.__getitem__, theirs.down.__getitem__, True)
        self._pair_by(ours.up.__getitem__, theirs.up.__getitem__, False)
        return len(self.left_a()) < len(left)

    def _pair_by(
        self, key_a: Callable[[int], KeyT], key_b: Callable[[int], KeyT], several: bool
    ) -> None:
        """Pair nodes with a unique key; with `several`, pair nodes that share a key in order."""
        groups = _grouped(self.left_a(), key_a)
        others = _grouped(self.left_b(), key_b)
        for key, numbers in groups.items():
            found = others.get(key, [])
            if len(found) == len(numbers) and (several or len(found) == 1):
                for a, b in zip(numbers, found, strict=True):
                    self._pair_left(a, b)

    def _pair_left(self, a: int, b: int) -> None:
        ends = self.a.nodes[a].op.is_terminator or self.b.nodes[b].op.is_terminator
        if (
            self.of_a[a] < 0 and self.of_b[b] < 0 and not ends
        ):  # terminators are paired with their regions
            self.pair(a, b)

    def _pair_weights(self) -> None:
        """Pair ops that hold the same large weights, if no other op holds them."""
        ours = [n for n in self.left_a() if _has_weights(self.a, n)]
        theirs = [n for n in self.left_b() if _has_weights(self.b, n)]
        others = _grouped(theirs, lambda n: self.b.nodes[n].labels[EXACT])
        for label, numbers in _grouped(ours, lambda n: self.a.nodes[n].labels[EXACT]).items():
            found = others.get(label, [])
            if len(numbers) == len(found) == 1:
                self._pair_left(numbers[0], found[0])

    def _pair_origins(self) -> None:
        """Pair ops of one layer: those of the same kind, then those with the largest weights."""
        others = _grouped(self.left_b(), lambda n: origin(self.b.nodes[n].op))
        for layer, numbers in _grouped(self.left_a(), lambda n: origin(self.a.nodes[n].op)).items():
            found = others.get(layer, [])
            if layer is None or not found:
                continue
            kinds = _grouped(found, lambda n: self.b.nodes[n].labels[KIND])
            for kind, mine in _grouped(numbers, lambda n: self.a.nodes[n].labels[KIND]).items():
                if len(kinds.get(kind, [])) == len(mine):
                    for a, b in zip(mine, kinds[kind], strict=True):
                        self._pair_left(a, b)
            heavy_a = [n for n in numbers if self.of_a[n] < 0 and _has_weights(self.a, n)]
            heavy_b = [n for n in found if self.of_b[n] < 0 and _has_weights(self.b, n)]
            if heavy_a and heavy_b:
                self._pair_left(_heaviest(self.a, heavy_a), _heaviest(self.b, heavy_b))

    # -- order -----------------------------------------------------------------------------------

    def _backbone(self) -> list[tuple[int, int]]:
        """Positions of pairs that are in the same order on both sides."""
        paired = [number for number in self.a.order if self.of_a[number] >= 0]
        places = [self._places_b[self.of_a[number]] for number in paired]
        return [(self._places_a[paired[i]], places[i]) for i in longest_increasing(places)]

    def _gaps(self) -> Iterator[tuple[list[int], list[int]]]:
        """The nodes without a pair, by the pairs around them."""
        start_a = start_b = 0
        ends = [*self._backbone(), (len(self.a.order), len(self.b.order))]
        for end_a, end_b in ends:
            ours = [n for n in self.a.order[start_a:end_a] if self.of_a[n] < 0]
            theirs = [n for n in self.b.order[start_b:end_b] if self.of_b[n] < 0]
            if ours and theirs:
                yield ours, theirs
            start_a, start_b = end_a + 1, end_b + 1

    def _align(self, level: int) -> None:
        known, known_b = self._known_a(), list(self.of_b)  # as they are before the first gap
        for ours, theirs in list(self._gaps()):
            labels_a = [self._in_place(self.a, n, level, known) for n in ours]
            labels_b = [self._in_place(self.b, n, level, known_b) for n in theirs]
            for i, j in align(labels_a, labels_b):
                self._pair_left(ours[i], theirs[j])

    def _in_place(self, graph: Graph, number: int, level: int, pairs: list[int]) -> int:
        """A label that includes the region that the op is in."""
        node = graph.nodes[number]
        around = (pairs[node.parent], node.region) if node.parent >= 0 else ()
        return self._ids(("in place", node.labels[level], around))

    def _known_a(self) -> list[int]:
        """For each node of the first graph the number of its pair (its own), or -1."""
        return [-1 if b < 0 else a for a, b in enumerate(self.of_a)]

    def _pair_moved(self) -> None:
        """Pair equal ops that are near each other; ops with weights may be anywhere."""
        near = self._neighbourhoods()
        for level in (EXACT, SHAPED):
            others = _grouped(self.left_b(), lambda n, at=level: self.b.nodes[n].labels[at])
            for a in self.left_a():
                found = others.get(self.a.nodes[a].labels[level], [])
                if (b := self._nearest(found, near[a])) is not None:
                    self._pair_left(a, b)
            for a in self.left_a():
                if level == EXACT and _has_weights(self.a, a):
                    found = others.get(self.a.nodes[a].labels[level], [])
                    while found and self.of_b[found[-1]] >= 0:
                        found.pop()
                    if found:
                        self._pair_left(a, found[-1])

    def _nearest(self, numbers: list[int], place: int) -> int | None:
        """The nearest node of the second graph without a pair, or None."""
        places = self._places_b
        first = bisect_left(numbers, place - _NEAR, key=places.__getitem__)
        last = bisect_right(numbers, place + _NEAR, key=places.__getitem__)
        fits = [n for n in numbers[first:last] if self.of_b[n] < 0]
        return min(fits, key=lambda n: abs(places[n] - place), default=None)

    def _neighbourhoods(self) -> dict[int, int]:
        """For each node of the first graph without a pair, its place in the second graph."""
        found: dict[int, int] = {}
        backbone = self._backbone()
        at = 0
        for place, number in enumerate(self.a.order):
            while at < len(backbone) and backbone[at][0] < place:
                at += 1
            if self.of_a[number] < 0:
                found[number] = backbone[at][1] if at < len(backbone) else len(self.b.order)
        return found

    def _pair_replaced(self) -> None:
        """Pair ops of different kinds that have the same neighbours."""
        ours = Colours(self.a, ANYTHING, self._known_a(), self._ids)
        theirs = Colours(self.b, ANYTHING, self.of_b, self._ids)
        self._pair_by(
            lambda n: (ours.down[n], ours.up[n]), lambda n: (theirs.down[n], theirs.up[n]), False
        )


def origin(op: Op) -> InModel | None:
    """The first layer that an op comes from; None if it is unknown."""
    return next((part for part in leaves(op.location) if isinstance(part, InModel)), None)


def _places(graph: Graph) -> list[int]:
    places = [0] * len(graph.nodes)
    for place, number in enumerate(graph.order):
        places[number] = place
    return places


def _grouped(numbers: Iterable[int], key: Callable[[int], KeyT]) -> dict[KeyT, list[int]]:
    groups: dict[KeyT, list[int]] = defaultdict(list)
    for number in numbers:
        groups[key(number)].append(number)
    return groups


def _has_weights(graph: Graph, number: int) -> bool:
    return any(size > _WEIGHT for size in graph.constant_sizes(number))


def _heaviest(graph: Graph, numbers: list[int]) -> int:
    return max(numbers, key=lambda n: sum(graph.constant_sizes(n)))
