"""Convolution and deconvolution layers, against naive loops."""

import itertools

import numpy as np
import pytest
from networks import assert_close, edges, layer, network, numbers, result, text


def padded(x, top, bottom, left, right):
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def naive(x, w, b, strides, dilations, pads, groups):
    x = padded(x, *pads)
    (n, _, h, wd), (out, per, kh, kw) = x.shape, w.shape
    oh = (h - (kh - 1) * dilations[0] - 1) // strides[0] + 1
    ow = (wd - (kw - 1) * dilations[1] - 1) // strides[1] + 1
    y = np.zeros((n, out, oh, ow), np.float64)
    for o, i, j in itertools.product(range(out), range(oh), range(ow)):
        first = o // (out // groups) * per
        rows = i * strides[0] + dilations[0] * np.arange(kh)
        columns = j * strides[1] + dilations[1] * np.arange(kw)
        window = x[:, first : first + per][:, :, rows][:, :, :, columns]
        y[:, o, i, j] = (window * w[o]).sum((1, 2, 3)) + (0 if b is None else b[o])
    return y


def naive_transposed(x, w, b, strides, pads, groups):
    (n, channels, h, wd), (_, per, kh, kw) = x.shape, w.shape
    shape = (h - 1) * strides[0] + kh, (wd - 1) * strides[1] + kw
    y = np.zeros((n, per * groups, *shape), np.float64)
    for c, i, j in itertools.product(range(channels), range(h), range(wd)):
        group = c // (channels // groups)
        rows, columns = (
            slice(i * strides[0], i * strides[0] + kh),
            slice(j * strides[1], j * strides[1] + kw),
        )
        y[:, group * per : (group + 1) * per, rows, columns] += (
            x[:, c, i, j][:, None, None, None] * w[c]
        )
    y += 0 if b is None else b[:, None, None]
    top, bottom, left, right = pads
    return y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]


def conv(w, b=None, groups=1, **fields):
    out, per, *kernel = w.shape
    return layer(
        "convolution",
        outputChannels=out,
        kernelChannels=per,
        nGroups=groups,
        kernelSize=kernel,
        weights=w,
        hasBias=b is not None,
        **({} if b is None else {"bias": b}),
        **fields,
    )


def test_text():
    fields = {"stride": [2, 1], "same": {"asymmetryMode": 1}}
    assert text(network(conv(numbers(4, 2, 3, 3), **fields), x=(1, 2, 5, 5))) == [
        "%0 = const {value = resource<…>} : f32[4,2,3,3]",
        "%1 = nn.conv(%x, %0) {strides = [2, 1], pad_type = #same_lower, dilations = [1, 1]} : "
        "f32[1,4,3,5]",
        "return %1",
    ]


def test_text_of_the_old_kind():
    model = network(
        conv(numbers(4, 2, 3, 3), np.float32([1, 2, 3, 4]), valid=edges(1, 0, 0, 2)),
        rank5=True,
        x=(2, 5, 5),
    )
    assert text(model)[:4] == [
        "%0 = tensor.expand_dims(%x) {axes = [0]} : f32[1,2,5,5]",
        "%1 = const {value = resource<…>} : f32[4,2,3,3]",
        "%2 = const {value = dense<[1.0, 2.0, 3.0, 4.0]>} : f32[4]",
        "%3 = nn.conv(%0, %1, %2) {strides = [1, 1], pad_type = #custom, pad = [1, 0, 0, 2], "
        "dilations = [1, 1]} : f32[1,4,4,5]",
    ]


