"""Keras code of models that take strings and categories: it looks them up as the models do."""

import os
import subprocess
import sys

import cmlc
import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.tools import cmlc as command
from support.running.keras_run import keras_code
from support.running.refused import assert_told, problems_of
from support.running.tensorflow_run import assert_close
from support.tables.builders import model, pipeline
from support.tables.described import described

pytestmark = pytest.mark.slow


def texts(*words):
    """An array as executables take strings."""
    found = np.empty(len(words), object)
    found[:] = words
    return found


def one_hot(x="string", categories=("red", "", "blue"), *, ignore=True, names=("x", "y")):
    field = "stringCategories" if x == "string" else "int64Categories"
    categories = {field: {"vector": [*categories]}}
    output = f"f64[{len(categories[field]['vector'])}]"
    unknown = {"handleUnknown": int(ignore)}
    given, made = {names[0]: x}, {names[1]: output}
    return described("oneHotEncoder", given, made, **categories, **unknown)


def mapping(x, y, table, default=None, names=("x", "y")):
    spec, message = model("categoricalMapping", {names[0]: x}, {names[1]: y})
    strings = y == "string"
    field = message.int64ToStringMap if strings else message.stringToInt64Map
    field.map.update(table)
    if default is not None:
        setattr(message, "strValue" if strings else "int64Value", default)
    return spec


def dictionary(x="{string}", y="f64[3]"):
    keys = {"vector": ["a", "b", "c"] if x == "{string}" else [7, -1, 0]}
    field = "stringToIndex" if x == "{string}" else "int64ToIndex"
    return described("dictVectorizer", {"x": x}, {"y": y}, **{field: keys})


def block(size=3):
    columns = [{"inputColumn": "x", "inputDimensions": size}]
    return described(
        "featureVectorizer", {"x": "{int64}"}, {"y": f"f64[{size}]"}, inputList=columns
    )


def made_of(spec, **choices):
    stages = Stages(spec, Options(target="keras", **choices))
    return stages.optimized, stages.executable


def assert_rows(spec, /, **inputs):
    """The Keras model computes what the interpreter does of the optimized model."""
    optimized, made = made_of(spec)
    expected, found = run(optimized, inputs, optimized.main.name), made.run(inputs)
    assert [*found] == [*expected]
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert_close(array, found[name], f"result '{name}' of\n{made.text}")
    return made.text


def assert_stops(spec, /, **inputs):
    """Both stop, the layer with its own words."""
    optimized, made = made_of(spec)
    with pytest.raises(CompileError):
        run(optimized, inputs, optimized.main.name)
    with pytest.raises(CompileError, match="the Keras model fails on these inputs"):
        made.run(inputs)
    assert "num_oov_indices=0" in made.text


WORDS = texts("red", "", "green", "blue", "[UNK]", "red ")
NUMBERS = np.array([7, -3, 2**40, 0, 5], np.int64)
ROWS = {
    "words": (one_hot(), WORDS),
    "known words": (one_hot(ignore=False), texts("", "blue", "red")),
    "numbers": (one_hot("int64", [7, 2**40, -3]), NUMBERS),
    "known numbers": (one_hot("int64", [7, 0, -3], ignore=False), np.array([7, 7, -3])),
    "whole numbers": (one_hot("double", [7, 0, -3], ignore=False), np.float32([7, -3])),
    "numbers that aren't whole": (one_hot("double", [7, 0, -3]), np.float32([7, 7.5, 0])),
    "what words mean": (mapping("string", "int64", {"a": 5, "b": 2**60 + 1}, -9), texts("b", "x")),
    "what known words mean": (mapping("string", "int64", {"a": 5, "b": 6}), texts("b", "a")),
    "a sequence": (mapping("[string]", "[int64]", {"a": 5, "b": 6}, 0), texts("b", "", "a")),
    "an empty sequence": (mapping("[string]", "[int64]", {"a": 5, "b": 6}, 0), texts()),
}


@pytest.mark.parametrize(("spec", "x"), ROWS.values(), ids=ROWS)
def test_categories_are_looked_up_by_a_layer(spec, x):
    assert "Lookup(" in assert_rows(spec, x=x)


