"""A module's stages as one page: data and drawing in one self-contained file."""

import html
import json
from collections.abc import Mapping
from importlib import resources as package_resources
from typing import Any

from ..ssa import Module
from ..weights.resources import HashResource, Resource
from ..weights.statistics import statistics
from .graph import Node, graph


def page(stages: Mapping[str, Module]) -> str:
    """The page's HTML.

    Args:
        stages: modules by the names of their stages; ops of one correspond to those of another
            that come from the same place in the model.
    """
    title = next(iter(stages.values())).name or "module"
    return drawn({name: graph(module) for name, module in stages.items()}, title)


def drawn(graphs: Mapping[str, list[Node]], title: str) -> str:
    """The page for any graphs by name, such as those of stages."""
    template = package_resources.files(__package__ or "").joinpath("page.html").read_text("utf-8")
    # "</script>" in a name must not end the script.
    data = json.dumps(page_data(graphs), ensure_ascii=False, separators=(",", ":"))
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    head, body = template.split("@DATA@")
    return f"{head.replace('@TITLE@', html.escape(title))}{data}{body}"


def page_data(graphs: Mapping[str, list[Node]]) -> dict[str, Any]:
    """The data that the page draws; repeated texts and weights are row numbers of tables.

    A node is [kind, name, type, attributes, origins, weights, operands, groups, column, layer].
    """
    tables = _Tables()
    rows = [
        {"name": name, "nodes": [tables.node(node) for node in nodes]}
        for name, nodes in graphs.items()
    ]
    return {"stages": rows, "texts": list(tables.texts), "weights": tables.weights}


class _Tables:
    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.weights: list[dict[str, Any]] = []
        self.rows: dict[int, tuple[int, Resource]] = {}  # keeping the resource keeps its id unique

    def text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def node(self, node: Node) -> list[Any]:
        return [
            self.text(node.kind),
            node.name,
            self.text(node.type),
            {name: self.text(value) for name, value in node.attributes.items()},
            [self.text(origin) for origin in node.origins],
            [[self.text(label), self.weight(data)] for label, data in node.weights],
            node.operands,
            [self.text(group) for group in node.groups],
            node.column,
            node.layer,
        ]

    def weight(self, data: Resource) -> int:
        if id(data) not in self.rows:
            self.rows[id(data)] = (len(self.weights), data)
            self.weights.append(_weight(data))
        return self.rows[id(data)][0]


def _weight(data: Resource) -> dict[str, Any]:
    row: dict[str, Any] = {"name": data.name, "type": str(data.type), "hash": data.digest}
    found = None if isinstance(data, HashResource) else statistics(data.array())
    if found is not None:
        row |= {"text": found.text, "bins": found.bins, "ends": (found.least, found.largest)}
    data.release()
    return row
