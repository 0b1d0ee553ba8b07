"""Kernels with windows against loops over every output element."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from cmlc.ir.reference import windows


def random(*shape: int, seed: int = 0, dtype: Any = np.float64) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def taps(kernel, dilations):
    for tap in product(*map(range, kernel)):
        yield tap, np.multiply(tap, dilations)


def inside(at, spatial):
    return all(0 <= i < size for i, size in zip(at, spatial, strict=True))


def naive_convolve(x, weight, bias, strides, dilations, pads, groups):
    batch, _, *spatial = x.shape
    outputs, per_group, *kernel = weight.shape
    sizes = [
        (size + lo + hi - (width - 1) * dilation - 1) // stride + 1
        for size, width, stride, dilation, lo, hi in zip(
            spatial, kernel, strides, dilations, pads[::2], pads[1::2], strict=True
        )
    ]
    y = np.zeros((batch, outputs, *sizes))
    for n, o, out in product(range(batch), range(outputs), np.ndindex(*sizes)):
        total = 0.0 if bias is None else bias[o]
        first = o // (outputs // groups) * per_group
        for tap, offset in taps(kernel, dilations):
            at = tuple(np.multiply(out, strides) + offset - pads[::2])
            if inside(at, spatial):
                for c in range(per_group):
                    total += x[(n, first + c, *at)] * weight[(o, c, *tap)]
        y[(n, o, *out)] = total
    return y


def naive_pool(x, kind, kernel, strides, pads, exclude_padding):
    batch, channels, *spatial = x.shape
    sizes = [
        (size + lo + hi - width) // stride + 1
        for size, width, stride, lo, hi in zip(
            spatial, kernel, strides, pads[::2], pads[1::2], strict=True
        )
    ]
    y = np.zeros((batch, channels, *sizes))
    for n, c, out in product(range(batch), range(channels), np.ndindex(*sizes)):
        seen = [
            x[(n, c, *at)]
            for _, offset in taps(kernel, [1] * len(kernel))
            if inside(at := tuple(np.multiply(out, strides) + offset - pads[::2]), spatial)
        ]
        if kind == "max":
            y[(n, c, *out)] = max(seen)
        elif kind == "l2":
            y[(n, c, *out)] = np.sqrt(np.sum(np.square(seen)))
        else:
            y[(n, c, *out)] = sum(seen) / (len(seen) if exclude_padding else np.prod(kernel))
    return y


def last(x):
    return np.moveaxis(x, 1, -1)


def first(x):
    return np.moveaxis(x, -1, 1)


def weight_last(weight):
    """[A, B, *K] as [*K, B, A]."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


# spatial, kernel, strides, dilations, pads
GEOMETRIES = [
    ((7,), (3,), (1,), (1,), (0, 0)),
    ((7,), (3,), (2,), (2,), (1, 3)),
    ((9,), (1,), (3,), (1,), (0, 0)),
    ((5, 6), (3, 2), (1, 1), (1, 1), (1, 1, 0, 1)),
    ((6, 5), (2, 3), (2, 1), (1, 2), (0, 1, 2, 1)),
    ((7, 6), (3, 3), (3, 2), (2, 1), (2, 0, 0, 0)),
    ((4, 5, 3), (2, 3, 1), (2, 1, 1), (1, 2, 1), (1, 0, 1, 2, 0, 0)),
]
# channels, outputs, groups
CHANNELS = [(3, 4, 1), (4, 6, 2), (3, 3, 3), (3, 6, 3), (1, 2, 1)]


