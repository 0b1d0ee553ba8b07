"""Networks that Core ML may accept and the frontend refuses, and what it says about them."""

from support.networks.bad import R1, R4, SIGMOIDS, control, lstm, one, two, volume
from support.networks.builders import layer, loop, lstm_weights, network, step

UNSUPPORTED = [
    ("oneHot layer has a parameter that is computed while it runs", two("oneHot", R1, (1,))),
    (
        "layer has an epsilon of 0.01; only small ones have a known meaning",
        one("categoricalDistribution", R1, eps=0.01, numSamples=2),
    ),
    (
        "pooling3d layer has windows that lie in the padding alone",
        volume("pooling3d", customPaddingFront=1),
    ),
    (
        "pooling3d layer has windows that lie in the padding alone",
        volume("pooling3d", type=1, countExcludePadding=True, customPaddingBack=1),
    ),
    (
        "sliceDynamic layer computes its strides while it runs",
        network(layer("sliceDynamic"), x=R1, b=(1,), e=(1,), s=(1,)),
    ),
    (
        "uniDirectionalLSTM layer uses the activation 'softsign'",
        lstm(activations=[{"softsign": {}}, *SIGMOIDS[1:]], weightParams=lstm_weights(3, 2)),
    ),
    (
        "loop layer makes 'y' in its body alone, of extents that only running tells",
        control(loop([step("whereNonZero", "x", "y")], limit=2)),
    ),
]

# Of what depends on open extents; the import goes on with the default shape.
OPEN = [
    ("slidingWindows layer takes windows of a flexible extent", one("slidingWindows", R1)),
    (
        "upsample layer scales a flexible extent by an interpolating factor",
        one("upsample", scalingFactor=[2, 2], mode=1),
    ),
    (
        "pooling layer decides about its last window by a flexible extent",
        one("pooling", includeLastPixel={"paddingAmounts": [1, 0]}),
    ),
    (
        "pooling3d layer has windows that lie in the padding alone",
        volume("pooling3d", kernelDepth=2, strideDepth=2, customPaddingBack=2),
    ),
    (
        "crop layer takes a flexible size from its second input",
        network(layer("crop", ["x", "x"]), x=R4),
    ),
    (
        "constantPad layer pads a flexible extent to a size",
        one("constantPad", R1, padAmounts=[8, 0], padToGivenOutputSizeMode=True),
    ),
    (
        "reshapeDynamic layer takes a shape of unknown length",
        network(layer("reshapeDynamic", ["x", "x"]), x=R1),
    ),
]
