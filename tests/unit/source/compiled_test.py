"""Compiled models as folders: which files count, what they say, and what is said of bad ones."""

import shutil
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import messages, network_of
from support.networks.builders import add_array, layer, network, numbers
from support.networks.compiled_models import archive, change_json, compiled, dims, espresso, problem

ARCHIVE = "coremldata.bin"
RELU = espresso("activation", (4,), mode=0)
FIVE = espresso("activation", (1, 1, 4, 1, 1), mode=0)


# -- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("optionals", [None, 1, 2, 4, 5])
def test_a_network(tmp_path, swapped, optionals):
    folder = compiled(tmp_path, RELU, version=5, swapped=swapped, optionals=optionals, x=(4,))
    meant = network(layer("activation", ReLU={}), x=(4,))
    meant.specificationVersion = 5
    meant.neuralNetwork.imageInputShapeMapping = 1
    assert read_spec(folder) == meant


def test_a_network_of_five_dimensions(tmp_path):
    meant = network(layer("activation", ReLU={}), rank5=True, x=(4,))
    meant.specificationVersion = 1
    assert read_spec(compiled(tmp_path, FIVE, exact=False, version=1, x=(4,))) == meant


@pytest.mark.parametrize(
    ("given", "exact", "made", "needed"),
    [
        (1, True, RELU, 4),
        (1, False, FIVE, 1),
        (1, False, espresso("elementwise", (1, 1, 4, 1, 1), operation=35), 4),
        (6, True, RELU, 6),
    ],
)
def test_the_version_is_what_the_layers_need(tmp_path, given, exact, made, needed):
    folder = compiled(tmp_path, made, exact=exact, version=given, x=(4,))
    assert read_spec(folder).specificationVersion == needed


def test_half_precision_needs_version_2(tmp_path):
    product = {"nB": 4, "nC": 4, "blob_weights_f16": np.zeros((4, 4), np.float16)}
    made = espresso("inner_product", (1, 1, 4, 1, 1), **product)
    assert (
        read_spec(compiled(tmp_path, made, exact=False, version=1, x=(4,))).specificationVersion
        == 2
    )


@pytest.mark.parametrize("labels", [("cat", "dög", "", "a"), (3, -1, 2**40, 0)])
def test_a_classifier(tmp_path, labels):
    folder = compiled(tmp_path, espresso("softmax_nd", (4,), nd_axis=0), labels=labels, x=(4,))
    read = network_of(read_spec(folder))
    kind = read.WhichOneof("ClassLabels")
    assert tuple(getattr(read, kind).vector) == labels
    assert read.labelProbabilityLayerName == "y"
    found = cmlc.load(folder)
    assert found.main.classifier.class_labels == labels


def test_optional_files_may_be_missing(tmp_path):
    folder = compiled(tmp_path, RELU, x=(4,))
    for part in ("model", "neural_network_optionals"):
        shutil.rmtree(folder / part)
    assert read_spec(folder).neuralNetwork.layers


@pytest.mark.parametrize("name", ["m", "m.mlmodelc", "m.mlmodelc/", "m.mlmodelc.bak"])
def test_a_folder_whatever_its_name(tmp_path, name):
    folder = compiled(tmp_path, RELU, x=(4,))
    path = tmp_path / name
    if path != folder:
        folder.rename(path)
    assert cmlc.load(f"{tmp_path}/{name}").name == path.stem


def test_a_second_copy_inside_is_ignored(tmp_path):
    folder = compiled(tmp_path, RELU, x=(4,))
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / ARCHIVE).write_bytes(b"garbage")
    shutil.move(tmp_path / "copy", folder / "m.mlmodelc")
    assert read_spec(folder).neuralNetwork.layers


def test_flexible_inputs_were_compiled_with_one_of_their_shapes(tmp_path):
    made = espresso("activation", (1, 2, 7, 9), mode=0)
    shapes = {"x": [(1, 1), (2, 2), (1, 50), (1, 50)]}
    folder = compiled(tmp_path, made, ranges=shapes, x=(1, 2, 5, 5))
    change_json(
        folder / "model.espresso.shape",
        lambda c: c["layer_shapes"].update(x=dims((1, 2, 7, 9), True)),
    )
    function = cmlc.load(folder).main
    assert str(function.arguments[0].type) == "f32[1,2,d_x_2,d_x_3]"


