"""The weights of a layer: where they are in its message, and their sizes by axis.

A family declares them next to the rules of its layers. Rules take weights in the declared shape,
and `stored_weights` reads all weights of a model by the same declarations, whether or not it is
supported.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

# The size of a weight by axis, in order; and the axes by the path in the layer's message.
Axes: TypeAlias = Mapping[str, int]
Weights: TypeAlias = Mapping[str, Axes]
# The weights of a layer, given its message.
Declaration: TypeAlias = Callable[[Any], Weights]


def none(message: Any) -> Weights:
    """The weights of a layer that has none."""
    return {}


_STEP = re.compile(r"(?P<field>\w+)(?:\[(?P<index>\d+)\])?")


def params_at(message: Any, path: str) -> Any:
    """The WeightParams at a path in a layer's message, such as `weightParams[1].inputGateBias`."""
    for step in _STEP.finditer(path):
        message = getattr(message, step["field"])
        if step["index"] is not None:
            message = message[int(step["index"])]
    return message


def weights_in(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every WeightParams of a layer, by its path; those of nested networks are not the layer's."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        kind, here = descriptor.message_type.name, f"{path}{descriptor.name}"
        many = not hasattr(value, "ListFields")
        for index, item in enumerate(value if many else (value,)):
            at = f"{here}[{index}]" if many else here
            if kind == "WeightParams":
                yield at, item
            elif kind != "NeuralNetwork" and hasattr(item, "ListFields"):
                yield from weights_in(item, f"{at}.")


def output_axis(axes: Axes) -> int:
    """The axis along which quantized weights may have a scale for each entry: the outputs."""
    return next((i for i, name in enumerate(axes) if name in ("out", "out/groups")), 0)


def matrix(out: str, into: str, axis: str = "in") -> Declaration:
    """A matrix and a bias; the arguments are the fields that count rows and columns.

    Args:
        out: counts the rows, which are outputs.
        into: counts the columns.
        axis: the name of the columns' axis.
    """

    def weights(p: Any) -> Weights:
        rows = {"out": int(getattr(p, out))}
        return {"weights": {**rows, axis: int(getattr(p, into))}, "bias": rows}

    return weights


def shaped(**fields: str) -> Declaration:
    """Weights whose shapes the layer lists, with the fields: [..., channel, height, width]."""

    def weights(p: Any) -> Weights:
        return {path: _sizes(getattr(p, field)) for path, field in fields.items()}

    return weights


def _sizes(sizes: Iterable[int]) -> Axes:
    found = [int(size) for size in sizes]
    names = ("channel", "height", "width") if len(found) == 3 else ("channel",)
    if len(found) not in (1, 3):
        names = tuple(f"axis{i}" for i in range(len(found)))
    return dict(zip(names, found, strict=True))
