"""Frozen graphs: one GraphDef with weights as constants, for tools of TensorFlow 1."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import held_by
from ...ir.names import distinct
from ...ir.ssa import Module
from ...ir.writing import writing_whole
from ..names import NODE
from .emit import TensorFlowModule
from .names import argument_names, result_names

LARGEST_GRAPH = 2**31 - 1


@dataclass(frozen=True)
class FrozenGraph:
    """A GraphDef, and the tensors of its inputs and outputs.

    Attributes:
        message: the GraphDef.
        inputs: tensor (`image:0`) by the name of Core ML's input; includes states.
        outputs: likewise; the new value of a state has the state's name.
    """

    message: Any
    inputs: dict[str, str]
    outputs: dict[str, str]

    def write(self, path: Path) -> None:
        """Write the `.pb`, whole or not at all.

        Raises:
            OSError: it can't be written.
        """
        with writing_whole(path) as file:
            file.write_bytes(self.message.SerializeToString(deterministic=True))


def frozen(executable: TensorFlowModule) -> FrozenGraph:
    """The default function; states are inputs and outputs of it.

    Raises:
        CompileError: it is larger than a GraphDef can be.
    """
    problems = list(_size_problems(executable.module))
    if problems:
        raise CompileError(problems)
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    function = executable.module.main
    _ = executable.variables  # hold the weights now
    # Control flow is converted to TensorFlow 1's, which old tools know.
    graph = convert_variables_to_constants_v2(executable.graph_without_tables(function.name))
    message = graph.graph.as_graph_def()
    taken = [node.name for node in message.node]
    inputs = {
        value.name: tensor.name
        for value, tensor in zip(function.arguments, _ordered(graph, function), strict=True)
    }
    outputs: dict[str, str] = {}
    # Results are in the order of their keys.
    results = dict(zip(sorted(result_names(function)), graph.outputs, strict=True))
    nodes = distinct(NODE, function.result_names, "output", taken)
    rows = zip(function.result_names, result_names(function), nodes, strict=True)
    for name, key, node_name in rows:
        tensor = results[key]
        node = message.node.add(name=node_name, op="Identity")
        node.input.append(tensor.name.removesuffix(":0"))
        node.attr["T"].type = tensor.dtype.as_datatype_enum
        outputs[name] = f"{node_name}:0"
    return FrozenGraph(message, inputs, outputs)


def _ordered(graph: Any, function: Any) -> list[Any]:
    """The placeholders in the order of the function's arguments."""
    by_name = {tensor.op.name: tensor for tensor in graph.inputs}
    return [by_name[name] for name in argument_names(function)]


def _size_problems(module: Module) -> Iterator[Diagnostic]:
    size = sum(item.size * item.type.dtype.bytes for item in held_by(module))
    if size > LARGEST_GRAPH:
        message = f"the weights take {size / 1e9:.1f} GB, more than the 2 GiB of a GraphDef"
        yield Diagnostic(message, "unsupported", remedy="write a SavedModel")
