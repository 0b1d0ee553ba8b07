"""Pipelines: which values their models see, and the functions that they become."""

import numpy as np
import pytest
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError, CompileWarning
from cmlc.ir.dialects.builtin import Call
from support.networks.builders import layer, network
from support.tables.builders import compiled, model, pipeline, run


def scaler(source, target, scale, kind="double"):
    spec, message = model("scaler", {source: kind}, {target: kind})
    message.scaleValue.append(scale)
    return spec


def glm(source, labels, predicted=("label", "scores")):
    kinds = zip(predicted, ("string", "{string}"), strict=True)
    outputs = {name: kind for name, kind in kinds if name}
    spec, message = model("glmClassifier", {source: "f64[2]"}, outputs, predicted)
    message.weights.add(value=[1.0, -1.0])
    message.offset.append(0)
    message.stringClassLabels.vector.extend(labels)
    return spec


def test_a_later_model_sees_all_that_was_there_before():
    last, message = model("featureVectorizer", {"x": "double", "z": "double"}, {"v": "f64[2]"})
    for name in ("x", "z"):
        message.inputList.add(inputColumn=name, inputDimensions=1)
    outputs = {"v": "f64[2]", "y": "double", "x": "double"}
    spec = pipeline({"x": "double"}, outputs, scaler("x", "y", 2), scaler("y", "z", 5), last)
    found = run(spec, x=3.0)
    assert list(found) == ["v", "y", "x"]
    assert found["v"].tolist() == [3, 30]
    assert (found["y"], found["x"]) == (6, 3)


def test_the_latest_model_that_makes_a_name_wins():
    models = scaler("x", "x", 2), scaler("x", "x", 5), scaler("x", "y", 1)
    assert run(pipeline({"x": "double"}, {"x": "double", "y": "double"}, *models), x=1.0) == {
        "x": 10,
        "y": 10,
    }


def test_a_name_may_change_its_type():
    encoder, message = model("oneHotEncoder", {"x": "string"}, {"x": "{int64}"})
    message.stringCategories.vector.extend(["a", "b"])
    vector, message = model("featureVectorizer", {"x": "{int64}"}, {"x": "f64[2]"})
    message.inputList.add(inputColumn="x", inputDimensions=2)
    spec = pipeline({"x": "string"}, {"x": "f64[2]"}, encoder, vector)
    assert run(spec, x="b")["x"].tolist() == [0, 1]
    assert compiled(spec).interpret({"x": ["b", "a"]})["x"].tolist() == [[0, 1], [1, 0]]


def test_pipelines_may_be_nested():
    inner = pipeline({"x": "double"}, {"z": "double"}, scaler("x", "y", 2), scaler("y", "z", 3))
    spec = pipeline({"x": "double"}, {"w": "double"}, inner, scaler("z", "w", 7))
    assert run(spec, x=1.0) == {"w": 42}


def test_what_an_inner_pipeline_does_not_give_is_not_seen():
    inner = pipeline({"x": "double"}, {"z": "double"}, scaler("x", "y", 2), scaler("y", "z", 3))
    spec = pipeline({"x": "double"}, {"w": "double"}, inner, scaler("y", "w", 7))
    with pytest.raises(CompileError, match="needs 'y', which nothing before it provides") as caught:
        _ = compiled(spec).module
    (problem,) = caught.value.diagnostics
    assert str(problem.location) == "models[1] 'scaler'"
    assert problem.remedy == "there are x, z"


def test_labels_come_from_the_model_that_makes_the_prediction():
    spec = pipeline(
        {"x": "f64[2]"},
        {"label": "string", "scores": "{string}"},
        glm("x", ["no", "yes"]),
        kind="pipelineClassifier",
        predicted=("label", "scores"),
    )
    whole = compiled(spec)
    assert whole.module.main.classifier.class_labels == ("no", "yes")
    found = whole.interpret({"x": [2.0, 0.0]})
    assert found["label"] == "yes"
    assert found["scores"]["yes"] == pytest.approx(1 / (1 + np.exp(-2)))


def test_probabilities_that_are_not_the_prediction_keep_their_keys():
    outputs = {"scores": "{string}", "w": "f64[2]"}
    models = glm("x", ["no", "yes"]), scaler("x", "w", 2, "f64[2]")
    spec = pipeline({"x": "f64[2]"}, outputs, *models)
    assert run(spec, x=[0.0, 0.0])["scores"] == {"no": 0.5, "yes": 0.5}
    several = compiled(spec).interpret({"x": np.zeros((3, 2))})["scores"]
    assert several == [{"no": 0.5, "yes": 0.5}] * 3


def linear_network(name="x", output="y"):
    """y = x W with two outputs, in single precision."""
    weights = np.array([[1, 0, 0], [0, 1, 0]])
    fields = {"inputChannels": 3, "outputChannels": 2, "weights": weights}
    inner = layer("innerProduct", [name], [output], **fields)
    return network(inner, outputs=[output], **{name: (3,)})


