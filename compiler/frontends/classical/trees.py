"""Tree ensembles (TreeEnsemble.proto): tables of nodes, and what becomes of the scores."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.activation import Sigmoid, Softmax
from ....ir.dialects.core.shape import Concat
from ....ir.dialects.core.slicing import SliceByIndex
from ....ir.dialects.core.trees import TreeEnsemble
from ....ir.reference.trees import Tables
from ....ir.ssa import Value
from ....ir.types import Array
from ...source.interface import Interface
from .classes import binary, classified, labels_of
from .context import Missing, ModelContext, ModelRules

rules = ModelRules("trees")

_LEAF = 6
_MOST_DIMENSIONS = 2**20  # a malformed file may claim more than there is memory for
_NO_TRANSFORM, _SOFTMAX, _LOGISTIC, _SOFTMAX_ZERO = range(4)


@dataclass
class _Tree:
    """One tree: its nodes by id, in the order of the file."""

    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    columns: tuple[int, ...] = ()


def _trees(cx: ModelContext, nodes: Iterable[Any]) -> dict[int, _Tree]:
    found: dict[int, _Tree] = {}
    for node in nodes:
        tree = found.setdefault(node.treeId, _Tree())
        if node.nodeId in tree.nodes:
            cx.fail(f"tree {node.treeId} has two nodes with the id {node.nodeId}")
        tree.nodes[node.nodeId] = node
    cx.require(bool(found), "the model has no trees")
    return found


def _root(cx: ModelContext, name: int, tree: _Tree) -> int:
    """The id of the node without a parent, which needn't be the first.

    Every other node must be below it, once.
    """
    parents = Counter(
        child
        for node in tree.nodes.values()
        if node.nodeBehavior != _LEAF
        for child in (node.trueChildNodeId, node.falseChildNodeId)
    )
    for child, count in parents.items():
        if child not in tree.nodes:
            cx.fail(f"a node of tree {name} has the child {child}, which is not there")
        if count > 1:
            cx.fail(f"node {child} of tree {name} is the child of {count} nodes, or twice of one")
    roots = [identifier for identifier in tree.nodes if identifier not in parents]
    if len(roots) != 1:
        cx.fail(f"tree {name} has {len(roots)} nodes without a parent, not one")
    reached, work = 0, [roots[0]]
    while work:
        node = tree.nodes[work.pop()]
        reached += 1
        if node.nodeBehavior != _LEAF:
            work += (node.trueChildNodeId, node.falseChildNodeId)
    if reached != len(tree.nodes):
        cx.fail(f"tree {name} has nodes that are not below its root")
    return roots[0]


def _check_nodes(cx: ModelContext, name: int, tree: _Tree, features: int, dimensions: int) -> None:
    for identifier, node in tree.nodes.items():
        place = f"node {identifier} of tree {name}"
        if node.nodeBehavior > _LEAF or node.nodeBehavior < 0:
            cx.fail(f"{place} has an unknown behaviour ({node.nodeBehavior})")
        if node.nodeBehavior != _LEAF:
            if node.branchFeatureIndex >= features:
                cx.fail(f"{place} compares element {node.branchFeatureIndex} of {features}")
            continue
        for entry in node.evaluationInfo:
            if entry.evaluationIndex >= dimensions:
                cx.fail(f"{place} adds to dimension {entry.evaluationIndex} of {dimensions}")


def _tables(cx: ModelContext, features: int, base: Array) -> Tables:
    dimensions = len(base)
    trees = _trees(cx, cx.message.treeEnsemble.nodes)
    for name, tree in trees.items():
        _check_nodes(cx, name, tree, features, dimensions)
        entries = (e for node in tree.nodes.values() for e in node.evaluationInfo)
        tree.columns = tuple(sorted({entry.evaluationIndex for entry in entries}))
    width = max(1, *(len(tree.columns) for tree in trees.values()))
    branches: list[Any] = []
    children: list[tuple[int, int]] = []
    leaves: list[Array] = []
    roots: list[int] = []
    outputs = np.full((len(trees), width), -1, np.int32)
    for row, (name, tree) in enumerate(trees.items()):
        root = _root(cx, name, tree)
        outputs[row, : len(tree.columns)] = tree.columns
        references: dict[int, int] = {}
        for identifier, node in tree.nodes.items():
            if node.nodeBehavior == _LEAF:
                leaves.append(_leaf(node, tree.columns, width))
                references[identifier] = -len(leaves)
            else:
                references[identifier] = len(branches)
                branches.append(node)
        children += (
            (references[node.falseChildNodeId], references[node.trueChildNodeId])
            for node in tree.nodes.values()
            if node.nodeBehavior != _LEAF
        )
        roots.append(references[root])
    return Tables(
        np.array(roots, np.int32),
        np.array([node.branchFeatureIndex for node in branches], np.int32),
        np.array([node.branchFeatureValue for node in branches], np.float64),
        np.array([node.nodeBehavior for node in branches], np.int32),
        np.array([node.missingValueTracksTrueChild for node in branches], np.bool_),
        np.array(children, np.int32).reshape(-1, 2),
        np.array(leaves, np.float64).reshape(-1, width),
        outputs,
        base,
    )


def _leaf(node: Any, columns: tuple[int, ...], width: int) -> Array:
    """What a leaf adds to each of the tree's columns; entries for one column add up."""
    found = np.zeros(width)
    for entry in node.evaluationInfo:
        found[columns.index(entry.evaluationIndex)] += entry.evaluationValue
    return found


