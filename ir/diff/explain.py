"""Turns pairs of ops into edits."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from .. import alike
from ..weights.resources import Resource
from .edits import Edit, EditKind
from .graph import ARGUMENT, CONSTANT, KIND, NODE, Graph, Source, attribute_text
from .interface import Causes
from .matching import Matching
from .operands import Operand, Operands
from .side import Side
from .weights import SHOWN, compare_weights, shown

_SHOWN_NAMES = 3
_Order = tuple[int, int, int]


@dataclass
class _Changed:
    """A constant that another one replaces, and its users."""

    old: Resource
    new: Resource
    order: _Order
    users: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class Explainer:
    """Makes edits of the pairs of two graphs.

    Attributes:
        types_following: the number of ops whose types differ because of something else.
        following: other differences, which the interface explains.
    """

    def __init__(self, matching: Matching, a: Side, b: Side, causes: Causes) -> None:
        self._m, self._a, self._b = matching, a, b
        self._causes = causes
        self._operands = Operands(matching)
        self._changed: dict[tuple[int, int], _Changed] = {}
        self.types_following = 0
        self.following: list[str] = []

    def edits(self) -> list[Edit]:
        """All edits of ops, in the order of the first text."""
        self._operands.find_moved()
        found: list[tuple[_Order, Edit]] = []
        for number in range(len(self._m.a.nodes)):
            if self._m.of_a[number] >= 0:
                found += [((number, 1, i), e) for i, e in enumerate(self._of_pair(number))]
        found += [(item.order, self._weight(item)) for item in self._changed.values()]
        found += [((n, 0, 0), edit) for n, edit in self._lonely(self._a, self._m.of_a, "removed")]
        anchors = self._anchors()
        for number, edit in self._lonely(self._b, self._m.of_b, "added"):
            found.append(((anchors[number], 3, number), edit))
        return [edit for _, edit in sorted(found, key=lambda item: item[0])]

    # -- pairs -----------------------------------------------------------------------------------

    def _of_pair(self, number: int) -> list[Edit]:
        a, b = self._m.a.nodes[number], self._m.b.nodes[self._m.of_a[number]]
        found: list[Edit] = []
        if number in self._operands.moved:
            found.append(self._moved(number))
        if a.labels[KIND] != b.labels[KIND]:
            found.append(self._edit("replaced", number, "", a.op.name, b.op.name))
        else:
            found += self._of_attributes(number)
        operands = self._operands.of(number)
        constants = [item for item in operands if _is_constant_change(item)]
        found += self._of_operands(number, constants)
        if self._is_retyped(number) and not a.op.is_terminator:
            if found or constants or a.bodies or any(map(self._differ_in_type, operands)):
                self.types_following += 1
            else:
                found.append(self._edit("type", number, "", *self._types(number)))
        return found

    def _edit(self, kind: EditKind, number: int, what: str, old: str, new: str) -> Edit:
        before, after = self._a.place(number), self._b.place(self._m.of_a[number])
        return Edit(kind, what, old, new, before, after)

    def _moved(self, number: int) -> Edit:
        before = _between(self._a, [number])
        after = _between(self._b, [self._m.of_a[number]])
        return self._edit("moved", number, "", before, after)

    def _of_attributes(self, number: int) -> Iterator[Edit]:
        a, b = self._m.a.nodes[number].op, self._m.b.nodes[self._m.of_a[number]].op
        for name, old in a.attributes.items():
            new = b.attributes[name]
            if isinstance(old, Resource):
                if old != new:
                    self._note(number, name, old, new)
            elif self._m.a.attribute_key(a, name) != self._m.b.attribute_key(b, name):
                texts = attribute_text(old), attribute_text(new)
                yield self._edit("attribute", number, name, *texts)

    def _of_operands(self, number: int, constants: list[Operand]) -> Iterator[Edit]:
        """Edits of operands; constants that differ are recorded for later."""
        wrong = self._operands.wrong(number) if number not in self._operands.moved else []
        if self._are_swapped([*wrong, *constants]):
            items = [*wrong, *constants]
            old = ", ".join(self._a.called(item.a) for item in items)
            new = ", ".join(self._b.called(item.b) for item in items)
            names = " and ".join(item.name for item in items)
            yield replace(self._edit("operands", number, names, old, new), note="swapped")
            return
        for item in constants:
            assert item.a is not None
            assert item.b is not None
            old, new = self._m.a.constants[item.a.owner], self._m.b.constants[item.b.owner]
            self._note(number, item.name, old, new)
        for items in alike.runs(wrong, _group_of):
            old = _called(self._a, [item.a for item in items])
            new = _called(self._b, [item.b for item in items])
            what = items[0].name if len(items) == 1 else _group_of(items[0])[0]
            yield self._edit("operands", number, what, old, new)

    def _are_swapped(self, items: list[Operand]) -> bool:
        ours = Counter(self._m.counterpart(item.a) if item.a else None for item in items)
        return len(items) > 1 and None not in ours and ours == Counter(item.b for item in items)

    def _is_retyped(self, number: int) -> bool:
        old, new = self._types(number)
        return old != new

    def _types(self, number: int) -> tuple[str, str]:
        a, b = self._m.a.nodes[number].op, self._m.b.nodes[self._m.of_a[number]].op
        old, new = (", ".join(str(v.type) for v in op.results) for op in (a, b))
        return old, new

    def _differ_in_type(self, item: Operand) -> bool:
        if item.a is None or item.b is None:
            return True
        return self._a.type_of(item.a) != self._b.type_of(item.b)

    # -- constants -------------------------------------------------------------------------------

    def _note(self, number: int, name: str, old: Resource, new: Resource) -> None:
        if self._are_labels(old, new):
            return
        ids = self._m.a.ids
        key = ids((old.type, old.digest)), ids((new.type, new.digest))
        item = self._changed.setdefault(key, _Changed(old, new, (number, 2, len(self._changed))))
        item.users.append((number, name))

    def _are_labels(self, old: Resource, new: Resource) -> bool:
        """Whether the constants are the class labels, which have an edit of their own."""
        before, after = self._causes.labels
        if not before or (old.size, new.size) != (len(before), len(after)):
            return False
        found = old.array().tolist() == before and new.array().tolist() == after
        if found:
            self.following.append("the constant that holds the class labels differs")
        return found

    def _weight(self, item: _Changed) -> Edit:
        number, name = item.users[0]
        change = compare_weights(item.old, item.new)
        places = tuple(self._a.place(n) for n in dict.fromkeys(n for n, _ in item.users))
        few = max(item.old.size, item.new.size) <= SHOWN
        old = shown(item.old) if few else change.old_type
        new = shown(item.new) if few else change.new_type
        edit = self._edit("weight", number, name, old, new)
        return replace(edit, weight=replace(change, users=places))

    # -- ops of one side -------------------------------------------------------------------------

    def _lonely(self, side: Side, pairs: list[int], kind: EditKind) -> Iterator[tuple[int, Edit]]:
        for group, numbers in enumerate(_connected(side.graph, pairs)):
            note = _between(side, numbers)
            for number in numbers:
                place = side.place(number)
                if place.op == "tensor.reverse" and place.layer in self._causes.recolored:
                    self.following.append(f"{place.op} is {kind} at {place.layer}")
                    continue
                before, after = (place, None) if kind == "removed" else (None, place)
                yield number, Edit(kind, "", "", "", before, after, note, group)

    def _anchors(self) -> list[int]:
        """For each node of the second graph the last node of the first one before it."""
        found: list[int] = []
        last = -1
        for pair in self._m.of_b:
            last = pair if 0 <= pair != self._m.a.exit else last
            found.append(last)
        return found


def _group_of(item: Operand) -> tuple[str, bool, bool]:
    """What many wrong operands of an op share: one of thousands of inputs is not an edit."""
    return item.name.partition("[")[0], item.a is None, item.b is None


def _called(side: Side, sources: list[Source | None]) -> str:
    """The names of sources, of which all or none are there."""
    names = [side.called(source) for source in sources]
    if sources[0] is None or len(names) == 1:
        return names[0]
    return f"{alike.named(names)}, {len(names):,} of them"


def _is_constant_change(item: Operand) -> bool:
    if item.a is None or item.b is None or item.a == item.b:
        return False
    return item.a.kind == CONSTANT and item.b.kind == CONSTANT


def _between(side: Side, numbers: list[int]) -> str:
    """The ops before and after some ops, in words."""
    graph, inside = side.graph, set(numbers)
    sources = dict.fromkeys(
        source
        for number in numbers
        for source in graph.nodes[number].sources
        if source.kind != CONSTANT and not (source.kind == NODE and source.owner in inside)
    )
    users = dict.fromkeys(
        use.user for number in numbers for use in graph.nodes[number].uses if use.user not in inside
    )
    before = _listed(side.called(source) for source in sources)
    after = _listed(_end_or_name(side, user) for user in users)
    if before and after:
        return f"between {before} and {after}"
    return f"after {before}" if before else f"before {after}" if after else ""


def _end_or_name(side: Side, number: int) -> str:
    op = side.graph.nodes[number].op
    if op.is_terminator:
        return "the result" if number == side.graph.exit else "the end of the region"
    return side.called(Source(NODE, number, 0)) if op.results else op.name


def _listed(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    more = len(found) - _SHOWN_NAMES
    return ", ".join(found[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _connected(graph: Graph, pairs: list[int]) -> list[list[int]]:
    """Nodes without a pair, by connected parts, in order."""
    left = {
        number
        for number, node in enumerate(graph.nodes)
        if pairs[number] < 0 and not node.op.is_terminator
    }
    found: list[list[int]] = []
    seen: set[int] = set()
    for first in sorted(left):
        if first in seen:
            continue
        seen.add(first)
        part, work = [first], [first]
        while work:
            for near in _adjacent(graph, work.pop()):
                if near in left and near not in seen:
                    seen.add(near)
                    part.append(near)
                    work.append(near)
        found.append(sorted(part))
    return found


def _adjacent(graph: Graph, number: int) -> Iterator[int]:
    node = graph.nodes[number]
    yield node.parent
    yield from (source.owner for source in node.sources if source.kind not in (ARGUMENT, CONSTANT))
    yield from (use.user for use in node.uses)
