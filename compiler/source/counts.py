"""How much a model holds that is neither a network nor a program: trees, support vectors, keys."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .spec import NETWORKS, model_kind

_LEAF = 6
_LABELS = ("stringClassLabels", "int64ClassLabels", "stringTags")


def counts_of(spec: Any) -> dict[str, int]:
    """Numbers by what they count, the most telling first; damage is not looked for.

    Args:
        spec: a model. Of networks and programs nothing is counted here, nor of models that hold
            nothing but choices.
    """
    kind = model_kind(spec)
    if not kind or kind in NETWORKS:
        return {}
    message = getattr(spec, kind)
    found = dict(_COUNTERS[kind](message)) if kind in _COUNTERS else {}
    labels = [getattr(message, name).vector for name in _LABELS if hasattr(message, name)]
    if classes := len({label for vector in labels for label in vector}):
        found["classes"] = classes
    return found


def counted(counts: Mapping[str, int]) -> str:
    """The numbers for people: `576 trees, 19,153 nodes`."""
    return ", ".join(
        f"{name} {count:,}" if name == "depth" else f"{count:,} {_singular(name, count)}"
        for name, count in counts.items()
    )


def _singular(name: str, count: int) -> str:
    ends = {"ies": "y", "classes": "class", "indices": "index"}
    if count != 1:
        return name
    for end, single in ends.items():
        if name.endswith(end):
            return name.removesuffix(end) + single
    return name.removesuffix("s")


def _trees(message: Any) -> Iterator[tuple[str, int]]:
    ensemble = message.treeEnsemble
    trees: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    features: set[int] = set()
    for node in ensemble.nodes:
        if node.nodeBehavior == _LEAF:
            children: tuple[int, ...] = ()
        else:
            children = (node.trueChildNodeId, node.falseChildNodeId)
            features.add(node.branchFeatureIndex)
        trees[node.treeId][node.nodeId] = children
    yield "trees", len(trees)
    yield "depth", max(map(_depth, trees.values()), default=0)
    yield "nodes", len(ensemble.nodes)
    yield "features", len(features)


def _depth(tree: dict[int, tuple[int, ...]]) -> int:
    """The number of comparisons on the longest way down; in circles, too, nodes count once."""
    below = {child for children in tree.values() for child in children}
    level, seen, depth = [node for node in tree if node not in below], set[int](), -1
    while level:
        depth += 1
        seen.update(level)
        level = [child for node in level for child in tree.get(node, ()) if child not in seen]
    return max(depth, 0)


def _linear(message: Any) -> Iterator[tuple[str, int]]:
    yield "coefficients", sum(len(row.value) for row in message.weights)
    yield "outputs", len(message.weights)


def _vectors(message: Any) -> Iterator[tuple[str, int]]:
    which = message.WhichOneof("supportVectors")
    yield "support vectors", len(getattr(message, which).vectors) if which else 0


def _samples(message: Any) -> Iterator[tuple[str, int]]:
    yield "samples", len(message.nearestNeighborsIndex.floatSamples)
    yield "dimensions", message.nearestNeighborsIndex.numberOfDimensions
    yield "neighbours", message.numberOfNeighbors.defaultValue


def _one_of(which: str, what: str) -> Callable[[Any], Iterator[tuple[str, int]]]:
    """Counts the list, or the map, that a message has one of."""

    def count(message: Any) -> Iterator[tuple[str, int]]:
        field = message.WhichOneof(which)
        if field is not None:
            inner = getattr(message, field)
            yield what, len(inner.map if hasattr(inner, "map") else inner.vector)

    return count


def _columns(message: Any) -> Iterator[tuple[str, int]]:
    yield "columns", len(message.inputList)
    yield "elements", sum(column.inputDimensions for column in message.inputList)


def _similarities(message: Any) -> Iterator[tuple[str, int]]:
    yield "items", len(message.itemItemSimilarities)
    yield "similarities", sum(len(row.similarItemList) for row in message.itemItemSimilarities)


def _language(message: Any) -> Iterator[tuple[str, int]]:
    yield "bytes", len(message.modelParameterData)


def _probit(message: Any) -> Iterator[tuple[str, int]]:
    yield "features", len(message.features)
    yield "weights", sum(len(feature.weights) for feature in message.features)


_COUNTERS: Mapping[str, Callable[[Any], Iterator[tuple[str, int]]]] = {
    "treeEnsembleClassifier": _trees,
    "treeEnsembleRegressor": _trees,
    "glmClassifier": _linear,
    "glmRegressor": _linear,
    "supportVectorClassifier": _vectors,
    "supportVectorRegressor": _vectors,
    "kNearestNeighborsClassifier": _samples,
    "bayesianProbitRegressor": _probit,
    "itemSimilarityRecommender": _similarities,
    "oneHotEncoder": _one_of("CategoryType", "categories"),
    "dictVectorizer": _one_of("Map", "keys"),
    "categoricalMapping": _one_of("MappingType", "keys"),
    "featureVectorizer": _columns,
    **dict.fromkeys(("textClassifier", "wordTagger", "wordEmbedding", "gazetteer"), _language),
}
