"""Pooling layers, against naive loops."""

import itertools

import numpy as np
import pytest
from networks import assert_close, edges, layer, network, numbers, result, text

MAX, AVERAGE, L2 = 0, 1, 2


def naive(x, kind, kernel, strides, pads, exclude=False):
    top, bottom, left, right = pads
    fill = -np.inf if kind == MAX else 0.0
    amounts = ((0, 0), (0, 0), (top, bottom), (left, right))
    data = np.pad(x.astype(float), amounts, constant_values=fill)
    inside = np.pad(np.ones(x.shape[2:]), amounts[2:])
    sizes = [(s - k) // t + 1 for s, k, t in zip(data.shape[2:], kernel, strides, strict=True)]
    y = np.zeros((*x.shape[:2], *sizes))
    for i, j in itertools.product(*map(range, sizes)):
        part = np.s_[
            i * strides[0] : i * strides[0] + kernel[0], j * strides[1] : j * strides[1] + kernel[1]
        ]
        window = data[(..., *part)]
        count = inside[part].sum() if exclude else np.prod(kernel)
        y[:, :, i, j] = {
            MAX: window.max((2, 3)),
            AVERAGE: window.sum((2, 3)) / count,
            L2: np.sqrt((window**2).sum((2, 3))),
        }[kind]
    return y


def pooled(x, **fields):
    return result(network(layer("pooling", **fields), x=x.shape), x)


def test_text():
    item = layer(
        "pooling",
        type=AVERAGE,
        kernelSize=[3, 2],
        stride=[2, 2],
        avgPoolExcludePadding=True,
        same={},
    )
    assert text(network(item, x=(1, 2, 5, 5))) == [
        "%0 = nn.avg_pool(%x) {kernel_sizes = [3, 2], strides = [2, 2], pad_type = #same, "
        "exclude_padding_from_average = true} : f32[1,2,3,3]",
        "return %0",
    ]


@pytest.mark.parametrize("kind", [MAX, AVERAGE, L2])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 0, 0, 1)])
@pytest.mark.parametrize("exclude", [False, True])
def test_valid(kind, pads, exclude):
    x = numbers(1, 2, 5, 6)
    fields = {"type": kind, "kernelSize": [2, 3], "stride": [2, 1], "valid": edges(*pads)}
    found = pooled(x, **fields, avgPoolExcludePadding=exclude)
    assert_close(found, naive(x, kind, (2, 3), (2, 1), pads, exclude))


@pytest.mark.parametrize("kind", [MAX, AVERAGE, L2])
@pytest.mark.parametrize(("mode", "pads"), [(0, (0, 1, 1, 1)), (1, (1, 0, 1, 1))])
def test_same(kind, mode, pads):
    x = numbers(1, 2, 6, 5)
    found = pooled(x, type=kind, kernelSize=[3, 3], stride=[2, 2], same={"asymmetryMode": mode})
    assert_close(found, naive(x, kind, (3, 3), (2, 2), pads))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "out"),
    [
        (6, 3, 2, 0, 3),
        (7, 3, 2, 0, 3),
        (5, 2, 3, 1, 2),
        (4, 2, 2, 1, 3),
        (5, 3, 2, 1, 3),
        (6, 2, 4, 1, 2),
    ],
)
@pytest.mark.parametrize("kind", [MAX, AVERAGE])
def test_include_last_pixel(size, kernel, stride, before, out, kind):
    """ceil((size + 2 * before - kernel) / stride) + 1, less a window that starts in the padding."""
    x = numbers(1, 1, size, size)
    found = pooled(
        x,
        type=kind,
        kernelSize=[kernel] * 2,
        stride=[stride] * 2,
        includeLastPixel={"paddingAmounts": [before] * 2},
        avgPoolExcludePadding=True,
    )
    after = max((out - 1) * stride + kernel - size - before, 0)
    expected = naive(x, kind, (kernel,) * 2, (stride,) * 2, (before, after) * 2, True)
    assert found.shape == (1, 1, out, out)
    assert_close(found, expected[:, :, :out, :out])


@pytest.mark.parametrize("kind", [MAX, AVERAGE, L2])
def test_global(kind):
    x = numbers(2, 3, 4, 5)
    found = pooled(x, type=kind, globalPooling=True)
    assert_close(found, naive(x, kind, (4, 5), (1, 1), (0, 0, 0, 0)))


def test_defaults_are_windows_of_3_and_strides_of_1():
    x = numbers(1, 1, 4, 4)
    assert_close(pooled(x), naive(x, MAX, (3, 3), (1, 1), (0, 0, 0, 0)))
