"""Networks that Core ML may accept and the frontend refuses, and what it says about them."""

from support.networks.bad import R1, R4, SIGMOIDS, control, lstm, one, volume
from support.networks.builders import layer, loop, lstm_weights, network, step

UNSUPPORTED = [
    (
        "layer has an epsilon of 0.01; only small ones have a known meaning",
        one("categoricalDistribution", R1, eps=0.01, numSamples=2),
    ),
    (
        "pooling3d layer has windows that contain only padding",
        volume("pooling3d", customPaddingFront=1),
    ),
    (
        "pooling3d layer has windows that contain only padding",
        volume("pooling3d", type=1, countExcludePadding=True, customPaddingBack=1),
    ),
    (
        "sliceDynamic layer computes its strides at run time",
        network(layer("sliceDynamic"), x=R1, b=(1,), e=(1,), s=(1,)),
    ),
    (
        "uniDirectionalLSTM layer uses the activation 'softsign'",
        lstm(activations=[{"softsign": {}}, *SIGMOIDS[1:]], weightParams=lstm_weights(3, 2)),
    ),
    (
        "loop layer makes 'y' only in its body, with a shape known only at run time",
        control(loop([step("whereNonZero", "x", "y")], limit=2)),
    ),
]

# Of what depends on open extents; the import goes on with the default shape.
OPEN = [
    ("slidingWindows layer takes windows along a flexible dimension", one("slidingWindows", R1)),
    (
        "upsample layer interpolates along a flexible dimension",
        one("upsample", scalingFactor=[2, 2], mode=1),
    ),
    (
        "pooling layer has a last window that depends on a flexible dimension",
        one("pooling", includeLastPixel={"paddingAmounts": [1, 0]}),
    ),
    (
        "pooling3d layer has windows that contain only padding",
        volume("pooling3d", kernelDepth=2, strideDepth=2, customPaddingBack=2),
    ),
    (
        "crop layer takes a flexible size from its second input",
        network(layer("crop", ["x", "x"]), x=R4),
    ),
    (
        "constantPad layer pads a flexible dimension to a size",
        one("constantPad", R1, padAmounts=[8, 0], padToGivenOutputSizeMode=True),
    ),
    (
        "reshapeDynamic layer takes a shape of unknown length",
        network(layer("reshapeDynamic", ["x", "x"]), x=R1),
    ),
]
