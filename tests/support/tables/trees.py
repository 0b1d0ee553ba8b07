"""A decision tree of one branch."""

from typing import Any

from .builders import model


def stump(kind: str) -> Any:
    """y = 1 if a ≤ 0.5, else -2, also where `a` is missing; `b` counts for nothing.

    Args:
        kind: the type of both inputs.
    """
    spec, message = model("treeEnsembleRegressor", {"a": kind, "b": kind}, {"y": "double"})
    nodes = message.treeEnsemble.nodes
    message.treeEnsemble.numPredictionDimensions = 1
    message.treeEnsemble.basePredictionValue.append(0)
    branch = nodes.add(treeId=0, nodeId=0, nodeBehavior=0, branchFeatureValue=0.5)
    branch.trueChildNodeId, branch.falseChildNodeId = 1, 2
    for name, value in ((1, 1.0), (2, -2.0)):
        leaf = nodes.add(treeId=0, nodeId=name, nodeBehavior=6)
        leaf.evaluationInfo.add(evaluationIndex=0, evaluationValue=value)
    return spec
