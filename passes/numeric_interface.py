"""Gives functions an interface of numbers that training code works with: no strings, no bytes."""

from dataclasses import dataclass, replace
from typing import Literal

from ..ir.dialects.builtin import Return, array_of
from ..ir.dialects.core.elementwise import Cast
from ..ir.dialects.core.index import Gather
from ..ir.dialects.core.reshaping import ExpandDims, Reshape, Squeeze
from ..ir.interface import Classifier
from ..ir.rewrite import adopt, clone, replace_op
from ..ir.ssa import Function, Module, Value
from ..ir.types import DType
from ..ir.verify import Legal
from .manager import Instrumentation, Pass

Images = Literal["float32", "bytes"]
Classes = Literal["positions", "strings"]


@dataclass(frozen=True)
class NumericInterface(Pass):
    """Take images as float32, and return no class that follows from probabilities.

    Arrays of other floating-point types that are computed in float32 become float32 too. An image
    argument of bytes changes its type if it is only ever converted to float32: its numbers stay 0
    to 255. The predicted class is a string, or an integer of the model's choice; it follows from
    the probabilities and the labels, which remain attributes of the function.

    Without probabilities, a class that is a string becomes its position among the labels. So does
    any other result that is one of the model's strings, if it is the only result of strings; these
    strings are the function's labels then. Where the function has other labels, it stays.

    Options:
        images: float32, or bytes to leave images as they are.
        classes: positions, or strings to leave classes without probabilities as they are.
    """

    name = "numeric-interface"

    images: Images = "float32"
    classes: Classes = "positions"

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
            if self.classes == "positions":
                changed |= _give_position(function)
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
    end, known = function.block.terminator, function.classifier
    name, needed = known.predicted_feature, known.predicted_probabilities
    if not isinstance(end, Return) or not {name, needed} <= {*function.result_names}:
        return False
    index = function.result_names.index(name)
    kept = [i for i in range(len(end.operands)) if i != index]
    values = [end.operands[i] for i in kept]
    end.erase()
    function.block.insert(Return(tuple(values)))
    function.result_names = [function.result_names[i] for i in kept]
    function.outputs = [function.outputs[i] for i in kept]
    return True


def _give_position(function: Function) -> bool:
    """Return where the only string that is returned is among the labels."""
    end, known = function.block.terminator, function.classifier
    texts = [i for i, v in enumerate(end.operands) if v.type.dtype is DType.STR] if end else []
    if end is None or len(texts) != 1:
        return False
    (index,) = texts
    made = _positions(end.operands[index])
    if made is None or known.class_labels not in ((), made[1]):
        return False
    position, labels = made
    adopt([position], function.block, end)
    end.set_operand(index, position)
    function.classifier = Classifier(labels, function.result_names[index])
    function.outputs[index] = replace(function.outputs[index], kind="int64")
    return True


def _positions(value: Value) -> tuple[Value, tuple[str, ...]] | None:
    """What takes a string from constant ones: its positions, of the same shape, and all strings."""
    match value.op:
        case Gather(x, indices, axis=0) if x.type.rank == 1:
            strings = array_of(x)
            return None if strings is None else (indices, tuple(map(str, strings.tolist())))
        case Squeeze(x) | ExpandDims(x) | Reshape(x):
            if (inner := _positions(x)) is None:
                return None
            twin = clone(value.op, {x: inner[0]})
            return twin.results[0], inner[1]
        case _:
            return None
