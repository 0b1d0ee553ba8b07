"""Models whose names are of every kind, in every form: written, loaded, called, and described."""

import importlib.util
import json
import zipfile

import cmlc
import numpy as np
import pytest
from cmlc.backends.names import parameter
from cmlc.compiler.artefacts.meant import form_for
from cmlc.compiler.artefacts.write import write
from cmlc.tools import cmlc as cmlc_command
from cmlc.tools.cli.outputs import save_outputs
from support.mil.programs import FP16, op, program, several
from support.modules.names import drawn_names
from support.networks.builders import add_array, fill, layer, network, numbers
from support.running.saved_models import assert_text_says_everything
from support.running.tensorflow_run import graph_function

COUNT = 40  # of inputs, outputs and layers each


def model_of(names):
    """(a network with one product for each pair of an input and an output, what it computes)."""
    inputs, outputs, layers = names[:COUNT], names[COUNT : 2 * COUNT], names[2 * COUNT :]
    made = network()
    given, expected = {}, {}
    for position, row in enumerate(zip(inputs, outputs, layers, strict=True)):
        source, target, name = row
        weight = numbers(2, 3, seed=position + 1)
        add_array(made.description.input, source, (3,))
        add_array(made.description.output, target, ())
        item = made.neuralNetwork.layers.add(name=name, input=[source], output=[target])
        fields = {"inputChannels": 3, "outputChannels": 2, "weights": weight}
        item.innerProduct.SetInParent()
        fill(item.innerProduct, fields)
        given[source] = numbers(3, seed=position + 100)
        expected[target] = weight.reshape(2, 3) @ given[source]
    return made, given, expected


@pytest.fixture(scope="module", params=[1, 2])
def named(request):
    made, given, expected = model_of(
        [n for n in drawn_names(4 * COUNT, request.param) if n][: 3 * COUNT]
    )
    return cmlc.compile(made), given, expected


def written_by(model, form, path):
    """(written names of one kind by the model's, facts) of a form."""
    facts = write(model.stages, form_for(path, form), path, {}).facts
    entries = facts["renamed"]
    assert all(entry["name"] != entry["written"] for entry in entries)

    def names(kind, given):
        other = {e["name"]: e["written"] for e in entries if e["kind"] == kind}
        assert set(other) <= set(given)
        return {name: other.get(name, name) for name in given}

    return names, facts


