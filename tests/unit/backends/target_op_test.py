"""A target whose ops are not Python calls: nodes with positional inputs."""

from typing import ClassVar

import pytest
from cmlc.backends.lowering import Lowering, is_lowered, lower_module
from cmlc.backends.target_op import TargetOp
from cmlc.ir.declare import attr, operand
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects import builtin, op_table
from cmlc.ir.dialects.core import activation as core
from cmlc.ir.ssa import Value
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_function
from cmlc.ir.verify import verify

TEXT = """func @main(%x: f32[2]) -> f32[2] {
  %a = nn.leaky_relu(%x) {alpha = 0.5} : f32[2]
  %y = nn.relu(%a) : f32[2]
  return %y
}
"""


class Node(TargetOp):
    """Base of nodes, which have a version."""

    version: ClassVar[int] = 1


class Relu(Node):
    """max(x, 0)."""

    name = "node.Relu"
    version = 14
    input: Value = operand()


class LeakyRelu(Node):
    """x, or slope * x below 0."""

    name = "node.LeakyRelu"
    input: Value = operand()
    slope: float = attr()


lower = Lowering()
lower.direct(core.Relu, Relu, x="input")
lower.direct(core.LeakyRelu, LeakyRelu, x="input", alpha="slope")


def test_core_ops_become_nodes_which_stay():
    module = parse(TEXT)
    for _ in range(2):
        lower_module(module, lower.rules, {}, "nodes")
        verify(module)
    assert is_lowered(module)
    assert [op.name for op in module.walk()] == ["node.LeakyRelu", "node.Relu", "return"]
    text = print_function(module.main)
    table = op_table(builtin.OPS, (Relu, LeakyRelu))
    assert print_function(parse(text, table=table).main) == text


def test_what_has_no_node_is_refused():
    module = parse(TEXT)
    with pytest.raises(CompileError, match=r"'nn\.relu' can't be expressed in nodes"):
        lower_module(module, {core.LeakyRelu: lower.rules[core.LeakyRelu]}, {}, "nodes")
