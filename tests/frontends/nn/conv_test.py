"""Convolution and deconvolution layers, against naive loops."""

import itertools

import numpy as np
import pytest
from support.networks.builders import assert_close, edges, layer, network, numbers, result, text


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


# -- three dimensions ------------------------------------------------------------------------------

ENDS = ("Depth", "Height", "Width")
EDGES = ("Front", "Back", "Top", "Bottom", "Left", "Right")
CUSTOM, VALID, SAME = 0, 1, 2


def naive_3d(x, w, b, strides, dilations, pads, groups):
    x = np.pad(x, ((0, 0), (0, 0), *zip(pads[::2], pads[1::2], strict=True)))
    out, per, *kernel = w.shape
    rows = list(zip(x.shape[2:], kernel, strides, dilations, strict=True))
    sizes = [(size - (k - 1) * d - 1) // s + 1 for size, k, s, d in rows]
    y = np.zeros((len(x), out, *sizes), np.float64)
    for o, *at in itertools.product(range(out), *map(range, sizes)):
        first = o // (out // groups) * per
        part = x[:, first : first + per]
        for axis, (i, (_, k, s, d)) in enumerate(zip(at, rows, strict=True), 2):
            part = part.take(i * s + d * np.arange(k), axis)
        y[(slice(None), o, *at)] = (part * w[o]).sum((1, 2, 3, 4)) + (0 if b is None else b[o])
    return y


def naive_transposed_3d(x, w, b, strides, dilations, groups):
    """The full result."""
    (n, channels, *sizes), (_, per, *kernel) = x.shape, w.shape
    rows = list(zip(sizes, kernel, strides, dilations, strict=True))
    full = [(size - 1) * s + (k - 1) * d + 1 for size, k, s, d in rows]
    y = np.zeros((n, per * groups, *full), np.float64)
    for c, *at in itertools.product(range(channels), *map(range, sizes)):
        group = c // (channels // groups)
        window = tuple(
            slice(i * s, i * s + (k - 1) * d + 1, d)
            for i, (_, k, s, d) in zip(at, rows, strict=True)
        )
        part = x[(slice(None), c, *at)][:, None, None, None, None] * w[c]
        y[(slice(None), slice(group * per, (group + 1) * per), *window)] += part
    return y + (0 if b is None else b[:, None, None, None])


def conv_3d(w, b=None, groups=1, stride=(1, 1, 1), dilation=(1, 1, 1), pads=(0,) * 6, **fields):
    out, per, *kernel = w.shape
    for name, values in (("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        fields |= {f"{name}{end}": n for end, n in zip(ENDS, values, strict=True)}
    fields |= {f"customPadding{edge}": n for edge, n in zip(EDGES, pads, strict=True)}
    given = {"outputChannels": out, "inputChannels": per * groups, **fields}
    bias = {} if b is None else {"bias": b, "hasBias": True}
    return layer("convolution3d", nGroups=groups, weights=w, **bias, **given)


def deconv_3d(w, b=None, groups=1, **fields):
    channels = {"outputChannels": w.shape[1] * groups, "inputChannels": w.shape[0]}
    return conv_3d(w, b, groups, isDeconvolution=True, **channels, **fields)


def test_text_in_three_dimensions():
    item = conv_3d(numbers(4, 2, 3, 3, 2), stride=(2, 1, 1), paddingType=SAME)
    assert text(network(item, x=(1, 2, 5, 5, 4))) == [
        "%0 = const {value = resource<…>} : f32[4,2,3,3,2]",
        "%1 = nn.conv(%x, %0) {strides = [2, 1, 1], pad_type = #same, dilations = [1, 1, 1]} : "
        "f32[1,4,3,5,4]",
        "return %1",
    ]


@pytest.mark.parametrize(
    ("fields", "pads"),
    [
        ({}, (0, 0, 0, 0, 0, 0)),
        ({"pads": (1, 0, 2, 1, 0, 3)}, (1, 0, 2, 1, 0, 3)),
        ({"paddingType": VALID, "pads": (1,) * 6}, (0, 0, 0, 0, 0, 0)),
        ({"paddingType": SAME, "pads": (1,) * 6}, (1, 1, 0, 1, 0, 0)),
    ],
    ids=["nothing", "amounts", "valid ignores amounts", "same"],
)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_padding_in_three_dimensions(fields, pads, groups):
    x, w, b = numbers(2, 4, 5, 4, 3), numbers(4, 4 // groups, 3, 2, 1, seed=1), numbers(4, seed=2)
    found = result(network(conv_3d(w, b, groups, **fields), x=x.shape), x)
    assert_close(found, naive_3d(x, w, b, (1, 1, 1), (1, 1, 1), pads, groups))


@pytest.mark.parametrize("stride", [(1, 1, 1), (2, 1, 3)])
@pytest.mark.parametrize("dilation", [(1, 1, 1), (2, 3, 1)])
def test_strides_and_dilations_in_three_dimensions(stride, dilation):
    x, w = numbers(1, 2, 7, 8, 6), numbers(3, 2, 3, 2, 3, seed=1)
    found = result(network(conv_3d(w, stride=stride, dilation=dilation), x=x.shape), x)
    assert_close(found, naive_3d(x, w, None, stride, dilation, (0,) * 6, 1))


def test_same_padding_as_in_the_specification():
    """[1, 3, 3, 8, 8] by kernels of 3 and strides of 2: the border is [1, 1, 0, 1, 0, 1]."""
    x, w = numbers(1, 3, 3, 8, 8), numbers(2, 3, 3, 3, 3, seed=1)
    found = result(network(conv_3d(w, stride=(2, 2, 2), paddingType=SAME), x=x.shape), x)
    assert found.shape == (1, 2, 2, 4, 4)
    assert_close(found, naive_3d(x, w, None, (2, 2, 2), (1, 1, 1), (1, 1, 0, 1, 0, 1), 1))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [(1, 1, 1), (1, 2, 3)])
def test_deconvolution_in_three_dimensions(groups, dilation):
    x, w, b = numbers(2, 4, 3, 2, 2), numbers(4, 3, 2, 3, 2, seed=1), numbers(3 * groups, seed=2)
    full = naive_transposed_3d(x, w, b, (2, 1, 3), dilation, groups)
    given = {"stride": (2, 1, 3), "dilation": dilation}
    found = result(network(deconv_3d(w, b, groups, **given), x=x.shape), x)
    assert_close(found, full)
    item = deconv_3d(w, b, groups, pads=(1, 0, 0, 1, 2, 1), **given)
    assert_close(result(network(item, x=x.shape), x), full[:, :, 1:, :-1, 2:-1])


def test_deconvolution_in_three_dimensions_same():
    x, w = numbers(1, 1, 3, 3, 3), numbers(1, 1, 3, 3, 3, seed=1)
    full = naive_transposed_3d(x, w, None, (2, 2, 1), (1, 1, 1), 1)
    found = result(network(deconv_3d(w, stride=(2, 2, 1), paddingType=SAME), x=x.shape), x)
    assert_close(found, full[:, :, :6, :6, 1:4])


def test_deconvolution_in_three_dimensions_to_a_shape():
    x, w = numbers(1, 1, 2, 2, 2), numbers(1, 1, 2, 2, 2, seed=1)
    full = naive_transposed_3d(x, w, None, (2, 2, 2), (1, 1, 1), 1)
    found = result(
        network(deconv_3d(w, stride=(2, 2, 2), outputShape=[3, 4, 5]), x=x.shape),
        x,
    )
    assert_close(found[..., :4], full[:, :, :3])
    assert not found[..., 4:].any()


def test_batch_and_channels_of_an_old_network_are_its_sequence_and_batch():
    """Its blobs are [1, 1, C, H, W], of which a 3-D layer takes the last three for the volume."""
    x, w = numbers(4, 5, 3), numbers(2, 1, 2, 2, 3, seed=1)
    found = result(network(conv_3d(w), rank5=True, x=x.shape), x)
    expected = naive_3d(x[None, None], w, None, (1, 1, 1), (1, 1, 1), (0,) * 6, 1)
    assert_close(found.reshape(expected.shape), expected)
