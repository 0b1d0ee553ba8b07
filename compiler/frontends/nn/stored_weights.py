"""The weights of NeuralNetworks, by layer type: their shapes, and the names of their axes.

The tables follow the specification; weights of unsupported layers are read too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.location import InModel
from ...source.reading import ModelSource
from ...source.spec import network_of
from ...source.weights import encoding, is_empty, weight_count, weight_resource
from ..stored_weights import StoredWeight
from .context import pair

# The size of a weight by axis; by path in the layer's message.
Axes = Mapping[str, int]
Shapes = Mapping[str, Axes]

_NESTED = {"branch": ("ifBranch", "elseBranch"), "loop": ("conditionNetwork", "bodyNetwork")}
_DEPTH = ("kernelDepth", "kernelHeight", "kernelWidth")
_GATES = {
    "gru": ("updateGate", "resetGate", "outputGate"),
    "lstm": ("inputGate", "forgetGate", "blockInput", "outputGate"),
}


def stored_weights(source: ModelSource, prefix: str = "") -> Iterator[StoredWeight]:
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
        shapes = _SHAPES.get(kind, lambda _: {})(getattr(layer, kind))
        for path, params in _weights(getattr(layer, kind)):
            if is_empty(params):
                continue
            axes = shapes.get(path, {})
            yield _stored(params, prefix, place, layer.name, kind, path, axes)


def _stored(
    params: Any, prefix: str, place: InModel, layer: str, kind: str, path: str, axes: Axes
) -> StoredWeight:
    name = f"{prefix}{layer}.{path}" if layer else f"{prefix}{place.kind}[{place.index}].{path}"
    sizes = tuple(axes.values()) or (weight_count(params),)
    along = 1 if tuple(axes)[:2] == ("in", "out/groups") else 0
    try:
        resource = weight_resource(params, sizes, name, output_axis=along)
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


def _weights(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
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
                yield from _weights(item, f"{at}.")


# -- shapes ---------------------------------------------------------------------------------------


def _filters(p: Any, axes: Axes) -> Shapes:
    return {"weights": axes, "bias": {"out": int(p.outputChannels)}}


def _convolution(p: Any) -> Shapes:
    out, into, groups = int(p.outputChannels), int(p.kernelChannels), int(p.nGroups) or 1
    kernel = dict(zip(("kernel_height", "kernel_width"), pair(p.kernelSize, 3), strict=True))
    if p.isDeconvolution:
        return _filters(p, {"in": into, "out/groups": out // groups, **kernel})
    return _filters(p, {"out": out, "in/groups": into, **kernel})


def _convolution_3d(p: Any) -> Shapes:
    out, into, groups = int(p.outputChannels), int(p.inputChannels), int(p.nGroups) or 1
    names = ("kernel_depth", "kernel_height", "kernel_width")
    kernel = {name: int(getattr(p, field)) for name, field in zip(names, _DEPTH, strict=True)}
    if p.isDeconvolution:
        return _filters(p, {"in": into, "out/groups": out // groups, **kernel})
    return _filters(p, {"out": out, "in/groups": into // groups, **kernel})


def _matrix(out: str, into: str) -> Callable[[Any], Shapes]:
    """Rows and columns, by the fields with their numbers."""

    def shapes(p: Any) -> Shapes:
        rows = {"out": int(getattr(p, out))}
        return {"weights": {**rows, "in": int(getattr(p, into))}, "bias": rows}

    return shapes


def _table(size: str, count: str) -> Callable[[Any], Shapes]:
    """A table with one column for each entry."""

    def shapes(p: Any) -> Shapes:
        rows = {"out": int(getattr(p, size))}
        return {"weights": {**rows, "entry": int(getattr(p, count))}, "bias": rows}

    return shapes


def _batch_norm(p: Any) -> Shapes:
    channels = {"channel": int(p.channels)}
    return dict.fromkeys(("gamma", "beta", "mean", "variance"), channels)


def _declared(**fields: str) -> Callable[[Any], Shapes]:
    """Weights whose shapes the layer lists, counted from the end: [..., channel, height, width]."""

    def shapes(p: Any) -> Shapes:
        return {path: _sized(getattr(p, field)) for path, field in fields.items()}

    return shapes


def _sized(sizes: Iterable[int]) -> Axes:
    found = [int(size) for size in sizes]
    names = ("channel", "height", "width") if len(found) == 3 else ("channel",)
    if len(found) not in (1, 3):
        names = tuple(f"axis{i}" for i in range(len(found)))
    return dict(zip(names, found, strict=True))


def _normalized(p: Any) -> Shapes:
    sizes = {f"axis{i - len(p.normalizedShape)}": int(n) for i, n in enumerate(p.normalizedShape)}
    return {"gamma": sizes, "beta": sizes}


def _simple(p: Any) -> Shapes:
    return _recurrent("", p, {"weightMatrix", "recursionMatrix", "biasVector"})


def _gru(p: Any) -> Shapes:
    return _recurrent("", p, _named("gru", ("WeightMatrix", "RecursionMatrix", "BiasVector")))


def _lstm(p: Any) -> Shapes:
    kinds = ("WeightMatrix", "RecursionMatrix", "BiasVector", "PeepholeVector")
    names = _named("lstm", kinds)
    if hasattr(p.weightParams, "ListFields"):  # one direction
        return _recurrent("weightParams.", p, names)
    return {
        path: axes
        for index in range(len(p.weightParams))
        for path, axes in _recurrent(f"weightParams[{index}].", p, names).items()
    }


def _named(kind: str, fields: Iterable[str]) -> set[str]:
    return {gate + field for gate in _GATES[kind] for field in fields}


def _recurrent(prefix: str, p: Any, names: Iterable[str]) -> Shapes:
    hidden, into = int(p.outputVectorSize), int(p.inputVectorSize)
    ends: dict[str, Axes] = {
        "weightmatrix": {"out": hidden, "in": into},
        "recursionmatrix": {"out": hidden, "out_before": hidden},
        "biasvector": {"out": hidden},
        "peepholevector": {"out": hidden},
    }
    return {
        f"{prefix}{name}": next(axes for end, axes in ends.items() if name.lower().endswith(end))
        for name in names
    }


def _activation(p: Any) -> Shapes:
    found: dict[str, Axes] = {}
    for path, params in _weights(p):
        found[path] = {"channel": weight_count(params)}
    return found


_SHAPES: dict[str, Callable[[Any], Shapes]] = {
    "activation": _activation,
    "batchedMatmul": _matrix("weightMatrixSecondDimension", "weightMatrixFirstDimension"),
    "batchnorm": _batch_norm,
    "biDirectionalLSTM": _lstm,
    "bias": _declared(bias="shape"),
    "convolution": _convolution,
    "convolution3d": _convolution_3d,
    "embedding": _table("outputChannels", "inputDim"),
    "embeddingND": _table("embeddingSize", "vocabSize"),
    "gru": _gru,
    "innerProduct": _matrix("outputChannels", "inputChannels"),
    "layerNormalization": _normalized,
    "loadConstant": _declared(data="shape"),
    "loadConstantND": _declared(data="shape"),
    "scale": _declared(scale="shapeScale", bias="shapeBias"),
    "simpleRecurrent": _simple,
    "uniDirectionalLSTM": _lstm,
}
