"""The toy target: relu is all that it knows."""

import numpy as np
from cmlc.backends.calls import CallOp
from cmlc.backends.executable import Executable
from cmlc.backends.lowering import Lowering, compose
from cmlc.backends.target import Target
from cmlc.ir.declare import operand
from cmlc.ir.dialects.core import activation
from cmlc.ir.ssa import Value


class ToyOp(CallOp):
    """A call of the toy library."""

    roots = ("toy",)


class Relu(ToyOp, call="toy.relu"):
    """max(x, 0)."""

    x: Value = operand()


lower = Lowering()
lower.direct(activation.Relu, Relu)


class ToyModule(Executable):
    """Walks over the calls."""

    def run(self, inputs, function=""):
        callee = self.called(function, inputs)
        values = {value: inputs[value.name] for value in callee.arguments}
        for op in callee.block:
            if op.is_terminator:
                return dict(zip(callee.result_names, (values[v] for v in op.operands), strict=True))
            values[op.results[0]] = np.maximum(values[op.operands[0]], 0)
        raise AssertionError


TARGET = Target(
    name="toy",
    title="Toy",
    pipeline="canonicalize",
    lowering=compose(lower),
    unsupported={},
    ops={Relu.name: Relu},
    executable=ToyModule,
)