DICTIONARIES = {
    "words": (dictionary(), texts("c", "x", "a")),
    "numbers": (dictionary("{int64}"), np.array([0, 5, 7])),
    "nothing": (dictionary(), texts()),
    "positions": (block(), np.array([2, 0])),
    "many positions": (block(100), np.array([2, 99, 0])),
}


@pytest.mark.parametrize(("spec", "keys"), DICTIONARIES.values(), ids=DICTIONARIES)
def test_dictionaries_are_spread_by_a_layer(spec, keys):
    values = np.arange(1, len(keys) + 1, dtype=np.float32)
    text = assert_rows(spec, x_keys=keys, x_values=values)
    assert "ops.where" not in text
    assert " % " not in text


STOPS = {
    "words": (one_hot(ignore=False), {"x": texts("red", "green")}),
    "numbers": (one_hot("int64", [7, 0], ignore=False), {"x": np.array([7, 1])}),
    "the word for what is unknown": (
        one_hot(categories=["a", "[UNK]"], ignore=False),
        {"x": texts("a", "b")},
    ),
    "numbers that aren't whole": (
        one_hot("double", [7, -1], ignore=False),
        {"x": np.float32([7, 7.5])},
    ),
    "what unknown words mean": (mapping("string", "int64", {"a": 5}), {"x": texts("b")}),
    "positions": (block(), {"x_keys": np.array([3]), "x_values": np.float32([1])}),
    "many positions": (block(100), {"x_keys": np.array([-1]), "x_values": np.float32([1])}),
}


@pytest.mark.parametrize(("spec", "inputs"), STOPS.values(), ids=STOPS)
def test_what_is_unknown_stops_the_run(spec, inputs):
    assert_stops(spec, **inputs)


def test_what_predict_runs_stops_as_well():
    """Not compiled by XLA, which has no checks."""
    _, made = made_of(one_hot(ignore=False))
    assert made.model.predict(texts("red"), verbose=0).tolist() == [[1, 0, 0]]
    with pytest.raises(Exception, match="all inputs should be in vocabulary"):
        made.model.predict(texts("green"), verbose=0)


def test_a_category_that_another_means_is_never_a_string():
    """Of a mapping, an imputer and a classifier, each before an encoder."""
    first = mapping("int64", "string", {3: "red", 4: "blue"}, "none", ("x", "z"))
    second = one_hot(names=("z", "y"))
    given = pipeline({"x": "int64"}, {"y": "f64[3]"}, first, second)
    text = assert_rows(given, x=np.array([3, 4, 5]))
    assert "StringLookup" not in text
    imputed = described("imputer", {"x": "string"}, {"z": "string"}, imputedStringValue="blue")
    given = pipeline({"x": "string"}, {"y": "f64[3]"}, imputed, second)
    assert_rows(given, x=texts("red", "", "blue", "green"))
    votes = described(
        "glmClassifier",
        {"x": "f64[2]"},
        {"z": "string", "p": "{string}"},
        ("z", "p"),
        weights=[{"value": [1, 2]}],
        offset=[0],
        stringClassLabels={"vector": ["red", "blue"]},
    )
    given = pipeline({"x": "f64[2]"}, {"y": "f64[3]"}, votes, second)
    assert_rows(given, x=np.float32([[1, 1], [-1, 0]]))


def test_columns_of_a_pipeline():
    names = ("side", "rooms")
    columns = [{"inputColumn": name, "inputDimensions": 3} for name in "ab"]
    joined = described(
        "featureVectorizer", {"a": "f64[3]", "b": "f64[3]"}, {"y": "f64[6]"}, inputList=columns
    )
    encoders = [
        one_hot(names=("side", "a")),
        one_hot("int64", [2, 4, 3], names=("rooms", "b")),
    ]
    inputs = dict(zip(names, ("string", "int64"), strict=True))
    spec = pipeline(inputs, {"y": "f64[6]"}, *encoders, joined)
    assert_rows(spec, side=texts("red", "green"), rooms=np.array([4, 3]))


CHECK = """
func @main(%x: f32[N], %i: i64[N]) -> ("y": f32[N]) {
  %zero = const {value = dense<0>} : i64[]
  %holds = tensor.greater_equal(%i, %zero) : bool[N]
  %checked = ctl.assert(%holds, [VALUE]) {message = "too small"} : TYPE[N]
  RESULT
}"""
CHECKS = {
    "numbers": ("%x", "f32", "return %checked"),
    "what nothing needs": ("%i", "i64", "return %x"),
}


