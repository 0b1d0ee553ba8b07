"""Trees for few rows, computed by numpy: the ensemble's sums, and what is left to libraries."""

import numpy as np
import pytest
from cmlc.backends import trees
from cmlc.backends.few_rows import few_rows
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import run
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType
from hypothesis import given
from hypothesis import strategies as st
from support.modules.tree_builders import module_of_trees, random_rows, random_tables, stump_text


@pytest.mark.parametrize("shallow", [True, False])
@given(st.randoms(use_true_random=False), st.sampled_from([DType.F16, DType.F32, DType.F64]))
def test_sums_are_those_of_the_reference(shallow, random, dtype):
    features, size = random.randint(1, 3), random.randint(1, 3)
    count, depth = random.randint(1, 4), random.randint(0, 5)
    tables = random_tables(random, dtype, features, trees=count, depth=depth, size=size)
    module = module_of_trees(tables, features, symbol("N"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees.Walk, "is_shallow", lambda _: shallow)
        few = few_rows(module.main)
    assert few is not None
    for rows in (0, 1, 2, 5):
        x = random_rows(random, dtype, rows, features)
        found = few.run({"x": x})["y"]
        expected = run(module, {"x": x})["y"]
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


TABLES = stump_text(feature=0)
TREE = "tree.ensemble(%v, %roots, %features, %limits, %zeros, %missing, %children, %values"


SCALE = "%k = const {value = dense<[2.0, 4.0]>} : f32[2]\n  %v = tensor.mul(%x, %k) : f32[N,2]"


def function(before, arguments="%x: f32[N,2]"):
    """A function of a tree of %v, which `before` makes."""
    return parse(
        f'func @main({arguments}) -> ("y": f32[N,1]) {{\n{TABLES}\n  {before}\n'
        f"  %t = {TREE}, %outputs, %base) : f32[N,1]\n"
        "  %y = nn.relu(%t) : f32[N,1]\n  return %y\n}"
    ).main


def test_other_ops_and_their_constants():
    few = few_rows(function(SCALE))
    assert few is not None
    found = few.run({"x": np.array([[0.2, 9], [0.3, -9]], "f")})["y"]
    assert found.tolist() == [[2.0], [1.0]]


WIDE = """%z = tensor.tile(%x) {reps = [1, 4096]} : f32[N,8192]
  %first = const {value = dense<[0, 1]>} : i32[2]
  %v = tensor.gather(%z, %first) {axis = 1} : f32[N,2]"""
CHECKED = """%zero = const {value = dense<0.0>} : f32[]
  %few = tensor.less(%x, %zero) : bool[N,2]
  %v = ctl.assert(%few, [%x]) {message = "never"} : f32[N,2]"""
CHOSEN = """%on = const {value = dense<true>} : bool[]
  %v = ctl.cond(%on) ({
    yield %x
  }, {
    yield %x
  }) : f32[N,2]"""


@pytest.mark.parametrize("before", [WIDE, CHOSEN, CHECKED])
def test_what_is_large_or_not_plain_is_left_to_libraries(before):
    assert few_rows(function(before)) is None


def test_inputs_that_do_not_fit():
    limited = "%v = tensor.assert_shape(%x) {allowed = [[1, 4, 2, 2]]} : f32[N,2]"
    few = few_rows(function(limited))
    assert few is not None
    with pytest.raises(CompileError, match=r"x has shape \[5, 2\], expected \[1..4, 2\]"):
        few.run({"x": np.zeros((5, 2), "f")})


def test_functions_without_trees_and_with_states_are_left_to_libraries():
    plain = parse('func @main(%x: f32[N,2]) -> ("y": f32[N,2]) {\n  return %x\n}').main
    assert few_rows(plain) is None
    assert few_rows(function(SCALE, arguments='%x: f32[N,2], %s: f32[2] {kind = "state"}')) is None


def test_rows_are_few_and_as_many_in_all_arguments():
    few = few_rows(function(SCALE, arguments="%x: f32[N,2], %u: f32[M,1]"))
    assert few is not None
    given = {rows: np.zeros((rows, 2), "f") for rows in (1, 2, few.rows, few.rows + 1)}
    assert few.fits({"x": given[2], "u": given[2]})
    assert few.fits({"x": given[few.rows], "u": given[few.rows]})
    assert not few.fits({"x": given[few.rows + 1], "u": given[few.rows + 1]})
    assert not few.fits({"x": given[1], "u": given[2]})  # what doesn't fit is a library's error
