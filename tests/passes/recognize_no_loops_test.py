"""Loops that look like recurrent networks, and aren't: what differs is in one line of the text."""

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.dialects.core.control import WhileLoop
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module
from cmlc.passes.manager import parse_pipeline

LOOP = """
func @f(%x: f32[T,2,3], %h0: f32[2,2], %other: f32[2,2]) -> (f32[2,2], f32[2,2]) {{
  %w = const {{value = resource<"w">}} : f32[{rows},3]
  %u = const {{value = resource<"u">}} : f32[2,2]
  %b = const {{value = resource<"b">}} : f32[2]
  %one = const {{value = dense<1>}} : i32[]
  %two = const {{value = dense<2>}} : i32[]
  %start = const {{value = dense<0>}} : i32[]
  %shape = tensor.shape(%x) : i32[3]
  %first = tensor.slice_by_index(%shape) {{begin = [0], end = [1], stride = [1], \
begin_mask = [0], end_mask = [0]}} : i32[1]
  %count = tensor.squeeze(%first) {{axes = [0]}} : i32[]
  %t, %s, %last, %same = ctl.while_loop(%start, %start, %h0, {initial}) ({{
    ^(%i: i32[], %j: i32[], %h: f32[2,2], %g: f32[2,2]):
    %go = tensor.less({counted}, %count) : bool[]
    yield %go
  }}, {{
    ^(%i: i32[], %j: i32[], %h: f32[2,2], %g: f32[2,2]):
    %pair = tensor.stack({pair}) {{axis = 0}} : i32[2]
    %picked = tensor.slice_by_index(%pair) {{begin = [1], end = [{end}], stride = [1], \
begin_mask = [{mask}], end_mask = [0]}} : i32[1]
    %place = tensor.squeeze(%picked) {{axes = [0]}} : i32[]
    %xt = tensor.gather(%x, %place) : f32[2,3]
    %p = nn.linear(%xt, %w) : f32[2,{rows}]
    %px = tensor.add(%p, %b) : f32[2,2]
    %ph = nn.linear(%h, %u) : f32[2,2]
    %sum = tensor.add(%px, %ph) : f32[2,2]
    %y = tensor.tanh(%sum) : f32[2,2]
    %k = tensor.add({stepped}, %one) : i32[]
    %m = tensor.add({other}, %{other_step}) : i32[]
    yield %k, %m, %y, %y
  }}) : i32[], i32[], f32[2,2], f32[2,2]
  return %last, %same
}}
resources {{
  "w" : f32[{rows},3] = random(1)
  "u" : f32[2,2] = random(2)
  "b" : f32[2] = random(3)
}}
"""
RECURRENT = {
    **{"rows": 2, "initial": "%h0", "counted": "%i", "stepped": "%i"},
    **{"other": "%j", "other_step": "one", "pair": "%start, %i", "end": 2, "mask": 0},
}


def rewritten(**changes):
    """Whether the pass replaces the loop; what it does agrees with the loop."""
    before = load_text(LOOP.format(**RECURRENT | changes))
    after = clone_module(before)
    parse_pipeline("recognize-loops, dce").run(after)
    for steps in (1, 5):
        given = random_inputs(before.main, 0, T=steps)
        for a, b in zip(run(before, given).values(), run(after, given).values(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
    return not any(isinstance(op, WhileLoop) for op in after.walk())


def test_the_loop_itself_is_a_recurrent_network():
    assert rewritten()


@pytest.mark.parametrize(
    "changes",
    [
        {"counted": "%j", "stepped": "%j", "other_step": "two"},
        {"stepped": "%j", "other_step": "two"},
        {"stepped": "%j", "other": "%i", "other_step": "two"},
    ],
)
def test_what_another_number_counts_is_not_a_position(changes):
    """One of the two isn't t, so neither is what is computed of it."""
    assert not rewritten(**changes)


def test_a_bias_may_be_wider_than_a_product():
    """Its numbers are not those of the rows of one weight."""
    assert not rewritten(rows=1)


def test_one_state_has_one_value_before_the_loop():
    """Without a step, each of two values is still what it was before."""
    assert not rewritten(initial="%other")


def test_where_a_slice_begins_does_not_matter_where_it_is_masked():
    assert not rewritten(end=1, mask=1)
    assert rewritten(end=1, mask=1, pair="%i, %start")
