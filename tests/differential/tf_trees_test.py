"""Trees in TensorFlow graphs: both forms, any number of rows, and what is refused."""

from random import Random

import numpy as np
import pytest
from cmlc.backends import trees
from cmlc.backends.table import load_target
from cmlc.backends.tf.emit import TensorFlowModule
from cmlc.backends.tf.lower import trees as lowering
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core.trees import TreeEnsemble
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import run
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType
from support.modules.tree_builders import (
    module_of_trees,
    random_rows,
    random_tables,
    stump_text,
)
from support.running.tensorflow_run import compare, lowered

FORMS = {"complete": "kernels.complete_trees", "linked": "kernels.linked_trees"}


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """Makes all trees take one form; its op."""
    monkeypatch.setattr(trees.Walk, "is_shallow", lambda _: request.param == "complete")
    return FORMS[request.param]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", [DType.F16, DType.F32, DType.F64])
def test_both_forms(form, dtype, seed):
    random = Random(seed)
    features, size = random.randint(1, 3), random.randint(1, 3)
    count, depth = random.randint(1, 5), random.randint(1, 6)
    tables = random_tables(random, dtype, features, trees=count, depth=depth, size=size)
    module = module_of_trees(tables, features, symbol("N"))
    assert form in {op.name for op in lowered(module).walk()}
    compare(module, {"x": random_rows(random, dtype, 9, features)})


@pytest.mark.slow
def test_rows_in_turns(form, monkeypatch):
    """One graph for no rows, one turn and several, the last of which is shorter.

    What runs here compiles turns of many rows, once; what is saved doesn't ask for XLA.
    """
    random = Random(5)
    tables = random_tables(random, DType.F32, 2, trees=3, depth=4, size=2)
    module = module_of_trees(tables, 2, symbol("N"))
    target = load_target("tf")
    rules = lowering.lowering(tables.outputs.size * 4).rules
    monkeypatch.setitem(target.lowering, TreeEnsemble, rules[TreeEnsemble])
    executable = target.executable(lowered(module))
    assert isinstance(executable, TensorFlowModule)
    saved = executable.graph("main")
    for rows in (0, 1, 4, 8, 11, 32, 33, 70):
        x = random_rows(random, DType.F32, rows, 2)
        expected = run(module, {"x": x})["y"]
        np.testing.assert_array_equal(executable.run({"x": x})["y"], expected)
        np.testing.assert_array_equal(saved(x=x)["y"].numpy(), expected)
    assert must_compile(executable.graph_here("main"))
    assert not must_compile(saved)


def must_compile(graph):
    """Whether the graph runs only where XLA is."""
    return b"_XlaMustCompile" in graph.graph.as_graph_def().SerializeToString()


@pytest.mark.slow
def test_a_graph_without_trees_is_the_saved_one():
    module = parse("func @main(%x: f32[2]) -> f32[2] {\n  return %x\n}")
    executable = load_target("tf").executable(lowered(module))
    assert isinstance(executable, TensorFlowModule)
    assert executable.graph_here("main") is executable.graph("main")


@pytest.mark.slow
def test_tables_are_constants_and_nothing_is_said_twice(tmp_path):
    """A thousand nodes take about as much room in a graph as in their tables."""
    tables = random_tables(Random(1), DType.F64, 5, trees=40, depth=7, size=1)
    executable = load_target("tf").executable(
        lowered(module_of_trees(tables, 5, symbol("N"))),
    )
    assert isinstance(executable, TensorFlowModule)
    assert executable.variables == {}
    executable.save(tmp_path)
    size = (tmp_path / "saved_model.pb").stat().st_size
    complete = 40 * 2**8 * 20
    assert size < complete + 100_000


TEXT = f"""
func @main(%x: f32[2,F], %thresholds: f32[1]) -> f32[2,1] {{
{stump_text(feature=1)}
  %y = tree.ensemble(%x, %roots, %features, %limits, %zeros, %missing, %children,
    %values, %outputs, %base) : f32[2,1]
  return %y
}}"""


def refused(text, target="tf"):
    """The only problem of lowering."""
    with pytest.raises(CompileError) as caught:
        load_target(target).lower(parse(text))
    (problem,) = caught.value.diagnostics
    assert (problem.kind, problem.subject) == ("unsupported", "tree.ensemble")
    return f"{problem.message} / {problem.remedy}"


@pytest.mark.parametrize("target", ["tf", "tflite", "keras"])
def test_what_is_refused(target):
    computed = TEXT.replace("2,F", "2,2").replace(
        "(%x, %roots, %features, %limits", "(%x, %roots, %features, %thresholds"
    )
    assert "tables are constants" in refused(computed, target)
    assert "a known number of features" in refused(TEXT, target)
    assert "give 'x' a shape of numbers" in refused(TEXT, target)
    wrong = refused(TEXT.replace("2,F", "2,1"), target)
    assert "its tables are wrong: features[0] is feature 1 of 1" in wrong
