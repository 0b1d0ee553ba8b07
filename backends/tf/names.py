"""Names and types in TensorFlow's form."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...ir.dialects.builtin import Constant
from ...ir.location import UNKNOWN, InModel, Location, leaves
from ...ir.names import Grammar, distinct
from ...ir.names import written as written_names
from ...ir.ssa import Function, Module, Value
from ...ir.types import DType, Tensor
from ..names import ARGUMENT, INPUT, KEY, NODE, Renamed, changed, parameter

_INTERFACE = ("input", "output")  # what surrounds the layers, such as conversions of images
DEFAULT_SIGNATURE = "serving_default"
# What loaders take for functions of their own.
_RESERVED = (DEFAULT_SIGNATURE, "__saved_model_init_op", "__saved_model_train_op")

# Attributes that loading sets; and `serve`, which the TFLite converter takes for all there is.
_OF_LOADED = ("signatures", "graph_debug_info", "serve")


class Scopes:
    """Layers' names as name scopes of graphs: the nodes of a layer are found below its name.

    Attributes:
        renamed: layers whose scope is called otherwise.
    """

    def __init__(self, module: Module) -> None:
        calls = (op for op in module.walk() if not isinstance(op, Constant))
        places: dict[Location, InModel] = {}
        for location in dict.fromkeys(op.location for op in calls):
            first = leaves(location)[0]
            if isinstance(first, InModel) and first.name:
                places[location] = first
        scopes = distinct(NODE, (place.name for place in places.values()), "layer")
        self._names = dict(zip(places, scopes, strict=True))
        self._places = dict(zip(scopes, places, strict=True))
        rows = zip(places.values(), scopes, strict=True)
        layers = {scope: place.name for place, scope in rows if place.kind not in _INTERFACE}
        self.renamed = tuple(changed("layer", layers.values(), layers))

    def name(self, location: Location) -> str:
        """The scope for ops of a location; empty if the location is unknown."""
        return self._names.get(location, "")

    def location(self, node: str) -> Location:
        """The location that a node of a graph comes from."""
        scope = node
        while scope:
            scope = scope.rpartition("/")[0]
            if scope in self._places:
                return self._places[scope]
        return UNKNOWN


@dataclass(frozen=True)
class Signature:
    """What a function is called where it is written.

    Attributes:
        key: the signature's name.
        function: the function.
        inputs: written names of arguments by the model's; states have none.
        outputs: written names of results by the model's; likewise.
    """

    key: str
    function: Function
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def renamed(self, function: str) -> Iterator[Renamed]:
        """What is called otherwise in it."""
        yield from changed("input", self.inputs, self.inputs.values(), function)
        yield from changed("output", self.outputs, self.outputs.values(), function)


def signatures_of(module: Module, inputs: Grammar = INPUT) -> dict[str, Signature]:
    """The signatures of a module's public functions, by the functions' names.

    Args:
        module: the lowered module.
        inputs: what the format takes for an input.
    """
    functions, main = module.public_functions, module.main
    others = [name for name in functions if name != main.name]
    keys = written_names(KEY, others, "function", _RESERVED)
    return {
        name: Signature(
            keys.get(name, DEFAULT_SIGNATURE),
            function,
            written_names(inputs, (value.name for value in _inputs(function))),
            _output_keys(function),
        )
        for name, function in functions.items()
    }


_KEPT = 64  # functions whose names are kept
_LARGEST_ENDPOINT = 1000  # inputs


def endpoints_of(signatures: Mapping[str, Signature], taken: Iterable[str]) -> dict[str, str]:
    """The functions by the attributes of a loaded SavedModel that take a dictionary.

    An attribute is called as the signature is: Keras looks for it first. A function of very many
    inputs has none: a graph for them takes a third of the time to save and to load a model.

    Args:
        signatures: by their functions' names.
        taken: attributes that are something else.
    """
    few = {n: item.key for n, item in signatures.items() if len(item.inputs) <= _LARGEST_ENDPOINT}
    found = distinct(KEY, few.values(), taken=(*taken, *_OF_LOADED))
    return dict(zip(found, few, strict=True))


def renamed_in(signatures: Mapping[str, Signature]) -> Iterator[Renamed]:
    """What is called otherwise in signatures, by their functions' names."""
    keys = {n: item.key for n, item in signatures.items() if item.key != DEFAULT_SIGNATURE}
    yield from changed("function", keys, keys.values())
    for name, signature in signatures.items():
        yield from signature.renamed(name if len(signatures) > 1 else "")


def argument_names(function: Function) -> list[str]:
    """What a function's arguments are called in graphs, in order, states included.

    An input's name is what a caller of the signature gives, as far as a graph takes that.
    """
    inputs = tuple(value.name for value in _inputs(function))
    names = tuple(value.name for value in function.arguments)
    return list(_argument_names(inputs, names))


@functools.lru_cache(_KEPT)
def _argument_names(inputs: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The same of names: what tells a graph's inputs apart is asked for in every run."""
    keys = written_names(INPUT, inputs)
    found = dict(zip(inputs, distinct(ARGUMENT, map(parameter, keys.values())), strict=True))
    states = [name for name in names if name not in found]
    found |= zip(states, distinct(ARGUMENT, states, "state", found.values()), strict=True)
    return tuple(found[name] for name in names)


def result_names(function: Function) -> list[str]:
    """What a function's results are called in graphs, in order, states included."""
    names = function.result_names or [str(i) for i in range(len(function.results))]
    return list(_result_names(tuple(names)))


@functools.lru_cache(_KEPT)
def _result_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(distinct(KEY, names, "output"))


def _inputs(function: Function) -> list[Value]:
    rows = zip(function.arguments, function.inputs, strict=True)
    return [value for value, known in rows if known.kind != "state"]


def _output_keys(function: Function) -> dict[str, str]:
    keys = result_names(function)
    rows = zip(function.result_names or keys, keys, strict=True)
    # Modules built in Python need not describe their results.
    states = {i for i, known in enumerate(function.outputs) if known.kind == "state"}
    return {name: key for i, (name, key) in enumerate(rows) if i not in states}


def tf_dtype(dtype: DType) -> Any:
    """TensorFlow's dtype."""
    import tensorflow as tf

    return tf.string if dtype is DType.STR else tf.as_dtype(dtype.numpy)


def tf_shape(item: Tensor) -> list[int | None]:
    """TensorFlow's static shape: None where a dimension is a symbol."""
    return [dim if isinstance(dim, int) else None for dim in item.shape]
