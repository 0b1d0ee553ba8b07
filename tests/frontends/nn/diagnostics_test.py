"""What is wrong with bad networks: every diagnostic of the frontend."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.frontends import nn
from cmlc.compiler.frontends.nn.features import Freedom
from cmlc.compiler.source.interface import read_interface
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dims import symbol
from networks import (
    assert_refused,
    flexible,
    layer,
    lstm_weights,
    network,
    numbers,
    problems,
)

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
        "uniDirectionalLSTM layer has a state of type f32[2,1,2]",
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
    ("constantPad layer computes its amounts while it runs", two("constantPad", R1, (2,))),
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
# Diagnostics with tests elsewhere (features_test.py), and those that no network can bring about.
ELSEWHERE = (
    *("input can't feed a neural network", "its first extent is not a batch of 1"),
    *("its mean image has", "does not give one probability", "no layer makes probabilities"),
    *("is no RGB image", "no batch dimension that could vary", "does not fit this input"),
    *("starts from zeros for a batch of unknown size", "there is no input"),
    *("in which N is not the batch", "works along the batch dimension"),
)
UNREACHABLE = {
    "has an unknown function ''": "every member of the message's oneof has a rule",
    "depends on the batch without depending on an input": "layers take N from inputs only",
    "chooses between computations for the whole batch": "no layer makes regions yet",
}


@pytest.mark.parametrize(("fragment", "model"), MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed(fragment, model):
    assert_refused(model, fragment)


@pytest.mark.parametrize(("fragment", "model"), UNSUPPORTED, ids=[row[0] for row in UNSUPPORTED])
def test_unsupported(fragment, model):
    assert_refused(model, "layers[0] 'l0'", fragment, kind="unsupported")


def open_problems(model):
    """What stops the import with all flexible extents open."""
    model = flexible(model)
    with pytest.raises(CompileError) as caught:
        nn._Importer(model.neuralNetwork, read_interface(model), Freedom(flexible=True)).module("m")
    return [diagnostic.message for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(("fragment", "model"), OPEN, ids=[row[0] for row in OPEN])
def test_open_extents(fragment, model):
    assert fragment in open_problems(model)[0]


def test_given_shapes():
    model = network(
        layer("uniDirectionalLSTM", inputVectorSize=3, outputVectorSize=2), rank5=True, x=(3,)
    )
    open_batch = {"x": (symbol("S"), symbol("B"), 3, 1, 1)}
    assert_refused(model, "starts from zeros for a batch of unknown size", shapes=open_batch)
    wrong = {"x": (1, 1, 4, 1, 1)}
    assert_refused(
        model, "does not fit this input", "[sequence, batch, 3, 1, 1]", kind="usage", shapes=wrong
    )
    assert_refused(
        model, "there is no input 'z'", "the inputs are x", kind="usage", shapes={"z": (1,)}
    )


def test_inputs_of_other_kinds():
    model = network(layer("copy"), x=R1)
    model.description.input[0].type.stringType.SetInParent()
    assert_refused(model, "input 'x'", "a string input can't feed a neural network")


def test_unsupported_layers_are_all_reported():
    model = network(
        layer("custom", name="first", className="Swirl"),
        layer("softmax"),
        layer("gru", name="third"),
        layer("custom", name="fourth", className="Twirl"),
        x=R4,
    )
    found = problems(model)
    assert [(str(p.location), p.message) for p in found] == [
        ("layers[0] 'first'", "custom layer 'Swirl' has no definition"),
        ("layers[2] 'third'", "gru layers are not supported"),
        ("layers[3] 'fourth'", "custom layer 'Twirl' has no definition"),
    ]
    assert {p.kind for p in found} == {"unsupported"}
    assert "in the app" in found[0].remedy


def test_unsupported_layers_in_nested_networks():
    model = network(layer("branch"), x=R1)
    inner = model.neuralNetwork.layers[0].branch.ifBranch.layers.add(name="inner")
    inner.gru.SetInParent()
    assert "gru layers are not supported" in [p.message for p in problems(model)]


def test_malformed_layers_are_all_reported():
    model = network(
        layer("clip", name="a", minVal=1.0),
        layer("softmax", name="b"),  # its input failed: nothing to say about it
        layer("reduceSum", ["x"], name="c"),
        x=R4,
    )
    assert [str(p.location) for p in problems(model)] == ["layers[0] 'a'", "layers[2] 'c'"]


def test_every_layer_has_one_rule():
    kinds = {field.name for field in _layer_fields()}
    assert set(nn.LAYERS) <= kinds


def _layer_fields():
    from cmlc.compiler.source.spec import messages

    layers = messages("NeuralNetwork_pb2").NeuralNetworkLayer.DESCRIPTOR
    return layers.oneofs_by_name["layer"].fields


def messages_of_sources():
    """The messages in the sources, as (place, pattern)."""
    for path in sorted(Path(inspect.getfile(nn)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(
                getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", "")
            )
            if name not in ("require", "error", "unsupported", "_problem", "Diagnostic"):
                continue
            for text in node.args:
                pattern = _pattern(text)
                if pattern.count(" "):
                    yield f"{path.stem}: {pattern}", pattern


def _pattern(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value).replace("\\ ", " ")
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(v) if isinstance(v, ast.Constant) else ".*" for v in node.values)
    return ""


def all_messages():
    rows = [m for _, model in (*MALFORMED, *UNSUPPORTED) for m in problems(model)]
    found = [message.message for message in rows] + [p for _, m in OPEN for p in open_problems(m)]
    return [
        *found,
        *UNREACHABLE,
        "custom layer 'x' has no definition",
        "gru layers are not supported",
    ]


@pytest.fixture(scope="module")
def seen():
    return all_messages()


SOURCES = dict(messages_of_sources())


@pytest.mark.parametrize("place", SOURCES)
def test_every_message_has_a_test(place, seen):
    pattern = SOURCES[place]
    plain = re.sub(r"\\(.)", r"\1", pattern)
    if any(part in plain or plain in part for part in ELSEWHERE) or _remedy_or_frame(pattern):
        return
    assert any(re.search(pattern, message) for message in seen), f"no test brings about: {plain}"


FRAMES = (
    *("shapes of such networks", "a dynamic batch is not", "leave out the option"),
    *("in which .* is not the batch", "is no .* image", "input can", "the shape .* does not fit"),
)


def _remedy_or_frame(pattern):
    """Remedies, and sentences that only frame a message."""
    framing = ".*" in pattern and not re.sub(r"\.\*|layer|\W", "", pattern)
    return framing or any(part in pattern for part in FRAMES)
