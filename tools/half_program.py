"""An ML Program that computes in float16, with random weights: for measurements.

Convolutions with ReLU and a classifier, as coremltools writes them: single precision in and out,
half precision between two casts.
"""

from typing import Any

import numpy as np

from ..compiler.source.spec import messages

SIZE = 64
# Output channels and stride of 3 × 3 convolutions, one after the other.
LAYERS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1))
CLASSES = 100
_STRING, _FLOAT16, _FLOAT32, _INT32 = 2, 10, 11, 23  # DataType of the specification
_ARRAY_FLOAT32 = 65568  # ArrayDataType


class _Builder:
    def __init__(self) -> None:
        self.spec = messages("Model_pb2").Model(specificationVersion=7)
        program = self.spec.mlProgram
        program.version = 1
        self.function = program.functions["main"]
        self.function.opset = "CoreML6"
        self.block = self.function.block_specializations["CoreML6"]
        self.random = np.random.default_rng(0)

    def op(
        self, kind: str, shape: tuple[int, ...], element: int = _FLOAT16, /, **given: Any
    ) -> str:
        """An operation on named values and constants; the name of its result."""
        name = f"{kind}_{len(self.block.operations)}"
        operation = self.block.operations.add(type=kind)
        for parameter, value in given.items():
            argument = operation.inputs[parameter].arguments.add()
            if parameter == "x":
                argument.name = value
            else:
                _fill_value(argument.value, value)
        _fill_type(operation.outputs.add(name=name).type, shape, element)
        return name

    def weights(self, *shape: int) -> Any:
        fan_in = int(np.prod(shape[1:]))
        return (self.random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float16)


def model() -> Any:
    """The Model message: x [1, 3, SIZE, SIZE] in, y [1, CLASSES] out."""
    builder = _Builder()
    channels, size = 3, SIZE
    shape = (1, channels, size, size)
    _fill_type(builder.function.inputs.add(name="x").type, shape, _FLOAT32)
    value = builder.op("cast", shape, x="x", dtype="fp16")
    for out, stride in LAYERS:
        size //= stride
        shape = (1, out, size, size)
        given: dict[str, Any] = {
            "weight": builder.weights(out, channels, 3, 3),
            "strides": np.array([stride, stride], np.int32),
            "pad_type": "same",
        }
        value = builder.op("conv", shape, x=value, **given)
        value = builder.op("relu", shape, x=value)
        channels = out
    axes = np.array([2, 3], np.int32)
    value = builder.op("reduce_mean", (1, channels), x=value, axes=axes)
    weight = builder.weights(CLASSES, channels)
    value = builder.op("linear", (1, CLASSES), x=value, weight=weight)
    value = builder.op("softmax", (1, CLASSES), x=value)
    value = builder.op("cast", (1, CLASSES), _FLOAT32, x=value, dtype="fp32")
    builder.block.outputs.append(value)
    for features, name, sizes in (
        (builder.spec.description.input, "x", (1, 3, SIZE, SIZE)),
        (builder.spec.description.output, value, (1, CLASSES)),
    ):
        array = features.add(name=name).type.multiArrayType
        array.shape.extend(sizes)
        array.dataType = _ARRAY_FLOAT32
    return builder.spec


def _fill_type(message: Any, shape: tuple[int, ...], dtype: int) -> None:
    tensor = message.tensorType
    tensor.dataType, tensor.rank = dtype, len(shape)
    for size in shape:
        tensor.dimensions.add().constant.size = size


def _fill_value(message: Any, value: Any) -> None:
    tensor = message.immediateValue.tensor
    if isinstance(value, str):
        _fill_type(message.type, (), _STRING)
        tensor.strings.values.append(value)
    elif value.dtype == np.float16:
        _fill_type(message.type, value.shape, _FLOAT16)
        tensor.bytes.values = value.tobytes()
    else:
        _fill_type(message.type, value.shape, _INT32)
        tensor.ints.values.extend(value.tolist())
