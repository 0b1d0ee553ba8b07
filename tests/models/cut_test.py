"""Models that are cut in two: both parts, one after the other, give the numbers of the whole."""

from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.ir.diagnostics import CompileWarning
from cmlc.ir.finding import ModelValues
from cmlc.tools.cli.values import list_values
from support.mil.programs import several
from support.networks.builders import (
    branch,
    flexible,
    layer,
    network,
    numbers,
    step,
)
from support.networks.cut_models import arrays, halves, images, sums
from support.tables.builders import pipeline

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.mlmodel"


PIXELS = np.random.default_rng(0).integers(0, 255, (6, 6, 3), np.uint8)
X = {"x": numbers(1, 3, 5, 5)}
# A model, where it is cut, what it is given, and the shape of the value there for callers.
MODELS = {
    "a blob": (images, "d", {"image": PIXELS}, (3, 6, 6)),
    "a blob that is assigned twice": (images, "c", {"image": PIXELS}, (3, 6, 6)),
    "vectors": (images, "f", {"image": PIXELS}, (108, 1, 1)),
    "exact shapes": (arrays, "c", X, (1, 3, 5, 5)),
    "an operation": (halves, "m", {"x": numbers(2, 3)}, (2, 3)),
    "another name of a value": (halves, "u", {"x": numbers(2, 3)}, (2, 3)),
}
TARGETS = {"a blob": ("tf", "tflite", "keras"), "an operation": ("tf", "tflite")}


@pytest.mark.parametrize("case", MODELS)
def test_both_parts_are_the_whole(case):
    make, name, given, shape = MODELS[case]
    whole = cmlc.compile(make())
    backbone, head = cmlc.compile(make(), outputs=[name]), cmlc.compile(make(), inputs=[name])
    assert backbone.function.result_names == [name]
    assert [value.name for value in head.function.arguments] == [name]
    value = backbone.interpret(given)[name]
    assert value.shape == shape
    assert value.dtype == np.float32
    assert np.ptp(value) > 0.1
    (found,) = head.interpret({name: value}).values()
    np.testing.assert_allclose(found, whole.interpret(given)["y"], atol=1e-6)


@pytest.mark.parametrize(("case", "target"), [(c, t) for c, row in TARGETS.items() for t in row])
def test_both_parts_for_every_target(case, target):
    make, name, given, _ = MODELS[case]
    expected = cmlc.compile(make()).interpret(given)
    value = cmlc.compile(make(), target=target, outputs=[name]).predict(given)[name]
    found = cmlc.compile(make(), target=target, inputs=[name]).predict({name: value})
    np.testing.assert_allclose(found["y"], expected["y"], atol=1e-5)


def test_both_parts_as_saved_models(tmp_path):
    """A batch of images goes through both."""
    import tensorflow as tf

    many = np.stack([PIXELS, PIXELS[::-1]])
    expected = cmlc.compile(images()).predict({"image": many})["y"]
    first = cmlc.write(images(), tmp_path / "first", outputs=["d"])
    second = cmlc.write(images(), tmp_path / "second", inputs=["d"], batch="dynamic")
    signatures = [
        tf.saved_model.load(str(path)).signatures["serving_default"] for path in (first, second)
    ]
    value = signatures[0](image=many)["d"]
    assert value.shape == (2, 3, 6, 6)
    np.testing.assert_allclose(signatures[1](d=value)["y"], expected, atol=1e-6)


def test_a_part_between_two_values():
    model = cmlc.compile(images(), inputs=["c"], outputs=["f", "d"])
    assert model.function.result_names == ["f", "d"]
    value = cmlc.compile(images(), outputs=["c"]).interpret({"image": PIXELS})["c"]
    found = model.interpret({"c": value})
    np.testing.assert_array_equal(found["f"].ravel(), found["d"].ravel())


# -- what names mean -------------------------------------------------------------------------------


