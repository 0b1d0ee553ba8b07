"""What a model's description says, and what is wrong with bad ones."""

import pytest
from cmlc.compiler.source.interface import (
    Feature,
    Flexibility,
    ImageFormat,
    Interface,
    read_interface,
)
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.location import InModel
from cmlc.ir.types import DType

ARRAY = messages("FeatureTypes_pb2").ArrayFeatureType
IMAGE = messages("FeatureTypes_pb2").ImageFeatureType


def model(kind="neuralNetwork", version=5):
    spec = messages("Model_pb2").Model(specificationVersion=version)
    getattr(spec, kind).SetInParent()
    return spec


def add(features, name, variant, **values):
    feature = features.add(name=name)
    message = getattr(feature.type, variant)
    message.SetInParent()
    for key, value in values.items():
        if isinstance(value, list | tuple):
            getattr(message, key).extend(value)
        else:
            setattr(message, key, value)
    return message


def add_array(features, name="x", shape=(1, 3), data_type=ARRAY.FLOAT32):
    return add(features, name, "multiArrayType", shape=shape, dataType=data_type)


def add_image(features, name="x", height=4, width=6, color=IMAGE.RGB):
    return add(features, name, "imageType", height=height, width=width, colorSpace=color)


def the_input(spec) -> Feature:
    (feature,) = read_interface(spec).inputs
    return feature


def problems(spec):
    with pytest.raises(CompileError) as caught:
        read_interface(spec)
    assert all(diagnostic.kind == "malformed" for diagnostic in caught.value.diagnostics)
    assert all(diagnostic.remedy for diagnostic in caught.value.diagnostics)
    return [diagnostic.message for diagnostic in caught.value.diagnostics]


def test_everything_a_classifier_says():
    spec = model("neuralNetworkClassifier")
    add_image(spec.description.input, "image", 224, 200, IMAGE.BGR)
    spec.description.input[0].shortDescription = "a photo"
    add(spec.description.output, "label", "stringType")
    add(spec.description.output, "scores", "dictionaryType").stringKeyType.SetInParent()
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "scores"
    spec.description.metadata.author = "someone"
    spec.description.metadata.userDefined["b"] = "2"
    spec.description.metadata.userDefined["a"] = "1"
    spec.neuralNetworkClassifier.stringClassLabels.vector.extend(["cat", "dog"])
    spec.neuralNetworkClassifier.labelProbabilityLayerName = "softmax"
    spec.isUpdatable = True
    image = ImageFormat("BGR", 224, 200)
    assert read_interface(spec) == Interface(
        inputs=(Feature("image", "image", image=image, description="a photo"),),
        outputs=(
            Feature("label", "string"),
            Feature("scores", "dictionary", key_type="string"),
        ),
        predicted_feature="label",
        predicted_probabilities="scores",
        class_labels=("cat", "dog"),
        probabilities_layer="softmax",
        metadata={"a": "1", "b": "2", "author": "someone"},
        kind="neuralNetworkClassifier",
        spec_version=5,
        updatable=True,
    )
    assert list(read_interface(spec).metadata) == ["a", "b", "author"]


def test_numbers_as_labels():
    spec = model("neuralNetworkClassifier")
    add(spec.description.output, "scores", "dictionaryType").int64KeyType.SetInParent()
    spec.neuralNetworkClassifier.int64ClassLabels.vector.extend([3, 5])
    interface = read_interface(spec)
    assert interface.class_labels == (3, 5)
    assert interface.outputs[0].key_type == "int64"


def test_labels_may_repeat():
    spec = model("neuralNetworkClassifier")
    spec.neuralNetworkClassifier.stringClassLabels.vector.extend(["crane", "crane"])
    assert read_interface(spec).class_labels == ("crane", "crane")


@pytest.mark.parametrize(
    ("data_type", "dtype"),
    [
        (ARRAY.FLOAT32, DType.F32),
        (ARRAY.DOUBLE, DType.F64),
        (ARRAY.INT32, DType.I32),
        (ARRAY.FLOAT16, DType.F16),
        (ARRAY.INT8, DType.I8),
    ],
)
def test_arrays(data_type, dtype):
    spec = model()
    add_array(spec.description.input, "x", (2, 3), data_type)
    assert the_input(spec) == Feature("x", "array", dtype, (2, 3))


def test_outputs_may_leave_type_and_shape_open():
    spec = model()
    add_array(spec.description.output, "y", (), 0)
    assert read_interface(spec).outputs == (Feature("y", "array", DType.F32),)


@pytest.mark.parametrize(
    ("name", "value"),
    [("intDefaultValue", 3), ("floatDefaultValue", 0.5), ("doubleDefaultValue", 0)],
)
def test_optional_inputs(name, value):
    spec = model()
    setattr(add_array(spec.description.input), name, value)
    spec.description.input[0].type.isOptional = True
    feature = the_input(spec)
    assert feature.optional
    assert feature.default == value
    assert type(feature.default) is (int if name == "intDefaultValue" else float)


