"""An ML Program that computes in float16 with random weights, for measurements.

Convolutions with ReLU and a classifier, as coremltools writes them: single precision in and out,
half precision between two casts.
"""

from typing import Any

import numpy as np

from .program_builder import FLOAT16, ProgramBuilder

SIZE = 64
# Output channels and stride of 3 × 3 convolutions, one after the other.
LAYERS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1))
CLASSES = 100


def model() -> Any:
    """The Model message: x [1, 3, SIZE, SIZE] in, [1, CLASSES] out."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        fan_in = int(np.prod(shape[1:]))
        return (random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float16)

    channels, size = 3, SIZE
    shape = (1, channels, size, size)
    builder = ProgramBuilder(shape)
    builder.op("cast", shape, FLOAT16, dtype=np.array("fp16"))
    for out, stride in LAYERS:
        size //= stride
        shape = (1, out, size, size)
        builder.op(
            *("conv", shape, FLOAT16),
            weight=weights(out, channels, 3, 3),
            strides=np.array([stride, stride], np.int32),
            pad_type=np.array("same"),
        )
        builder.op("relu", shape, FLOAT16)
        channels = out
    builder.op("reduce_mean", (1, channels), FLOAT16, axes=np.array([2, 3], np.int32))
    builder.op("linear", (1, CLASSES), FLOAT16, weight=weights(CLASSES, channels))
    builder.op("softmax", (1, CLASSES), FLOAT16)
    builder.op("cast", (1, CLASSES), dtype=np.array("fp32"))
    return builder.model((1, CLASSES))