def test_numbers_are_those_of_the_source(tmp_path):
    """A convolution, a window, a product: compiled, and as a specification."""
    w, b, v = numbers(3, 2, 3, 3), numbers(3, seed=1), numbers(2, 12, seed=2)
    conv = {"K": 2, "C": 3, "Ny": 3, "Nx": 3, "has_biases": 1, "blob_weights": w, "blob_biases": b}
    pool = {"avg_or_max": 1, "size_x": 2, "size_y": 2, "stride_x": 2, "stride_y": 2, "pad_mode": 2}
    folder = compiled(
        tmp_path,
        espresso("convolution", (1, 1, 3, 4, 4), **conv, fused_relu=1),
        espresso("pool", (1, 1, 3, 2, 2), **pool),
        espresso("inner_product", (1, 1, 2, 1, 1), nB=12, nC=2, blob_weights=v),
        exact=False,
        x=(2, 6, 6),
    )
    source = network(
        layer(
            "convolution",
            **{"outputChannels": 3, "kernelChannels": 2, "kernelSize": [3, 3], "valid": {}},
            **{"hasBias": True, "weights": w, "bias": b},
        ),
        layer("activation", ReLU={}),
        layer("pooling", kernelSize=[2, 2], stride=[2, 2], valid={}),
        layer("innerProduct", inputChannels=12, outputChannels=2, weights=v),
        rank5=True,
        x=(2, 6, 6),
    )
    given = {"x": numbers(2, 6, 6, seed=3)}
    ours, theirs = (cmlc.compile(model).interpret(given)["y"] for model in (folder, source))
    np.testing.assert_array_equal(ours, theirs)


# -- models that are compiled into themselves -----------------------------------------------------


def tree():
    model = messages("Model_pb2").Model(specificationVersion=1)
    add_array(model.description.input, "x", (1,))
    model.glmRegressor.weights.add().value.append(2.0)
    return model


def itself(folder, model, number=300):
    folder.mkdir()
    data = archive(number, model.SerializeToString(), version=1, signature="spec")
    (folder / ARCHIVE).write_bytes(data)
    return folder


def test_a_model_that_is_there_as_it_was(tmp_path):
    assert read_spec(itself(tmp_path / "m.mlmodelc", tree())) == tree()


def test_a_model_of_another_type(tmp_path):
    found = problem(itself(tmp_path / "m.mlmodelc", tree(), 301))
    assert (
        "describes a model of type supportVectorRegressor, but holds a glmRegressor"
        in found.message
    )


def test_no_model_at_all(tmp_path):
    (tmp_path / "m.mlmodelc").mkdir()
    (tmp_path / "m.mlmodelc" / ARCHIVE).write_bytes(archive(300, b"", signature="spec"))
    assert problem(tmp_path / "m.mlmodelc").message == "the file holds no model"


def test_other_kinds(tmp_path):
    folder = tmp_path / "m.mlmodelc"
    folder.mkdir()
    description = messages("Model_pb2").ModelDescription()
    (folder / ARCHIVE).write_bytes(archive(303, description, b"more"))
    found = problem(folder)
    assert found.message == "compiled models of type neuralNetworkRegressor are not supported"
    assert found.kind == "unsupported"
    assert found.file == str(folder)
    assert "that this folder was made from" in found.remedy


# -- inputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "fragment"),
    [
        ((5,), "the input is described as [4], but compiled as [5]"),
        ((1, 4), "the input is described as [4], but compiled as [1, 4]"),
    ],
)
def test_inputs_compiled_otherwise(tmp_path, shape, fragment):
    folder = compiled(tmp_path, espresso("activation", shape, mode=0), x=(4,))
    shapes = folder / "model.espresso.shape"
    change_json(shapes, lambda c: c["layer_shapes"].update(x=dims(shape, True)))
    found = problem(folder)
    assert fragment in found.message
    assert Path(found.file) == shapes


def test_inputs_that_were_not_compiled(tmp_path):
    folder = compiled(tmp_path, RELU, x=(4,), z=(3,))
    change = lambda net: net["layers"][0].update(bottom="x")  # noqa: E731
    change_json(folder / "model.espresso.net", change)
    change_json(folder / "model.espresso.shape", lambda c: c["layer_shapes"].pop("z"))
    assert problem(folder).message == "the input has no compiled shape"