def test_enumerated_shapes():
    spec = model()
    array = add_array(spec.description.input, shape=())
    for shape in ((1, 2), (3, 4)):
        array.enumeratedShapes.shapes.add().shape.extend(shape)
    feature = the_input(spec)
    assert feature.shape == (1, 2)
    assert feature.flexibility == Flexibility(enumerated=((1, 2), (3, 4)))
    array.shape.extend((3, 4))
    assert the_input(spec).shape == (3, 4)


def test_ranges():
    spec = model()
    array = add_array(spec.description.input, shape=())
    array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=8)
    array.shapeRange.sizeRanges.add(lowerBound=2, upperBound=-1)
    feature = the_input(spec)
    assert feature.shape == (1, 2)
    assert feature.flexibility == Flexibility(ranges=((1, 8), (2, None)))
    array.shape.extend((8, 100))
    assert the_input(spec).shape == (8, 100)


def test_images_of_listed_sizes():
    spec = model()
    image = add_image(spec.description.input, height=0, width=0)
    image.enumeratedSizes.sizes.add(height=5, width=7)
    image.enumeratedSizes.sizes.add(height=1, width=2)
    feature = the_input(spec)
    assert feature.image == ImageFormat("RGB", 5, 7)
    assert feature.flexibility == Flexibility(enumerated=((5, 7), (1, 2)))


def test_images_within_a_range():
    spec = model()
    image = add_image(spec.description.input, height=0, width=0, color=IMAGE.GRAYSCALE_FLOAT16)
    sizes = image.imageSizeRange
    sizes.heightRange.lowerBound, sizes.heightRange.upperBound = 5, 50
    sizes.widthRange.lowerBound, sizes.widthRange.upperBound = 7, -1
    feature = the_input(spec)
    assert feature.image == ImageFormat("GRAYSCALE_FLOAT16", 5, 7)
    assert feature.flexibility == Flexibility(ranges=((5, 50), (7, None)))


def test_flexible_shapes_count_from_version_3_on():
    spec = model(version=2)
    array = add_array(spec.description.input, "x", (9, 9))
    array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=8)
    image = add_image(spec.description.input, "image")
    image.enumeratedSizes.SetInParent()
    assert [feature.flexibility for feature in read_interface(spec).inputs] == [None, None]


def test_scalars_sequences_and_dictionaries():
    spec = model("pipeline")
    add(spec.description.input, "i", "int64Type")
    add(spec.description.input, "d", "doubleType")
    add(spec.description.input, "n", "dictionaryType").int64KeyType.SetInParent()
    add(spec.description.input, "s", "sequenceType").stringType.SetInParent()
    sequence = add(spec.description.input, "t", "sequenceType")
    sequence.int64Type.SetInParent()
    sequence.sizeRange.lowerBound, sequence.sizeRange.upperBound = 1, -1
    assert read_interface(spec).inputs == (
        Feature("i", "int64"),
        Feature("d", "double"),
        Feature("n", "dictionary", key_type="int64"),
        Feature("s", "sequence", key_type="string"),
        Feature("t", "sequence", key_type="int64", flexibility=Flexibility(ranges=((1, None),))),
    )


def test_states():
    spec = model("mlProgram", 9)
    state = add(spec.description.state, "cache", "stateType")
    state.arrayType.shape.extend((1, 8))
    state.arrayType.dataType = ARRAY.FLOAT16
    assert read_interface(spec).states == (Feature("cache", "state", DType.F16, (1, 8)),)


@pytest.mark.parametrize(("default", "expected"), [("second", "second"), ("", "first")])
def test_a_model_of_several_functions(default, expected):
    spec = model("mlProgram", 9)
    for name in ("first", "second"):
        function = spec.description.functions.add(name=name)
        add_array(function.input, f"{name}_input")
    spec.description.defaultFunctionName = default
    interface = read_interface(spec)
    assert interface.function == expected
    assert [feature.name for feature in interface.inputs] == [f"{expected}_input"]


@pytest.mark.parametrize("kind", sorted(messages("Model_pb2").Model.DESCRIPTOR.oneofs_by_name))
def test_the_oneof_of_types_is_what_we_know(kind):
    assert kind == "Type"


def test_models_of_all_types_have_an_interface():
    oneof = messages("Model_pb2").Model.DESCRIPTOR.oneofs_by_name["Type"]
    for kind in (field.name for field in oneof.fields):
        spec = model(kind)
        if kind == "neuralNetworkClassifier":
            spec.neuralNetworkClassifier.int64ClassLabels.vector.append(1)
        assert read_interface(spec).kind == kind


