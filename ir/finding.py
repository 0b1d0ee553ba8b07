"""Finds the values of a function by what the model calls them.

Names are those that a frontend noted (`Value.names`), or else a value's own, as IR text has them.
Of several values with one name the last one counts, because models assign names again. A function
that calls were inlined into may have values of one name from several calls; a name with the calls'
names before it, `net/conv1`, tells them apart. Calls of one name are told apart by their places,
`models[1]/conv1`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from .location import InModel, Location, callers, leaves, parts
from .ssa import Function, Op, Value, walk

# The places of the calls that an op was inlined through, the outermost first.
Path: TypeAlias = tuple[Location, ...]


class ModelValues:
    """What the ops of a function's own block make, by name; arguments are not among them."""

    def __init__(self, function: Function) -> None:
        self.function = function
        arguments = {value.name for value in function.arguments}
        noted: dict[str, dict[Path, Value]] = {}
        own: dict[str, dict[Path, Value]] = {}
        paths: dict[Path, None] = {}
        for op in function.block:
            path = callers(parts(op.location)[0])[::-1]
            paths[path] = None
            for value in op.results:
                table = noted if value.names else own
                for name in value.known_as:
                    if path or name not in arguments:
                        table.setdefault(name, {})[path] = value
        self._values = {name: own.get(name, {}) | noted.get(name, {}) for name in (own | noted)}
        self._labels = _labels(paths)
        self._paths = {label: path for path, label in self._labels.items()}

    def called(self, name: str) -> tuple[Value, ...]:
        """The values of a name: one, if it is known and says which one is meant."""
        found = tuple(dict.fromkeys(self._values.get(name, {}).values()))
        if found:
            return found
        cuts = [at for at, letter in enumerate(name) if letter == "/" and name[:at] in self._paths]
        rows = (self._values.get(name[at + 1 :], {}).get(self._paths[name[:at]]) for at in cuts)
        return tuple(dict.fromkeys(value for value in rows if value is not None))

    def names(self) -> dict[Value, list[str]]:
        """The names by which each value is found, in the order of ops; short ones come first."""
        found: dict[Value, list[str]] = {}
        short = Counter[Value]()
        for name, rows in self._values.items():
            alone = len(set(rows.values())) == 1
            for path, value in rows.items():
                names = found.setdefault(value, [])
                if alone:
                    names.insert(short[value], name)
                    short[value] += 1
                else:
                    names.append(f"{self._labels[path]}/{name}" if path else name)
        order = [value for op in self.function.block for value in op.results if value in found]
        return {value: found[value] for value in order}

    def inside(self, name: str) -> Op | None:
        """The op in whose regions something has the name."""
        for op in self.function.block:
            for body in op.all_regions():
                results = (value for inner in walk(body) for value in inner.results)
                if any(name in value.known_as for value in (*body.block.arguments, *results)):
                    return op
        return None

    def made_by(self, layer: str) -> list[str]:
        """The names of what a layer or operation makes, by the layer's name."""
        names = self.names()
        return [
            names[value][0]
            for value in names
            if value.op is not None and layer in _layers(value.op.location)
        ]


def _labels(paths: Iterable[Path]) -> dict[Path, str]:
    """What each path is called: the names of its calls, or their places where names are alike."""
    alike: dict[tuple[Path, str], set[Location]] = defaultdict(set)
    for path in paths:
        for depth, place in enumerate(path):
            alike[path[:depth], _name(place)].add(place)
    found: dict[Path, str] = {}
    for path in paths:
        rows = ((place, alike[path[:depth], _name(place)]) for depth, place in enumerate(path))
        found[path] = "/".join(
            _name(place) if len(others) == 1 else _place(place) for place, others in rows
        )
    return found


def _name(place: Location) -> str:
    return place.name if isinstance(place, InModel) and place.name else _place(place)


def _place(place: Location) -> str:
    return f"{place.kind}[{place.index}]" if isinstance(place, InModel) else str(place)


def _layers(location: Location) -> list[str]:
    return [place.name for place in leaves(location) if isinstance(place, InModel)]
