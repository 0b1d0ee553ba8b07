"""Every violation that the verifier knows."""

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import Call, Return, Yield
from cmlc.ir.dialects.core.activation import Relu
from cmlc.ir.dialects.core.elementwise import Add
from cmlc.ir.interface import Result
from cmlc.ir.location import InModel
from cmlc.ir.ssa import Function, Module
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType, Tensor
from cmlc.ir.verify import Legal, verify

F2 = Tensor(DType.F32, (2,))


def module(*ops, end=True, types=(F2, F2)):
    made = Function("f", types, ["x", "y"])
    relu = made.block.insert(Relu(made.arguments[0]))
    for make in ops:
        made.block.insert(make(made, relu))
    if end:
        made.block.insert(Return((relu.result,)))
    return Module(functions=[made]), made, relu


def problems(checked, legal=None):
    with pytest.raises(CompileError) as caught:
        verify(checked, legal)
    return [item.message for item in caught.value.diagnostics]


def test_all_is_well():
    verify(module()[0])


def test_use_before_definition():
    checked, made, relu = module()
    late = made.block.insert(Relu(made.arguments[0]), before=made.block.last)
    relu.set_operand(0, late.result)
    assert problems(checked) == ["'nn.relu' uses %0 before its definition"]


def test_values_of_another_function():
    checked, _, relu = module()
    relu.set_operand(0, Function("g", [F2], ["z"]).arguments[0])
    assert problems(checked) == ["'nn.relu' uses %z before its definition"]


def test_values_do_not_leave_regions():
    checked = parse(
        """func @f(%p: bool[], %x: f32[2]) -> f32[2] {
          %y = ctl.cond(%p) ({ %a = nn.relu(%x) : f32[2] yield %a }, { yield %x }) : f32[2]
          return %y
        }"""
    )
    cond = checked.main.block.first
    checked.main.block.last.set_operand(0, cond.then.block.first.result)
    assert problems(checked) == ["'return' uses %a before its definition"]


def test_broken_use_list():
    checked, made, relu = module()
    made.arguments[0].remove_use(relu, 0)
    assert problems(checked) == ["'nn.relu' operand 0 does not list this use"]


def test_broken_parent():
    checked, _, relu = module()
    relu.parent = Function("g").block
    assert "'nn.relu' does not refer to its block" in problems(checked)


def test_types_that_do_not_follow():
    checked, _, relu = module()
    relu.result.type = Tensor(DType.F32, (3,))
    assert problems(checked) == ["'nn.relu' has results f32[3], but its operands give f32[2]"]


def test_operands_that_an_op_refuses():
    checked, made, relu = module(types=(F2, Tensor(DType.I32, (2,))))
    relu.set_operand(0, made.arguments[1])
    assert problems(checked) == ["'nn.relu' x is i32[2], expected one of f16, f32, f64"]


def test_constraints():
    checked, made, _ = module(
        lambda made, relu: Add(relu.result, made.arguments[1]),
    )
    made.arguments[1].type = Tensor(DType.F32, (3,))
    assert problems(checked) == ["'tensor.add' dimensions 2 and 3 do not broadcast"]


def test_unknown_callee():
    checked, _, _ = module(lambda made, relu: Call((), callee="g", result_types=()))
    assert problems(checked) == ["'call' calls @g, which the module does not have"]


CALLS = """
func @main(%x: f32[2,3], %y: f32[M]) -> f32[6] {{
  %a = call({arguments}) {{callee = "flat"}} : {types}
  %b = const {{value = dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]>}} : f32[6]
  return %b
}}
func private @flat(%x: f32[N,3]) -> f32[3*N] {{
  %y = tensor.reshape(%x) {{shape = [3*N]}} : f32[3*N]
  return %y
}}
"""


