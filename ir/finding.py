"""Finds the values of a function by what the model calls them.

Names are those that a frontend noted (`Value.names`), or else a value's own, as IR text has them.
Of several values with one name the last one counts, because models assign names again. A function
that calls were inlined into may have values of one name from several calls; a name with the calls'
names before it, `net/conv1`, tells them apart.
"""

from .location import InModel, Location, callers, leaves, parts
from .ssa import Function, Op, Value, walk


class ModelValues:
    """What the ops of a function's own block make, by name; arguments are not among them."""

    def __init__(self, function: Function) -> None:
        self.function = function
        arguments = {value.name for value in function.arguments}
        noted: dict[str, dict[str, Value]] = {}
        own: dict[str, dict[str, Value]] = {}
        for op in function.block:
            path = _path(op.location)
            for value in op.results:
                table = noted if value.names else own
                for name in value.known_as:
                    if path or name not in arguments:
                        table.setdefault(name, {})[path] = value
        self._values = {name: own.get(name, {}) | noted.get(name, {}) for name in (own | noted)}

    def called(self, name: str) -> tuple[Value, ...]:
        """The values of a name: one, if it is known and says which one is meant."""
        found = tuple(dict.fromkeys(self._values.get(name, {}).values()))
        if found:
            return found
        cuts = (at for at, letter in enumerate(name) if letter == "/")
        rows = (self._values.get(name[at + 1 :], {}).get(name[:at]) for at in cuts)
        return tuple(dict.fromkeys(value for value in rows if value is not None))

    def names(self) -> dict[Value, list[str]]:
        """The names by which each value is found, in the order of ops."""
        found: dict[Value, list[str]] = {}
        for name, rows in self._values.items():
            alone = len(set(rows.values())) == 1
            for path, value in rows.items():
                each = name if alone else _joined(path, name)
                names = found.setdefault(value, [])
                names += [] if each in names else [each]
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


def _path(location: Location) -> str:
    """The names of the calls that an op was inlined through, the outermost first."""
    places = callers(parts(location)[0])
    return "/".join(_name(place) for place in reversed(places))


def _name(place: Location) -> str:
    if not isinstance(place, InModel):
        return str(place)
    return place.name or f"{place.kind}[{place.index}]"


def _layers(location: Location) -> list[str]:
    return [place.name for place in leaves(location) if isinstance(place, InModel)]


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