def names(source, **choices):
    """The names of each value, and where it comes from."""
    found = ModelValues(cmlc.load(source, Options(**choices)).main).names()
    rows = [(value.op, row) for value, row in found.items()]
    return {made.location.name: row for made, row in rows if made.name != "const"}


def test_blobs_mean_their_last_value_and_layers_their_own():
    assert names(images()) == {
        "conv": ["conv"],
        "relu": ["c", "relu"],
        "l2": ["d", "l2"],
        "l3": ["f", "l3"],
        "l4": ["y", "l4"],
    }
    given = {"image": PIXELS}
    relu, plain = (cmlc.compile(images(), outputs=[n]).interpret(given)[n] for n in ("c", "conv"))
    assert plain.min() < -0.1
    np.testing.assert_array_equal(relu, np.maximum(plain, 0))


def test_a_blob_counts_before_a_layer():
    """The layer b makes a, and the layer a makes b."""
    model = network(
        layer("activation", ["x"], ["a"], "b", ReLU={}),
        layer("activation", ["a"], ["b"], "a", tanh={}),
        layer("activation", ["b"], ["y"], sigmoidHard={"alpha": 1}),
        x=(2,),
    )
    assert names(model) == {"b": ["a"], "a": ["b"], "l2": ["y", "l2"]}


def test_layers_with_one_name_have_none():
    twice = [layer("activation", [a], [b], "same", ReLU={}) for a, b in ("xa", "ay")]
    with pytest.raises(cmlc.CompileError, match="'same' makes several values; name what it makes"):
        cmlc.load(network(*twice, x=(2,)), Options(outputs=["same"]))


def test_an_input_as_it_is_given():
    said = "'r' is the input 's' as it is given; name 's', or something that is computed"
    with pytest.raises(cmlc.CompileError, match=said):
        cmlc.load(sums(), Options(outputs=["r"]))


def test_a_layer_that_changes_nothing_gives_a_value_another_name():
    model = network(
        step("activation", "x", "a", ReLU={}),
        step("activation", "a", "b", linear={"alpha": 1}),
        step("activation", "b", "y", tanh={}),
        x=(2,),
    )
    both = [cmlc.load(model, Options(outputs=[name])).main for name in ("a", "b")]
    assert [each.result_names for each in both] == [["a"], ["b"]]
    value = cmlc.compile(model, outputs=["b"]).interpret({"x": [-1, 2]})["b"]
    np.testing.assert_array_equal(value, [0, 2])


def test_features_of_pipelines_have_names_and_models_tell_values_apart():
    first, second = (
        network(
            layer("activation", [source], ["inner"], "relu", ReLU={}),
            layer("activation", ["inner"], [target], "tanh", tanh={}),
            **{source: (2,)},
        )
        for source, target in ("xh", "hy")
    )
    both = pipeline({"x": "f64[2]"}, {"y": "f64[2]"}, first, second)
    module = cmlc.load(both)
    (rows,) = list_values(module).values()
    assert [row.names for row in rows] == [
        ("x",),
        ("models[0]/inner", "models[0]/relu"),
        ("h", "models[0]/tanh"),
        ("models[1]/inner", "models[1]/relu"),
        ("models[1]/tanh",),
        ("y",),
    ]
    assert rows[3].place_text == "layers[0] 'relu', called by models[1] 'neuralNetwork'"
    given = {"x": np.array([1.0, -1.0])}
    assert not first.description.output[0].type.multiArrayType.shape  # so h can't begin a pipeline
    for name in ("h", "models[1]/inner"):
        value = cmlc.compile(both, outputs=[name]).interpret(given)[name]
        found = cmlc.compile(both, inputs=[name]).interpret({name: value})
        expected = cmlc.compile(both).interpret(given)
        np.testing.assert_array_equal(found["y"], expected["y"])
    with pytest.raises(cmlc.CompileError, match=r"they are models\[0\]/inner, models\[1\]/inner"):
        cmlc.load(both, Options(outputs=["inner"]))