@pytest.mark.parametrize(
    ("arguments", "types", "message"),
    [
        ("%x", "f32[6]", ""),
        ("%x", "f32[K]", ""),  # which only running tells
        ("%x", "f32[5]", "returns f32[N*3], not f32[5]"),
        ("%x", "i32[6]", "returns f32[N*3], not i32[6]"),
        ("%x", "f32[6,1]", "returns f32[N*3], not f32[6,1]"),
        ("%x, %x", "f32[6]", "takes 1 arguments, not 2"),
        ("%y", "f32[6]", "takes f32[N,3] as 'x', not f32[M]"),
    ],
)
def test_calls_fit_what_they_call(arguments, types, message):
    checked = parse(CALLS.format(arguments=arguments, types=types))
    if not message:
        verify(checked)
        return
    assert problems(checked) == [f"'call' does not fit: @flat {message}"]


def test_results_of_calls_are_as_many_as_the_callee_gives():
    checked, *_ = module(lambda made, relu: Call((relu.result,), callee="g", result_types=(F2, F2)))
    callee = module(types=(F2,))[1]
    callee.name = "g"
    checked.functions["g"] = callee
    assert problems(checked) == ["'call' does not fit: @g returns f32[2], not f32[2], f32[2]"]


def test_functions_do_not_call_themselves():
    checked, *_ = module(lambda made, relu: Call((), callee="f", result_types=()))
    assert "functions can't call themselves: @f calls @f" in problems(checked)


def test_a_module_has_a_public_function():
    checked, made, _ = module()
    made.public = False
    assert problems(checked) == ["the module has no public function"]
    assert problems(Module()) == ["the module has no public function"]


def test_the_default_function_is_public():
    checked = parse("func @f() -> () { return } func private @g() -> () { return }")
    checked.attributes["default_function"] = "g"
    message = "the default function @g is not a public function of the module"
    assert problems(checked) == [message]
    checked.attributes["default_function"] = "f"
    verify(checked)


def test_terminators():
    missing = "a block does not end in 'return'"
    assert problems(module(end=False)[0]) == [missing]
    assert problems(module(lambda made, relu: Yield((relu.result,)), end=False)[0]) == [missing]
    early = module(lambda made, relu: Return((relu.result,)))[0]
    assert problems(early) == ["'return' is not last in its block"]


def test_result_names():
    checked, made, _ = module()
    made.result_names, made.outputs = ["a", "b"], [Result(), Result()]
    assert problems(checked) == ["@f names 2 results but returns 1"]


def test_interface():
    checked, made, _ = module()
    made.inputs.pop()
    made.outputs = [Result()]
    assert problems(checked) == [
        "@f describes 1 arguments but has 2",
        "@f describes 1 results but names 0",
    ]


def test_all_problems_are_reported_with_locations():
    checked, made, relu = module()
    relu.location = InModel("layers", 0, "r")
    relu.result.type = Tensor(DType.F32, (3,))
    made.result_names, made.outputs = ["a", "b"], [Result(), Result()]
    with pytest.raises(CompileError, match=r"layers\[0\] 'r': error") as caught:
        verify(checked)
    assert len(caught.value.diagnostics) == 2


POOL = """func @f(%x: f32[1,2,2,1]) -> f32[1,1,1,1] {
  %y = nn.max_pool(%x) {kernel_sizes = [2, 2], layout = #channels_last} : f32[1,1,1,1]
  return %y
}"""


@pytest.mark.parametrize(
    ("legal", "message"),
    [
        (Legal(prefixes=("tf.", "keras.")), "'nn.max_pool' is outside tf., keras."),
        (Legal(forbidden=frozenset({"nn.max_pool"})), "'nn.max_pool' may not occur here"),
        (
            Legal(spatial_layout="channels_first"),
            "'nn.max_pool' has layout channels_last, expected channels_first",
        ),
    ],
)
def test_stages(legal, message):
    assert problems(parse(POOL), legal) == [message]


def test_legal_stages():
    verify(parse(POOL), Legal(("nn.",), frozenset({"nn.relu"}), "channels_last"))
