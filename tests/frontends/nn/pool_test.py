"""Pooling layers, against naive loops."""

import itertools

import numpy as np
import pytest
from support.networks.builders import assert_close, edges, layer, network, numbers, result, text

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


# -- three dimensions ------------------------------------------------------------------------------

ENDS = ("Depth", "Height", "Width")
EDGES = ("Front", "Back", "Top", "Bottom", "Left", "Right")
VALID, SAME = 1, 2


def naive_3d(x, kind, kernel, strides, pads=(0,) * 6, exclude=False):
    amounts = tuple(zip(pads[::2], pads[1::2], strict=True))
    fill = -np.inf if kind == MAX else 0.0
    data = np.pad(x.astype(float), ((0, 0), (0, 0), *amounts), constant_values=fill)
    inside = np.pad(np.ones(x.shape[2:]), amounts)
    rows = list(zip(data.shape[2:], kernel, strides, strict=True))
    sizes = [(size - k) // s + 1 for size, k, s in rows]
    y = np.zeros((*x.shape[:2], *sizes))
    for at in np.ndindex(*sizes):
        part = tuple(slice(i * s, i * s + k) for i, (_, k, s) in zip(at, rows, strict=True))
        window = data[(..., *part)]
        count = inside[part].sum() if exclude else np.prod(kernel)
        axes = (-3, -2, -1)
        y[(..., *at)] = window.max(axes) if kind == MAX else window.sum(axes) / count
    return y


def fields_3d(kind, kernel, stride, pads=(0,) * 6, **fields):
    given = {"type": kind, **fields}
    given |= {f"kernel{end}": n for end, n in zip(ENDS, kernel, strict=True)}
    given |= {f"stride{end}": n for end, n in zip(ENDS, stride, strict=True)}
    return given | {f"customPadding{edge}": n for edge, n in zip(EDGES, pads, strict=True)}


def pooled_3d(x, *given, **fields):
    return result(network(layer("pooling3d", **fields_3d(*given, **fields)), x=x.shape), x)


def test_text_in_three_dimensions():
    fields = fields_3d(AVERAGE, (3, 2, 1), (2, 2, 1), countExcludePadding=True, paddingType=SAME)
    assert text(network(layer("pooling3d", **fields), x=(1, 2, 5, 5, 4))) == [
        "%0 = nn.avg_pool(%x) {kernel_sizes = [3, 2, 1], strides = [2, 2, 1], pad_type = #same, "
        "exclude_padding_from_average = true} : f32[1,2,3,3,4]",
        "return %0",
    ]


@pytest.mark.parametrize("kind", [MAX, AVERAGE])
@pytest.mark.parametrize("pads", [(0,) * 6, (1, 0, 0, 1, 2, 1)])
@pytest.mark.parametrize("exclude", [False, True])
def test_custom_padding(kind, pads, exclude):
    x = -1 - np.abs(numbers(2, 2, 4, 5, 6))  # padding would win a maximum, were it zeros
    given = (kind, (2, 3, 3), (2, 1, 2), pads)
    found = pooled_3d(x, *given, countExcludePadding=exclude)
    assert_close(found, naive_3d(x, *given, exclude))


@pytest.mark.parametrize("kind", [MAX, AVERAGE])
@pytest.mark.parametrize("exclude", [False, True])
def test_same_and_valid_padding_in_three_dimensions(kind, exclude):
    x = numbers(1, 2, 6, 5, 4)
    given = (kind, (3, 3, 2), (2, 2, 1))
    found = pooled_3d(x, *given, paddingType=SAME, countExcludePadding=exclude)
    assert found.shape == (1, 2, 3, 3, 4)
    assert_close(found, naive_3d(x, *given, (0, 1, 1, 1, 0, 1), exclude))
    found = pooled_3d(x, *given, paddingType=VALID, countExcludePadding=exclude)
    assert_close(found, naive_3d(x, *given))


def test_the_example_of_the_specification():
    x = np.arange(1, 19, dtype=np.float32).reshape(1, 1, 2, 3, 3)
    found = pooled_3d(x, MAX, (2, 2, 2), (1, 1, 1), paddingType=VALID)
    assert_close(found, [[[[[14, 15], [17, 18]]]]])


@pytest.mark.parametrize("kind", [MAX, AVERAGE])
def test_global_in_three_dimensions(kind):
    x = numbers(2, 3, 4, 5, 6)
    found = result(network(layer("globalPooling3d", type=kind), x=x.shape), x)
    assert_close(found, naive_3d(x, kind, x.shape[2:], (1, 1, 1)))


@pytest.mark.parametrize("kind", [MAX, AVERAGE])
def test_volumes_of_old_networks(kind):
    """Their blobs are [1, 1, C, H, W], of which a 3-D layer takes the last three for the volume."""
    x = numbers(4, 5, 6)
    fields = fields_3d(kind, (2, 2, 3), (1, 2, 1))
    found = result(network(layer("pooling3d", **fields), rank5=True, x=x.shape), x)
    assert_close(np.squeeze(found), naive_3d(x[None, None], kind, (2, 2, 3), (1, 2, 1))[0, 0])
    found = result(network(layer("globalPooling3d", type=kind), rank5=True, x=x.shape), x)
    assert_close(np.ravel(found), [x.max() if kind == MAX else x.mean()])
