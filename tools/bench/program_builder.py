"""ML Programs built operation by operation, for measurements."""

from typing import Any

import numpy as np

from ...compiler.source.spec import messages

# DataType of the specification.
STRING, FLOAT16, FLOAT32, INT32 = 2, 10, 11, 23
_ARRAY_FLOAT32 = 65568  # ArrayDataType
_OPSET = "CoreML7"


class ProgramBuilder:
    """A function on x, a float32 tensor of this shape.

    Attributes:
        last: the name of the last result.
        count: the number of operations.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.spec = messages("Model_pb2").Model(specificationVersion=8)
        program = self.spec.mlProgram
        program.version = 1
        self.function = program.functions["main"]
        self.function.opset = _OPSET
        self.block = self.function.block_specializations[_OPSET]
        fill_type(self.function.inputs.add(name="x").type, shape)
        self._describe(self.spec.description.input, "x", shape)
        self.last, self.count = "x", 0

    def op(
        self, kind: str, shape: tuple[int, ...], dtype: int = FLOAT32, /, **parameters: Any
    ) -> str:
        """Add an operation on the last result; returns its result's name.

        Args:
            kind: the type of the operation.
            shape: the shape of its result.
            dtype: the dtype of its result.
            parameters: names of values, Value messages, or constants as arrays.
        """
        self.count += 1
        operation = self.block.operations.add(type=kind)
        for parameter, value in {"x": self.last, **parameters}.items():
            binding = operation.inputs[parameter].arguments.add()
            if isinstance(value, str):
                binding.name = value
            elif isinstance(value, np.ndarray):
                _fill_constant(binding.value, value)
            else:
                binding.value.CopyFrom(value)
        self.last = f"{kind}_{self.count}"
        fill_type(operation.outputs.add(name=self.last).type, shape, dtype)
        return self.last

    def model(self, shape: tuple[int, ...]) -> Any:
        """The Model message, which returns the last result, a float32 tensor of this shape."""
        self.block.outputs.append(self.last)
        self._describe(self.spec.description.output, self.last, shape)
        return self.spec

    def _describe(self, features: Any, name: str, shape: tuple[int, ...]) -> None:
        array = features.add(name=name).type.multiArrayType
        array.shape.extend(shape)
        array.dataType = _ARRAY_FLOAT32


def fill_type(message: Any, shape: tuple[int, ...], dtype: int = FLOAT32) -> None:
    """Make a ValueType the type of a tensor."""
    tensor = message.tensorType
    tensor.dataType, tensor.rank = dtype, len(shape)
    for size in shape:
        tensor.dimensions.add().constant.size = size


def _fill_constant(message: Any, array: Any) -> None:
    tensor = message.immediateValue.tensor
    if array.dtype.kind == "U":
        fill_type(message.type, array.shape, STRING)
        tensor.strings.values.append(str(array))
    elif array.dtype == np.float16:
        fill_type(message.type, array.shape, FLOAT16)
        tensor.bytes.values = array.tobytes()
    elif array.dtype == np.float32:
        fill_type(message.type, array.shape)
        tensor.floats.values.extend(array.ravel().tolist())
    else:
        fill_type(message.type, array.shape, INT32)
        tensor.ints.values.extend(array.ravel().tolist())
