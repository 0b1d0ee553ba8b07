"""The weights of NeuralNetworks, with the axes that their layers declare.

Nothing is imported, so weights of unsupported layers are read too: as vectors, if nothing declares
their axes.
"""

from collections.abc import Iterator
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.location import InModel
from ...source.reading import ModelSource
from ...source.spec import network_of
from ...source.weight_params import encoding, is_empty, weight_count, weight_resource
from ..stored_weights import Stored, StoredWeight
from . import WEIGHTS
from .declared import Axes, none, output_axis, weights_in

_NESTED = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}


def stored_weights(source: ModelSource, prefix: str = "") -> Iterator[Stored]:
    """Every weight of a network that is not empty, in order, with those of nested networks.

    Args:
        source: a neural network of any of its three types.
        prefix: the prefix of names.

    Raises:
        CompileError: a weight has another size than its layer says, or the model is not a network.
    """
    for place, layer in _layers(network_of(source.spec), "layers"):
        kind = layer.WhichOneof("layer") or ""
        if not kind:
            continue
        declared = WEIGHTS.get(kind, none)(getattr(layer, kind))
        for path, params in weights_in(getattr(layer, kind)):
            if is_empty(params):
                continue
            axes = declared.get(path, {})
            yield _stored(params, prefix, place, layer.name, kind, path, axes)


def _stored(
    params: Any, prefix: str, place: InModel, layer: str, kind: str, path: str, axes: Axes
) -> StoredWeight:
    name = f"{prefix}{layer}.{path}" if layer else f"{prefix}{place.kind}[{place.index}].{path}"
    sizes = tuple(axes.values()) or (weight_count(params),)
    try:
        resource = weight_resource(params, sizes, name, output_axis=output_axis(axes))
    except CompileError as error:
        raise CompileError(
            Diagnostic(d.message, d.kind, place, subject=kind, remedy=d.remedy)
            for d in error.diagnostics
        ) from None
    return StoredWeight(name, resource, tuple(axes), kind, layer, path, encoding(params))


def _layers(network: Any, kind: str) -> Iterator[tuple[InModel, Any]]:
    for position, layer in enumerate(network.layers):
        place = InModel(kind, position, layer.name)
        yield place, layer
        variant = layer.WhichOneof("layer")
        for inner in _NESTED.get(variant or "", ()):
            nested = getattr(getattr(layer, variant), inner)
            yield from _layers(nested, f"{kind}[{position}].{inner}.layers")