@pytest.mark.parametrize(("value", "dtype", "result"), CHECKS.values(), ids=CHECKS)
def test_other_checks_are_refused(value, dtype, result):
    text = CHECK.replace("VALUE", value).replace("TYPE", dtype).replace("RESULT", result)
    (problem,) = problems_of(lambda: keras_code(load_text(text)))
    fragments = ("can't stop a run (here for: too small)", "a SavedModel does")
    assert_told(problem, *fragments, kind="unsupported")


def test_a_lookup_that_nothing_needs_does_not_check_in_vain():
    text = """
func @main(%x: str[N], %z: f32[N]) -> ("y": f32[N]) {
  %keys = const {value = dense<["a", "b"]>} : str[2]
  %zero = const {value = dense<0>} : i32[]
  %position = tensor.lookup(%x, %keys) : i32[N]
  %holds = tensor.greater_equal(%position, %zero) : bool[N]
  %checked = ctl.assert(%holds, [%position]) {message = "unknown"} : i32[N]
  return %z
}"""
    (problem,) = problems_of(lambda: keras_code(load_text(text)))
    assert_told(problem, "can't stop a run (here for: unknown)", kind="unsupported")


# -- files -----------------------------------------------------------------------------------------

LOAD = """
import keras, numpy as np
given = np.load("rows.npz")
model = keras.models.load_model("many.keras")
found = model.predict([given["word"].astype(object), given["number"]], verbose=0)
assert np.array_equal(found.argmax(1), given["expected"]), found
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder with code and a `.keras` file of a model with long vocabularies, and inputs."""
    folder = tmp_path_factory.mktemp("many")
    words = [*(f"wört {i}" for i in range(30)), "two\nlines", "", "end\r", "\u2028", "trailing "]
    encoders = [
        one_hot("string", words, names=("word", "a")),
        one_hot("int64", [*range(5, 200, 3)], names=("number", "b")),
    ]
    sizes = {"a": len(words), "b": 65}
    columns = [{"inputColumn": name, "inputDimensions": size} for name, size in sizes.items()]
    shapes = {name: f"f64[{size}]" for name, size in sizes.items()}
    joined = described("featureVectorizer", shapes, {"y": "f64[100]"}, inputList=columns)
    inputs = {"word": "string", "number": "int64"}
    compiled = cmlc.compile(pipeline(inputs, {"y": "f64[100]"}, *encoders, joined), target="keras")
    compiled.write(folder / "many", "keras-code")
    compiled.write(folder / "many.keras", "keras")
    expected = np.array([*range(len(words)), sizes["a"] + 2])
    given = np.array([*words, "nowhere"])
    numbers = np.array([*[0] * len(words), 11])
    np.savez(folder / "rows.npz", word=given, number=numbers, expected=expected)
    return folder


def python(folder, *arguments, backend="tensorflow"):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=folder
    )


def test_files_of_keras_are_read_by_keras_alone(many):
    done = python(many, "-c", LOAD)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_code_takes_arrays_of_strings(many):
    """And reads its vocabularies from the file beside it."""
    assert {path.name for path in (many / "many").iterdir()} == {
        *("model.py", "model.weights.h5", "vocabularies.json"),
        *("README.md", "test_model.py", "test_model.npz"),
    }
    done = python(many, "many/model.py", "rows.npz")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("[[1. 0.")


def test_the_code_says_which_backend_it_needs(many):
    done = python(many, "many/model.py", "rows.npz", backend="jax")
    assert done.returncode == 1
    words = "RuntimeError: KERAS_BACKEND has to be tensorflow, for StringLookup and IntegerLookup"
    assert done.stderr.rstrip().endswith(words)


def test_the_summary_says_which_backend_it_needs(tmp_path, capsys):
    path = tmp_path / "model.mlmodel"
    path.write_bytes(one_hot().SerializeToString())
    assert command.main([str(path), "--emit=keras-code", "-o", str(tmp_path / "code")]) == 0
    assert "TensorFlow only, for StringLookup" in capsys.readouterr().out
