"""What restores variables where a SavedModel is not loaded in Python, as node definitions.

TensorFlow's own saving traces a function that reads and one that assigns each variable, several
Python calls for every node: more than all else that is written of a model with many weights.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ir.names import unique

_FILE = "file_prefix"
_HOST = "/device:CPU:0"  # where files are read and written


@dataclass(frozen=True)
class _Stored:
    """A variable: the node of its handle, its key in checkpoints, dtype and shape."""

    node: str
    key: str
    dtype: int
    shape: Any


def can_tell(variables: Iterable[Any]) -> bool:
    """Whether their names tell variables apart: their nodes and keys are found by name."""
    names = [variable.name for variable in variables]
    return len(set(names)) == len(names)


def add_saver(graph: Any, prefix: Path) -> None:
    """Let a graph without it save and restore variables.

    Args:
        graph: the MetaGraphDef, which has the handles of all variables; is changed.
        prefix: the prefix of the checkpoint's files.
    """
    from tensorflow.core.protobuf import saver_pb2

    variables = _stored(graph, prefix)
    library, nodes = graph.graph_def.library, graph.graph_def.node
    functions = [function.signature.name for function in library.function]
    taken = [node.name for node in nodes]
    file = unique("saver_filename", taken)
    placeholder = nodes.add(name=file, op="Placeholder")
    placeholder.attr["dtype"].type = _string()
    placeholder.attr["shape"].shape.SetInParent()
    calls: list[str] = []
    for fill in (_save, _restore):
        made = library.function.add()
        made.signature.name = unique(f"__inference_{fill.__name__}", functions)
        fill(made, variables)
        calls.append(unique("StatefulPartitionedCall", (*taken, *calls)))
        call = nodes.add(name=calls[-1], op="StatefulPartitionedCall")
        call.input.extend((file, *(item.node for item in variables)))
        call.attr["Tin"].list.type.extend((_string(), *(_resource() for _ in variables)))
        call.attr["Tout"].list.type.append(_string())
        call.attr["f"].func.name = made.signature.name
    graph.saver_def.CopyFrom(
        saver_pb2.SaverDef(
            filename_tensor_name=f"{file}:0",
            save_tensor_name=f"{calls[0]}:0",
            restore_op_name=calls[1],
            version=saver_pb2.SaverDef.V2,
        )
    )


def _stored(graph: Any, prefix: Path) -> list[_Stored]:
    """The variables of a graph that are in a checkpoint."""
    import tensorflow as tf
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    handles = {
        node.attr["shared_name"].s.decode(): node
        for node in graph.graph_def.node
        if node.op == "VarHandleOp"
    }
    text = tf.train.load_checkpoint(str(prefix)).get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(text)
    return [
        _Stored(node.name, item.checkpoint_key, node.attr["dtype"].type, node.attr["shape"].shape)
        for found in objects.nodes
        for item in found.attributes
        for node in (handles[item.full_name],)
    ]


def _string() -> int:
    import tensorflow as tf

    return tf.string.as_datatype_enum


def _resource() -> int:
    import tensorflow as tf

    return tf.resource.as_datatype_enum


def _begin(made: Any, variables: Sequence[_Stored]) -> None:
    """Make an empty FunctionDef one of a file's prefix and of the variables' handles."""
    made.signature.is_stateful = True
    made.signature.input_arg.add(name=_FILE, type=_string())
    for index, item in enumerate(variables):
        handle = made.signature.input_arg.add(name=f"handle_{index}", type=_resource())
        handle.handle_data.add(dtype=item.dtype, shape=item.shape)
    made.signature.output_arg.add(name="done", type=_string())


def _finish(made: Any, last: Iterable[str]) -> None:
    """Let it give the file's prefix after its last nodes ran."""
    end = made.node_def.add(name="done", op="Identity", device=_HOST)
    end.input.extend((_FILE, *(f"^{name}" for name in last)))
    end.attr["T"].type = _string()
    made.ret["done"] = "done:output:0"
    for name in last:
        made.signature.control_output.append(name)
        made.control_ret[name] = name


def _strings(made: Any, name: str, texts: Sequence[str]) -> str:
    """Add a constant vector of strings; returns its tensor."""
    node = made.node_def.add(name=name, op="Const", device=_HOST)
    node.attr["dtype"].type = _string()
    tensor = node.attr["value"].tensor
    tensor.dtype = _string()
    tensor.tensor_shape.dim.add(size=len(texts))
    tensor.string_val.extend(text.encode() for text in texts)
    return f"{name}:output:0"


def _file_node(made: Any, op: str, variables: Sequence[_Stored]) -> Any:
    """Add the node that reads or writes all variables."""
    keys = _strings(made, "tensor_names", [item.key for item in variables])
    slices = _strings(made, "shape_and_slices", [""] * len(variables))
    node = made.node_def.add(name=op, op=op, device=_HOST)
    node.input.extend((_FILE, keys, slices))
    node.attr["dtypes"].list.type.extend(item.dtype for item in variables)
    return node


def _save(made: Any, variables: Sequence[_Stored]) -> None:
    _begin(made, variables)
    node = _file_node(made, "SaveV2", variables)
    for index, item in enumerate(variables):
        name = f"ReadVariableOp_{index}"
        read = made.node_def.add(name=name, op="ReadVariableOp", input=[f"handle_{index}"])
        read.attr["dtype"].type = item.dtype
        node.input.append(f"{name}:value:0")
    _finish(made, [node.name])


def _restore(made: Any, variables: Sequence[_Stored]) -> None:
    _begin(made, variables)
    source = _file_node(made, "RestoreV2", variables)
    names: list[str] = []
    for index, item in enumerate(variables):
        names.append(f"AssignVariableOp_{index}")
        node = made.node_def.add(name=names[-1], op="AssignVariableOp")
        node.input.extend((f"handle_{index}", f"{source.name}:tensors:{index}"))
        node.attr["dtype"].type = item.dtype
    _finish(made, names)