@pytest.mark.parametrize(
    ("fields", "pads"),
    [
        ({"valid": {}}, (0, 0, 0, 0)),
        ({}, (0, 0, 0, 0)),
        ({"valid": edges(1, 0, 2, 1)}, (1, 0, 2, 1)),
        ({"same": {}}, (1, 1, 0, 1)),
        ({"same": {"asymmetryMode": 1}}, (1, 1, 1, 0)),
    ],
    ids=["valid", "nothing", "amounts", "same", "top left heavy"],
)
@pytest.mark.parametrize("groups", [1, 2])
def test_padding(fields, pads, groups):
    x, w, b = numbers(1, 4, 5, 4), numbers(2, 4 // groups, 3, 2, seed=1), numbers(2, seed=2)
    found = result(network(conv(w, b, groups, **fields), x=x.shape), x)
    assert_close(found, naive(x, w, b, (1, 1), (1, 1), pads, groups))


@pytest.mark.parametrize(
    ("stride", "dilation"), [([2, 1], [1, 1]), ([1, 1], [2, 3]), ([2, 2], [2, 1])]
)
def test_strides_and_dilations(stride, dilation):
    x, w = numbers(2, 2, 7, 8), numbers(3, 2, 2, 3, seed=1)
    found = result(network(conv(w, stride=stride, dilationFactor=dilation), x=x.shape), x)
    assert_close(found, naive(x, w, None, stride, dilation, (0, 0, 0, 0), 1))


def test_same_with_a_stride_depends_on_the_size():
    x, w = numbers(1, 1, 6, 5), numbers(1, 1, 3, 3, seed=1)
    found = result(network(conv(w, stride=[2, 2], same={}), x=x.shape), x)
    assert_close(found, naive(x, w, None, (2, 2), (1, 1), (0, 1, 1, 1), 1))


def test_kernels_have_3_by_3_entries_unless_they_say():
    w = numbers(1, 1, 3, 3)
    model = network(
        layer("convolution", outputChannels=1, kernelChannels=1, weights=w), x=(1, 1, 3, 3)
    )
    assert_close(result(model, w.reshape(1, 1, 3, 3)), [[[[(w * w).sum()]]]])


def test_leading_dimensions_are_batch():
    x, w = numbers(2, 3, 2, 4, 4), numbers(1, 2, 2, 2, seed=1)
    found = result(network(conv(w), x=x.shape), x)
    flat = naive(x.reshape(6, 2, 4, 4), w, None, (1, 1), (1, 1), (0, 0, 0, 0), 1)
    assert_close(found, flat.reshape(2, 3, 1, 3, 3))


def test_dynamic_weights():
    x, w = numbers(1, 2, 4, 4), numbers(3, 2, 2, 2, seed=1)
    item = layer("convolution", outputChannels=3, kernelChannels=2, kernelSize=[2, 2])
    found = result(network(item, x=x.shape, w=w.shape), x, w)
    assert_close(found, naive(x, w, None, (1, 1), (1, 1), (0, 0, 0, 0), 1))


def deconv(w, b=None, groups=1, **fields):
    kind, inputs, outputs, name, given = conv(w, b, groups, isDeconvolution=True, **fields)
    given["outputChannels"] = w.shape[1] * groups
    given["kernelChannels"] = w.shape[0]
    return kind, inputs, outputs, name, given


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 0, 0, 2)])
def test_deconvolution(groups, pads):
    x, w, b = numbers(1, 4, 3, 2), numbers(4, 2, 3, 4, seed=1), numbers(2 * groups, seed=2)
    item = deconv(w, b, groups, stride=[2, 3], valid=edges(*pads))
    assert_close(
        result(network(item, x=x.shape), x), naive_transposed(x, w, b, (2, 3), pads, groups)
    )


def test_deconvolution_same():
    x, w = numbers(1, 1, 3, 3), numbers(1, 1, 3, 3, seed=1)
    found = result(network(deconv(w, stride=[2, 2], same={}), x=x.shape), x)
    full = naive_transposed(x, w, None, (2, 2), (0, 0, 0, 0), 1)
    assert_close(found, full[:, :, :6, :6])


def test_deconvolution_to_a_shape():
    x, w = numbers(1, 1, 2, 2), numbers(1, 1, 2, 2, seed=1)
    found = result(network(deconv(w, stride=[2, 2], outputShape=[3, 5]), x=x.shape), x)
    full = naive_transposed(x, w, None, (2, 2), (0, 0, 0, 0), 1)
    assert_close(found, np.pad(full, ((0, 0), (0, 0), (0, 0), (0, 1)))[:, :, :3])


def test_deconvolution_honours_dilation():
    """Unlike what the specification says: a dilated kernel is one with zeros in it."""
    x, w = numbers(1, 1, 3, 3), numbers(1, 1, 2, 2, seed=1)
    dilated = np.zeros((1, 1, 3, 4), np.float32)
    dilated[:, :, ::2, ::3] = w
    found = result(network(deconv(w, dilationFactor=[2, 3]), x=x.shape), x)
    assert_close(found, naive_transposed(x, dilated, None, (1, 1), (0, 0, 0, 0), 1))
