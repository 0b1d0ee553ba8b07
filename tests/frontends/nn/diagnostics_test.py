"""What is wrong with bad networks, said so that it can be found: every diagnostic of the frontend."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.frontends import nn
from networks import assert_refused, layer, network, numbers, problems

R1, R3, R4, R5 = (4,), (3, 4, 5), (1, 3, 4, 5), (1, 1, 3, 4, 5)


def flexible(model):
    """With every extent of the first input from 1 to 9."""
    array = model.description.input[0].type.multiArrayType
    for size in array.shape:
        array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=max(9, size))
    return model


def one(kind, shape=R4, rank5=False, **fields):
    return network(layer(kind, **fields), rank5=rank5, x=shape)


def two(kind, x=R4, z=R4, **fields):
    return network(layer(kind, **fields), x=x, z=z)


def lstm(kind="uniDirectionalLSTM", shape=(2, 1, 3, 1, 1), **fields):
    return one(kind, shape, inputVectorSize=3, outputVectorSize=2, **fields)


SIGMOIDS = [{"sigmoid": {}}] * 3
EDGE = {"startEdgeSize": 1, "endEdgeSize": 1}
ONE_EDGE = {"paddingAmounts": {"borderAmounts": [EDGE]}}

# (fragment of the message, model) of a malformed network.
MALFORMED = [
    ("activation layer names no function", one("activation")),
    ("gelu layer has an unknown mode 7", one("gelu", mode=7)),
    ("activation layer needs an input of rank 3 or more, got f32[4]",
     one("activation", R1, PReLU={"alpha": numbers(1)})),
    ("activation layer has 2 inputs, expected 1", two("activation", ReLU={})),
    ("activation layer has no input", network(layer("softmax", []), x=R4)),
    ("'l0.alpha' has 2 values; shape [3] takes 3", one("activation", PReLU={"alpha": numbers(2)})),
    ("convolution layer has weights of type f32[3,4,5], expected rank 4",
     two("convolution", z=R3, outputChannels=3)),
    ("has no values", one("convolution", outputChannels=2, kernelChannels=3)),
    ("convolution layer has no weights",
     one("convolution", outputChannels=2, kernelChannels=3, isDeconvolution=True)),
    ("convolution layer says it has a bias but holds none",
     one("convolution", outputChannels=2, kernelChannels=3, kernelSize=[1, 1], hasBias=True,
         weights=numbers(6))),
    ("convolution layer has 1 border amounts, expected 2",
     one("convolution", outputChannels=2, kernelChannels=3, kernelSize=[1, 1],
         weights=numbers(6), valid=ONE_EDGE)),
    ("'nn.conv' (C1) x has 3 channels, weight expects 2 * 1",
     one("convolution", outputChannels=2, kernelChannels=2, kernelSize=[1, 1], weights=numbers(4))),
    ("max layer has 1 inputs", one("max")),
    ("clip layer has crossed limits 2.0 and 1.0", one("clip", minVal=2.0, maxVal=1.0)),
    ("unary layer has an unknown function 9", one("unary", type=9)),
    ("bias layer has a bias of shape [3, 4]", one("bias", shape=[3, 4], bias=numbers(12))),
    ("scale layer has an empty scale", one("scale", shapeScale=[0])),
    ("upsample layer has factors [0.0, 2.0]", one("upsample", scalingFactor=[0, 2])),
    ("upsample layer has an unknown mode 5",
     one("upsample", scalingFactor=[2, 2], mode=1, linearUpsampleMode=5)),
    ("embedding layer needs an input that ends in three extents of 1, got f32[1,3,4,5]",
     one("embedding")),
    ("embeddingND layer needs an input whose last extent is 1, got f32[4,3]",
     one("embeddingND", (4, 3))),
    ("pooling layer has an unknown type 4", one("pooling", type=4)),
    ("biDirectionalLSTM layer has 0 sets of weights, expected 2", lstm("biDirectionalLSTM")),
    ("needs an input of shape [sequence, batch, features, 1, 1], got f32[1,1,3,4,5]",
     lstm(shape=R5)),
    ("uniDirectionalLSTM layer needs an input of rank 5, got f32[4]", lstm(shape=R1)),
    ("uniDirectionalLSTM layer has a state of type f32[2,1,2]",
     network(layer("uniDirectionalLSTM", inputVectorSize=3, outputVectorSize=2),
             x=(2, 1, 3, 1, 1), h=(2, 1, 2, 1, 1), c=(2, 1, 2, 1, 1))),
    ("uniDirectionalLSTM layer starts from zeros for a batch of unknown size",
     lambda: {"model": lstm(shape=(1, 1, 3, 1, 1)), "shapes": {"x": "open"}}),
    ("uniDirectionalLSTM layer has 1 activations, expected 3",
     lstm(activations=SIGMOIDS[:1], weightParams="full")),
    ("reduce layer has an unknown axis 8", one("reduce", axis=8)),
    ("reduce layer has an unknown mode 12", one("reduce", mode=12)),
    ("reduce layer takes the argmax over several axes", one("reduce", mode=9, axis=0)),
    ("reduceSum layer names no axes", one("reduceSum")),
    ("reshape layer has a target shape of 2 entries", one("reshape", targetShape=[3, 4])),
    ("reshape layer changes the sequence length of a batch of 2",
     one("reshape", (4, 2, 1, 1, 1), targetShape=[2, 2, 1, 1])),
    ("reshapeStatic layer can't infer an extent of [0, -1]",
     one("reshapeStatic", targetShape=[0, -1])),
    ("turns f32[1,3,4,5] into ['7', '2'], which has another number of elements",
     one("reshapeStatic", targetShape=[7, 2])),
    ("permute layer has axes [0, 0, 1, 2]", one("permute", axis=[0, 0, 1, 2])),
    ("concat layer has no inputs", network(layer("concat", []), x=R4)),
    ("split layer splits 3 channels into 2", one("split", nOutputs=2)),
    ("slice layer has an unknown axis 3", one("slice", axis=3)),
    ("crop layer has 1 offsets", two("crop", offset=[1])),
    ("constantPad layer has 3 amounts for rank 1", one("constantPad", R1, padAmounts=[1, 2, 3])),
    ("constantPad layer pads one dimension to a size at both sides",
     one("constantPad", R1, padAmounts=[8, 8], padToGivenOutputSizeMode=True)),
    ("reorganizeData layer has a block size of 1", one("reorganizeData", blockSize=1)),
    ("reorganizeData layer has an unknown mode 5", one("reorganizeData", blockSize=2, mode=5)),
    ("loadConstant layer has a shape of 2 entries",
     network(layer("loadConstant", [], shape=[1, 2], data=numbers(2)), x=R4)),
    ("loadConstantND layer has no shape",
     network(layer("loadConstantND", [], data=numbers(2)), x=R4)),
    ("flattenTo2D layer has axis 5 for rank 4", one("flattenTo2D", axis=5)),
    ("rankPreservingReshape layer changes the rank to 2",
     one("rankPreservingReshape", targetShape=[6, 10])),
    ("reverse layer has 1 flags", one("reverse", reverseDim=[True])),
    ("copy layer names 2 outputs, but has 1", one("copy", outputs=["a", "b"])),
    ("softmax layer reads 'nothing', which no earlier layer makes",
     network(layer("softmax", ["nothing"]), x=R4)),
    ("an array of 2 dimensions in a network that maps arrays to rank 5",
     network(layer("copy"), rank5=True, x=(2, 3))),
    ("no layer makes this output", network(layer("copy", outputs=["z"]), x=R4, outputs=["y"])),
    ("'tensor.transpose' perm: [0, 0] is no permutation", one("transpose", axes=[0, 0])),
]
UNSUPPORTED = [
    ("innerProduct layer quantizes its input while it runs", one("innerProduct", int8DynamicQuantize=True)),
    ("batchedMatmul layer quantizes its input while it runs",
     one("batchedMatmul", int8DynamicQuantize=True)),
    ("constantPad layer computes its amounts while it runs",
     two("constantPad", R1, (2,))),
    ("uniDirectionalLSTM layer uses the activation 'softsign'",
     lstm(activations=[{"softsign": {}}, *SIGMOIDS[1:]], weightParams="full")),
]
