"""Networks that the frontend refuses, and what it says about them."""

import numpy as np
from networks import layer, lstm_weights, network, numbers

R1, R3, R4, R5 = (4,), (3, 4, 5), (1, 3, 4, 5), (1, 1, 3, 4, 5)


def one(kind, x=R4, /, **fields):
    return network(layer(kind, **fields), x=x)


def two(kind, x=R4, z=R4, **fields):
    return network(layer(kind, **fields), x=x, z=z)


def loaded(name, *values):
    return layer("loadConstantND", [], [name], shape=[len(values)], data=np.float32(values))


def lstm(kind="uniDirectionalLSTM", shape=(2, 1, 3, 1, 1), **fields):
    return one(kind, shape, inputVectorSize=3, outputVectorSize=2, **fields)


SIGMOIDS = [{"sigmoid": {}}] * 3
EDGE = {"startEdgeSize": 1, "endEdgeSize": 1}
ONE_EDGE = {"paddingAmounts": {"borderAmounts": [EDGE]}}

# (fragment of the message, model) of a malformed network.
MALFORMED = [
    ("activation layer names no function", one("activation")),
    ("gelu layer has an unknown mode 7", one("gelu", mode=7)),
    (
        "activation layer needs an input of rank 3 or more, got f32[4]",
        one("activation", R1, PReLU={"alpha": numbers(1)}),
    ),
    ("activation layer has 2 inputs, expected 1", two("activation", ReLU={})),
    ("softmax layer has no input", network(layer("softmax", []), x=R4)),
    ("'l0.alpha' has 2 values; shape [3] takes 3", one("activation", PReLU={"alpha": numbers(2)})),
    (
        "convolution layer has weights of type f32[3,4,5], expected rank 4",
        two("convolution", z=R3, outputChannels=3),
    ),
    ("has no values", one("convolution", outputChannels=2, kernelChannels=3)),
    (
        "convolution layer has no weights",
        one("convolution", outputChannels=2, kernelChannels=3, isDeconvolution=True),
    ),
    (
        "convolution layer says it has a bias but holds none",
        one(
            "convolution",
            outputChannels=2,
            kernelChannels=3,
            kernelSize=[1, 1],
            hasBias=True,
            weights=numbers(6),
        ),
    ),
    (
        "convolution layer has 1 border amounts, expected 2",
        one(
            "convolution",
            outputChannels=2,
            kernelChannels=3,
            kernelSize=[1, 1],
            weights=numbers(6),
            valid=ONE_EDGE,
        ),
    ),
    (
        "'nn.conv' (C1) x has 3 channels, weight expects 2 * 1",
        one(
            "convolution", outputChannels=2, kernelChannels=2, kernelSize=[1, 1], weights=numbers(4)
        ),
    ),
    ("max layer has 1 inputs", one("max")),
    ("clip layer has crossed limits 2.0 and 1.0", one("clip", minVal=2.0, maxVal=1.0)),
    ("unary layer has an unknown function 9", one("unary", type=9)),
    ("bias layer has a bias of shape [3, 4]", one("bias", shape=[3, 4], bias=numbers(12))),
    ("scale layer has an empty scale", one("scale", shapeScale=[0])),
    ("upsample layer has factors [0.0, 2.0]", one("upsample", scalingFactor=[0, 2])),
    (
        "upsample layer has an unknown mode 5",
        one("upsample", scalingFactor=[2, 2], mode=1, linearUpsampleMode=5),
    ),
    (
        "embedding layer needs an input that ends in three extents of 1, got f32[1,3,4,5]",
        one("embedding"),
    ),
    (
        "embeddingND layer needs an input whose last extent is 1, got f32[4,3]",
        one("embeddingND", (4, 3)),
    ),
    ("pooling layer has an unknown type 4", one("pooling", type=4)),
    ("biDirectionalLSTM layer has 0 sets of weights, expected 2", lstm("biDirectionalLSTM")),
    (
        "needs an input of shape [sequence, batch, features, 1, 1], got f32[1,1,3,4,5]",
        lstm(shape=R5),
    ),
    ("uniDirectionalLSTM layer needs an input of rank 5, got f32[4]", lstm(shape=R1)),
    (
        "uniDirectionalLSTM layer has a state of type f32[2,1,2,1,1] for a batch of 1",
        network(
            layer("uniDirectionalLSTM", inputVectorSize=3, outputVectorSize=2),
            x=(2, 1, 3, 1, 1),
            h=(2, 1, 2, 1, 1),
            c=(2, 1, 2, 1, 1),
        ),
    ),
    (
        "uniDirectionalLSTM layer has 1 activations, expected 3",
        lstm(activations=SIGMOIDS[:1], weightParams=lstm_weights(3, 2)),
    ),
    (
        "uniDirectionalLSTM layer limits its cells to -1.0",
        lstm(activations=SIGMOIDS, params={"cellClipThreshold": -1.0}),
    ),
    (
        "simpleRecurrent layer has an activation that names no function",
        one(
            "simpleRecurrent",
            (2, 1, 3, 1, 1),
            inputVectorSize=3,
            outputVectorSize=2,
            weightMatrix=numbers(2, 3),
            recursionMatrix=numbers(2, 2),
        ),
    ),
    ("reduce layer has an unknown axis 8", one("reduce", axis=8)),
    ("reduce layer has an unknown mode 12", one("reduce", mode=12)),
    ("reduce layer takes the argmax over several axes", one("reduce", mode=9, axis=0)),
    ("reduceSum layer names no axes", one("reduceSum")),
    ("reshape layer has a target shape of 2 entries", one("reshape", targetShape=[3, 4])),
    (
        "reshape layer changes the sequence length of a batch of 2",
        one("reshape", (4, 2, 1, 1, 1), targetShape=[2, 2, 1, 1]),
    ),
    (
        "reshapeStatic layer can't infer an extent of [0, -1]",
        one("reshapeStatic", targetShape=[0, -1]),
    ),
    (
        "turns f32[1,3,4,5] into ['7', '2'], which has another number of elements",
        one("reshapeStatic", targetShape=[7, 2]),
    ),
    ("permute layer has axes [0, 0, 1, 2]", one("permute", axis=[0, 0, 1, 2])),
    ("concat layer has no inputs", network(layer("concat", []), x=R4)),
    ("split layer splits 3 channels into 2", one("split", nOutputs=2)),
    ("slice layer has an unknown axis 3", one("slice", axis=3)),
    ("slice layer leaves nothing of f32[1,3,4,5]", one("slice", startIndex=1, endIndex=1)),
    ("crop layer has 1 offsets", two("crop", offset=[1])),
    ("constantPad layer has 3 amounts for rank 1", one("constantPad", R1, padAmounts=[1, 2, 3])),
    ("constantPad layer has amounts of type i32[4]", two("constantPad", R3, R1)),
    (
        "constantPad layer pads one dimension to a size at both sides",
        one("constantPad", R1, padAmounts=[8, 8], padToGivenOutputSizeMode=True),
    ),
    ("reorganizeData layer has a block size of 1", one("reorganizeData", blockSize=1)),
    ("reorganizeData layer has an unknown mode 5", one("reorganizeData", blockSize=2, mode=5)),
    (
        "loadConstant layer has a shape of 2 entries",
        network(layer("loadConstant", [], shape=[1, 2], data=numbers(2)), x=R4),
    ),
    (
        "loadConstantND layer has no shape",
        network(layer("loadConstantND", [], data=numbers(2)), x=R4),
    ),
    ("flattenTo2D layer has axis 5 for rank 4", one("flattenTo2D", axis=5)),
    (
        "rankPreservingReshape layer changes the rank to 2",
        one("rankPreservingReshape", targetShape=[6, 10]),
    ),
    ("reverse layer has 1 flags", one("reverse", reverseDim=[True])),
    (
        "scatterND layer has an unknown mode 7",
        network(layer("scatterND", mode=7), x=R1, i=R1, u=R1),
    ),
    ("slidingWindows layer has axis 4 for rank 4", one("slidingWindows", axis=4)),
    ("takes windows of 6 every 0 elements out of 5", one("slidingWindows", axis=3, windowSize=6)),
    ("'tensor.topk' (C1) takes 0 of 4", one("topK", R1)),
    ("copy layer names 2 outputs, but has 1", one("copy", outputs=["a", "b"])),
    (
        "softmax layer reads 'nothing', which no earlier layer makes",
        network(layer("softmax", ["nothing"]), x=R4),
    ),
    (
        "an array of 2 dimensions in a network that maps arrays to rank 5",
        network(layer("copy"), rank5=True, x=(2, 3)),
    ),
    ("no layer makes this output", network(layer("copy", outputs=["z"]), x=R4, outputs=["y"])),
    ("fillStatic layer has no target shape", network(layer("fillStatic", []), x=R1)),
    ("fillDynamic layer takes a shape of type f32[3,4,5]", one("fillDynamic", R3)),
    (
        "fillDynamic layer makes a tensor of shape ['2', '-1']",
        network(loaded("s", 2, -1), layer("fillDynamic", ["s"]), x=R1),
    ),
    ("rangeDynamic layer takes a number of type f32[4]", one("rangeDynamic", R1)),
    ("rangeStatic layer has a step of 0", network(layer("rangeStatic", [], endValue=3), x=R1)),
    ("lowerTriangular layer needs an input of rank 2 or more", one("lowerTriangular", R1)),
    ("splitND layer has axis 4 for f32[1,3,4,5]", one("splitND", axis=4, numSplits=2)),
    ("splitND layer splits an extent of 3 into 4", one("splitND", axis=1, numSplits=4)),
    ("tile layer has 2 repetitions for rank 1", one("tile", R1, reps=[1, 2])),
    ("tile layer takes repetitions of type f32[4] for f32[3,4,5]", two("tile", R3, R1)),
    (
        "sliceStatic layer has 1 begins for rank 3",
        one("sliceStatic", R3, beginIds=[0], endIds=[1] * 3),
    ),
    (
        "sliceStatic layer has a stride of 0",
        one("sliceStatic", R1, beginIds=[0], endIds=[1], strides=[0]),
    ),
    ("sliceDynamic layer takes positions of type f32[3,4,5]", two("sliceDynamic", R1, R3)),
    ("sliceBySize layer has a size of 0", two("sliceBySize", R1, (1,))),
    ("sliceBySize layer takes a position of type f32[4]", two("sliceBySize", R1, R1, size=1)),
    (
        "sliceBySize layer finds no 3 positions from 2 in f32[4]",
        network(loaded("b", 2), layer("sliceBySize", ["x", "b"], size=3), x=R1),
    ),
    (
        "layerNormalization layer normalizes over [3] in f32[4]",
        one("layerNormalization", R1, normalizedShape=[3]),
    ),
    ("'tensor.transpose' perm: [0, 0] is no permutation", one("transpose", axes=[0, 0])),
]
UNSUPPORTED = [
    ("cumSum layer has a parameter that is computed while it runs", two("cumSum", R1, (1,))),
    (
        "sliceDynamic layer computes its strides while it runs",
        network(layer("sliceDynamic"), x=R1, b=(1,), e=(1,), s=(1,)),
    ),
    (
        "uniDirectionalLSTM layer uses the activation 'softsign'",
        lstm(activations=[{"softsign": {}}, *SIGMOIDS[1:]], weightParams=lstm_weights(3, 2)),
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
        "crop layer takes a flexible size from its second input",
        network(layer("crop", ["x", "x"]), x=R4),
    ),
    (
        "constantPad layer pads a flexible extent to a size",
        one("constantPad", R1, padAmounts=[8, 0], padToGivenOutputSizeMode=True),
    ),
    ("splitND layer splits an extent of d_x_0", one("splitND", R1, numSplits=2)),
    (
        "reshapeDynamic layer takes a shape of unknown length",
        network(layer("reshapeDynamic", ["x", "x"]), x=R1),
    ),
]
