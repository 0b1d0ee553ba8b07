"""What layers with nested networks read and assign, from the messages alone."""

from collections.abc import Iterable, Iterator
from typing import Any

from ....ir.location import InModel

# Truth values next to the blobs of a loop's body: leave the body, and leave the loop. No blob has a
# name with a NUL, because the format's strings come from C++.
STOP, BREAK = "\0stop", "\0break"

_JUMPS = ("loopBreak", "loopContinue")


def nested_networks(layer: Any) -> tuple[tuple[str, Any], ...]:
    """(field, network) of all networks in a layer, in the order in which they run."""
    kind = layer.WhichOneof("layer")
    if kind == "branch":
        fields = ("ifBranch", "elseBranch")
    elif kind == "loop":
        fields = ("conditionNetwork", "bodyNetwork")
    else:
        return ()
    message = getattr(layer, kind)
    return tuple((name, getattr(message, name)) for name in fields if message.HasField(name))


def walk_layers(network: Any, kind: str = "layers") -> Iterator[tuple[InModel, Any]]:
    """Location and message of every layer, including nested networks."""
    for position, layer in enumerate(network.layers):
        yield InModel(kind, position, layer.name), layer
        for name, inner in nested_networks(layer):
            yield from walk_layers(inner, inside(InModel(kind, position, ""), name))


def inside(location: InModel, name: str) -> str:
    """The prefix of locations of a nested network's layers."""
    return f"{location.kind}[{location.index}].{name}.layers"


def assigned(layers: Iterable[Any]) -> dict[str, None]:
    """The names that layers assign, including nested networks, in order.

    Leaving a loop's body early assigns `STOP` and `BREAK`, which exist only inside the loop.
    """
    found: dict[str, None] = {}
    for layer in layers:
        found |= dict.fromkeys(layer.output)
        for _, network in nested_networks(layer):
            inner = assigned(network.layers)
            own = (STOP, BREAK) if layer.WhichOneof("layer") == "loop" else ()
            found |= {name: None for name in inner if name not in own}
        if layer.WhichOneof("layer") in _JUMPS:
            found |= dict.fromkeys((STOP, BREAK))
    return found


def read(layers: Iterable[Any]) -> set[str]:
    """The names that layers read, including nested networks."""
    found: set[str] = set()
    for layer in layers:
        found.update(layer.input)
        for _, network in nested_networks(layer):
            found |= read(network.layers)
        if layer.WhichOneof("layer") == "loop" and layer.loop.conditionVar:
            found.add(layer.loop.conditionVar)
    return found


def exposed(layers: Iterable[Any]) -> set[str]:
    """The names that layers may read before assigning them."""
    found: set[str] = set()
    done: set[str] = set()
    certain = True
    for layer in layers:
        found |= read([layer]) - done
        certain = certain and not jumps(layer)
        if certain:
            done.update(layer.output)
    return found


def jumps(layer: Any) -> bool:
    """Whether the layer may leave the body of the loop around it."""
    kind = layer.WhichOneof("layer")
    if kind == "branch":
        return any(jumps(inner) for _, net in nested_networks(layer) for inner in net.layers)
    return kind in _JUMPS
