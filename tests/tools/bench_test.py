"""What `make bench` measures is what it says."""

from collections import Counter

import pytest
from cmlc.ir.reference import trees as tree_tables
from cmlc.ir.types import DType
from cmlc.tools.bench import half_program, trees
from support.mil.programs import imported


@pytest.mark.parametrize(("precision", "dtype"), [("float32", DType.F32), ("keep", DType.F16)])
def test_half_program(precision, dtype):
    module = imported(half_program.model(), precision=precision)
    convolutions = [op for op in module.main.block if op.name == "nn.conv"]
    assert len(convolutions) == len(half_program.LAYERS)
    counts = Counter(op.result.type.dtype for op in convolutions)
    assert counts == {dtype: len(convolutions)}
    (result,) = module.main.results
    assert str(result.type) == f"f32[1,{half_program.CLASSES}]"


def test_random_trees_are_complete():
    tables = trees.random_tables()
    assert tables.problem(trees.FEATURES) == ""
    heights = tree_tables.heights(tables.children)
    assert (heights[tables.roots] == trees.DEPTH).all()


@pytest.mark.slow
def test_what_is_missing_to_compare_trees_is_said(monkeypatch):
    """A small ensemble, so that only the report is slow."""
    pytest.importorskip("tensorflow")
    monkeypatch.setattr(trees, "_OTHERS", ("sklearn_that_is_not_there",))
    monkeypatch.setattr(trees, "TREES", 3)
    monkeypatch.setattr(trees, "ROWS", 20)
    found = trees.figures(1)
    assert "sklearn_that_is_not_there" in found.values()
    assert sum("predict, ms" in name for name in found) == 3
    assert "    ratio of predict to that (1 row)" in found
