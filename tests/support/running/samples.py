"""Small models that together have most of what a file can have: for damage, and for round trips."""

from pathlib import Path

import numpy as np
from support.mil import files as mil_files
from support.mil.programs import BOOL, FP16, I32, op, program
from support.networks.builders import (
    RGB,
    add_image,
    branch,
    constant,
    flexible,
    layer,
    loop,
    lstm_weights,
    network,
    numbers,
    step,
)
from support.networks.compiled_models import compiled, espresso, image
from support.tables import builders as tables

STATISTICS = {name: numbers(4) ** 2 for name in ("gamma", "beta", "mean", "variance")}

GATES = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]


def pictures():
    """An image, convolutions of several kinds, a classifier."""
    weights = {"weights": numbers(4, 3, 3, 3), "outputChannels": 4, "kernelChannels": 3}
    model = network(
        layer("convolution", ["image"], **weights, kernelSize=[3, 3], same={}, stride=[2, 2]),
        layer("batchnorm", channels=4, **STATISTICS),
        layer("activation", PReLU={"alpha": numbers(4)}),
        layer("pooling", kernelSize=[2, 2], stride=[2, 2], valid={}),
        layer("flatten"),
        layer("innerProduct", inputChannels=16, outputChannels=3, weights=numbers(48)),
        layer("softmax"),
        kind="neuralNetworkClassifier",
        rank5=True,
        outputs=["y"],
    )
    add_image(model.description.input, "image", height=8, width=8)
    preprocessing = model.neuralNetworkClassifier.preprocessing.add(featureName="image")
    preprocessing.scaler.channelScale = 1 / 255
    del model.description.output[:]
    label, chances = (
        model.description.output.add(name="label"),
        model.description.output.add(name="y"),
    )
    label.type.stringType.SetInParent()
    chances.type.dictionaryType.stringKeyType.SetInParent()
    model.description.predictedFeatureName = "label"
    model.description.predictedProbabilitiesName = "y"
    model.neuralNetworkClassifier.stringClassLabels.vector.extend(["cat", "dog", "bird"])
    return model


def sequences():
    """A bidirectional LSTM over a sequence."""
    return network(
        layer(
            "biDirectionalLSTM",
            inputVectorSize=3,
            outputVectorSize=2,
            params={"sequenceOutput": True, "hasBiasVectors": True, "hasPeepholeVectors": True},
            activationsForwardLSTM=GATES,
            activationsBackwardLSTM=GATES,
            weightParams=[lstm_weights(3, 2), lstm_weights(3, 2, seed=5)],
        ),
        layer("reduce", axis=2),
        x=(4, 1, 3, 1, 1),
    )


def control():
    """Branches and loops, shapes that only running tells."""
    return network(
        step("copy", "x", "y"),
        loop([step("add", "y", "y", alpha=1), step("concatND", ["y", "x"], "y", axis=0)], limit=2),
        constant("c", 1),
        branch(
            "c", [step("reduceSum", "y", "z", axes=[0])], [step("reduceMin", "y", "z", axes=[0])]
        ),
        layer("whereNonZero", ["y"], ["w"]),
        layer("topK", ["y"], ["v", "i"], K=2, axis=0),
        outputs=["z", "w", "v"],
        x=(3,),
    )


def shapes():
    """A flexible shape; slices, gathers, reshapes, quantized weights."""
    quantized = {
        "rawValue": bytes(range(24)),
        "quantization": {
            "numberOfBits": 8,
            "linearQuantization": {"scale": [0.1] * 4, "bias": [-1.0] * 4},
        },
    }
    model = network(
        layer(
            "sliceStatic", beginIds=[0, 1], endIds=[0, 7], strides=[1, 1], endMasks=[True, False]
        ),
        layer("transpose", axes=[1, 0]),
        layer("transpose", axes=[1, 0]),
        layer("innerProduct", inputChannels=6, outputChannels=4, weights=quantized),
        layer(
            "layerNormalization", normalizedShape=[4], gamma=numbers(4), beta=numbers(4), eps=1e-5
        ),
        layer("gelu"),
        x=(2, 8),
    )
    sizes = flexible(model).description.input[0].type.multiArrayType.shapeRange.sizeRanges
    sizes[1].lowerBound = sizes[1].upperBound = 8
    return model


