"""Lowered IR → tf.function graphs with weights as variables → SavedModel.

The only module that touches the TensorFlow library (with `kernels`, which runs while graphs are
traced).
"""

import itertools
import json
import keyword
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Call, Constant
from ...ir.resources import Resource
from ...ir.ssa import Block, Function, Module, Op, Region, Value
from ...ir.types import Array, DType, Tensor
from ..calls import CallOp, plain, resolve
from . import kernels
from .dialect.array import CustomCall

# TensorFlow's C++ notices (CPU features, missing GPUs) are noise in a compiler's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class TensorFlowModule:
    """A lowered module, executable.

    Attributes:
        functions: a traced tf.function for each function of the module, by name.
        variables: the weights, by name.
    """

    def __init__(self, module: Module) -> None:
        import tensorflow as tf

        self._tf = tf
        self._module = module
        self._roots = {"tf": tf, "kernels": kernels}
        self._variables: dict[int, Any] = {}
        self.root: Any = tf.Module(name=_identifier(module.name or "model"))
        self.variables: dict[str, Any] = {}
        self._make_variables()
        self.functions: dict[str, Any] = {
            name: self._function(function) for name, function in module.functions.items()
        }

    # -- weights -------------------------------------------------------------------------------

    def _make_variables(self) -> None:
        by_content: dict[Resource, Any] = {}
        for op in self._module.walk():
            if isinstance(op, Constant) and _is_weight(op.value):
                variable = by_content.get(op.value)
                if variable is None:
                    variable = self._variable(op.value)
                    by_content[op.value] = variable
                self._variables[id(op)] = variable
        # Tracked by the module under this attribute, so that they are saved.
        self.root.weights = list(self.variables.values())

    def _variable(self, resource: Resource) -> Any:
        name = _unique(re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", resource.name), self.variables)
        array: Any = np.ascontiguousarray(resource.array())
        variable = self._tf.Variable(array, name=name, dtype=_dtype(self._tf, resource.type.dtype))
        resource.release()
        self.variables[name] = variable
        return variable

    # -- graphs --------------------------------------------------------------------------------

    def _function(self, function: Function) -> Any:
        """A tf.function of keyword arguments; autograph would choke on a walk over ops."""
        names = argument_names(function)
        tf = self._tf

        def call(**arguments: Any) -> dict[str, Any]:
            values = {
                value: arguments[name]
                for value, name in zip(function.arguments, names, strict=True)
            }
            results = self._run(function.block, values)
            outputs = function.result_names or [str(i) for i in range(len(results))]
            return dict(zip(outputs, results, strict=True))

        specs = {
            name: tf.TensorSpec(_shape(value.type), _dtype(tf, value.type.dtype), name=name)
            for value, name in zip(function.arguments, names, strict=True)
        }
        traced = tf.function(call, autograph=False)
        return traced.get_concrete_function(**specs)

    def _run(self, block: Block, values: dict[Value, Any]) -> list[Any]:
        for op in block:
            if op.is_terminator:
                return [values[v] for v in op.operands]
            results = self._results(op, values)
            for value, result in zip(op.results, results, strict=True):
                _check_shape(op, value.type, result)
                values[value] = result
        raise _internal("a block has no terminator")

    def _results(self, op: Op, values: dict[Value, Any]) -> list[Any]:
        if isinstance(op, Constant):
            variable = self._variables.get(id(op))
            return [self._constant(op.value) if variable is None else variable.read_value()]
        if isinstance(op, Call):
            callee = self._module.functions[op.callee]
            return self._run(
                callee.block, dict(zip(callee.arguments, map(values.get, op.operands), strict=True))
            )
        if not isinstance(op, CallOp):
            raise _internal(f"'{op.name}' was not lowered", op)

        def run(body: Region) -> Callable[..., Any]:
            return lambda *arguments: self._region(body, arguments, values)

        function = resolve(op.call, self._roots)
        arguments = op.arguments(values, self._converted, run)
        try:
            result = function(**arguments)
        except Exception as error:
            # A custom layer's function is the user's: its failure is no bug of ours.
            kind = "unsupported" if isinstance(op, CustomCall) else "internal"
            message = f"'{op.name}' failed: {_first_line(error)}"
            problem = Diagnostic(message, kind, op.location, subject=op.name)
            raise CompileError(problem) from error
        return list(result) if isinstance(result, tuple | list) else [result]

    def _region(self, body: Region, arguments: tuple[Any, ...], outer: dict[Value, Any]) -> Any:
        values = {**outer, **dict(zip(body.block.arguments, arguments, strict=True))}
        return tuple(self._run(body.block, values))

    def _constant(self, resource: Resource) -> Any:
        array = resource.array()
        return self._tf.constant(array, _dtype(self._tf, resource.type.dtype))

    def _converted(self, value: Any) -> Any:
        return _dtype(self._tf, value) if isinstance(value, DType) else plain(value)

    # -- running and saving --------------------------------------------------------------------

    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        """Results by name for inputs by name, of exactly the declared dtypes.

        Raises:
            CompileError: the inputs don't fit each other (extents that only running tells).
        """
        callee = self._module.functions[function] if function else self._module.main
        given = {
            name: self._tf.constant(inputs[value.name], _dtype(self._tf, value.type.dtype))
            for value, name in zip(callee.arguments, argument_names(callee), strict=True)
        }
        try:
            results = self.functions[callee.name](**given)
        except self._tf.errors.InvalidArgumentError as error:
            raise CompileError(_runtime_problem(error)) from error
        return {name: result.numpy() for name, result in results.items()}

    def save(self, folder: Path, metadata: Mapping[str, Any] | None = None) -> None:
        """Write a SavedModel: the folder appears whole or not at all.

        Every function becomes a signature (`main` is `serving_default`); inputs and outputs have
        the model's own names. `assets.extra/cmlc.json` describes them.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        main = self._module.main.name
        callees = {
            "serving_default" if name == main else name: function
            for name, function in self._module.functions.items()
        }
        signatures = {key: self.functions[callee.name] for key, callee in callees.items()}
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cmlc-") as scratch:
            target = Path(scratch) / folder.name
            self._tf.saved_model.save(self.root, str(target), signatures=signatures)
            self._complete_signatures(target, callees)
            extra = target / "assets.extra"
            extra.mkdir(exist_ok=True)
            (extra / "cmlc.json").write_text(json.dumps(metadata or {}, indent=1) + "\n")
            if folder.exists():
                shutil.rmtree(folder)
            target.replace(folder)

    def _complete_signatures(self, folder: Path, callees: Mapping[str, Function]) -> None:
        """Say in the file what TensorFlow's own saving can't.

        Inputs get their own names back where only Python identifiers are accepted, and optional
        ones their defaults, which servers fill in (loading in Python asks for all inputs).
        """
        renamed = {
            name: value.name
            for function in self._module.functions.values()
            for value, name in zip(function.arguments, argument_names(function), strict=True)
            if name != value.name
        }
        defaults = {key: self._defaults(callee) for key, callee in callees.items()}
        if not renamed and not any(defaults.values()):
            return
        from tensorflow.core.protobuf import saved_model_pb2

        path = folder / "saved_model.pb"
        message = saved_model_pb2.SavedModel.FromString(path.read_bytes())
        for graph in message.meta_graphs:
            for key, signature in graph.signature_def.items():
                for name in [n for n in signature.inputs if n in renamed]:
                    signature.inputs[renamed[name]].CopyFrom(signature.inputs[name])
                    del signature.inputs[name]
                for name, array in defaults.get(key, {}).items():
                    signature.defaults[name].CopyFrom(self._tf.make_tensor_proto(array))
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
                    # What `structured_input_signature` shows; loading takes no identifiers here
                    # that it would not take as parameters (keywords, other scripts' letters).
                    for name in [n for n in fields if not renamed.get(n, n).isidentifier()]:
                        fields[renamed[name]].CopyFrom(fields[name])
                        del fields[name]
        path.write_bytes(message.SerializeToString(deterministic=True))

    def _defaults(self, function: Function) -> dict[str, Array]:
        """What optional inputs of a fixed shape are if they are not given."""
        rows = zip(function.arguments, function.argument_attributes, strict=True)
        return {
            value.name: np.full(
                value.type.static_shape, facts.get("default", 0), value.type.dtype.numpy
            )
            for value, facts in rows
            if facts.get("optional") and value.type.is_static
        }


def argument_names(function: Function) -> list[str]:
    """Python identifiers for a function's arguments, unique, in order."""
    taken: dict[str, None] = {}
    for value in function.arguments:
        taken[_unique(_identifier(value.name), taken)] = None
    return list(taken)


def _identifier(name: str) -> str:
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    usable = found.isidentifier() and not keyword.iskeyword(found) and not found.startswith("_")
    return found if usable else f"arg_{found}"


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _is_weight(resource: Resource) -> bool:
    """Named floating-point tensors are variables; numbers and indices stay constants."""
    return bool(resource.name) and resource.type.dtype.is_float and resource.size > 1


def _dtype(tf: Any, dtype: DType) -> Any:
    return tf.string if dtype is DType.STR else tf.as_dtype(dtype.numpy)


def _shape(item: Tensor) -> list[int | None]:
    return [dim if isinstance(dim, int) else None for dim in item.shape]


def _check_shape(op: Op, expected: Tensor, result: Any) -> None:
    """TensorFlow's own static shape must not contradict the IR's."""
    dims = result.shape.dims
    fits = dims is None or (
        len(dims) == expected.rank
        and all(
            got.value is None or not isinstance(dim, int) or got.value == dim
            for got, dim in zip(dims, expected.shape, strict=True)
        )
    )
    name = "string" if expected.dtype is DType.STR else expected.dtype.numpy.name
    if not fits or result.dtype.base_dtype.name != name:
        raise _internal(f"'{op.name}' gives {result.dtype.name}{result.shape}, not {expected}", op)


def _runtime_problem(error: Exception) -> Diagnostic:
    """What TensorFlow says of a failed run, without its trace."""
    assertion = re.search(r"assertion failed: \[(.*)\]\n", f"{error}\n")
    if assertion is not None:
        return Diagnostic(assertion[1].replace("\\'", "'"), "usage")  # strings come escaped
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((a for a, b in itertools.pairwise(lines) if "{{node" in b), lines[0])
    return Diagnostic(f"the graph fails on these inputs: {said}")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def _internal(message: str, op: Op | None = None) -> CompileError:
    if op is None:
        return CompileError(Diagnostic(message, "internal"))
    return CompileError(Diagnostic(message, "internal", op.location, subject=op.name))
