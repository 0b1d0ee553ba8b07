"""Which operands of paired ops differ, and which of those differences follow from other edits.

Where an op was added, removed or moved, its neighbours have other operands, which is not an edit of
the neighbours. Looking through such ops shows this: the values behind them are equal on both sides.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .graph import ARGUMENT, CONSTANT, NODE, Graph, Source
from .matching import Matching

_DEPTH = 200  # how many ops are looked through at most


@dataclass(frozen=True)
class Operand:
    """An operand of paired ops; a side that lacks it is None."""

    name: str
    a: Source | None
    b: Source | None


class Operands:
    """Compares operands, given the ops of the first graph that are assumed to have moved."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self.moved: set[int] = set()

    def of(self, a: int) -> list[Operand]:
        """All operands of a node of the first graph, next to those of its pair."""
        m = self._matching
        b = m.of_a[a]
        if a == m.a.exit:
            return list(self._results())
        ours, theirs = _groups(m.a, a), _groups(m.b, b)
        if m.a.nodes[a].op.name != m.b.nodes[b].op.name:
            ours = {"": [s for group in ours.values() for s in group if s.kind != CONSTANT]}
            theirs = {"": [s for group in theirs.values() for s in group if s.kind != CONSTANT]}
        found: list[Operand] = []
        for name in dict.fromkeys((*ours, *theirs)):
            found += self._side_by_side(name, ours.get(name, []), theirs.get(name, []))
        return found

    def _results(self) -> Iterator[Operand]:
        """The returned values; results that only one side has belong to the interface."""
        m = self._matching
        sources = m.b.nodes[m.b.exit].sources
        theirs = dict(zip(m.b.names.results, sources, strict=True))
        ours = zip(m.a.names.results, m.a.nodes[m.a.exit].sources, strict=True)
        for slot, (number, source) in enumerate(ours):
            if number in theirs:
                yield Operand(f"result {slot}", source, theirs[number])

    def _side_by_side(
        self, name: str, ours: list[Source], theirs: list[Source]
    ) -> Iterator[Operand]:
        """Operands of a group; if the sizes differ, those in the middle have no partner."""
        several = len(ours) > 1 or len(theirs) > 1
        start, end = 0, 0
        if len(ours) != len(theirs):
            least = min(len(ours), len(theirs))
            while start < least and self.fits(ours[start], theirs[start]):
                start += 1
            while end < least - start and self.fits(ours[-1 - end], theirs[-1 - end]):
                end += 1
        else:
            start = len(ours)
        for i in range(start):
            yield Operand(f"{name}[{i}]" if several else name, ours[i], theirs[i])
        for i in range(end):
            yield Operand(f"{name}[{i - end}]", ours[i - end], theirs[i - end])
        for source in ours[start : len(ours) - end]:
            yield Operand(name, source, None)
        for source in theirs[start : len(theirs) - end]:
            yield Operand(name, None, source)

    def wrong(self, a: int) -> list[Operand]:
        """Operands that differ by themselves; constants that differ are compared elsewhere."""
        return [
            item
            for item in self.of(a)
            if item.a is None or item.b is None or not self.fits(item.a, item.b)
        ]

    def fits(self, a: Source, b: Source) -> bool:
        """Whether two operands are the same, or differ because of ops that only one side has."""
        if a.kind == CONSTANT and b.kind == CONSTANT:
            return True
        if self._matching.same(a, b):
            return True
        gone_a, gone_b = self._is_gone_a(a), self._is_gone_b(b)
        if not (gone_a or gone_b):
            return False
        behind = {self._matching.counterpart(s) for s in self.behind_a(a)}
        if not behind.isdisjoint(self.behind_b(b)):
            return True
        return self._has_no_pair(a) and self._matching.of_b[b.owner] < 0 if gone_b else False

    def _has_no_pair(self, a: Source) -> bool:
        return a.kind not in (CONSTANT, ARGUMENT) and self._matching.of_a[a.owner] < 0

    def _is_gone_a(self, source: Source) -> bool:
        pairs = self._matching.of_a
        return source.kind == NODE and (pairs[source.owner] < 0 or source.owner in self.moved)

    def _is_gone_b(self, source: Source) -> bool:
        pairs = self._matching.of_b
        return source.kind == NODE and (
            pairs[source.owner] < 0 or pairs[source.owner] in self.moved
        )

    def behind_a(self, source: Source) -> set[Source]:
        """The value behind removed and moved ops of the first graph."""
        return _behind(self._matching.a, source, self._is_gone_a)

    def behind_b(self, source: Source) -> set[Source]:
        """The value behind added and moved ops of the second graph."""
        return _behind(self._matching.b, source, self._is_gone_b)

    # -- moves -----------------------------------------------------------------------------------

    def find_moved(self) -> None:
        """Find ops whose move explains what would otherwise be several differing operands."""
        m = self._matching
        odd = [n for n in m.a.order if m.of_a[n] >= 0 and n != m.a.exit and self.wrong(n)]
        # Prefer ops without data.
        for number in sorted(odd, key=lambda n: sum(m.a.constant_sizes(n))):
            if not self.wrong(number):
                continue
            around = self._around(number)
            before = sum(len(self.wrong(n)) for n in around)
            self.moved.add(number)
            if before == 0 or sum(len(self.wrong(n)) for n in around) >= before:
                self.moved.discard(number)

    def _around(self, number: int) -> set[int]:
        """Paired users of a node, on both sides."""
        m = self._matching
        users = {use.user for use in m.a.nodes[number].uses if m.of_a[use.user] >= 0}
        others = {m.of_b[use.user] for use in m.b.nodes[m.of_a[number]].uses}
        return (users | others) - {-1, number}


def _groups(graph: Graph, number: int) -> dict[str, list[Source]]:
    """Sources by declared operand."""
    node = graph.nodes[number]
    found: dict[str, list[Source]] = {}
    start = 0
    for item in node.op.spec.operands:
        end = start + len(node.op.values_of(item.name))
        found[item.name] = node.sources[start:end]
        start = end
    return found


def _behind(graph: Graph, source: Source, is_gone: Callable[[Source], bool]) -> set[Source]:
    found: set[Source] = set()
    work, seen = [source], {source}
    while work and len(seen) < _DEPTH:
        source = work.pop()
        if not is_gone(source):
            found.add(source)
            continue
        for needed in graph.nodes[source.owner].sources:
            if needed not in seen:
                seen.add(needed)
                work.append(needed)
    return found