def test_labels_of_other_classifiers():
    spec = model("treeEnsembleClassifier")
    spec.treeEnsembleClassifier.int64ClassLabels.vector.extend([1, 2])
    assert read_interface(spec).class_labels == (1, 2)


def no_type(spec):
    spec.description.input.add(name="x")


def no_name(spec):
    add_array(spec.description.input, "")


def twice(spec):
    add_array(spec.description.input)
    add_array(spec.description.input)


def untyped(spec):
    add_array(spec.description.input, data_type=0)


def unknown_type(spec):
    array = messages("FeatureTypes_pb2").ArrayFeatureType.FromString(b"\x08\x01\x10\x63")
    spec.description.input.add(name="x").type.multiArrayType.CopyFrom(array)


def shapeless(spec):
    add_array(spec.description.input, shape=())


def negative(spec):
    add_array(spec.description.input, shape=(-1, 2))


def nothing_enumerated(spec):
    add_array(spec.description.input).enumeratedShapes.SetInParent()


def default_not_enumerated(spec):
    add_array(spec.description.input).enumeratedShapes.shapes.add().shape.extend((2, 2))


def empty_range(spec):
    add_array(spec.description.input).shapeRange.sizeRanges.add(lowerBound=5, upperBound=4)


def too_few_ranges(spec):
    add_array(spec.description.input).shapeRange.sizeRanges.add(lowerBound=1, upperBound=4)


def default_out_of_range(spec):
    ranges = add_array(spec.description.input, shape=(9,)).shapeRange.sizeRanges
    ranges.add(lowerBound=1, upperBound=4)


def default_below_range(spec):
    ranges = add_array(spec.description.input, shape=(1,)).shapeRange.sizeRanges
    ranges.add(lowerBound=2, upperBound=-1)


def colourless(spec):
    add_image(spec.description.input, color=IMAGE.INVALID_COLOR_SPACE)


def no_size(spec):
    add_image(spec.description.input, height=0)


def no_keys(spec):
    add(spec.description.input, "x", "dictionaryType")


def no_elements(spec):
    add(spec.description.input, "x", "sequenceType")


def no_array(spec):
    add(spec.description.input, "x", "stateType")


def test_an_output_may_be_described_twice_in_the_same_words():
    spec = model()
    for _ in range(2):
        add_array(spec.description.output, "y")
    assert [feature.name for feature in read_interface(spec).outputs] == ["y"]
    add_array(spec.description.output, "y", shape=(3, 1))
    assert "the output 'y' is described twice" in problems(spec)


@pytest.mark.parametrize(
    ("describe", "message"),
    [
        (no_type, "the input 'x' has no type"),
        (no_name, "the input '' has no name"),
        (twice, "the input 'x' is described twice"),
        (untyped, "the input 'x' has no element type"),
        (unknown_type, "the input 'x' has the unknown element type 99"),
        (shapeless, "the input 'x' has no shape"),
        (negative, "the input 'x' has the impossible shape [-1, 2]"),
        (
            nothing_enumerated,
            "the input 'x' enumerates its shapes, but the list is empty or has an empty shape",
        ),
        (
            default_not_enumerated,
            "the input 'x' has the default shape [1, 3], but the possible ones are [2, 2]",
        ),
        (empty_range, "the input 'x' has the empty range of sizes 5 to 4"),
        (too_few_ranges, "the input 'x' has the default shape [1, 3] but 1 ranges"),
        (default_out_of_range, "the input 'x' has the default size 9 outside its range 1 to 4"),
        (default_below_range, "the input 'x' has the default size 1 outside its range 2 to any"),
        (colourless, "the input 'x' has an unknown colour space (0)"),
        (no_size, "the input 'x' has the impossible size 6 × 0"),
        (no_keys, "the input 'x' is a dictionary without a type of keys"),
        (no_elements, "the input 'x' is a sequence without a type of elements"),
        (no_array, "the input 'x' is a state that is not an array"),
    ],
)
def test_bad_features(describe, message):
    spec = model()
    describe(spec)
    assert problems(spec) == [message]


def test_bad_classifiers():
    spec = model("neuralNetworkClassifier")
    spec.description.predictedFeatureName = "label"
    assert problems(spec) == [
        "the classifier predicts 'label', which is not one of its outputs",
        "the classifier has no class labels",
    ]


def test_all_problems_at_once_and_where_they_are():
    spec = model()
    add_array(spec.description.input, "fine")
    no_type(spec)
    add_image(spec.description.output, "y", color=0)
    with pytest.raises(CompileError) as caught:
        read_interface(spec)
    places = [diagnostic.location for diagnostic in caught.value.diagnostics]
    assert places == [InModel("input", 1, "x"), InModel("output", 0, "y")]
