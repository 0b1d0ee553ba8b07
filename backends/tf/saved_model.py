"""Writes SavedModels: the folder, its signatures, and what TensorFlow's own saving lacks."""

import gc
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ir.names import unique
from ...ir.ssa import Function
from ...ir.types import Array
from ...ir.writing import writing_whole
from ..names import parameter
from .checkpoint import fill_checkpoint
from .names import Signature, argument_names
from .saver import add_saver, can_tell
from .variables import Weights

# TensorFlow's key for the value of a variable in a checkpoint, below the variable's own path.
_VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Contents:
    """What a SavedModel is made of.

    Attributes:
        root: the tf.Module that tracks the variables, the weights as `weights`.
        weights: the weights, which may still be empty.
        functions: the traced tf.function of each public function of the module, by name.
        signatures: what they and their inputs and outputs are called, by the same names.
        reset: the traced tf.function that zeroes the states; None if there are none.
    """

    root: Any
    weights: Weights
    functions: Mapping[str, Any]
    signatures: Mapping[str, Signature]
    reset: Any


@contextmanager
def uncollected() -> Generator[None]:
    """No garbage collection while TensorFlow makes graphs.

    Graphs are hundreds of thousands of objects that all stay; looking through them again and again
    takes a third of the time for a model of thousands of inputs.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def save(contents: Contents, folder: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a SavedModel: the folder appears whole or not at all.

    Every public function is a signature (the default one is `serving_default`); inputs and outputs
    have the model's own names, as far as they can be keywords of a call in Python.
    `assets.extra/cmlc.json` describes them. `reset` zeroes states.

    Args:
        contents: what is written.
        folder: the folder to write; replaced if it exists.
        metadata: the content of `cmlc.json`.
    """
    import tensorflow as tf

    signatures = {item.key: contents.functions[n] for n, item in contents.signatures.items()}
    if contents.reset is not None:
        signatures[unique("reset", signatures)] = contents.reset
    with writing_whole(folder) as target:
        prefix = target / "variables" / "variables"
        variables = contents.root.variables
        adds_saver = bool(variables) and can_tell(variables)
        options = tf.saved_model.SaveOptions(experimental_skip_saver=adds_saver)
        with uncollected():
            tf.saved_model.save(contents.root, str(target), signatures, options)
        if not contents.weights.is_filled:
            keys = [f"weights/{i}/{_VALUE}" for i in range(len(contents.weights.variables))]
            fill_checkpoint(prefix, keys, contents.weights.arrays())
        _complete(target, contents.signatures.values(), prefix if adds_saver else None)
        extra = target / "assets.extra"
        extra.mkdir(exist_ok=True)
        (extra / "cmlc.json").write_text(json.dumps(metadata or {}, indent=1) + "\n")


def _complete(folder: Path, signatures: Iterable[Signature], prefix: Path | None) -> None:
    """Add to the file what TensorFlow's own saving lacks.

    Inputs get names that are not those of placeholders, and optional inputs get their defaults,
    which servers fill in (in Python, a loaded model needs all inputs).

    Args:
        folder: what TensorFlow wrote.
        signatures: how functions are called.
        prefix: that of a checkpoint that the graph restores variables from; None if it does.
    """
    todo = [item for item in signatures if _inputs(item) or _defaults(item)]
    if not todo and prefix is None:
        return
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in message.meta_graphs:
        for signature in todo:
            _name_inputs(graph, signature)
            _add_defaults(graph, signature)
        if prefix is not None:
            add_saver(graph, prefix)
    path.write_bytes(message.SerializeToString(deterministic=True))


def _inputs(signature: Signature) -> dict[str, str]:
    """The keys of inputs, by the names of their placeholders; empty if they are the same."""
    function = signature.function
    values = zip(argument_names(function), function.arguments, strict=True)
    keys = {
        name: signature.inputs[value.name]
        for name, value in values
        if value.name in signature.inputs
    }
    return {} if all(name == key for name, key in keys.items()) else keys


def _name_inputs(graph: Any, signature: Signature) -> None:
    """Give the inputs of a signature their keys, for servers and for callers in Python."""
    if not (keys := _inputs(signature)):
        return
    inputs = graph.signature_def[signature.key].inputs
    tensors = {key: _copy(inputs[name]) for name, key in keys.items()}
    inputs.clear()
    for key, tensor in tensors.items():
        inputs[key].CopyFrom(tensor)
    objects = graph.object_graph_def
    (table,) = (c.node_id for c in objects.nodes[0].children if c.local_name == "signatures")
    children = {child.local_name: child.node_id for child in objects.nodes[table].children}
    function = objects.nodes[children[signature.key]].bare_concrete_function
    parameters = {name: parameter(key) for name, key in keys.items()}
    described = objects.concrete_functions[function.concrete_function_name]
    for part in described.canonicalized_input_signature.tuple_value.values:
        fields = part.dict_value.fields
        found = {parameters[name]: _copy(fields[name]) for name in fields}
        fields.clear()
        for name, value in found.items():
            value.tensor_spec_value.name = name
            fields[name].CopyFrom(value)
    # Parameters that are keywords only would be sorted: the function has the placeholders' order.
    ordered = [parameters[name] for name in function.argument_keywords]
    function.function_spec.CopyFrom(_function_spec(ordered))


def _function_spec(parameters: list[str]) -> Any:
    """The declaration of a function of these parameters, as SavedModels store it."""
    from tensorflow.core.protobuf import saved_object_graph_pb2
    from tensorflow.python.saved_model import nested_structure_coder
    from tensorflow.python.util import tf_inspect

    declared = tf_inspect.FullArgSpec(parameters, None, None, None, [], None, {})
    return saved_object_graph_pb2.FunctionSpec(
        fullargspec=nested_structure_coder.encode_structure(declared),
        input_signature=nested_structure_coder.encode_structure(None),
    )


def _copy(message: Any) -> Any:
    return type(message).FromString(message.SerializeToString())


def _add_defaults(graph: Any, signature: Signature) -> None:
    import tensorflow as tf

    known = graph.signature_def[signature.key].defaults
    for name, array in _defaults(signature).items():
        known[name].CopyFrom(tf.make_tensor_proto(array))


def _defaults(signature: Signature) -> dict[str, Array]:
    """The defaults of optional inputs with a fixed shape, by the keys of the inputs."""
    function: Function = signature.function
    rows = zip(function.arguments, function.inputs, strict=True)
    return {
        signature.inputs[value.name]: known.absent(value.type)
        for value, known in rows
        if known.optional and value.type.is_static and value.name in signature.inputs
    }
