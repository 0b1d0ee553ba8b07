"""Tree ensembles, by hand and against a walk in plain Python."""

import operator

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled, model, run

COMPARE = [operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne]
STUMP = [
    {"id": 4, "if": (0, 0, 0.5), "then": 9, "else": 2},
    {"id": 9, "leaf": {0: 1.0}},
    {"id": 2, "leaf": {0: -2.0}},
]


def regressor(*trees, dimensions=1, base=(), transform=0, x="f64[2]", output="double", **inputs):
    spec, message = model("treeEnsembleRegressor", inputs or {"x": x}, {"y": output})
    fill(message, trees, dimensions, base, transform)
    return spec


def fill(message, trees, dimensions, base=(), transform=0):
    ensemble = message.treeEnsemble
    ensemble.numPredictionDimensions = dimensions
    ensemble.basePredictionValue.extend(base)
    message.postEvaluationTransform = transform
    for number, tree in enumerate(trees):
        for row in tree:
            node = ensemble.nodes.add(treeId=number * 3 + 1, nodeId=row["id"])
            if "leaf" in row:
                node.nodeBehavior = 6
                for index, value in row["leaf"].items():
                    node.evaluationInfo.add(evaluationIndex=index, evaluationValue=value)
                continue
            mode, feature, threshold = row["if"]
            node.nodeBehavior, node.branchFeatureIndex = mode, feature
            node.branchFeatureValue = threshold
            node.trueChildNodeId, node.falseChildNodeId = row["then"], row["else"]
            node.missingValueTracksTrueChild = row.get("missing", False)


def walked(tree, x):
    """What the tree adds, by index."""
    nodes = {row["id"]: row for row in tree}
    below = {row[side] for row in tree if "if" in row for side in ("then", "else")}
    (at,) = nodes.keys() - below
    while "if" in nodes[at]:
        mode, feature, threshold = nodes[at]["if"]
        missing, value = nodes[at].get("missing", False), x[feature]
        takes = missing if np.isnan(value) else COMPARE[mode](value, threshold)
        at = nodes[at]["then" if takes else "else"]
    return nodes[at]["leaf"]


def classifier(labels, *trees, dimensions, transform=0, base=()):
    kind = "string" if labels and isinstance(labels[0], str) else "int64"
    outputs = {"label": kind, "scores": f"{{{kind}}}"}
    spec, message = model("treeEnsembleClassifier", {"x": "f64[2]"}, outputs, ("label", "scores"))
    fill(message, trees, dimensions, base, transform)
    field = message.stringClassLabels if kind == "string" else message.int64ClassLabels
    field.vector.extend(labels)
    return spec


def test_the_root_is_the_node_without_a_parent():
    leaf_first = [STUMP[1], STUMP[0], STUMP[2]]
    for tree in (STUMP, leaf_first):
        assert run(regressor(tree, base=[10]), x=[0.5, 0.0]) == {"y": 11}
        assert run(regressor(tree, base=[10]), x=[0.6, 0.0]) == {"y": 8}


@pytest.mark.parametrize("mode", range(6))
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("value", [0.4, 0.5, 0.6, np.nan])
def test_every_comparison_and_missing_values(mode, missing, value):
    root = {"id": 0, "if": (mode, 1, 0.5), "then": 1, "else": 2, "missing": missing}
    tree = [root, {"id": 1, "leaf": {0: 1.0}}, {"id": 2, "leaf": {0: 2.0}}]
    assert run(regressor(tree), x=[9.0, value]) == {"y": walked(tree, [9.0, value])[0]}


def random_tree(random, depth, dimensions):
    if depth == 0 or random.random() < 0.1:
        columns = random.choice(dimensions, random.integers(0, dimensions + 1), replace=False)
        return [{"leaf": {int(c): float(random.normal()) for c in columns}, "id": 0}]
    left, right = (random_tree(random, depth - 1, dimensions) for _ in range(2))
    mode, value = int(random.integers(0, 6)), float(random.integers(-2, 3)) / 2
    missing = bool(random.integers(0, 2))
    root = {"id": 0, "if": (mode, int(random.integers(0, 2)), value), "missing": missing}

    def moved(tree, by):
        return [
            row | {"id": row["id"] + by} | {s: row[s] + by for s in ("then", "else") if s in row}
            for row in tree
        ]

    root |= {"then": 1, "else": 1 + len(left)}
    return [root, *moved(left, 1), *moved(right, 1 + len(left))]


@pytest.mark.parametrize("seed", range(20))
def test_random_ensembles_against_a_walk(seed):
    random = np.random.default_rng(seed)
    dimensions = int(random.integers(1, 4))
    trees = [random_tree(random, 4, dimensions) for _ in range(3)]
    for tree in trees:
        random.shuffle(tree)
    base = random.normal(size=dimensions)
    rows = random.integers(-2, 3, (6, 2)) / 2
    rows = np.where(random.random(rows.shape) < 0.2, np.nan, rows)
    expected = np.tile(base, (len(rows), 1))
    for row, x in zip(expected, rows, strict=True):
        for tree in trees:
            for column, value in walked(tree, x).items():
                row[column] += value
    spec = regressor(*trees, dimensions=dimensions, base=base, output=f"f64[{dimensions}]")
    whole = compiled(spec)
    assert "fixed_batch" not in whole.optimized.attributes
    np.testing.assert_allclose(whole.interpret({"x": rows})["y"], expected, atol=1e-12)