def _scores(cx: ModelContext) -> Value:
    """The base plus the leaves' values, [1, D]."""
    ensemble = cx.message.treeEnsemble
    dimensions = ensemble.numPredictionDimensions
    cx.require(dimensions > 0, "the model predicts no dimensions")
    fits = dimensions <= _MOST_DIMENSIONS
    cx.require(fits, f"the model predicts {dimensions} dimensions, more than {_MOST_DIMENSIONS}")
    base = np.array(ensemble.basePredictionValue or [0.0] * dimensions, np.float64)
    cx.require(
        len(base) == dimensions,
        f"the model has {len(base)} base values for {dimensions} dimensions",
    )
    x = cx.vector(missing=np.nan)
    (features,) = x.type.static_shape[1:]
    tables = _tables(cx, features, base)
    return TreeEnsemble(
        x,
        constant(tables.roots, "roots"),
        constant(tables.features, "features"),
        cx.weight(tables.thresholds, "thresholds"),
        constant(tables.modes, "modes"),
        constant(tables.missing, "missing"),
        constant(tables.children, "children"),
        cx.weight(tables.values, "values"),
        constant(tables.outputs, "outputs"),
        cx.weight(tables.base, "base"),
    ).result


def _absent(_message: Any, interface: Interface) -> dict[str, float | None]:
    return {feature.name: np.nan for feature in interface.inputs if feature.optional}


def _missing(_message: Any) -> Missing:
    return "missing"


@rules("treeEnsembleRegressor", absent=_absent, missing=_missing)
def regressor(cx: ModelContext) -> None:
    """The scores after the transform. A softmax of several dimensions is taken as it says."""
    scores = _scores(cx)
    match cx.message.postEvaluationTransform:
        case 0:
            found = scores
        case 1 if scores.type.shape[1] != 1:
            found = Softmax(scores, axis=1).result
        case 2:
            found = Sigmoid(scores).result
        case other:
            cx.fail(
                f"what the transform {other} makes of a regressor's scores is not documented",
                kind="unsupported",
            )
    cx.give(cx.only_output(), found)


@rules("treeEnsembleClassifier", absent=_absent, missing=_missing)
def classifier(cx: ModelContext) -> None:
    """Probabilities by the transform; one dimension is the score of the second of two classes.

    What a softmax "with zero class reference" is has no text. It is taken as that of GLM
    classifiers: the score of the first class is 0, whether the model has a dimension for it or not.
    """
    scores, transform = _scores(cx), cx.message.postEvaluationTransform
    cx.require(transform in range(4), f"the model has an unknown transform ({transform})")
    (dimensions,) = scores.type.static_shape[1:]
    if transform == _SOFTMAX_ZERO:
        _classify_with_reference(cx, scores, dimensions)
        return
    count = len(cx.interface.class_labels)
    if dimensions == 1 and count in (0, 2):
        if transform == _SOFTMAX:
            cx.fail("a softmax of one dimension is not defined", kind="unsupported")
        second = Sigmoid(scores).result if transform == _LOGISTIC else scores
        binary(cx, labels_of(cx, 2), second)
        return
    labels = labels_of(cx, dimensions)
    match transform:
        case 1:
            found = Softmax(scores, axis=1).result
        case 2:
            found = Sigmoid(scores).result
        case _:
            found = scores
    classified(cx, labels, found)


def _classify_with_reference(cx: ModelContext, scores: Value, dimensions: int) -> None:
    count = len(cx.interface.class_labels) or dimensions + 1
    if count == dimensions:
        scores = SliceByIndex(
            scores, begin=(0, 1), end=(0, 0), stride=(1, 1), begin_mask=(1, 0), end_mask=(1, 1)
        ).result
    elif count != dimensions + 1:
        cx.fail(f"the model has {count} class labels for {dimensions} dimensions")
    zero = constant(np.zeros((1, 1)))
    found = Softmax(Concat((zero, scores), axis=1).result, axis=1).result
    classified(cx, labels_of(cx, count), found)
