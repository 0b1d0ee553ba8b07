"""Compares modules: structure, attributes, types, weights, interfaces; not names and order.

`compare(a, b)` is the entry point. See `matching` for how ops are paired.
"""

from collections import Counter
from collections.abc import Hashable, Iterator

from ..dialects.builtin import Call, Constant
from ..ssa import Function, Module, Op
from .edits import EDIT_KINDS, Difference, Edit, EditKind, Place, WeightChange
from .explain import Explainer
from .graph import Graph, Ids, Names
from .interface import (
    Pairing,
    compare_facts,
    compare_interfaces,
    inputs_of,
    outputs_of,
    pair_names,
)
from .matching import Matching
from .side import Side

__all__ = ["EDIT_KINDS", "Difference", "Edit", "EditKind", "Place", "WeightChange", "compare"]

_GROWTH = 4  # calls are looked through unless that multiplies the number of ops by this


def compare(a: Module, b: Module, *, one_model: bool = False) -> Difference:
    """The edits that turn the first module into the second.

    Args:
        a: the old module.
        b: the new module.
        one_model: both come from the same model, so locations help to pair ops. This makes fewer
            edits, but never hides one.

    Names of values, of weights and of the module, the order of independent ops, locations, and
    whether equal constants are one or several don't matter. Contents of weights are read once for
    their hashes, and again where they differ.
    """
    return _Comparison(a, b, one_model).difference()


class _Comparison:
    def __init__(self, a: Module, b: Module, one_model: bool) -> None:
        self._a, self._b, self._one_model = a, b, one_model
        self._ids = Ids()
        self._pairs = dict(_pair_functions(a, b))
        self._seen_a = _calls_to_see_through(a, set(self._pairs))
        self._seen_b = _calls_to_see_through(b, set(self._pairs.values()))
        self._edits: list[Edit] = compare_facts(a, b)
        self._moves: Counter[tuple[str, str]] = Counter()
        self._following: list[str] = []
        self._matched, self._ops, self._types = 0, [0, 0], 0

    def difference(self) -> Difference:
        inside: list[Edit] = []
        for name, other in self._pairs.items():
            inside += self._functions(self._a.functions[name], self._b.functions[other])
        self._edits += self._lonely()
        return Difference(
            (*self._edits, *inside),
            self._matched,
            (self._ops[0], self._ops[1]),
            self._types,
            tuple(self._following),
        )

    def _functions(self, a: Function, b: Function) -> list[Edit]:
        """Edits of the ops of two functions; those of their interfaces are recorded directly."""
        inputs = pair_names(inputs_of(a), inputs_of(b))
        outputs = pair_names(outputs_of(a), outputs_of(b))
        interface = compare_interfaces(a, b, inputs, outputs)
        self._edits += interface.edits
        self._following += interface.following
        ours = Graph(a, self._seen_a, self._names(inputs, outputs, old=True), self._ids)
        theirs = Graph(b, self._seen_b, self._names(inputs, outputs, old=False), self._ids)
        matching = Matching(ours, theirs, self._ids, self._one_model)
        self._count(matching)
        sides = Side(ours, self._a.functions), Side(theirs, self._b.functions)
        explainer = Explainer(matching, *sides, interface.causes)
        edits = explainer.edits()
        self._following += explainer.following
        self._types += explainer.types_following
        return edits

    def _names(self, inputs: Pairing, outputs: Pairing, *, old: bool) -> Names:
        callees = {} if old else {new: name for name, new in self._pairs.items()}
        return Names(_numbers(inputs, old), _numbers(outputs, old), callees)

    def _count(self, matching: Matching) -> None:
        for side, graph in enumerate((matching.a, matching.b)):
            self._ops[side] += sum(not node.op.is_terminator for node in graph.nodes)
        for number, other in enumerate(matching.of_a):
            node = matching.a.nodes[number]
            if other < 0 or node.op.is_terminator:
                continue
            self._matched += 1
            place = node.function, matching.b.nodes[other].function
            if self._pairs.get(place[0]) != place[1]:
                self._moves[place] += 1

    def _lonely(self) -> Iterator[Edit]:
        """Functions that only one side has."""
        sides = (
            (self._a, set(self._pairs), self._seen_a, 0),
            (self._b, set(self._pairs.values()), self._seen_b, 1),
        )
        for module, paired, seen, side in sides:
            for name, function in module.functions.items():
                if name in paired:
                    continue
                size = sum(1 for op in function.walk() if _counts(op))
                note = self._origin(name, side) if name in seen else ""
                texts = f"@{name}, {size} {'op' if size == 1 else 'ops'}", ""
                old, new = texts if side == 0 else texts[::-1]
                yield Edit("function", "removed" if side == 0 else "added", old, new, note=note)

    def _origin(self, name: str, side: int) -> str:
        """Where the ops of an added function came from, or those of a removed one went."""
        parts = [
            f"{count} of @{places[1 - side]}"
            for places, count in self._moves.items()
            if places[side] == name
        ]
        verb = "its ops are now" if side == 0 else "its ops were"
        return f"{verb} {', '.join(parts)}" if parts else ""


def _numbers(pairing: Pairing, old: bool) -> list[int]:
    """A number for each name of a side: pairs share a number, other names have their own."""
    found = {pair[0 if old else 1]: number for number, pair in enumerate(pairing.pairs)}
    alone = pairing.removed if old else pairing.added
    first = len(pairing.pairs) + (0 if old else len(pairing.removed))
    found |= {position: first + i for i, position in enumerate(alone)}
    return [found[position] for position in range(len(found))]


def _counts(op: Op) -> bool:
    return not (isinstance(op, Constant) or op.is_terminator)


def _pair_functions(a: Module, b: Module) -> Iterator[tuple[str, str]]:
    """Pair functions of the same name, then the default ones, then similar ones."""
    if not a.functions or not b.functions:
        return
    left_a = {name: f for name, f in a.functions.items() if name not in b.functions}
    left_b = {name: f for name, f in b.functions.items() if name not in a.functions}
    yield from ((name, name) for name in a.functions if name in b.functions)
    if a.main.name in left_a and b.main.name in left_b:
        del left_a[a.main.name], left_b[b.main.name]
        yield a.main.name, b.main.name
    alike: dict[Hashable, list[str]] = {}
    for name, function in left_b.items():
        alike.setdefault(_likeness(function), []).append(name)
    for name, function in left_a.items():
        if found := alike.get(_likeness(function)):
            yield name, found.pop(0)


def _likeness(function: Function) -> Hashable:
    types = tuple(v.type for v in function.arguments), tuple(v.type for v in function.results)
    return types, frozenset(Counter(op.name for op in function.walk()).items())


def _calls_to_see_through(module: Module, paired: set[str]) -> dict[str, Function]:
    """Functions of one side that calls are looked through to, unless that multiplies the ops."""
    lonely = {name: f for name, f in module.functions.items() if name not in paired}
    limit = _GROWTH * sum(1 for _ in module.walk())
    sizes: dict[str, int] = {}

    def size(name: str, around: tuple[str, ...]) -> int:
        if name in around:
            return limit + 1  # it calls itself, without an end
        if name not in sizes:
            inside = (*around, name)
            sizes[name] = sum(
                size(op.callee, inside) if isinstance(op, Call) and op.callee in lonely else 1
                for op in lonely[name].walk()
            )
        return sizes[name]

    calls = [op.callee for op in module.walk() if isinstance(op, Call) and op.callee in lonely]
    if sum(size(name, ()) for name in calls) > limit:
        return {}
    return {name: lonely[name] for name in dict.fromkeys(calls)}
