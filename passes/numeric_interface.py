"""Gives functions an interface of numbers that training code works with: no strings, no bytes."""

from dataclasses import dataclass
from typing import Literal

from ..ir.dialects.builtin import Return
from ..ir.dialects.core.elementwise import Cast
from ..ir.rewrite import replace_op
from ..ir.ssa import Function, Module, Value
from ..ir.types import DType
from ..ir.verify import Legal
from .manager import Instrumentation, Pass

Images = Literal["float32", "bytes"]


@dataclass(frozen=True)
class NumericInterface(Pass):
    """Take images as float32, and don't return the class that a classifier predicts.

    Arrays of other floating-point types that are computed in float32 become float32 too. An image
    argument of bytes changes its type if it is only ever converted to float32: its numbers stay 0
    to 255. The predicted class is a string, or an integer of the model's choice; it follows from
    the probabilities and the labels, which remain attributes of the function.

    Options:
        images: float32, or bytes to leave images as they are.
    """

    name = "numeric-interface"

    images: Images = "float32"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        changed = False
        for function in module.public_functions.values():
            for value, known in zip(function.arguments, function.inputs, strict=True):
                is_image = known.kind == "image" and self.images == "float32"
                if is_image or value.type.dtype.is_float:
                    changed |= _as_float(value)
            changed |= _drop_class(function)
            changed |= _give_float(function)
        return changed


def _as_float(value: Value) -> bool:
    casts = [user for user, _ in value.uses]
    fits = all(isinstance(op, Cast) and op.dtype is DType.F32 for op in casts)
    if value.type.dtype not in (DType.U8, DType.F16, DType.F64) or not casts or not fits:
        return False
    value.type = value.type.with_dtype(DType.F32)
    for op in casts:
        replace_op(op, [value], by="numeric-interface")
    return True


def _give_float(function: Function) -> bool:
    end, changed = function.block.terminator, False
    for index, value in enumerate(end.operands if isinstance(end, Return) else ()):
        match value.op:
            case Cast(x) if value.type.dtype.is_float and x.type.dtype is DType.F32:
                assert end is not None
                end.set_operand(index, x)
                changed = True
            case _:
                pass
    return changed


def _drop_class(function: Function) -> bool:
    end, name = function.block.terminator, function.classifier.predicted_feature
    if not isinstance(end, Return) or name not in function.result_names or len(end.operands) < 2:
        return False
    index = function.result_names.index(name)
    kept = [i for i in range(len(end.operands)) if i != index]
    values = [end.operands[i] for i in kept]
    end.erase()
    function.block.insert(Return(tuple(values)))
    function.result_names = [function.result_names[i] for i in kept]
    function.outputs = [function.outputs[i] for i in kept]
    return True
