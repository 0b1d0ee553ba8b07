"""Writes SavedModels: the folder, its signatures, and what TensorFlow's own saving lacks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...ir.ssa import Function, Module
from ...ir.types import Array
from ...ir.writing import writing_whole
from .checkpoint import fill_checkpoint
from .names import argument_names, unique
from .variables import Weights

# TensorFlow's key for the value of a variable in a checkpoint, below the variable's own path.
_VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


def save(
    module: Module,
    root: Any,
    weights: Weights,
    functions: Mapping[str, Any],
    reset: Any,
    folder: Path,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a SavedModel: the folder appears whole or not at all.

    Every public function is a signature (the default one is `serving_default`); inputs and outputs
    have the model's own names. `assets.extra/cmlc.json` describes them. `reset` zeroes states.

    Args:
        module: the lowered module.
        root: the tf.Module that tracks the variables, the weights as `weights`.
        weights: the weights, which may still be empty.
        functions: the traced tf.function of each public function of the module, by name.
        reset: the traced tf.function that zeroes the states; None if there are none.
        folder: the folder to write; replaced if it exists.
        metadata: the content of `cmlc.json`.
    """
    import tensorflow as tf

    main = module.main.name
    callees = {
        "serving_default" if name == main else name: function
        for name, function in module.public_functions.items()
    }
    signatures = {key: functions[callee.name] for key, callee in callees.items()}
    if reset is not None:
        signatures[unique("reset", signatures)] = reset
    with writing_whole(folder) as target:
        tf.saved_model.save(root, str(target), signatures=signatures)
        if not weights.is_filled:
            keys = [f"weights/{i}/{_VALUE}" for i in range(len(weights.variables))]
            fill_checkpoint(target / "variables" / "variables", keys, weights.arrays())
        _complete_signatures(target, module, callees)
        extra = target / "assets.extra"
        extra.mkdir(exist_ok=True)
        (extra / "cmlc.json").write_text(json.dumps(metadata or {}, indent=1) + "\n")


def _complete_signatures(folder: Path, module: Module, callees: Mapping[str, Function]) -> None:
    """Add to the file what TensorFlow's own saving lacks.

    Inputs get back names that are not Python identifiers, and optional inputs get their defaults,
    which servers fill in (in Python, a loaded model needs all inputs).
    """
    renamed = {
        name: value.name
        for function in module.public_functions.values()
        for value, name in zip(function.arguments, argument_names(function), strict=True)
        if name != value.name
    }
    defaults = {key: _defaults(callee) for key, callee in callees.items()}
    if not renamed and not any(defaults.values()):
        return
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in message.meta_graphs:
        for key, signature in graph.signature_def.items():
            for name in [n for n in signature.inputs if n in renamed]:
                signature.inputs[renamed[name]].CopyFrom(signature.inputs[name])
                del signature.inputs[name]
            for name, array in defaults.get(key, {}).items():
                signature.defaults[name].CopyFrom(tf.make_tensor_proto(array))
        objects = graph.object_graph_def
        for node in objects.nodes:
            if node.WhichOneof("kind") != "bare_concrete_function":
                continue
            function = node.bare_concrete_function
            keywords = function.argument_keywords
            keywords[:] = [renamed.get(name, name) for name in keywords]
            described = objects.concrete_functions[function.concrete_function_name]
            for part in described.canonicalized_input_signature.tuple_value.values:
                fields = part.dict_value.fields
                # Shown by `structured_input_signature`; loading refuses identifiers here
                # that can't be parameters (keywords, letters of other scripts).
                for name in [n for n in fields if not renamed.get(n, n).isidentifier()]:
                    fields[renamed[name]].CopyFrom(fields[name])
                    del fields[name]
    path.write_bytes(message.SerializeToString(deterministic=True))


def _defaults(function: Function) -> dict[str, Array]:
    """The defaults of optional inputs with a fixed shape."""
    rows = zip(function.arguments, function.inputs, strict=True)
    return {
        value.name: known.absent(value.type)
        for value, known in rows
        if known.optional and value.type.is_static
    }
