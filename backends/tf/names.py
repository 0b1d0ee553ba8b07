"""Names and types in TensorFlow's form."""

import keyword
import re
from collections.abc import Mapping
from typing import Any

from ...ir.location import UNKNOWN, InModel, Location, leaves
from ...ir.ssa import Function
from ...ir.types import DType, Tensor


class Scopes:
    """Layers' names as name scopes of graphs: the nodes of a layer are found below its name."""

    def __init__(self) -> None:
        self._names: dict[Location, str] = {}
        self._places: dict[str, Location] = {}

    def name(self, location: Location) -> str:
        """The scope for ops of a location; empty if the location is unknown."""
        if location not in self._names:
            place = leaves(location)[0]
            text = place.name if isinstance(place, InModel) else ""
            text = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", text).strip("/")
            if text and not re.match(r"[A-Za-z0-9.]", text):
                text = f"layer{text}"
            found = unique(text, self._places) if text else ""
            self._names[location] = found
            self._places[found] = location
        return self._names[location]

    def location(self, node: str) -> Location:
        """The location that a node of a graph comes from."""
        scope = node
        while scope:
            scope = scope.rpartition("/")[0]
            if scope in self._places:
                return self._places[scope] if scope else UNKNOWN
        return UNKNOWN


def argument_names(function: Function) -> list[str]:
    """Python identifiers for a function's arguments, unique, in order."""
    taken: dict[str, None] = {}
    for value in function.arguments:
        taken[unique(identifier(value.name), taken)] = None
    return list(taken)


def identifier(name: str) -> str:
    """A name as a Python identifier that TensorFlow takes for an argument."""
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    usable = found.isidentifier() and not keyword.iskeyword(found) and not found.startswith("_")
    return found if usable else f"arg_{found}"


def unique(name: str, taken: Mapping[str, Any]) -> str:
    """The name, with a number appended if it is taken."""
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def tf_dtype(dtype: DType) -> Any:
    """TensorFlow's dtype."""
    import tensorflow as tf

    return tf.string if dtype is DType.STR else tf.as_dtype(dtype.numpy)


def tf_shape(item: Tensor) -> list[int | None]:
    """TensorFlow's static shape: None where a dimension is a symbol."""
    return [dim if isinstance(dim, int) else None for dim in item.shape]