@pytest.mark.parametrize(("channels", "outputs", "groups"), CHANNELS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_convolve_is_a_sum_over_taps(geometry, channels, outputs, groups):
    spatial, kernel, strides, dilations, pads = geometry
    x = random(2, channels, *spatial)
    weight = random(outputs, channels // groups, *kernel, seed=1)
    bias = random(outputs, seed=2)
    expected = naive_convolve(x, weight, bias, strides, dilations, pads, groups)

    given = {"strides": strides, "dilations": dilations, "pads": pads, "groups": groups}
    y = windows.convolve(x, weight, bias, **given)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)

    y = windows.convolve(last(x), weight_last(weight), bias, **given, channels_last=True)
    np.testing.assert_allclose(y, last(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("channels", "outputs", "groups"), CHANNELS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_convolve_transpose_is_the_adjoint_of_convolve(geometry, channels, outputs, groups):
    spatial, kernel, strides, dilations, pads = geometry
    x = random(2, channels, *spatial)
    weight = random(outputs, channels // groups, *kernel, seed=1)
    given = {"strides": strides, "dilations": dilations, "pads": pads, "groups": groups}
    image = windows.convolve(x, weight, **given)
    y = random(*image.shape, seed=3)

    back = windows.convolve_transpose(y, weight, **given, output_shape=spatial)
    assert back.shape == x.shape
    assert np.sum(image * y) == pytest.approx(np.sum(x * back))

    back_last = windows.convolve_transpose(
        last(y), weight_last(weight), **given, output_shape=spatial, channels_last=True
    )
    np.testing.assert_allclose(first(back_last), back, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_convolve_transpose_without_output_shape_crops_the_pads(geometry):
    spatial, kernel, strides, dilations, pads = geometry
    x, weight, bias = random(2, 4, *spatial), random(4, 3, *kernel), random(6)
    given = {"strides": strides, "dilations": dilations, "groups": 2}
    none = (0,) * len(pads)
    full = windows.convolve_transpose(x, weight, bias, **given, pads=none)
    assert full.shape[2:] == tuple(
        (size - 1) * stride + (width - 1) * dilation + 1
        for size, width, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True)
    )
    crop = [slice(lo, -hi or None) for lo, hi in zip(pads[::2], pads[1::2], strict=True)]
    y = windows.convolve_transpose(x, weight, bias, **given, pads=pads)
    np.testing.assert_array_equal(y, full[(..., *crop)])

    sizes = [size + 3 for size in full.shape[2:]]
    y = windows.convolve_transpose(x, weight, bias, **given, pads=pads, output_shape=sizes)
    assert y.shape[2:] == tuple(sizes)
    part = full[(..., *(slice(lo, None) for lo in pads[::2]))]
    np.testing.assert_array_equal(y[(..., *map(slice, part.shape[2:]))], part)
    np.testing.assert_array_equal(y[(..., *[-1] * len(sizes))], np.tile(bias, (2, 1)))


@pytest.mark.parametrize("kind", ["max", "average", "l2"])
@pytest.mark.parametrize("exclude_padding", [False, True])
@pytest.mark.parametrize(
    ("spatial", "kernel", "strides", "pads"),
    [
        ((7,), (3,), (2,), (1, 0)),
        ((5, 6), (2, 3), (1, 2), (0, 1, 1, 1)),
        ((5, 6), (3, 3), (2, 2), (1, 2, 1, 2)),
        ((4, 5), (4, 5), (1, 1), (0, 0, 0, 0)),
        ((4, 5, 3), (2, 3, 1), (2, 1, 1), (1, 0, 1, 1, 0, 0)),
    ],
)
def test_pool(kind, exclude_padding, spatial, kernel, strides, pads):
    x = random(2, 3, *spatial)
    expected = naive_pool(x, kind, kernel, strides, pads, exclude_padding)
    given = {
        "kernel": kernel,
        "strides": strides,
        "pads": pads,
        "exclude_padding": exclude_padding,
    }
    np.testing.assert_allclose(windows.pool(x, kind, **given), expected, rtol=1e-12)
    y = windows.pool(last(x), kind, **given, channels_last=True)
    np.testing.assert_allclose(y, last(expected), rtol=1e-12)


def test_same_padding_keeps_ceil_of_size_over_stride():
    for size, kernel, stride, dilation in product(range(1, 9), (1, 2, 3, 4), (1, 2, 3), (1, 2)):
        lo, hi = windows.padding_amounts("same", size, kernel, stride, dilation)
        assert windows.padding_amounts("same_lower", size, kernel, stride, dilation) == (hi, lo)
        assert hi - lo in (0, 1)
        if lo + hi:
            count = windows.windowed_size(size, kernel, stride, dilation, lo, hi)
            assert count == -(-size // stride)
    assert windows.padding_amounts("valid", 5, 3, 1, 1) == (0, 0)
    assert windows.padding_amounts("same", 4, 3, 2, 1) == (0, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_x_is_kept(dtype):
    x, weight, bias = random(1, 4, 6, 6, dtype=dtype), random(4, 2, 3, 3), random(4)
    given = {"strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1), "groups": 2}
    for kernel in (windows.convolve, windows.convolve_transpose):
        y = kernel(x, weight, bias, **given)
        assert y.dtype == dtype
        exact = kernel(x.astype(np.float64), weight, bias, **given)
        np.testing.assert_allclose(y, exact, atol=20 * np.finfo(dtype).eps)
    for kind in ("max", "average", "l2"):
        y = windows.pool(x, kind, kernel=(2, 2), strides=(1, 1), pads=(0, 1, 0, 1))
        assert y.dtype == dtype


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 groups do not fit 3 channels"):
        windows.convolve(
            random(1, 3, 4), random(2, 2, 1), strides=(1,), dilations=(1,), pads=(0, 0), groups=2
        )
