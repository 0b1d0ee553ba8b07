"""Turns Espresso, the compiled form of neural networks, back into layers of the specification.

The format is not documented. The rules here were found by comparing compiled models with their
sources, or follow public descriptions that agree and that the compiled shapes confirm. Everything
else is refused by name.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.location import InModel
from . import activation, conv, elementwise, linear, norm, reduce, shape, slicing
from .files import BlobShapes, Net, WeightFile, read_net, read_shapes
from .layer import EspressoLayer, RuleTable

_FAMILIES = (activation, conv, elementwise, linear, norm, reduce, shape, slicing)
RULES: RuleTable = {name: rule for family in _FAMILIES for name, rule in family.RULES.items()}

# Keys of any layer that don't affect what it computes: names, and where to run it.
_IRRELEVANT = ("debug_info", *(f"hint_fallback_from_{unit}" for unit in ("metal", "ane", "cpu")))
_ATTRIBUTES = {"is_output"}


class Read(NamedTuple):
    """A network whose layers have been read.

    Attributes:
        version: the specification version that its layers need.
        made: the names of all blobs, inputs included.
    """

    net: Net
    shapes: BlobShapes
    version: int
    made: frozenset[str]


def read_network(folder: Path, inputs: Iterable[str], network: Any) -> Read:
    """Add the layers of a compiled network to a message.

    Args:
        folder: the `.mlmodelc`.
        inputs: the names of the network's inputs.
        network: the NeuralNetwork or NeuralNetworkClassifier message.

    Raises:
        CompileError: the files are damaged; otherwise, all problems of all layers.
    """
    net, shapes = read_net(folder), read_shapes(folder)
    problems: list[Diagnostic] = []
    made, version = set(inputs), 4 if shapes.exact else 1
    with WeightFile(folder) as blobs:
        for position, content in enumerate(net.layers):
            try:
                layer = _opened(position, content, net, shapes, blobs, network)
            except CompileError as error:
                problems += error.diagnostics
                continue
            problems += _problems(layer, made)
            made.update(layer.outputs)
            version = max(version, layer.version)
    if problems:
        raise CompileError(problems)
    return Read(net, shapes, version, frozenset(made))


def _opened(
    position: int, content: Any, net: Net, shapes: BlobShapes, blobs: WeightFile, network: Any
) -> EspressoLayer:
    """The layer, without the keys that all layers have."""
    keys = dict(content) if isinstance(content, dict) else {}
    texts = [keys.pop(key, None) for key in ("type", "name", "bottom", "top")]
    kind, name, bottom, top = (text if isinstance(text, str) else None for text in texts)
    weights, attributes = keys.pop("weights", {}), keys.pop("attributes", {})
    location = InModel("layers", position, name or "")
    if kind is None or name is None or bottom is None or not top or not isinstance(weights, dict):
        message = "the layer lacks a type, a name, blobs or weights"
        raise CompileError(Diagnostic(message, "malformed", location, str(net.path)))
    for key in _IRRELEVANT:
        keys.pop(key, None)
    known = isinstance(attributes, dict) and attributes.keys() <= _ATTRIBUTES
    unknown = {} if known else {"attributes": attributes}
    if weights:
        unknown["weights"] = weights
    inputs = tuple(bottom.split(",")) if bottom else ()
    outputs = tuple(top.split(","))
    keys |= unknown
    return EspressoLayer(keys, kind, location, inputs, outputs, net, shapes, blobs, network)


def _problems(layer: EspressoLayer, made: set[str]) -> list[Diagnostic]:
    """The problems of a layer; without problems, it has been added to the network."""
    problems = list(_blob_problems(layer, made))
    if problems:
        return problems
    rule = RULES.get(layer.kind)
    try:
        if rule is None:
            raise layer.unsupported("is of a type that is not supported")
        found = rule(layer)
        if layer.keys:
            raise CompileError(
                layer.unknown(key, value).diagnostics[0] for key, value in layer.keys.items()
            )
        layer.arity(len(layer.inputs), len(found))
        for name, dims in zip(layer.outputs, found, strict=True):
            compiled = layer.shapes.dims[name]
            layer.require(
                tuple(dims) == compiled,
                f"makes {list(dims)} by our rule, but '{name}' was compiled as {list(compiled)}",
            )
    except CompileError as error:
        return list(error.diagnostics)
    return []


def _blob_problems(layer: EspressoLayer, made: set[str]) -> Iterator[Diagnostic]:
    for name in layer.inputs:
        if name not in made:
            yield layer.error(f"reads '{name}', which no earlier layer makes").diagnostics[0]
    for position, name in enumerate(layer.outputs):
        if name in made or name in layer.outputs[:position]:
            yield layer.error(f"makes '{name}' a second time").diagnostics[0]
    for name in (*layer.inputs, *layer.outputs):
        if name not in layer.shapes:
            yield layer.error(f"has a blob without a compiled shape, '{name}'").diagnostics[0]