def test_networks_feed_other_models():
    models = linear_network(), glm("y", ["no", "yes"], ("label", ""))
    spec = pipeline({"x": "f64[3]"}, {"label": "string"}, *models)
    assert run(spec, x=[5.0, 1.0, 9.0]) == {"label": "yes"}
    assert run(spec, x=[1.0, 5.0, 9.0]) == {"label": "no"}


def test_each_model_is_a_private_function_that_main_calls():
    spec = pipeline({"x": "double"}, {"z": "double"}, scaler("x", "y", 2), scaler("y", "z", 3))
    module = compiled(spec).module
    assert [*module.public_functions] == ["main"]
    assert [*module.functions] == ["main", "scaler", "scaler_2"]
    calls = [op for op in module.main.walk() if isinstance(op, Call)]
    assert [str(call.location) for call in calls] == ["models[0] 'scaler'", "models[1] 'scaler'"]
    assert not any(isinstance(op, Call) for op in compiled(spec).optimized.walk())


def test_functions_are_called_like_the_models_where_those_have_names():
    spec = pipeline({"x": "double"}, {"z": "double"}, scaler("x", "y", 2), scaler("y", "z", 3))
    spec.pipeline.names.extend(["first", "main"])
    assert [*compiled(spec).module.functions] == ["main", "first", "main_2"]


def test_problems_name_the_model_inside():
    inner = pipeline({"x": "double"}, {"y": "double"}, scaler("x", "y", 2))
    bad, message = model("scaler", {"x": "f64[3]"}, {"y": "f64[3]"})
    message.scaleValue.extend([1, 2])
    inner = pipeline({"x": "f64[3]"}, {"y": "f64[3]"}, bad)
    spec = pipeline({"x": "f64[3]"}, {"y": "f64[3]"}, inner)
    with pytest.raises(CompileError) as caught:
        _ = compiled(spec).module
    (problem,) = caught.value.diagnostics
    assert str(problem.location) == "models[0].models[0] 'scaler'"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (pipeline({"x": "double"}, {"y": "double"}), "the pipeline has no models"),
        (
            pipeline({"x": "double"}, {"y": "double"}, scaler("x", "z", 1)),
            "makes this output",
        ),
        (
            pipeline({"x": "f64[4]"}, {"y": "f32[2]"}, linear_network()),
            r"input 'x' is f64\[4\], expected f32\[3\]",
        ),
    ],
)
def test_pipelines_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        _ = compiled(spec).module


def test_a_model_that_only_apple_has_is_refused_with_what_can_be_had():
    first = messages("Model_pb2").Model(specificationVersion=4)
    first.visionFeaturePrint.scene.version = 1
    first.description.output.add(name="sceneprint")
    spec = pipeline({"x": "double"}, {"y": "double"}, first, scaler("x", "y", 1))
    with pytest.raises(CompileError) as caught:
        _ = compiled(spec).module
    (problem,) = caught.value.diagnostics
    assert problem.subject == "visionFeaturePrint"
    assert problem.remedy == "compile what follows it: --inputs=sceneprint"


def with_print(*models):
    """A pipeline of an image print that only Apple has, and models behind it."""
    first = messages("Model_pb2").Model(specificationVersion=4)
    first.visionFeaturePrint.scene.version = 1
    made, _ = model("identity", {}, {"print": "f64[2]"})
    first.description.output.extend(made.description.output)
    spec = pipeline({"w": "double"}, {"label": "string", "v": "double"}, first, *models)
    image = spec.description.input.add(name="image").type.imageType
    image.width = image.height = 4
    image.colorSpace = 20
    first.description.input.extend(spec.description.input[1:])
    return spec


def test_the_models_behind_a_cut_are_compiled_without_those_before_it():
    spec = with_print(glm("print", ["no", "yes"], ("label", "")), scaler("w", "v", 2))
    whole = compiled(spec, inputs=("print",))
    with pytest.warns(CompileWarning, match="the outputs also need 'w', not only print"):
        arguments = whole.module.main.arguments
    assert [value.name for value in arguments] == ["w", "print"]
    assert whole.interpret({"print": [3.0, 1.0], "w": 2.0}) == {"label": "yes", "v": 4}


def test_only_what_the_outputs_need_is_compiled():
    spec = with_print(glm("print", ["no", "yes"], ("label", "")), scaler("w", "v", 2))
    whole = compiled(spec, outputs=("v",))
    assert [*whole.module.functions] == ["main"]
    assert whole.interpret({"w": 2.0}) == {"v": 4}


def test_a_cut_that_needs_the_print_is_refused():
    spec = with_print(glm("print", ["no", "yes"], ("label", "")))
    with pytest.raises(CompileError, match="visionFeaturePrint can't run elsewhere"):
        _ = compiled(spec, outputs=("label",)).module


def test_a_cut_between_models_keeps_their_names():
    spec = pipeline({"x": "double"}, {"z": "double"}, scaler("x", "y", 2), scaler("y", "z", 3))
    spec.pipeline.names.extend(["first", "second"])
    whole = compiled(spec, inputs=("y",))
    assert whole.interpret({"y": 5.0}) == {"z": 15}
    assert compiled(spec, outputs=("y",)).interpret({"x": 5.0}) == {"y": 10}
