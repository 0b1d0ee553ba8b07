"""Lowered IR → tf.function graphs with weights as variables, by a walk over the ops.

This module, its neighbours (`variables`, `saved_model`, `names`) and `kernels`, which runs while
graphs are traced, are the only ones that use the TensorFlow library.
"""

import itertools
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Constant
from ...ir.location import UNKNOWN
from ...ir.rewrite import clone_module
from ...ir.ssa import Block, Function, Module, Op, Region, Value
from ...ir.types import Array, DType, Tensor
from ...passes.manager import parse_pipeline
from ..calls import CallOp, plain, resolve
from ..executable import Executable, StateStore, decoded
from ..names import ARGUMENT, Renamed
from . import saved_model
from .dialect.array import CustomCall
from .dialect.lookup import Lookup
from .flat_call import FlatCall
from .hold_states import HOLDING
from .kernels.chosen import CHOICES
from .kernels.lookup import Table
from .names import (
    Scopes,
    argument_names,
    endpoints_of,
    renamed_in,
    result_names,
    signatures_of,
    tf_dtype,
    tf_shape,
)
from .states import States, Variables, state_arguments
from .tables import Tables
from .variables import Weights

# TensorFlow's C++ notices (CPU features, missing GPUs) are noise in a compiler's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class TensorFlowModule(Executable):
    """A lowered module, executable.

    Attributes:
        states: the variables for the states of saved functions.
        root: the tf.Module that is saved; it tracks all variables and tables.
        scopes: the name scopes of layers in graphs.
        signatures: what functions, inputs and outputs are called in a SavedModel.
        endpoints: functions by the attributes of a loaded SavedModel that take a dictionary.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        import tensorflow as tf

        self._tf = tf
        self._roots = {
            place: {"tf": tf, "kernels": choice.composites()} for place, choice in CHOICES.items()
        }
        self._weights = Weights(module)
        self.root: Any = tf.Module(name=ARGUMENT.nearest(module.name, "model"))
        # Tracked by the module under this attribute, so that they are saved.
        self.root.weights = list(self._weights.variables.values())
        self.states = States(module)
        self.root.states = self.states.variables
        self._held = self._with_states_held(module)
        self._tables = Tables(module, self._held)
        self.root.tables = list(dict.fromkeys(self._tables.tables.values()))
        self.scopes = Scopes(module)
        self.signatures = signatures_of(module)
        self.endpoints = endpoints_of(self.signatures, dir(self.root))
        self._calls: dict[str, FlatCall] = {}
        self._graphs: dict[tuple[str, str], Any] = {}
        self._graphs_on_states: dict[str, Any] = {}

    def _with_states_held(self, module: Module) -> Module:
        """The module whose functions read and write states themselves."""
        if not self.states.variables:
            return module
        held = clone_module(module)
        parse_pipeline(HOLDING).run(held)
        return held

    @property
    def variables(self) -> dict[str, Any]:
        """The weights, by name."""
        self._weights.fill()
        return self._weights.variables

    @property
    def renamed(self) -> tuple[Renamed, ...]:
        """What has another name in a SavedModel than in the model; signatures come first."""
        interface = renamed_in(self.signatures)
        return (*interface, *self.states.renamed, *self.graph_renamed)

    @property
    def graph_renamed(self) -> tuple[Renamed, ...]:
        """The same of weights and layers, as every graph has them."""
        return (*self._weights.renamed, *self.scopes.renamed)

    # -- graphs --------------------------------------------------------------------------------

    def graph(self, name: str) -> Any:
        """A function's traced graph, of keyword arguments; states are arguments and results."""
        return self._graph(name, "everywhere")

    def graph_here(self, name: str) -> Any:
        """The same for this process only: parts of it are compiled, where that is faster."""
        return self._graph(name, "in this process")

    def _graph(self, name: str, place: str) -> Any:
        """A function's graph for a place; that for all places, if nothing depends on it."""
        if (name, place) not in self._graphs:  # looked up in each run
            self._graphs[name, place] = self._made_graph(name, place)
        return self._graphs[name, place]

    def _made_graph(self, name: str, place: str) -> Any:
        function = self.module.functions[name]
        calls = (op.call for op in function.walk() if isinstance(op, CallOp))
        same = CHOICES[place].options.keys().isdisjoint(call.rpartition(".")[2] for call in calls)
        if place != "everywhere" and same:
            return self._graph(name, "everywhere")
        call = self._call(function, self._tables.tables, place)
        return self._traced(call, _specs(function, argument_names(function)))

    def graph_without_tables(self, name: str) -> Any:
        """The same with keys of lookups in the graph: nothing has to be initialized."""
        if not self._tables.tables:
            return self.graph(name)
        function = self.module.functions[name]
        specs = _specs(function, argument_names(function))
        return self._traced(self._call(function, self._tables.compared), specs)

    def signature(self, name: str) -> Any:
        """The saved form of a function: its graph, with states in variables."""
        function = self._held.functions[name]
        states = self.states.of(function)
        if not states:
            return self._graph(name, "as a SavedModel")
        call = self._call(function, self._tables.tables, "as a SavedModel")

        def keep(**arguments: Any) -> dict[str, Any]:
            return call(**arguments, **states)

        given = [name for name in argument_names(function) if name not in states]
        return self._traced(keep, _specs(function, given))

    def graph_on_states(self, name: str) -> Any:
        """A function's traced graph that takes variables for states, and changes them."""
        if name not in self._graphs_on_states:
            function = self._held.functions[name]
            states = self.states.of(function)
            given = [name for name in argument_names(function) if name not in states]
            call = self._call(function, self._tables.tables, "in this process")
            graph = self._traced(call, _specs(function, given) | states)
            self._graphs_on_states[name] = graph
        return self._graphs_on_states[name]

    def endpoint(self, name: str, saved: Any) -> Any:
        """A function for callers that give all inputs as one argument, as Keras's TFSMLayer does.

        It takes a dictionary by the signature's names; a function with one input takes it alone,
        too.

        Args:
            name: which function.
            saved: its signature, which does the work.
        """
        signature = self.signatures[name]
        specs = _specs(signature.function, argument_names(signature.function))
        rows = zip(signature.function.arguments, argument_names(signature.function), strict=True)
        nodes = {value.name: node for value, node in rows}
        keys = {key: nodes[name] for name, key in signature.inputs.items()}

        def serve(inputs: Any) -> Any:
            given = inputs if isinstance(inputs, Mapping) else dict.fromkeys(keys, inputs)
            return saved(**{node: given[key] for key, node in keys.items()})

        made = self._tf.function(serve, autograph=False)
        made.get_concrete_function({key: specs[node] for key, node in keys.items()})
        if len(keys) == 1:
            made.get_concrete_function(*(specs[node] for node in keys.values()))
        return made

    def _traced(self, call: Callable[..., Any], specs: dict[str, Any]) -> Any:
        """Trace without autograph, which can't handle a walk over ops."""
        with saved_model.uncollected():
            return self._tf.function(call, autograph=False).get_concrete_function(**specs)

    def _call(
        self,
        function: Function,
        tables: Mapping[Value, Table],
        place: str = "everywhere",
    ) -> Callable[..., dict[str, Any]]:
        """The function of keyword arguments that is traced; keys of lookups are tables.

        Args:
            function: what it computes.
            tables: the tables by their keys.
            place: where the graph will run; one of `CHOICES`.
        """
        names, outputs = argument_names(function), result_names(function)

        def call(**arguments: Any) -> dict[str, Any]:
            given = (arguments[name] for name in names)
            values = dict(zip(function.arguments, given, strict=True))
            results = self._run(function.block, values, _Place(self._roots[place], tables))
            return dict(zip(outputs, results, strict=True))

        return call

    def _run(self, block: Block, values: dict[Value, Any], place: "_Place") -> list[Any]:
        for op in block:
            if op.is_terminator:
                return [values[v] for v in op.operands]
            if isinstance(op, Constant) and place.holds(op.result):
                continue
            results = self._results(op, values, place)
            for value, result in zip(op.results, results, strict=True):
                _check_shape(op, value.type, result)
                values[value] = result
        raise _internal("a block has no terminator")

    def _results(self, op: Op, values: dict[Value, Any], place: "_Place") -> list[Any]:
        if isinstance(op, Constant):
            return [self._weights.read(op.value)]
        if not isinstance(op, CallOp):
            raise _internal(f"'{op.name}' was not lowered", op)

        def run(body: Region) -> Callable[..., Any]:
            def region(*arguments: Any) -> tuple[Any, ...]:
                given = zip(body.block.arguments, arguments, strict=True)
                return tuple(self._run(body.block, {**values, **dict(given)}, place))

            return region

        function = resolve(op.call, place.roots)
        if isinstance(op, Lookup) and op.keys in place.tables:
            values = {op.x: values[op.x], op.keys: place.tables[op.keys]}
        arguments = op.arguments(values, self._converted, run)
        scope = self.scopes.name(op.location)
        try:
            with self._tf.name_scope(f"{scope}/") if scope else nullcontext():
                result = function(**arguments)
        except CompileError as error:
            raise error.at(op.location) from error.__cause__  # of a region's op, it has a place
        except Exception as error:
            # A custom layer's function is the user's, so its failure is not a bug in cmlc.
            kind = "unsupported" if isinstance(op, CustomCall) else "internal"
            message = f"'{op.name}' failed: {_first_line(error)}"
            problem = Diagnostic(message, kind, op.location, subject=op.name)
            raise CompileError(problem) from error
        return list(result) if isinstance(result, tuple | list) else [result]

    def _converted(self, value: Any) -> Any:
        return tf_dtype(value) if isinstance(value, DType) else plain(value)

    # -- running and saving --------------------------------------------------------------------

    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        callee = self.called(function, inputs)
        if callee.name not in self._calls:
            self._calls[callee.name] = FlatCall(self.graph_here(callee.name), callee)
        return self._ran(callee, self._calls[callee.name], inputs)

    def store(self, states: StateStore) -> StateStore:
        return states if isinstance(states, Variables) else Variables(states)

    def run_on(
        self, states: StateStore, inputs: Mapping[str, Array], function: str = ""
    ) -> dict[str, Array]:
        if not isinstance(states, Variables):
            return super().run_on(states, inputs, function)
        callee = self.called(function, {**inputs, **states.variables})
        held = {n: states.variables[value.name] for n, value in state_arguments(callee).items()}
        graph = self.graph_on_states(callee.name)
        on_states = self._held.functions[callee.name]
        names = argument_names(on_states)
        rows = [row for row in zip(on_states.arguments, names, strict=True) if row[1] not in held]

        def call(arrays: Mapping[str, Array]) -> Iterable[Any]:
            given = {
                name: self._tf.constant(arrays[value.name], tf_dtype(value.type.dtype))
                for value, name in rows
            }
            results = graph(**given, **held)
            return (results[key] for key in result_names(on_states))

        return self._ran(on_states, call, inputs)

    def _ran(
        self,
        callee: Function,
        call: Callable[[Mapping[str, Array]], Iterable[Any]],
        inputs: Mapping[str, Array],
    ) -> dict[str, Array]:
        """The results of a call that gives a function's tensors in order."""
        self._weights.fill()
        try:
            results = [tensor.numpy() for tensor in call(inputs)]
        except self._tf.errors.InvalidArgumentError as error:
            raise CompileError(self._runtime_problem(error)) from error
        names = callee.result_names or result_names(callee)
        rows = zip(names, results, strict=True)
        return {name: decoded(np.asarray(array)) for name, array in rows}

    def _runtime_problem(self, error: Exception) -> Diagnostic:
        """TensorFlow's message for a failed run, without its trace, and the layer it is about."""
        node = re.search(r"\bnode ([^\s{}]+)", str(error))
        place = self.scopes.location(node[1]) if node else UNKNOWN
        assertion = re.search(r"assertion failed: \[(.*)\]\n", f"{error}\n")
        if assertion is not None:
            return Diagnostic(assertion[1].replace("\\'", "'"), "usage", place)  # text is escaped
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = next((a for a, b in itertools.pairwise(lines) if "{{node" in b), lines[0])
        return Diagnostic(f"the graph fails on these inputs: {said}", location=place)

    def save(self, folder: Path, metadata: Mapping[str, Any] | None = None) -> None:
        """Write a SavedModel; see `saved_model.save`."""
        functions = {name: self.signature(name) for name in self.signatures}
        with saved_model.uncollected():
            for attribute, name in self.endpoints.items():
                setattr(self.root, attribute, self.endpoint(name, functions[name]))
        reset = self.states.reset() if self.states.variables else None
        contents = saved_model.Contents(self.root, self._weights, functions, self.signatures, reset)
        saved_model.save(contents, folder, metadata)


@dataclass(frozen=True)
class _Place:
    """Where a graph is traced for.

    Attributes:
        roots: the library and the composites, by what calls begin with.
        tables: what lookups take for their keys.
    """

    roots: Mapping[str, Any]
    tables: Mapping[Value, Table]

    def holds(self, keys: Value) -> bool:
        """Whether a constant is a table wherever it is used, so that the graph needs no tensor."""
        return keys in self.tables and all(isinstance(user, Lookup) for user in keys.users)


def _specs(function: Function, names: Collection[str]) -> dict[str, Any]:
    """The types of the arguments that have these names."""
    import tensorflow as tf

    wanted = frozenset(names)
    return {
        name: tf.TensorSpec(tf_shape(value.type), tf_dtype(value.type.dtype), name=name)
        for value, name in zip(function.arguments, argument_names(function), strict=True)
        if name in wanted
    }


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


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def _internal(message: str, op: Op | None = None) -> CompileError:
    if op is None:
        return CompileError(Diagnostic(message, "internal"))
    return CompileError(Diagnostic(message, "internal", op.location, subject=op.name))
