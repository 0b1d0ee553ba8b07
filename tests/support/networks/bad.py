"""Networks that the frontend refuses, and what it says about them."""

import numpy as np
from support.networks.builders import (
    BREAK,
    CONTINUE,
    branch,
    layer,
    loop,
    lstm_weights,
    network,
    numbers,
    step,
)

R1, R3, R4, R5 = (4,), (3, 4, 5), (1, 3, 4, 5), (1, 1, 3, 4, 5)
B4, NMS = (1, 3, 4), ["b", "s", "i", "n"]


def one(kind, x=R4, /, **fields):
    return network(layer(kind, **fields), x=x)


def two(kind, x=R4, z=R4, **fields):
    return network(layer(kind, **fields), x=x, z=z)


def loaded(name, *values):
    return layer("loadConstantND", [], [name], shape=[len(values)], data=np.float32(values))


def lstm(kind="uniDirectionalLSTM", shape=(2, 1, 3, 1, 1), **fields):
    return one(kind, shape, inputVectorSize=3, outputVectorSize=2, **fields)


def control(*layers, outputs=("y",)):
    """Branches and loops over x and one truth value, c."""
    return network(*layers, outputs=list(outputs), x=(2,), c=(1,))


COPY = [step("copy", "x", "y")]


def volume(kind, x=(1, 4, 5, 6, 7), /, **fields):
    """A 3-D layer on a volume, valid but for the given fields."""
    names = ("kernel", "stride", "dilation") if kind == "convolution3d" else ("kernel", "stride")
    sizes = {f"{name}{end}": 1 for name in names for end in ("Depth", "Height", "Width")}
    if kind == "convolution3d":
        sizes |= {"outputChannels": 2, "inputChannels": 4, "nGroups": 1, "weights": numbers(8)}
    return one(kind, x, **(sizes | fields))


