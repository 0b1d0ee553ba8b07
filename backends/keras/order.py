"""The order in which calls are written, whatever the model's."""

from collections.abc import Iterator
from typing import Any

import networkx as nx

from ...ir.ssa import Function
from ..calls import CallOp
from .dialect.weighted import Weight


def in_order(function: Function) -> Iterator[CallOp]:
    """Depth first from the results: a chain stays together, and the first operand's comes first.

    What several calls need, and nothing else does, is made before: a mask of all layers is not part
    of the first of them. So are constants that no training changes, which belong to no layer.
    """
    edges = [(function, value.op) for value in function.results if value.op]
    for op in function.walk():
        edges += [(op, value.op) for value in op.operands if value.op is not None]
    if not edges:
        return
    graph: nx.DiGraph[Any] = nx.DiGraph(edges)
    order = [*nx.dfs_postorder_nodes(graph, function)]
    first = _complete(graph, function)
    several = {op for op in graph if graph.in_degree(op) > 1 or _is_fixed(op)}
    earlier = [(function, op) for op in order if op in first and op in several]
    for op in nx.dfs_postorder_nodes(nx.DiGraph([*earlier, *edges]), function):
        if isinstance(op, CallOp):
            yield op


def _is_fixed(op: Any) -> bool:
    return isinstance(op, Weight) and not op.trainable


def _complete(graph: "nx.DiGraph[Any]", root: Any) -> set[Any]:
    """The nodes through which everything that they need leads: nothing else needs it.

    With edges from users to what they use, a node dominates what only it needs. It is complete if
    all that the nodes below it need is below it, too.
    """
    above: dict[Any, Any] = {**nx.immediate_dominators(graph, root)}
    above.pop(root, None)
    tree: nx.DiGraph[Any] = nx.DiGraph([(parent, node) for node, parent in above.items()])
    depth: dict[Any, int] = {root: 0}
    for parent, node in nx.bfs_edges(tree, root):
        depth[node] = depth[parent] + 1
    found, least = set[Any](), dict[Any, int]()
    for node in nx.dfs_postorder_nodes(tree, root):
        outside = [depth[above[used]] for used in graph.successors(node)]
        least[node] = min(
            [*outside, *(least[child] for child in tree.successors(node))], default=depth[node]
        )
        if least[node] >= depth[node]:
            found.add(node)
    return found
