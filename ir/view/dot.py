"""A module as Graphviz text."""

from collections.abc import Iterator

from ..ssa import Module
from .graph import Node, graph

_HEAD = """digraph module {
  graph [fontname="sans-serif", newrank=true];
  node [shape=box, style="rounded,filled", fillcolor="#eef2f7", fontname="sans-serif", fontsize=11];
  edge [color="#667788", arrowsize=0.7];
"""
_FILL = {"input": "#d8ecd8", "output": "#f4e0c8"}
_LONGEST = 60


def dot(module: Module) -> str:
    """The graph: a cluster for each function and region, an edge for each used value."""
    return drawn(graph(module))


def drawn(nodes: list[Node]) -> str:
    """The text for any nodes: a cluster for each group."""
    tree: dict[tuple[str, ...], list[int]] = {}
    for index, node in enumerate(nodes):
        for depth in range(1, len(node.groups) + 1):
            tree.setdefault(node.groups[:depth], [])
        tree[node.groups].append(index)
    lines = [line for path in tree if len(path) == 1 for line in _cluster(path, tree, nodes)]
    lines += [f"  n{i} -> n{index};" for index, node in enumerate(nodes) for i in node.operands]
    return _HEAD + "\n".join(lines) + "\n}\n"


def _cluster(
    path: tuple[str, ...], tree: dict[tuple[str, ...], list[int]], nodes: list[Node]
) -> Iterator[str]:
    indent = "  " * len(path)
    yield f"{indent}subgraph {_quoted('cluster ' + ' / '.join(path))} {{"
    yield f'{indent}  label={_quoted(path[-1])}; color="#aab4c0";'
    for index in tree[path]:
        node = nodes[index]
        fill = f', fillcolor="{_FILL[node.kind]}"' if node.kind in _FILL else ""
        yield f"{indent}  n{index} [label={_label(node)}{fill}];"
    for inner in tree:
        if len(inner) == len(path) + 1 and inner[:-1] == path:
            yield from _cluster(inner, tree, nodes)
    yield f"{indent}}}"


def _label(node: Node) -> str:
    attributes = ", ".join(f"{name} = {value}" for name, value in node.attributes.items())
    weights = ", ".join(f"{label}: {data.type}" for label, data in node.weights)
    named = f"%{node.name}" if node.name else ""
    values = ": ".join(filter(None, (named, node.type)))
    shown = (node.kind, values, attributes, weights)
    lines = [_escaped(_short(line)) for line in shown if line]
    return '"' + "\\n".join(lines) + '"'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    r"""Text inside a string of Graphviz, where `\` begins an escape; on one line."""
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').splitlines())