def boxes(x=(1, 2, 3, 4, 5), b=(6, 1, 4, 1, 1), **fields):
    return two("cropResize", x, b, **({"spatialScale": 1} | fields))


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
    ("'l0.alpha' has 2 values; shape [3] needs 3", one("activation", PReLU={"alpha": numbers(2)})),
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
        "convolution layer declares a bias but has none",
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
        "convolution layer has padding for 1 dimensions, expected 2",
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
    ("clip layer has the limits 2.0 and 1.0, the first above", one("clip", minVal=2.0, maxVal=1.0)),
    ("unary layer has an unknown function 9", one("unary", type=9)),
    ("bias layer has a bias of shape [3, 4]", one("bias", shape=[3, 4], bias=numbers(12))),
    ("scale layer has an empty scale", one("scale", shapeScale=[0])),
    ("upsample layer has the factors [0.0, 2.0]", one("upsample", scalingFactor=[0, 2])),
    (
        "upsample layer has an unknown mode 5",
        one("upsample", scalingFactor=[2, 2], mode=1, linearUpsampleMode=5),
    ),
    (
        "embedding layer needs an input whose last three dimensions are 1, got f32[1,3,4,5]",
        one("embedding"),
    ),
    (
        "embeddingND layer needs an input whose last dimension is 1, got f32[4,3]",
        one("embeddingND", (4, 3)),
    ),
    ("pooling layer has an unknown type 4", one("pooling", type=4)),
    ("biDirectionalLSTM layer has 0 sets of weights, expected 2", lstm("biDirectionalLSTM")),
    (
        "needs an input of shape [sequence, batch, features, 1, 1], got f32[1,1,3,4,5]",
        lstm(shape=R5),
    ),
    ("uniDirectionalLSTM layer needs an input of rank 5, got f32[4]", lstm(shape=R1)),
    ("convolution3d layer needs an input of rank 5, got f32[1,3,4,5]", volume("convolution3d", R4)),
    ("convolution3d layer has 0 groups", volume("convolution3d", nGroups=0)),
    (
        "convolution3d layer can't divide 4 and 2 channels into 3 groups",
        volume("convolution3d", nGroups=3),
    ),
    ("convolution3d layer has no weights", volume("convolution3d", weights={})),
    (
        "convolution3d layer has an output shape, which is only for deconvolutions",
        volume("convolution3d", outputShape=[5, 6, 7]),
    ),
    (
        "'nn.conv_transpose' (C3) output_shape has 2 entries",
        volume("convolution3d", isDeconvolution=True, outputShape=[6, 7]),
    ),
    (
        "'nn.conv' (C1) x has 3 channels, weight expects 4 * 1",
        volume("convolution3d", (1, 3, 5, 6, 7)),
    ),
    ("convolution3d layer has a dilation of 1 x 1 x 0", volume("convolution3d", dilationWidth=0)),
    ("pooling3d layer has a kernel of 0 x 1 x 1", volume("pooling3d", kernelDepth=0)),
    ("pooling3d layer has a stride of 1 x -1 x 1", volume("pooling3d", strideHeight=-1)),
    ("pooling3d layer has an unknown type 2", volume("pooling3d", type=2)),
    ("pooling3d layer has an unknown padding type 3", volume("pooling3d", paddingType=3)),
    (
        "pooling3d layer has the padding [0, 0, -1, 0, 0, 0]",
        volume("pooling3d", customPaddingTop=-1),
    ),
    (
        "pooling3d layer has explicit padding, which is only for CUSTOM",
        volume("pooling3d", paddingType=2, customPaddingTop=1),
    ),
    (
        "globalPooling3d layer has an unknown type 7",
        one("globalPooling3d", (1, 1, 2, 2, 2), type=7),
    ),
    ("resizeBilinear layer has a target size of 1 entries", one("resizeBilinear", targetSize=[4])),
    (
        "resizeBilinear layer has an unknown sampling method 4",
        one("resizeBilinear", mode={"samplingMethod": 4}),
    ),
    ("cropResize layer needs an input of rank 5, got f32[3,4,5]", boxes(x=R3)),
    (
        "cropResize layer takes images [1, B, C, H, W], got f32[2,2,3,4,5]",
        boxes(x=(2, 2, 3, 4, 5)),
    ),
    (
        "cropResize layer takes boxes [N, 1, 4, 1, 1] or [N, 1, 5, 1, 1], got f32[6,1,3,1,1]",
        boxes(b=(6, 1, 3, 1, 1)),
    ),
    ("cropResize layer has an unknown box mode 4", boxes(boxIndicesMode={"boxMode": 4})),
    ("cropResize layer has a spatial scale of 0", boxes(spatialScale=0)),
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
        "uniDirectionalLSTM layer limits its cell state to -1.0",
        lstm(activations=SIGMOIDS, params={"cellClipThreshold": -1.0}),
    ),
    (
        "simpleRecurrent layer has an activation without a function",
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
        "reshapeStatic layer can't infer a dimension of [0, -1]",
        one("reshapeStatic", targetShape=[0, -1]),
    ),
    (
        "turns f32[1,3,4,5] into ['7', '2'], which has another number of elements",
        one("reshapeStatic", targetShape=[7, 2]),
    ),
    ("permute layer has axes [0, 0, 1, 2]", one("permute", axis=[0, 0, 1, 2])),
    ("concat layer has no inputs", network(layer("concat", []), x=R4)),
    ("split layer can't split 3 channels into 2", one("split", nOutputs=2)),
    ("slice layer has an unknown axis 3", one("slice", axis=3)),
    ("slice layer leaves nothing of f32[1,3,4,5]", one("slice", startIndex=1, endIndex=1)),
    ("crop layer has 1 offsets", two("crop", offset=[1])),
    (
        "constantPad layer has 3 numbers of padding for rank 1",
        one("constantPad", R1, padAmounts=[1, 2, 3]),
    ),
    ("constantPad layer has padding of type i32[4]", two("constantPad", R3, R1)),
    (
        "constantPad layer pads both sides of one dimension to a size",
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
    (
        "can't take windows of 6 every 0 elements from 5",
        one("slidingWindows", axis=3, windowSize=6),
    ),
    ("'tensor.topk' (C1) takes 0 of 4", one("topK", R1)),
    ("topK layer takes a number of type f32[4]", two("topK", R1, R1)),
    ("cumSum layer takes a number of type f32[4]", two("cumSum", R1, R1)),
    (
        "'tensor.cumsum' axis: axis 1 is out of range for rank 1",
        network(loaded("a", 1), layer("cumSum", ["x", "a"]), x=R1),
    ),
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
    (
        "randomNormalStatic layer has no output shape",
        network(layer("randomNormalStatic", []), x=R1),
    ),
    (
        "randomUniformDynamic layer takes a shape of type f32[3,4,5]",
        one("randomUniformDynamic", R3),
    ),
    (
        "randomBernoulliDynamic layer makes a tensor of shape ['2', '-1']",
        network(loaded("s", 2, -1), layer("randomBernoulliDynamic", ["s"]), x=R1),
    ),
    ("randomNormalLike layer has 2 inputs, expected 1", two("randomNormalLike")),
    (
        "'tensor.random_normal' (C2) mean is 0.0, stddev -1.0",
        one("randomNormalLike", R1, stdDev=-1),
    ),
    (
        "'tensor.random_uniform' (C2) low is 2.0, high 1.0",
        one("randomUniformLike", R1, minVal=2, maxVal=1),
    ),
    ("'tensor.random_bernoulli' (C2) prob is 1.5", one("randomBernoulliLike", R1, prob=1.5)),
    (
        "categoricalDistribution layer has a temperature of -1.0",
        one("categoricalDistribution", R1, temperature=-1),
    ),
    ("'tensor.random_categorical' (C2) size is 0", one("categoricalDistribution", R1)),
    (
        "NonMaximumSuppression layer returns 0 boxes",
        two("NonMaximumSuppression", B4, B4, outputs=NMS),
    ),
    (
        "'image.non_maximum_suppression' boxes is f32[4], expected rank 3",
        two("NonMaximumSuppression", R1, R1, maxBoxes=1, outputs=NMS),
    ),
    (
        "NonMaximumSuppression layer takes a number of type f32[4]",
        network(layer("NonMaximumSuppression", outputs=NMS), b=B4, s=B4, t=R1),
    ),
    (
        "NonMaximumSuppression layer has 1 inputs, expected 2 or 3 or 4 or 5",
        one("NonMaximumSuppression", B4, outputs=NMS),
    ),
    ("rangeDynamic layer takes a number of type f32[4]", one("rangeDynamic", R1)),
    ("rangeStatic layer has a step of 0", network(layer("rangeStatic", [], endValue=3), x=R1)),
    ("lowerTriangular layer needs an input of rank 2 or more", one("lowerTriangular", R1)),
    ("splitND layer has axis 4 for f32[1,3,4,5]", one("splitND", axis=4, numSplits=2)),
    ("splitND layer can't split a dimension of 3 into 4", one("splitND", axis=1, numSplits=4)),
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
    ("sliceDynamic layer takes indices of type f32[3,4,5]", two("sliceDynamic", R1, R3)),
    ("sliceBySize layer has a size of 0", two("sliceBySize", R1, (1,))),
    ("sliceBySize layer takes a position of type f32[4]", two("sliceBySize", R1, R1, size=1)),
    (
        "sliceBySize layer can't take 3 elements from index 2 of f32[4]",
        network(loaded("b", 2), layer("sliceBySize", ["x", "b"], size=3), x=R1),
    ),
    (
        "layerNormalization layer can't normalize over [3] in f32[4]",
        one("layerNormalization", R1, normalizedShape=[3]),
    ),
    ("'tensor.transpose' perm: [0, 0] is not a permutation", one("transpose", axes=[0, 0])),
    (
        "makes f32[4294967296], which is too large for any runtime",
        network(layer("fillStatic", [], targetShape=[2**32]), x=R1),
    ),
    ("branch layer has no network for a true condition", control(layer("branch", ["x"], []))),
    (
        "branch layer has a condition of type f32[2], expected one number",
        control(branch("x", COPY)),
    ),
    (
        "'ctl.cond' (C2) regions yield f32[1,2] and f32[2]",
        control(branch("c", [step("expandDims", "x", "y", axes=[0])], COPY)),
    ),
    ("loopBreak layer is outside the body of a loop", control(BREAK)),
    ("loopContinue layer is outside the body of a loop", control(branch("c", [CONTINUE]))),
    ("loop layer has no body", control(layer("loop", [], [], maxLoopIterations=1))),
    (
        "loop layer has a condition's network without the name of its result, or the name",
        control(loop(COPY, test="c")),
    ),
    (
        "loop layer takes its number of steps from f32[2], expected one number",
        control(loop(COPY, inputs=["x"])),
    ),
    (
        "loop layer tests 't', which no layer makes",
        control(loop(COPY, condition=COPY, test="t")),
    ),
    (
        "loop layer changes 'y' from f32[2] to f32[1,2] in a step",
        control(*COPY, loop([step("expandDims", "y", "y", axes=[0])], limit=3)),
    ),
]
