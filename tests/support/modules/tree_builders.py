"""Random ensembles of trees."""

from random import Random

import numpy as np
from cmlc.ir.dialects.builtin import Return, constant
from cmlc.ir.dialects.core.trees import TreeEnsemble
from cmlc.ir.dims import Dim
from cmlc.ir.interface import Result
from cmlc.ir.reference.trees import MODES, Tables
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module, Op, Value
from cmlc.ir.types import FLOAT, Array, DType, Tensor
from support.modules.maker import Builder, Maker, UnsuitableError

INF, NAN = float("inf"), float("nan")
THRESHOLDS = (-1.0, 0.0, -0.0, 0.5, INF, -INF, NAN)
NUMBERS = (-2.0, -1.0, -0.0, 0.0, 0.25, 0.5, 1.0, INF, -INF, NAN)


class Grown:
    """Random trees that share a table of nodes and one of leaves."""

    def __init__(self, random: Random, features: int, width: int, modes: tuple[int, ...]) -> None:
        self.random = random
        self.features = features
        self.width = width
        self.modes = modes
        self.nodes: list[tuple[int, float, int, bool]] = []
        self.children: list[tuple[int, int]] = []
        self.leaves: list[list[int]] = []

    def tree(self, depth: int, chance: float = 0.8) -> int:
        """The reference of a new tree of at most this depth; `chance` is that of a branch."""
        choose = self.random
        if not depth or choose.random() > chance:
            self.leaves.append([choose.randint(-4, 4) for _ in range(self.width)])
            return -len(self.leaves)
        number = len(self.nodes)
        feature = choose.randrange(self.features)
        threshold, mode = choose.choice(THRESHOLDS), choose.choice(self.modes)
        self.nodes.append((feature, threshold, mode, choose.random() < 0.5))
        self.children.append((0, 0))
        self.children[number] = self.tree(depth - 1, chance), self.tree(depth - 1, chance)
        return number

    def tables(self, roots: list[int], outputs: Array, base: Array) -> Tables:
        """All of it; thresholds and values have the dtype of the base."""
        rows = tuple(zip(*self.nodes, strict=True)) or ((),) * 4
        features, thresholds, modes, missing = rows
        return Tables(
            np.array(roots, np.int32),
            np.array(features, np.int32),
            np.array(thresholds, base.dtype),
            np.array(modes, np.int32),
            np.array(missing, bool),
            np.reshape(self.children, (-1, 2)).astype(np.int32),
            np.reshape(self.leaves, (-1, self.width)).astype(base.dtype),
            outputs.astype(np.int32),
            base,
        )


def random_tables(
    random: Random, dtype: DType, features: int, *, trees: int, depth: int, size: int
) -> Tables:
    """An ensemble with `size` columns in its result.

    It has one mode, those of orders, or all; leaves with a value for each column, or for any.
    """
    modes = random.choice(((0,), (1,), (0, 1, 2, 3), tuple(range(len(MODES)))))
    in_order = random.random() < 0.5
    width = size if in_order else random.randint(1, 3)
    grown = Grown(random, features, width, modes)
    roots = [grown.tree(depth, random.choice((0.6, 0.95))) for _ in range(trees)]
    columns = [random.randint(-1, size - 1) for _ in range(trees * width)]
    outputs = (
        np.tile(np.arange(size), (trees, 1)) if in_order else np.reshape(columns, (trees, width))
    )
    base = np.array([random.randint(-3, 3) for _ in range(size)], dtype.numpy)
    return grown.tables(roots, outputs, base)


def random_rows(random: Random, dtype: DType, rows: int, features: int) -> Array:
    """Numbers on either side of thresholds, and on them; some are missing."""
    drawn = [random.choice(NUMBERS) for _ in range(rows * features)]
    return np.reshape(drawn, (rows, features)).astype(dtype.numpy)


def ensemble_of(x: Value, tables: Tables) -> TreeEnsemble:
    """The op with the tables as constants."""
    return TreeEnsemble(x, *(constant(array) for array in vars(tables).values()))


def module_of_trees(tables: Tables, features: int, rows: Dim) -> Module:
    """A function of x [rows, features]."""
    kind = Tensor(DType.of(tables.base), (rows, features))
    function = Function("main", [kind], ["x"])
    op = ensemble_of(function.arguments[0], tables)
    adopt(op.results, function.block)
    function.block.insert(Return((op.result,)))
    function.result_names, function.outputs = ["y"], [Result()]
    return Module(functions=[function])


def ensemble(maker: Maker, cls: type[Op]) -> Op:
    """Two small trees, so that text spells the tables out."""
    x = maker.pick(FLOAT, (2,))
    features = x.type.shape[1]
    if not isinstance(features, int):
        raise UnsuitableError
    size = maker.number(1, 2)
    return ensemble_of(
        x, random_tables(maker.random, x.type.dtype, features, trees=2, depth=2, size=size)
    )


BUILDERS: dict[str, Builder] = {"tree.ensemble": ensemble}


def stump_text(feature):
    """IR text of the tables of one tree: 2 where a feature is at most 0.5, else 1."""
    return f"""\
  %roots = const {{value = dense<[0]>}} : i32[1]
  %features = const {{value = dense<[{feature}]>}} : i32[1]
  %zeros = const {{value = dense<[0]>}} : i32[1]
  %missing = const {{value = dense<[true]>}} : bool[1]
  %children = const {{value = dense<[[-1, -2]]>}} : i32[1,2]
  %values = const {{value = dense<[[1.0], [2.0]]>}} : f32[2,1]
  %outputs = const {{value = dense<[[0]]>}} : i32[1,1]
  %base = const {{value = dense<[0.0]>}} : f32[1]
  %limits = const {{value = dense<[0.5]>}} : f32[1]"""
