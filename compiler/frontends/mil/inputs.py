"""Arguments of a function: the inputs of the model's description, converted for the program.

Images are [N, H, W, C] bytes with colours in the order red, green, blue; the program takes them as
[N, C, H, W] numbers in the order of the description. Arrays keep Core ML's shape and dtype. States
follow the inputs, in the dtype that the program computes in, and stay in it between calls.
"""

from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core import shape
from ....ir.dims import Dim, symbol
from ....ir.interface import Argument
from ....ir.location import InModel
from ....ir.ssa import Value
from ....ir.types import DType, Tensor
from ...source.interface import Feature, Interface
from ..features import (
    CHANNELS,
    allowed_shapes,
    argument_of,
    channels_first,
    open_sizes,
    pixels,
    words_of,
)
from ..values import cast
from .constants import tensor_type


class Inputs:
    """The arguments of one function."""

    def __init__(
        self, function: Any, interface: Interface, singles: bool, *, flexible: bool
    ) -> None:
        self.features = (*interface.inputs, *interface.states)
        self.words = words_of(interface.inputs)
        self.singles = singles
        self.flexible = flexible
        self.taken = {item.name: item.type for item in function.inputs}
        unknown = [f.name for f in self.features if f.name not in self.taken]
        missing = sorted(set(self.taken) - {f.name for f in self.features})
        names = [item.name for item in function.inputs]
        if len(self.taken) < len(names):
            name = next(name for name in names if names.count(name) > 1)
            message = "the program has two inputs of this name"
            raise CompileError(Diagnostic(message, "malformed", InModel("input", None, name)))
        for name in (*unknown, *missing):
            message = "the description and the program have different inputs"
            raise CompileError(Diagnostic(message, "malformed", InModel("input", None, name)))

    def signature(self) -> tuple[list[Tensor], list[str]]:
        """Types and names of the arguments."""
        return [self._type(f) for f in self.features], [f.name for f in self.features]

    def _type(self, feature: Feature) -> Tensor:
        if feature.image is not None:
            image = feature.image
            dtype = DType.F16 if image.color == "GRAYSCALE_FLOAT16" else DType.U8
            height, width = self._sizes(feature, (image.height, image.width))
            return Tensor(dtype, (1, height, width, CHANNELS[image.color]))
        if feature.kind == "state" and feature.dtype is not None:
            halves = self.singles and feature.dtype is DType.F16
            return Tensor(DType.F32 if halves else feature.dtype, feature.shape)
        if feature.kind != "array" or feature.dtype is None:
            message = f"a {feature.kind} input can't feed a program"
            location = InModel("input", None, feature.name)
            raise CompileError(Diagnostic(message, "unsupported", location))
        return Tensor(feature.dtype, self._sizes(feature, feature.shape))

    def _sizes(self, feature: Feature, default: tuple[int, ...]) -> tuple[Dim, ...]:
        word = self.words[feature.name]
        return open_sizes(feature, default, word) if self.flexible else default

    def described(self) -> list[Argument]:
        """The interface attributes of each argument."""
        return [argument_of(feature) for feature in self.features]

    def operand(self, feature: Feature, argument: Value) -> Value:
        """The value that the program's operations read for an argument."""
        if self.flexible and feature.flexibility is not None:
            allowed = allowed_shapes(feature)
            argument = shape.AssertShape(argument, allowed, f"input '{feature.name}'").result
        declared = tensor_type(self.taken[feature.name], lambda axis: symbol(f"any_{axis}")).dtype
        dtype = DType.F32 if self.singles and declared is DType.F16 else declared
        if feature.image is not None:
            return channels_first(pixels(argument, feature.image.color, dtype))
        return cast(argument, dtype)