def test_absent_inputs_are_missing_values():
    root = {"id": 0, "if": (0, 1, 0.5), "then": 1, "else": 2, "missing": True}
    tree = [root, {"id": 1, "leaf": {0: 1.0}}, {"id": 2, "leaf": {0: 2.0}}]
    spec = regressor(tree, a="double", b="double?")
    assert run(spec, a=0.0) == {"y": 1}
    assert run(spec, a=0.0, b=0.7) == {"y": 2}


@pytest.mark.parametrize(("x", "score"), [(0.0, 1.0), (1.0, -2.0)])
def test_transforms_of_regressors(x, score):
    found = run(regressor(STUMP, transform=2), x=[x, 0.0])["y"]
    assert found == pytest.approx(1 / (1 + np.exp(-score)))
    soft = np.exp([score, 1.0])
    spec = regressor(STUMP, transform=1, dimensions=2, base=[0, 1], output="f64[2]")
    np.testing.assert_allclose(run(spec, x=[x, 0.0])["y"], soft / soft.sum())


def test_one_dimension_is_the_score_of_the_second_class():
    tree = [STUMP[0], {"id": 9, "leaf": {0: 0.3}}, {"id": 2, "leaf": {0: 0.5}}]
    spec = classifier(["no", "yes"], tree, dimensions=1)
    assert run(spec, x=[0.0, 0]) == {"label": "no", "scores": {"no": 0.7, "yes": 0.3}}
    assert run(spec, x=[1.0, 0])["label"] == "yes"
    spec = classifier([], STUMP, dimensions=1, transform=2)
    second = 1 / (1 + np.exp(-1))
    found = run(spec, x=[0.0, 0])
    assert found["label"] == 1
    assert found["scores"] == pytest.approx({0: 1 - second, 1: second})


def test_several_dimensions_are_classes():
    tree = [STUMP[0], {"id": 9, "leaf": {0: 1.0, 2: 3.0}}, {"id": 2, "leaf": {1: 1.0}}]
    soft = np.exp([1.0, 0.5, 3.0])
    spec = classifier(["a", "b", "c"], tree, dimensions=3, transform=1, base=[0, 0.5, 0])
    found = run(spec, x=[0.0, 0])
    assert found["label"] == "c"
    assert found["scores"] == pytest.approx(dict(zip("abc", soft / soft.sum(), strict=True)))


@pytest.mark.parametrize(("labels", "scores"), [(["a", "b"], [0, 1]), (["a", "b", "c"], [0, 1, 0])])
def test_the_first_class_is_the_reference_where_it_says_so(labels, scores):
    tree = [STUMP[0], {"id": 9, "leaf": {0: 7.0, 1: 1.0}}, {"id": 2, "leaf": {}}]
    dimensions = 3 if len(labels) == 3 else 1
    if dimensions == 1:
        tree[1] = {"id": 9, "leaf": {0: 1.0}}
    spec = classifier(labels, tree, dimensions=dimensions, transform=3)
    soft = np.exp(scores)
    expected = dict(zip(labels, soft / soft.sum(), strict=True))
    assert run(spec, x=[0.0, 0])["scores"] == pytest.approx(expected)


def changed(**change):
    """The stump with a change of its first node."""
    return [STUMP[0] | change, *STUMP[1:]]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (regressor(), "the model has no trees"),
        (regressor(STUMP, dimensions=0), "the model predicts no dimensions"),
        (regressor(STUMP, dimensions=2**63), "dimensions, more than 1048576"),
        (regressor(STUMP, base=[1, 2]), "2 base values for 1 dimensions"),
        (regressor(STUMP, dimensions=2, output="double"), "is one number, but there are 2"),
        (regressor([*STUMP, STUMP[2]]), "tree 1 has two nodes with the id 2"),
        (regressor(changed(then=7)), "has the child 7, which is not there"),
        (regressor(changed(then=2)), "node 2 of tree 1 is the child of 2 nodes, or twice of one"),
        (regressor([*STUMP, {"id": 5, "leaf": {}}]), "tree 1 has 2 nodes without a parent"),
        (regressor(changed(then=4)), "tree 1 has 1 nodes|tree 1 has nodes that|child of"),
        (regressor(changed(**{"if": (0, 2, 0.0)})), "node 4 of tree 1 compares element 2 of 2"),
        (regressor(changed(**{"if": (9, 0, 0.0)})), "node 4 of tree 1 has an unknown behaviour"),
        (regressor([{"id": 0, "leaf": {1: 1.0}}]), "node 0 of tree 1 adds to dimension 1 of 1"),
        (regressor(STUMP, transform=1), "what the transform 1 makes of a regressor's scores"),
        (regressor(STUMP, transform=3), "what the transform 3 makes of a regressor's scores"),
        (classifier(["a", "b", "c"], STUMP, dimensions=2), "3 class labels for 2 classes"),
        (classifier(["a", "b"], STUMP, dimensions=1, transform=1), "softmax of one dimension"),
        (classifier(["a"], STUMP, dimensions=3, transform=3), "1 class labels for 3 dimensions"),
        (classifier(["a", "b"], STUMP, dimensions=1, transform=9), "an unknown transform"),
    ],
)
def test_ensembles_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        _ = compiled(spec).module


def test_a_cycle_is_refused():
    loop = [
        {"id": 0, "leaf": {}},
        {"id": 1, "if": (0, 0, 0.0), "then": 2, "else": 3},
        {"id": 2, "if": (0, 0, 0.0), "then": 1, "else": 4},
        {"id": 3, "leaf": {}},
        {"id": 4, "leaf": {}},
    ]
    with pytest.raises(CompileError, match="tree 1 has nodes that are not below its root"):
        _ = compiled(regressor(loop)).module
