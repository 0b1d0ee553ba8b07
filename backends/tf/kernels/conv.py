"""Convolution."""

from collections.abc import Sequence
from typing import Any


def conv_transpose(input: Any, filters: Any, strides: Sequence[int]) -> Any:
    """Transposed convolution of [N, *spatial, C], uncropped, for any batch and spatial size."""
    import tensorflow as tf

    known, dynamic = input.shape, tf.shape(input)
    lead = [known[i] if known[i] is not None else dynamic[i] for i in range(len(known) - 1)]
    sizes = [
        (size - 1) * stride + kernel
        for size, stride, kernel in zip(lead[1:], strides, filters.shape[:-2], strict=True)
    ]
    output_shape: Any = [lead[0], *sizes, filters.shape[-2]]
    return tf.nn.conv_transpose(input, filters, output_shape, strides, "VALID")
