"""Measures an ensemble of trees next to scikit-learn and ONNX Runtime, if those are installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.runtime import CompiledModel, compile
from ...ir.dialects.builtin import Return, constant
from ...ir.dialects.core.linear import MatMul
from ...ir.dialects.core.trees import TreeEnsemble
from ...ir.dims import symbol
from ...ir.interface import Result
from ...ir.reference.trees import Tables
from ...ir.rewrite import adopt
from ...ir.ssa import Function, Module, Value
from ...ir.types import Array, DType, Tensor
from .timing import interleaved

TREES, DEPTH, FEATURES, ROWS = 500, 8, 100, 10_000
_FITTED = 3000
_OTHERS = ("sklearn", "onnxruntime", "skl2onnx")


def figures(runs: int) -> dict[str, Any]:
    """Times for many rows and for one, and ratios to others; or which of those are missing.

    Args:
        runs: interleaved runs of two.
    """
    import tensorflow as tf

    missing = [name for name in _OTHERS if importlib.util.find_spec(name) is None]
    x = np.random.default_rng(1).standard_normal((ROWS, FEATURES)).astype(np.float32)
    forest = None if missing else _forest()
    model = compile(_module(random_tables() if forest is None else tables_of(forest)))
    graph: Any = model.executable
    found: dict[str, Any] = {}
    if missing:
        found["trees: not compared, because these are not installed"] = ", ".join(missing)
    for rows in (ROWS, 1):
        given, tensor = x[:rows], tf.constant(x[:rows])
        title = f"{TREES} trees of depth {DEPTH}, {rows} rows"

        def here(given: Array = given) -> Any:
            return model.predict({"x": given})

        def saved(tensor: Any = tensor) -> Any:
            return graph.graph("main")(x=tensor)

        times = interleaved(saved, here, runs)
        found[f"{title}: saved graph, ms"], found[f"  predict, ms ({rows} rows)"] = (
            1000 * seconds for seconds in times
        )
        for name, other in _others(forest, given).items():
            a, b = interleaved(here, other, runs)
            found[f"  {name}, ms ({rows} rows)"] = 1000 * b
            found[f"    ratio of predict to {name} ({rows} rows)"] = a / b
    layer = compile(_layer())
    one, other = interleaved(lambda: model.predict({"x": x[:1]}), _predicting(layer, x[:1]), runs)
    found["  a network of one layer, predict, ms (1 row)"] = 1000 * other
    found["    ratio of predict to that (1 row)"] = one / other
    return found


def _predicting(model: CompiledModel, x: Array) -> Callable[[], Any]:
    return lambda: model.predict({"x": x})


def random_tables() -> Tables:
    """Complete trees with random tests."""
    random = np.random.default_rng(0)
    nodes, leaves = TREES * ((1 << DEPTH) - 1), TREES << DEPTH
    inner = np.arange(nodes).reshape(TREES, -1)
    outer = -1 - np.arange(leaves).reshape(TREES, -1)
    below = np.concatenate([inner[:, 1:], outer], 1)
    return _tables(
        inner[:, 0],
        random.integers(0, FEATURES, nodes),
        random.standard_normal(nodes),
        below.reshape(-1, 2),
        random.standard_normal(leaves),
    )


def tables_of(forest: Any) -> Tables:
    """The trees of a fitted forest of scikit-learn."""
    parts = [[], [], [], [], []]  # roots, features, thresholds, children, values
    nodes = leaves = 0
    for each in forest.estimators_:
        tree = each.tree_
        leaf = tree.children_left < 0
        numbers = np.where(leaf, -leaves - np.cumsum(leaf), nodes + np.cumsum(~leaf) - 1)
        nodes, leaves = nodes + int((~leaf).sum()), leaves + int(leaf.sum())
        # scikit-learn goes left where x is at most the threshold.
        below = np.stack([tree.children_right, tree.children_left], 1)[~leaf]
        found = (numbers[:1], tree.feature[~leaf], tree.threshold[~leaf], numbers[below])
        for part, array in zip(parts, (*found, tree.value[leaf].ravel() / TREES), strict=True):
            part.append(array)
    return _tables(*map(np.concatenate, parts))


def _tables(
    roots: Array, features: Array, thresholds: Array, children: Array, values: Array
) -> Tables:
    """Trees that ask x <= threshold and add to one sum."""
    count = len(features)
    return Tables(
        roots.astype(np.int32),
        features.astype(np.int32),
        thresholds.astype(np.float32),
        np.zeros(count, np.int32),
        np.zeros(count, bool),
        children.astype(np.int32),
        values.reshape(-1, 1).astype(np.float32),
        np.zeros((len(roots), 1), np.int32),
        np.zeros(1, np.float32),
    )


def _module(tables: Tables) -> Module:
    """The ensemble as a function of rows."""
    function = _of_rows()
    constants = (constant(array) for array in vars(tables).values())
    return _returning(function, TreeEnsemble(function.arguments[0], *constants).result)


def _layer() -> Module:
    """A network of one layer for the same rows."""
    function = _of_rows()
    weights = np.random.default_rng(2).standard_normal((FEATURES, 1)).astype(np.float32)
    return _returning(function, MatMul(function.arguments[0], constant(weights)).result)


def _of_rows() -> Function:
    return Function("main", [Tensor(DType.F32, (symbol("N"), FEATURES))], ["x"])


def _returning(function: Function, result: Value) -> Module:
    """A module of the function that returns a value."""
    adopt((result,), function.block)
    function.block.insert(Return((result,)))
    function.result_names, function.outputs = ["y"], [Result()]
    return Module(functions=[function])


def _forest() -> Any:
    """A forest fitted to random numbers."""
    from sklearn.ensemble import RandomForestRegressor  # pyright: ignore

    random = np.random.default_rng(0)
    x = random.standard_normal((_FITTED, FEATURES))
    y = x[:, 0] * x[:, 1] + x[:, 2:30].sum(1)
    given = {"max_depth": DEPTH, "max_features": 10, "random_state": 0}
    return RandomForestRegressor(TREES, **given).fit(x, y)


def _others(forest: Any, x: Array) -> dict[str, Any]:
    """Functions of scikit-learn and ONNX Runtime that predict the rows; none without a forest."""
    if forest is None:
        return {}
    import onnxruntime  # pyright: ignore
    import skl2onnx  # pyright: ignore

    file = skl2onnx.to_onnx(forest, x[:1]).SerializeToString()
    session = onnxruntime.InferenceSession(file)
    (given,) = session.get_inputs()
    return {
        "scikit-learn": lambda: forest.predict(x),
        "ONNX Runtime": lambda: session.run(None, {given.name: x}),
    }