# -- what is left of the interface -----------------------------------------------------------------


def added():
    """y = tanh(relu(x) + z)."""
    return network(
        step("activation", "x", "a", ReLU={}),
        layer("addBroadcastable", ["a", "z"], ["s"]),
        step("activation", "s", "y", tanh={}),
        x=(2,),
        z=(2,),
    )


def arguments(source, **choices):
    return [value.name for value in cmlc.load(source, Options(**choices)).main.arguments]


def test_an_input_that_is_still_needed_stays_and_is_told():
    with pytest.warns(CompileWarning, match="the outputs also need 'z', not only a; choose more"):
        assert arguments(added(), inputs=["a"]) == ["a", "z"]
    assert arguments(added(), inputs=["a", "z"]) == ["a", "z"]
    assert arguments(added(), inputs=["s"]) == ["s"]
    assert arguments(added(), outputs=["a"]) == ["x"]


def test_a_classifier_that_is_cut_is_an_array():
    model = cmlc.compile(DIGITS, outputs=["scores"])
    (found,) = model.predict({"image": np.zeros((8, 8), np.uint8)}).values()
    assert (found.shape, not model.function.classifier.class_labels) == ((10, 1, 1), True)
    head = cmlc.compile(DIGITS, inputs=["scores"]).predict({"scores": np.arange(10)[:, None, None]})
    assert head["digit"] == "9"
    assert head["digitProbabilities"]["9"] == pytest.approx(1 - np.exp(-1), abs=1e-3)


@pytest.mark.parametrize("states", ["kept", "arguments"])
def test_states_stay_where_they_are_needed(states):
    assert arguments(sums(), outputs=["t"], states=states) == ["x"]
    assert arguments(sums(), outputs=["a"], states=states) == ["x", "s"]
    model = cmlc.compile(sums(), outputs=["a"], states=states)
    given, state = {"x": np.array([1, 2])}, model.make_state()
    kept = states == "kept"
    for count in (1, 2):
        found = model.predict(given, state) if kept else model.predict(given)
        np.testing.assert_array_equal(found["a"], [count, 2 * count])
        given |= {} if kept else {"s": found["s"]}


def test_one_function_of_several_is_cut():
    both = several(one=halves(), other=halves())
    assert arguments(both, function="one", inputs=["m"]) == ["m"]
    with pytest.raises(cmlc.CompileError, match="which function is to be cut: one, other"):
        cmlc.load(both, Options(inputs=["m"]))


def test_half_precision_is_as_it_is_computed():
    kept = cmlc.load(halves(), Options(precision="keep", outputs=["m"])).main
    single = cmlc.load(halves(), Options(outputs=["m"])).main
    assert [str(each.results[0].type) for each in (kept, single)] == ["f16[2,3]", "f32[2,3]"]


def test_open_shapes():
    model = network(
        step("activation", "x", "a", ReLU={}),
        layer("concatND", ["a", "a"], ["b"], axis=0),
        step("activation", "b", "y", tanh={}),
        x=(2, 3),
    )
    head = cmlc.compile(flexible(model), inputs=["b"])
    assert str(head.module.main.arguments[0].type) == "f32[d_b_0,d_x_1]"
    value = numbers(5, 2)
    found = head.predict({"b": value})["y"]
    np.testing.assert_allclose(found, np.tanh(value), atol=1e-6)


def test_values_in_branches_are_refused_by_name():
    yes, no = ([step("activation", "x", "t", ReLU={}), step("tanh", "t", "o")] for _ in range(2))
    model = network(branch("p", yes, no), step("tanh", "o", "y"), x=(2,), p=(1,))
    assert cmlc.load(model, Options(outputs=["o"])).main.result_names == ["o"]
    with pytest.raises(
        cmlc.CompileError, match=r"layers\[0\] 'l0'.*cut at 't', which is inside of"
    ):
        cmlc.load(model, Options(outputs=["t"]))
