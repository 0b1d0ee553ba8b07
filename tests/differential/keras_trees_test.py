"""Trees in Keras code: random ones, its text, and what is refused."""

import subprocess
import sys
from random import Random

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import run
from cmlc.ir.reference.trees import Tables
from cmlc.ir.types import DType
from support.modules.tree_builders import module_of_trees, random_rows, random_tables
from support.running.keras_run import keras_code

pytestmark = pytest.mark.slow
STUMP = {
    "roots": np.zeros(1, np.int32),
    "features": np.zeros(1, np.int32),
    "thresholds": np.full(1, 0.5, np.float32),
    "modes": np.zeros(1, np.int32),
    "missing": np.zeros(1, bool),
    "children": np.array([[-1, -2]], np.int32),
    "values": np.array([[1], [2]], np.float32),
    "outputs": np.zeros((1, 1), np.int32),
    "base": np.zeros(1, np.float32),
}


def chain(depth):
    """A tree that goes on at each yes, as many times."""
    each = {name: np.repeat(STUMP[name], depth) for name in ("features", "modes", "missing")}
    nodes = np.arange(depth, dtype=np.int32)
    leads = np.where(nodes < depth - 1, nodes + 1, -2).astype(np.int32)
    return Tables(
        **{
            **STUMP,
            **each,
            "thresholds": np.arange(depth, 0, -1, dtype=np.float32),
            "children": np.stack([np.full(depth, -1, np.int32), leads], 1),
        }
    )


def assert_equal(module, x):
    made = keras_code(module)
    expected = run(module, {"x": x})["y"]
    np.testing.assert_array_equal(made.run({"x": x})["y"], expected, made.text)


@pytest.mark.parametrize("seed", range(8))
def test_every_mode_and_all_columns(seed):
    """Leaves' values are small whole numbers, so that sums are exact in any order."""
    random = Random(seed)
    features, size = random.randint(1, 3), random.randint(1, 3)
    count, depth = random.randint(1, 5), random.randint(0, 6)
    tables = random_tables(random, DType.F32, features, trees=count, depth=depth, size=size)
    module = module_of_trees(tables, features, symbol("N"))
    assert_equal(module, random_rows(random, DType.F32, 9, features))


def test_a_chain_as_deep_as_is_written():
    module = module_of_trees(chain(100), 1, symbol("N"))
    assert_equal(module, np.array([[0.5], [1], [3.5], [99], [100], [101]], np.float32))


def test_deeper_ones_are_refused_with_the_form_that_has_loops():
    with pytest.raises(CompileError, match=r"101 levels .*--emit=savedmodel has a loop"):
        keras_code(module_of_trees(chain(101), 1, symbol("N")))


def test_half_precision_is_refused():
    tables = random_tables(Random(0), DType.F16, 2, trees=1, depth=2, size=1)
    with pytest.raises(CompileError, match=r"in float32 \(--precision=float32\)"):
        keras_code(module_of_trees(tables, 2, symbol("N")))


def test_no_trees_are_refused():
    empty = {"roots": np.zeros(0, np.int32), "outputs": np.zeros((0, 1), np.int32)}
    with pytest.raises(CompileError, match="an ensemble without trees computes nothing"):
        keras_code(module_of_trees(Tables(**{**STUMP, **empty}), 1, symbol("N")))


def test_leaves_may_be_trained_and_nothing_else():
    tables = random_tables(Random(2), DType.F32, 3, trees=4, depth=5, size=1)
    made = keras_code(module_of_trees(tables, 3, symbol("N")))
    assert "def walk_trees(x, starts, columns, thresholds, children, values, depth):" in made.text
    assert {weight.path for weight in made.model.trainable_weights} <= {"values/value"}


def test_few_numbers_are_written_as_the_formatter_has_them(tmp_path):
    values = np.array([[0.1234567, -12.5], [np.inf, 1e-30]], np.float32)
    two = {"values": values, "outputs": np.array([[0, 1]], np.int32), "base": values[0] / 3}
    module = module_of_trees(Tables(**{**STUMP, **two}), 1, symbol("N"))
    module.name = "trees"
    text = keras_code(module).text
    assert "np.array([[0.1234567, -12.5], [np.inf, 1e-30]]" in " ".join(text.split())
    (tmp_path / "model.py").write_text(text)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select=E,F,I"], ["format", "--diff"]):
        given = [*ruff, *command, "--isolated", "--no-cache", str(tmp_path)]
        done = subprocess.run(given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