def assert_close(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(np.ravel(found[name]), np.ravel(array), rtol=1e-4, atol=1e-5)


def by_real_names(found, names):
    assert set(found) == set(names.values())
    return {name: found[other] for name, other in names.items()}


@pytest.mark.slow
def test_saved_model(named, tmp_path):
    import tensorflow as tf

    model, given, expected = named
    assert_close(model.predict(given), expected)
    names, facts = written_by(model, "savedmodel", tmp_path / "m")
    about = json.loads((tmp_path / "m/assets.extra/cmlc.json").read_text())
    assert about["renamed"] == facts["renamed"]
    inputs, outputs = names("input", given), names("output", expected)
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    predict = loaded.signatures["serving_default"]
    shown = predict.structured_input_signature[1]
    assert set(shown) == {parameter(other) for other in inputs.values()}
    arrays = {inputs[name]: array.astype(np.float32) for name, array in given.items()}
    assert_close(by_real_names(predict(**arrays), outputs), expected)
    tensors = {name: tf.constant(array) for name, array in arrays.items()}
    assert_close(by_real_names(predict(**tensors), outputs), expected)
    layers = [place.name for place in model.stages.source.neuralNetwork.layers]
    weights = names("weight", [f"{name}.weight" for name in layers])
    found = {variable.name.removesuffix(":0") for variable in loaded.weights}
    assert found == set(weights.values())


@pytest.mark.slow
def test_tflite(named, tmp_path):
    import tensorflow as tf

    model, given, expected = named
    names, facts = written_by(model, "tflite", tmp_path / "m.tflite")
    assert set(facts["errors"]) == set(expected)
    inputs, outputs = names("input", given), names("output", expected)
    interpreter = tf.lite.Interpreter(str(tmp_path / "m.tflite"))
    (signature,) = interpreter.get_signature_list().values()
    assert set(signature["inputs"]) == set(inputs.values())
    predict = interpreter.get_signature_runner("serving_default")
    found = predict(**{inputs[name]: array.astype(np.float32) for name, array in given.items()})
    assert_close(by_real_names(found, outputs), expected)
    assert_close(cmlc.compile(model.stages.source, target="tflite").predict(given), expected)


@pytest.mark.slow
def test_frozen_graph(named, tmp_path):
    model, given, expected = named
    _, facts = written_by(model, "graphdef", tmp_path / "m.pb")
    inputs, outputs = facts["tensors"]["inputs"], facts["tensors"]["outputs"]
    predict = graph_function(tmp_path / "m.pb", list(inputs.values()), list(outputs.values()))
    found = predict(*(given[name].astype(np.float32) for name in inputs))
    assert_close(dict(zip(outputs, found, strict=True)), expected)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras-code", "keras"])
def test_keras(named, tmp_path, form):
    import keras

    model, given, expected = named
    path = tmp_path / ("m.keras" if form == "keras" else "m")
    names, _ = written_by(model, form, path)
    made = keras.models.load_model(path) if form == "keras" else code_in(path).load()
    inputs = names("input", given)
    assert [item.name for item in made.inputs] == list(inputs.values())
    found = made(list(given.values()))
    assert_close(found, expected)
    assert_close(cmlc.compile(model.stages.source, target="keras").predict(given), expected)


def test_forms_without_tensorflow(named, tmp_path):
    model, given, expected = named
    assert_close(model.interpret(given), expected)
    for module in (model.module, model.optimized):
        assert_text_says_everything(module)
    path = model.write(tmp_path / "m.cmir", "ir")
    assert_close(cmlc.compile(path).interpret(given), expected)
    path = model.write(tmp_path / "m.mlmodel", "mlmodel")
    assert_close(cmlc.compile(path).interpret(given), expected)
    assert model.write(tmp_path / "m.html", "html").read_text()
    assert model.write(tmp_path / "m.dot", "dot").read_text().count(" -> ") == 2 * COUNT


def test_weights(named, tmp_path):
    model, _, _ = named
    folder = model.write(tmp_path / "w", "weights")
    rows = json.loads((folder / "manifest.json").read_text())["weights"]
    with np.load(folder / "weights.npz") as arrays:
        for row in rows:
            (own,) = (
                item
                for item in model.stages.source.neuralNetwork.layers
                if f"{item.name}.weights" == row["name"]
            )
            found = arrays[row.get("written", row["name"])]
            assert found.ravel().tolist() == list(own.innerProduct.weights.floatValue)
        assert len(arrays.files) == len(rows) == COUNT


LABELS = (
    "cat\r",
    "dog\n",
    "owl",
    'a "quoted" one',
    "back\\slash",
    "слово",
    "\t",
    "cat",
    "a\u2028b",
)


def labelled(count):
    """A classifier of nine labels, or of more."""
    labels = [*LABELS, *(f"class {i}" for i in range(count - len(LABELS)))]
    made = network(layer("softmaxND", axis=-1), kind="neuralNetworkClassifier", x=(count,))
    made.neuralNetworkClassifier.stringClassLabels.vector.extend(labels)
    made.description.predictedFeatureName = "label"
    made.description.predictedProbabilitiesName = "y"
    made.description.output.add(name="label").type.stringType.SetInParent()
    made.description.output[0].type.dictionaryType.stringKeyType.SetInParent()
    return made, labels


@pytest.mark.slow
@pytest.mark.parametrize("count", [9, 30])
def test_labels(count, tmp_path):
    import tensorflow as tf

    made, labels = labelled(count)
    model = cmlc.compile(made)
    x = np.arange(count, dtype=np.float32)[::-1].copy()
    assert model.predict({"x": x})["label"] == labels[0]
    assert list(model.predict({"x": x})["y"]) == labels
    loaded = tf.saved_model.load(str(model.write(tmp_path / "m")))
    found = loaded.signatures["serving_default"](x=tf.constant(x))
    assert found["label"].numpy().decode() == labels[0]
    names, _ = written_by(model, "tflite", tmp_path / "m.tflite")
    with zipfile.ZipFile(tmp_path / "m.tflite") as archive:
        lines = archive.read("labels.txt").decode().splitlines()
    assert lines == list(names("label", labels).values())
    assert lines[:3] == ["cat ", "dog ", "owl"]
    names, _ = written_by(model, "keras-code", tmp_path / "k")
    assert list(code_in(tmp_path / "k").LABELS) == list(names("label", labels).values())


def code_in(folder):
    """The module that generated code is."""
    spec = importlib.util.spec_from_file_location("made", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_functions_and_states(tmp_path):
    """Ten functions that add their input to a state of their own, but for two that share one."""
    import tensorflow as tf

    drawn = [name for name in drawn_names(60, seed=5) if name and name != "default"]
    functions = ["serving_default", "reset", *drawn[:8]]
    states = [*drawn[8:17], drawn[8]]
    rows = list(zip(functions, states, strict=True))
    model = cmlc.compile(several(functions[-1], **{f: accumulator(s) for f, s in rows}))
    for name, state in rows:
        held = model.make_state(name)
        found = model.predict({"x": [1, 2]}, held, function=name)
        assert found["y"].tolist() == [1, 2]
        assert held.read_state(state).tolist() == [1, 2]
    names, _ = written_by(model, "savedmodel", tmp_path / "m")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    keys = names("function", functions)
    keys[functions[-1]] = "serving_default"
    assert len(set(keys.values())) == len(functions)
    counts = {name: states[: i + 1].count(state) for i, (name, state) in enumerate(rows)}
    for name, key in keys.items():
        found = loaded.signatures[key](x=tf.constant([1.0, 2.0]))["y"]
        assert found.numpy().tolist() == [counts[name], 2 * counts[name]]
    assert set(loaded.states) == set(names("state", states).values())


def accumulator(state):
    """y = state += x."""
    return program(
        op("cast", "h", (2,), FP16, x="x", dtype="fp16"),
        op("read_state", "r", (2,), FP16, input=state),
        op("add", "a", (2,), FP16, x="r", y="h"),
        op("coreml_update_state", "u", (2,), FP16, state=state, value="a"),
        op("cast", "y", (2,), x="u", dtype="fp32"),
        opset=18,
        states={state: (2,)},
        x=(2,),
    )


def test_flexible_inputs_whose_names_differ_in_signs():
    """Their sizes are apart."""
    made = network(
        layer("unary", ["a b"], ["y"], type=7, scale=2, epsilon=1e-6),
        layer("unary", ["a.b"], ["z"], type=7, scale=3, epsilon=1e-6),
        outputs=["y", "z"],
        **{"a b": (2,), "a.b": (2,)},
    )
    for feature in made.description.input:
        array = feature.type.multiArrayType
        array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=9)
    model = cmlc.compile(made)
    first, second = (value.type.shape for value in model.module.main.arguments)
    assert first != second
    found = model.interpret({"a b": [1, 2, 3], "a.b": [1]})
    assert (found["y"].shape, found["z"].shape) == ((3,), (1,))


def test_outputs_in_files(tmp_path):
    """Outputs whose files would be one, and names of numpy's own options."""
    outputs = {"a/b": 1.0, "a_b": 2.0, "A_B": 3.0, "file": 4.0, "allow_pickle": 5.0, "x.npy": 6.0}
    arrays = {name: np.full(2, value) for name, value in outputs.items()}
    save_outputs(arrays, tmp_path / "folder")
    found = {p.stem: np.load(p)[0] for p in (tmp_path / "folder").iterdir()}
    assert sorted(found.values()) == sorted(outputs.values())
    assert (found["a_b"], found["file"]) == (2, 4)
    save_outputs(arrays, tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz") as archive:
        assert {name: array[0] for name, array in archive.items()} == {
            **{name: value for name, value in outputs.items() if name != "x.npy"},
            "x_": 6.0,
        }


@pytest.mark.slow
def test_what_the_command_says(tmp_path, monkeypatch, capsys):
    """The real names beside the written ones; nothing of names that stay."""
    monkeypatch.chdir(tmp_path)
    fields = {"inputChannels": 3, "outputChannels": 2, "weights": numbers(2, 3)}
    item = layer("innerProduct", ["class"], ["y"], "_fc", **fields)
    other = layer("unary", ["X"], ["z"], "plain", type=7, scale=2, epsilon=1e-6)
    made = network(item, other, outputs=["y", "z"], **{"class": (3,), "X": (3,)})
    (tmp_path / "m.mlmodel").write_bytes(made.SerializeToString())
    assert cmlc_command.main(["m.mlmodel", "-o", "m"]) == 0
    said = capsys.readouterr().out
    told = ["input class is called class_", "weight _fc.weight is called fc.weight"]
    for line in (*told, "layer _fc is called fc"):
        assert said.count(line) == 1
    assert said.count("is called") == 3
    assert cmlc_command.main(["m.mlmodel", "-o", "m.tflite", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    kinds = [(entry["kind"], entry["name"], entry["written"]) for entry in facts["renamed"]]
    assert kinds == [("weight", "_fc.weight", "fc.weight"), ("layer", "_fc", "fc")]
