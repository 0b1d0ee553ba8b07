"""What a target can't express: each reason once, all its places, and a remedy that works."""

import pytest
from cmlc.compiler.driver import load_text, lower
from cmlc.compiler.options import Options
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.location import InModel, leaves
from cmlc.passes.manager import parse_pipeline

FLEXIBLE = '{kind = "array", shape = [1, 4], shape_ranges = [[1, 1], [1, 8]]}'


def refused(text, pipeline=""):
    """The diagnostics of a module that Keras code can't express."""
    module = load_text(text)
    parse_pipeline(pipeline).run(module)
    for number, op in enumerate(module.walk()):
        op.location = InModel("operations", number, op.name)
    with pytest.raises(CompileError) as caught:
        lower(module, Options(target="keras"))
    return caught.value.diagnostics


SHAPES = f"""
func @main(%x: f32[1,L] {FLEXIBLE}, %y: f32[1,L] {FLEXIBLE}, %z: f32[1,1]) -> (i32[2], f32[1,L]) {{
  %a = tensor.shape(%x) : i32[2]
  %b = tensor.shape(%y) : i32[2]
  %c = tensor.add(%a, %b) : i32[2]
  %d = tensor.dynamic_broadcast_to(%z, %a) {{dims = [1, L]}} : f32[1,L]
  return %c, %d
}}
"""


def test_each_reason_is_told_once_with_all_its_places():
    (problem,) = refused(SHAPES)
    assert problem.message == (
        "'tensor.shape' and 'tensor.dynamic_broadcast_to' can't be expressed in Keras: "
        "a functional model can't compute with dynamic dimensions"
    )
    assert [place.index for place in leaves(problem.location)] == [0, 1, 3]
    assert problem.subject == "tensor.shape"
    assert problem.remedy == "compile the default shapes only (--fixed-shapes)"


def test_different_reasons_are_told_apart():
    found = refused("""
func @main(%x: f32[2,3], %s: i32[2]) -> (i32[K,2], f32[2,3]) {
  %a = tensor.non_zero(%x) {dims = [K, 2]} : i32[K,2]
  %b = tensor.random_uniform(%s) {dims = [2, 3]} : f32[2,3]
  return %a, %b
}
""")
    assert [problem.subject for problem in found] == ["tensor.non_zero", "tensor.random_uniform"]


def shape_of(argument):
    return f"""
func @main({argument}) -> i32[2] {{
  %s = tensor.shape(%x) : i32[2]
  return %s
}}
"""


@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        (f"%x: f32[1,L] {FLEXIBLE}", "compile the default shapes only (--fixed-shapes)"),
        (
            "%x: f32[1,L] {enumerated_shapes = [[1, 4], [1, 8]]}",
            "compile the default shapes only (--fixed-shapes)",
        ),
        ('%x: f32[N,4] {batch = "opened"}', "compile for a batch of one (--batch=static)"),
        (
            '%x: f32[N,L] {batch = "opened", shape_ranges = [[1, 1], [1, 8]]}',
            "compile for a batch of one (--batch=static) and "
            "compile the default shapes only (--fixed-shapes)",
        ),
        ("%x: f32[N,4]", "give 'x' a shape of numbers"),
    ],
)
def test_the_remedy_is_the_choice_that_opened_the_extents(argument, remedy):
    (problem,) = refused(shape_of(argument))
    assert problem.remedy == remedy


def test_extents_that_are_computed_come_from_those_of_arguments():
    (problem,) = refused(f"""
func @main(%x: f32[1,L] {FLEXIBLE}, %s: i32[2], %z: f32[1,1]) -> f32[1,M] {{
  %d = tensor.dynamic_broadcast_to(%z, %s) {{dims = [1, M]}} : f32[1,M]
  return %d
}}
""")
    assert "--fixed-shapes" in problem.remedy


def test_repetitions_that_are_computed_are_known_for_fixed_shapes():
    (problem,) = refused(f"""
func @main(%x: f32[1,L] {FLEXIBLE}, %r: i32[2]) -> f32[1,M] {{
  %d = tensor.dynamic_tile(%x, %r) {{dims = [1, M]}} : f32[1,M]
  return %d
}}
""")
    assert "can't repeat a dimension a computed number of times" in problem.message
    assert "--fixed-shapes" in problem.remedy


def test_extents_of_data_have_no_remedy():
    *_, problem = refused("""
func @main(%x: f32[2,3]) -> i32[2] {
  %a = tensor.non_zero(%x) {dims = [K, 2]} : i32[K,2]
  %s = tensor.shape(%a) : i32[2]
  return %s
}
""")
    assert problem.subject == "tensor.shape"
    assert problem.remedy == ""


def test_what_fixed_extents_would_not_change_has_no_such_remedy():
    (problem,) = refused("""
func @main(%x: f32[N,4] {batch = "opened"}, %i: i32[1], %u: f32[N,1]) -> f32[N,4] {
  %y = tensor.scatter(%x, %i, %u) {axis = 1, mode = #div} : f32[N,4]
  return %y
}
""")
    assert "no scatter that divides" in problem.message
    assert problem.remedy == ""


def loop(last, argument="%x: f32[2]", before="", state="f32[2]"):
    """Adds up to `last`, a value, one by one."""
    return f"""
func @main({argument}) -> {state} {{
  %zero = const {{value = dense<0>}} : i32[]
  %one = const {{value = dense<1>}} : i32[]
  {before}
  %n, %y = ctl.while_loop(%zero, %x) ({{
    ^(%i: i32[], %v: {state}):
    %go = tensor.less(%i, {last}) : bool[]
    yield %go
  }}, {{
    ^(%j: i32[], %w: {state}):
    %k = tensor.add(%j, %one) : i32[]
    %a = tensor.sin(%w) : {state}
    yield %k, %a
  }}) : i32[], {state}
  return %y
}}
"""


COUNTED = loop("%last", before="%last = const {value = dense<5>} : i32[]")


def test_a_loop_of_known_count_says_how_to_unroll_it():
    (problem,) = refused(COUNTED)
    assert problem.remedy == "repeat its body 5 times (--passes='unroll{limit=5}')"


def test_that_remedy_works():
    module = load_text(COUNTED)
    parse_pipeline("unroll{limit=5}").run(module)
    lowered = lower(module, Options(target="keras"))
    assert [op.name for op in lowered.walk()].count("keras.ops.sin") == 5


def test_a_loop_whose_count_depends_on_data_has_no_remedy():
    (problem,) = refused(loop("%m", "%x: f32[2], %m: i32[]"))
    assert "no loops (--emit=savedmodel has them)" in problem.message
    assert problem.remedy == ""


def test_a_loop_over_an_open_extent_can_be_counted_when_that_is_fixed():
    before = """%s = tensor.shape(%x) : i32[2]
  %last = tensor.gather(%s, %one) : i32[]"""
    found = refused(loop("%last", f"%x: f32[1,L] {FLEXIBLE}", before, "f32[1,L]"))
    assert [problem.subject for problem in found] == ["tensor.shape", "ctl.while_loop"]
    assert {problem.remedy for problem in found} == {
        "compile the default shapes only (--fixed-shapes)"
    }


def test_a_loop_over_entries_counted_by_data_has_none():
    entries = '%x: f32[N,2] {batch = "opened"}, %m: i32[]'
    (problem,) = refused(loop("%m", entries, state="f32[N,2]"))
    assert problem.remedy == ""
