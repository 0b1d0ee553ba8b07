"""What TensorFlow runs of a graph: the operations after its graph optimizer."""

from collections import Counter

from cmlc.backends.table import load_target
from cmlc.ir.interpret import random_inputs
from support.running.tensorflow_run import lowered

# What moves no numbers, or is there anyway.
_NOTHING = {"Const", "Identity", "NoOp", "Placeholder", "ReadVariableOp", "_Arg", "_Retval"}


def optimized(module, pipeline="layout{to=channels_last}", **symbols):
    """How often each operation runs, fused ones by what they are made of: "_FusedMatMul:BiasAdd".

    Args:
        module: core IR.
        pipeline: the passes before it is lowered.
        symbols: sizes of the dimensions of its inputs.
    """
    from tensorflow.python.eager import context

    executable = load_target("tf").executable(lowered(module, pipeline))
    inputs = random_inputs(module.main, 0, **symbols)
    here = context.context()
    here.enable_graph_collection()
    try:
        executable.run(inputs, module.main.name)
        graphs = here.export_run_metadata().function_graphs
    finally:
        here.disable_graph_collection()
    graph = max((item.post_optimization_graph for item in graphs), key=lambda g: len(g.node))
    return Counter(_kind(node) for node in graph.node if node.op not in _NOTHING)


def _kind(node):
    parts = [part.decode() for part in node.attr["fused_ops"].list.s]
    return f"{node.op}:{','.join(parts)}" if parts else node.op
