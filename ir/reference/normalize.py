"""Normalisations: with given statistics, with computed ones, local response, L2 and softmax.

Formulas are those of NeuralNetwork.proto and MIL's normalization ops. Variances are population
variances, computed in two passes; epsilon is always under the root.
"""

from collections.abc import Sequence

import numpy as np

from .precision import Array, widen


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    epsilon: float = 1e-5,
    channel_axis: int = 1,
) -> Array:
    """Compute gamma * (x - mean) / sqrt(variance + epsilon) + beta (BatchnormLayerParams).

    Args:
        x: Any shape with C elements along channel_axis.
        mean: [C].
        variance: [C].
        gamma: [C], ones by default.
        beta: [C], zeros by default.
        epsilon: Added to the variance.
        channel_axis: The axis of C.
    """
    data = widen(x)
    axes = (channel_axis,)
    scale = 1 / np.sqrt(_along(variance, data, axes) + data.dtype.type(epsilon))
    return _affine((data - _along(mean, data, axes)) * scale, gamma, beta, axes, x)


def layer_norm(
    x: Array,
    axes: Sequence[int],
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: float = 1e-5,
) -> Array:
    """Compute gamma * (x - E[x]) / sqrt(Var[x] + epsilon) + beta over axes (MIL layer_norm).

    Args:
        x: Any shape.
        axes: Where mean and variance are taken.
        gamma: The shape of x along the axes, in increasing order of axis; ones by default.
        beta: As gamma; zeros by default.
        epsilon: Added to the variance.
    """
    return _affine(_standardize(widen(x), axes, epsilon), gamma, beta, axes, x)


def instance_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    epsilon: float = 1e-5,
    channel_axis: int = 1,
    spatial_axes: Sequence[int] = (2, 3),
) -> Array:
    """Compute gamma * (x - E[x]) / sqrt(Var[x] + epsilon) + beta per channel (MIL instance_norm).

    Args:
        x: Any shape with C elements along channel_axis.
        gamma: [C], ones by default.
        beta: [C], zeros by default.
        epsilon: Added to the variance.
        channel_axis: The axis of gamma and beta.
        spatial_axes: Where mean and variance are taken.
    """
    return _affine(_standardize(widen(x), spatial_axes, epsilon), gamma, beta, (channel_axis,), x)


def mean_variance_norm(
    x: Array, axes: Sequence[int], *, normalize_variance: bool = True, epsilon: float = 1e-6
) -> Array:
    """Subtract E[x], divide by sqrt(Var[x] + epsilon) if asked (MeanVarianceNormalizeLayerParams).

    Args:
        x: Any shape.
        axes: Where mean and variance are taken.
        normalize_variance: If False only the mean is subtracted.
        epsilon: Added to the variance; the proto does not say whether under the root.
    """
    data = widen(x)
    if normalize_variance:
        return _standardize(data, axes, epsilon).astype(x.dtype, copy=False)
    return (data - data.mean(tuple(axes), keepdims=True)).astype(x.dtype, copy=False)


def l2_norm(x: Array, axes: Sequence[int], epsilon: float = 1e-6) -> Array:
    """Compute x / sqrt(sum of x^2 over the axes + epsilon) (L2NormalizeLayerParams)."""
    data = widen(x)
    total = np.square(data).sum(tuple(axes), keepdims=True) + data.dtype.type(epsilon)
    return (data / np.sqrt(total)).astype(x.dtype, copy=False)


def local_response_norm(
    x: Array, *, size: int, alpha: float, beta: float, k: float, channel_axis: int = 1
) -> Array:
    """Compute x / (k + alpha / size * sum of x^2 over nearby channels) ** beta (LRNLayerParams).

    The window of channel c is [c - size // 2, c + (size - 1) // 2], clipped to the channels there
    are. It is centred for an odd size; Core ML does not say where an even one lies, so that follows
    PyTorch, which coremltools' tests compare with. TensorFlow's alpha is alpha / size.

    Args:
        x: Any shape.
        size: Number of channels in the window.
        alpha: Weight of the mean square.
        beta: Exponent.
        k: Additive constant.
        channel_axis: The axis of the channels.
    """
    data = widen(x)
    squares = np.moveaxis(np.square(data), channel_axis, -1)
    around = [(0, 0)] * (x.ndim - 1) + [(size // 2, (size - 1) // 2)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(squares, around), size, axis=-1)
    total = np.moveaxis(windows.sum(-1), -1, channel_axis)
    scale = (k + alpha / size * total) ** beta
    return (data / scale).astype(x.dtype, copy=False)


def softmax(x: Array, axis: int = -1) -> Array:
    """Compute exp(x) / sum of exp(x) along an axis; subtracting the maximum avoids overflow."""
    data = widen(x)
    powers = np.exp(data - data.max(axis, keepdims=True))
    return (powers / powers.sum(axis, keepdims=True)).astype(x.dtype, copy=False)


def _standardize(data: Array, axes: Sequence[int], epsilon: float) -> Array:
    """Mean 0 and variance 1 over the axes."""
    centred = data - data.mean(tuple(axes), keepdims=True)
    variance = np.square(centred).mean(tuple(axes), keepdims=True)
    return centred / np.sqrt(variance + data.dtype.type(epsilon))


def _affine(
    data: Array, gamma: Array | None, beta: Array | None, axes: Sequence[int], x: Array
) -> Array:
    """Compute data * gamma + beta along the axes, in the dtype of x."""
    if gamma is not None:
        data = data * _along(gamma, data, axes)
    if beta is not None:
        data = data + _along(beta, data, axes)
    return data.astype(x.dtype, copy=False)


def _along(parameter: Array, data: Array, axes: Sequence[int]) -> Array:
    """A parameter of the shape of data along the axes, made to broadcast with data."""
    kept = {axis % data.ndim for axis in axes}
    shape = [size if axis in kept else 1 for axis, size in enumerate(data.shape)]
    return parameter.astype(data.dtype, copy=False).reshape(shape)