def arithmetic():
    """An ML Program: half and single precision, truth values, constants of every kind."""
    return program(
        op("cast", "half", (2, 3), FP16, x="x", dtype="fp16"),
        op("mul", "twice", (2, 3), FP16, x="half", y=np.float16([1, 2, 3])),
        op("cast", "single", (2, 3), x="twice", dtype="fp32"),
        op("less", "low", (2, 3), BOOL, x="single", y=np.float32(1)),
        op("clip", "clipped", (2, 3), x="single", alpha=np.float32(-1), beta=np.float32(6)),
        op("select", "chosen", (2, 3), cond="low", a="clipped", b=numbers(2, 3)),
        op("log", "y", (2, 3), x="chosen", epsilon=np.float32(8)),
        x=(2, 3),
    )


def decisions():
    """An ML Program: a branch, a loop and a list, and a state that they write."""
    half = op("cast", "half", (2, 3), FP16, x="x", dtype="fp16")
    branches = [
        ((), (op("write_state", [], input="s", data="half"),), ["half"]),
        ((), (op("read_state", "held", (2, 3), FP16, input="s"),), ["held"]),
    ]
    truth = op("less", "low", (), BOOL, x=np.float32(1), y=np.float32(2))
    counted = [("i", (1,), I32), ("sum", (2, 3), FP16)]
    blocks = [
        (counted, (op("less", "go", (1,), BOOL, x="i", y=np.int32([3])),), ["go"]),
        (
            counted,
            (
                op("add", "next", (1,), I32, x="i", y=np.int32([1])),
                op("add", "more", (2, 3), FP16, x="sum", y="half"),
            ),
            ["next", "more"],
        ),
    ]
    results = [("n", (1,), I32), ("total", (2, 3), FP16)]
    return program(
        half,
        truth,
        op("cond", "chosen", (2, 3), FP16, branches, pred="low"),
        op("while_loop", results, (), FP16, blocks, loop_vars=(np.int32([0]), "chosen")),
        op("cast", "y", (2, 3), x="total", dtype="fp32"),
        opset=18,
        states={"s": (2, 3)},
        x=(2, 3),
    )


def stored():
    """An ML Program whose constants are in a weight file, some of them compressed, and the file."""
    codes, half = list(range(12)), [0.5] * 12
    data, (weight, indices, scale) = mil_files.weight_bin(
        ("fp32", [1.0, -2.0, 0.5, 4.0] * 3), ("uint8", codes), ("fp16", half)
    )
    file, kind, made = "@model_path/weights/weight.bin", mil_files.tensor, mil_files.value
    palettized = mil_files.op(
        "constexpr_lut_to_dense",
        {"palettized": kind("fp32", 3, 4)},
        {
            "name": "palettized",
            "indices": made(kind("uint8", 12), (file, indices)),
            "lut": made(kind("fp32", 256), [0.25] * 256),
            "shape": made(kind("uint32", 2), [3, 4]),
        },
    )
    return mil_files.program(
        mil_files.const("w", kind("fp32", 3, 4), (file, weight)),
        mil_files.const("h", kind("fp16", 3, 4), (file, scale)),
        palettized,
        mil_files.op("add", {"a": kind("fp32", 3, 4)}, {"name": "a"}, x="w", y="palettized"),
        mil_files.op("matmul", {"y": kind("fp32", 2, 4)}, {"name": "y"}, x="x", y="a"),
        x=kind("fp32", 2, 3),
    ), data


