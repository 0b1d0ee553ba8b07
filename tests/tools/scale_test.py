"""Cost grows with the number of ops, no faster: counted, because clocks are noisy."""

import cmlc
import pytest
from cmlc.compiler.source.mil_text import parse_program
from cmlc.compiler.watch import Watch
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module
from cmlc.ir.verify import verify
from cmlc.tools.bench.large_program import many_operations, many_statements
from support.mil.programs import BOOL, imported, op, program
from support.running.counting import calls


def stages(count):
    """Calls of each stage up to lowering."""
    message = many_operations(count)
    found = {}
    found["import"], module = calls(cmlc.load, message)
    found["verify"], _ = calls(verify, module)
    found["print"], text = calls(print_module, module)
    found["parse"], _ = calls(parse, text, "text", TABLE)
    found["compile"], _ = calls(cmlc.compile, module)
    return found


@pytest.mark.slow
def test_costs_are_linear():
    stages(40)  # what happens once
    few, many = stages(200), stages(800)
    ratios = {stage: many[stage] / few[stage] for stage in few}
    assert max(ratios.values()) < 4.4, ratios


@pytest.mark.slow
def test_text_of_programs_costs_are_linear():
    parse_program(many_statements(40))
    few, many = (calls(parse_program, many_statements(count))[0] for count in (200, 800))
    assert many < 4.2 * few


def test_ir_text_takes_few_calls():
    """What lark and the builder do for an op: a token too many costs a quarter."""
    module = cmlc.load(many_operations(500))
    text, ops = print_module(module), sum(1 for _ in module.walk())
    parse(text)
    assert calls(parse, text)[0] < 260 * ops


@pytest.mark.slow
def test_ten_thousand_ops_in_a_row_need_no_deeper_stack():
    watch = Watch()
    text = "".join(f"  %v{i + 1} = tensor.sin(%v{i}) : f32[2]\n" for i in range(10_000))
    module = parse(
        f"func @main(%v0: f32[2]) -> (f32[2]) {{\n{text}  return %v10000\n}}\n", "text", TABLE
    )
    model = cmlc.compile(module, watch=watch)
    assert sum(op.name == "tensor.sin" for op in model.optimized.walk()) == 10_000


@pytest.mark.parametrize("depth", [4, 30])
def test_nested_control_flow(depth):
    """What a pass asks of an op in a region is not asked again for each region around it."""
    inner = (op("sin", "z0", (4,), x="x"),)
    for level in range(1, depth + 1):
        other = (op("cos", f"w{level}", (4,), x="x"),)
        blocks = [((), inner, [f"z{level - 1}"]), ((), other, [f"w{level}"])]
        inner = (op("cond", f"z{level}", (4,), 11, blocks, pred="p"),)
    truth = (
        op("squeeze", "q", (), x="n", axes=[0]),
        op("cast", "p", (), BOOL, x="q", dtype="bool"),
    )
    module = imported(program(*truth, *inner, opset=17, x=(4,), n=(1,)))
    (outer,) = (o for o in module.main.block if o.all_regions())
    count, found = calls(outer.effects)
    assert not found
    assert count < 40 * depth
