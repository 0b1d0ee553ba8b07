"""Programs of one operation on inputs x, y and z."""

from support.mil.programs import FP32, op, program, result
from support.networks.builders import numbers

X = numbers(2, 3, 4)


def one(kind, shape, /, *arrays, opset=15, dtypes=None, dtype=FP32, **parameters):
    """The result of one operation."""
    names = dict(zip("xyz", (a.shape for a in arrays), strict=False))
    made = op(kind, "out", shape, dtype, **parameters)
    return result(program(made, opset=opset, dtypes=dtypes, **names), *arrays)