def rows():
    """Categories, a dictionary and numbers, and trees behind them."""
    encoder, message = tables.model("oneHotEncoder", {"kind": "string"}, {"kind": "{int64}"})
    message.stringCategories.vector.extend(["a", "b", "c"])
    words, message = tables.model("dictVectorizer", {"words": "{string}"}, {"words": "{int64}"})
    message.stringToIndex.vector.extend(["x", "y"])
    inputs = {"kind": "{int64}", "words": "{int64}", "size": "double"}
    vector, message = tables.model("featureVectorizer", inputs, {"row": "f64[6]"})
    for name, count in (("kind", 3), ("size", 1), ("words", 2)):
        message.inputList.add(inputColumn=name, inputDimensions=count)
    outputs, predicted = {"label": "string", "scores": "{string}"}, ("label", "scores")
    trees, message = tables.model("treeEnsembleClassifier", {"row": "f64[6]"}, outputs, predicted)
    message.stringClassLabels.vector.extend(["no", "yes"])
    ensemble = message.treeEnsemble
    ensemble.numPredictionDimensions = 1
    message.postEvaluationTransform = 2
    for tree in range(3):
        node = ensemble.nodes.add(treeId=tree, trueChildNodeId=1, falseChildNodeId=2)
        node.branchFeatureIndex, node.branchFeatureValue = 2 * tree, 0.5
        for child in (1, 2):
            leaf = ensemble.nodes.add(treeId=tree, nodeId=child, nodeBehavior=6)
            leaf.evaluationInfo.add(evaluationValue=child - 1.5)
    given = {"kind": "string", "words": "{string}", "size": "double"}
    models = encoder, words, vector, trees
    kind = "pipelineClassifier"
    return tables.pipeline(given, outputs, *models, kind=kind, predicted=predicted)


MODELS = {
    "pictures": pictures,
    "sequences": sequences,
    "control": control,
    "shapes": shapes,
    "arithmetic": arithmetic,
    "decisions": decisions,
    "rows": rows,
}


def write_samples(folder: Path) -> list[Path]:
    """The models as files in a folder, a package, and three as a compiler would leave them."""
    paths = [folder / f"{name}.mlmodel" for name in MODELS]
    for path, make in zip(paths, MODELS.values(), strict=True):
        path.write_bytes(make().SerializeToString())
    return [
        *paths,
        compiled_pictures(folder / "a"),
        compiled_blocks(folder / "b"),
        mil_files.package(folder, *stored()),
        mil_files.compiled_program(folder, *stored()),
    ]


def compiled_pictures(folder):
    """A classifier of images, in the old five dimensions."""
    window = {"K": 3, "C": 4, "Nx": 3, "Ny": 3, "stride_x": 2, "stride_y": 2, "pad_mode": 1}
    return compiled(
        folder,
        espresso(
            *("convolution", (4, 4, 4)),
            **window,
            blob_weights=numbers(4, 3, 3, 3),
            blob_biases=numbers(4),
            has_biases=1,
            fused_relu=1,
        ),
        espresso("pool", (4, 1, 1), size_x=4, size_y=4, **{"avg_or_max": 0, "is_global": 1}),
        espresso("inner_product", (3, 1, 1), nB=4, nC=3, blob_weights=numbers(3, 4)),
        espresso("softmax", (3, 1, 1), C=2),
        exact=False,
        images={"x": image(RGB, 1 / 255)},
        labels=("cat", "dog", "bird"),
        x=(3, 8, 8),
    )


def compiled_blocks(folder):
    """Blobs of ranks of their own; activations, sums, a product."""
    return compiled(
        folder,
        espresso("activation", (1, 4), mode=6, alpha=2.0, beta=1.0),
        espresso("inner_product", (1, 2), nB=4, nC=2, blob_weights=numbers(2, 4), has_relu=1),
        espresso("elementwise", (1, 2), operation=1, alpha=0.5),
        x=(1, 4),
    )
