"""Strings and numbers of one word as inputs and outputs, from the Python API to files."""

import json
import shutil

import cmlc
import numpy as np
import pytest
from cmlc.compiler.input_files import random_values
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.parser import parse
from support.running.saved_models import run_saved

SCALARS = """
func @main(%word: str[], %n: i64[], %x: f64[], %other: str[] {optional = true})
    -> ("place": i32[], "word": str[], "n": i64[], "x": f64[], "other": str[]) {
  %keys = const {value = dense<["cat", "dog ", "日本"]>} : str[3]
  %place = tensor.lookup(%word, %keys) : i32[]
  %more = tensor.add(%n, %n) : i64[]
  %third = const {value = dense<3.0>} : f64[]
  %less = tensor.real_div(%x, %third) : f64[]
  return %place, %word, %more, %less, %other
}
"""
ROWS = """
func @main(%words: str[N] {batch = "added"}, %n: i64[N] {batch = "added"}, %one: str[1])
    -> ("places": i32[N], "words": str[N], "label": str[N] {kind = "string"}, "one": str[1]) {
  %keys = const {value = dense<["cat", "dog ", "日本"]>} : str[3]
  %places = tensor.lookup(%words, %keys) : i32[N]
  %numbers = const {value = dense<[7, 4611686018427387904]>} : i64[2]
  %m = tensor.lookup(%n, %numbers) : i32[N]
  %labels = const {value = dense<["seven", "many", "none é"]>} : str[3]
  %label = tensor.gather(%labels, %m) : str[N]
  return %places, %words, %label, %one
}
"""
DICTIONARY = """
func @main(%d_keys: i64[n_d] {kind = "dictionary", feature = "d", part = "keys"},
    %d_values: f64[n_d] {kind = "dictionary", feature = "d", part = "values"}) -> ("y": i32[n_d]) {
  %keys = const {value = dense<[70, 80, 90, 100]>} : i64[4]
  %y = tensor.lookup(%d_keys, %keys) : i32[n_d]
  return %y
}
"""
SCALAR = {"word": "日本", "n": 2**62 - 1, "x": 0.1}
ROW = {"words": ["dog ", "", "日本"], "n": [7, 2**62, 1], "one": "é"}


def predicted(text, given, how, target="tf"):
    model = cmlc.compile(parse(text), target=target)
    found = model.interpret(given) if how == "interpret" else model.predict(given)
    return {name: np.asarray(value).tolist() for name, value in found.items()}


WAYS = [
    ("interpret", "tf"),
    pytest.param("predict", "tf", marks=pytest.mark.slow),
    pytest.param("predict", "tflite", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("how", "target"), WAYS[:2])
def test_scalars(how, target):
    found = predicted(SCALARS, SCALAR, how, target)
    expected = {"place": 2, "word": "日本", "n": 2**63 - 2, "x": 0.1 / 3, "other": ""}
    assert found == expected


@pytest.mark.parametrize(("how", "target"), WAYS)
def test_rows(how, target):
    found = predicted(ROWS, ROW, how, target)
    assert found == {
        "places": [1, -1, 2],
        "words": ROW["words"],
        "label": ["seven", "many", "none é"],
        "one": ["é"],
    }


@pytest.mark.parametrize(
    "words",
    [
        ["dog ", "日本"],
        ("dog ", np.str_("日本")),
        np.array(["dog ", "日本"]),
        np.array(["dog ", "日本"], object),
    ],
    ids=["list", "tuple", "array of str", "array of objects"],
)
def test_strings_of_every_type(words):
    given = {"words": words, "n": np.zeros(2), "one": np.array([["é"]])}
    found = predicted(ROWS, given, "interpret")
    assert (found["places"], found["words"], found["one"]) == ([1, 2], ["dog ", "日本"], ["é"])


@pytest.mark.parametrize(
    ("words", "has"),
    [
        ([b"cat"], "bytes"),
        (np.array([b"cat"]), "bytes"),
        ([1.5], "float"),
        (["cat", None], "NoneType"),
        (np.zeros(2), "float"),
    ],
)
def test_what_is_not_a_string(words, has):
    with pytest.raises(CompileError, match=f"input 'words' has {has}, expected strings"):
        predicted(ROWS, ROW | {"words": words}, "interpret")


def test_what_is_not_text():
    with pytest.raises(CompileError, match="input 'words' has half of a surrogate pair"):
        predicted(ROWS, ROW | {"words": ["cat", "\ud800"]}, "interpret")


@pytest.mark.parametrize("given", [["7"], [1 + 2j], [np.datetime64("2026-01-01")]])
def test_strings_are_not_numbers(given):
    """Nor are complex numbers, whose imaginary part would be lost, nor times."""
    with pytest.raises(CompileError, match=r"input 'n' is .+, expected numbers"):
        predicted(ROWS, ROW | {"n": given}, "interpret")


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_integers_that_do_not_fit(number):
    with pytest.raises(CompileError, match=f"input 'n' has {number}, beyond i64"):
        predicted(SCALARS, SCALAR | {"n": number}, "interpret")


def test_random_inputs_are_among_the_keys():
    """Otherwise a run, and what is measured, would only show what happens to unknown ones."""
    module = parse(SCALARS)
    drawn = {str(random_values(module.main, seed)["word"]) for seed in range(20)}
    assert drawn == {"cat", "dog ", "日本"}
    dictionary = random_values(parse(DICTIONARY).main, 0)["d"]
    assert dictionary
    assert set(dictionary) <= {70, 80, 90, 100}
    assert all(isinstance(number, float) for number in dictionary.values())
    found = cmlc.compile(parse(DICTIONARY)).interpret({"d": dictionary})
    assert found["y"].tolist() == [[70, 80, 90, 100].index(key) for key in dictionary]


def test_pages_and_drawings(tmp_path):
    model = cmlc.compile(parse(SCALARS))
    for form in ("html", "dot"):
        path = model.write(tmp_path / f"model.{form}", form)
        assert "str[]" in path.read_text(encoding="utf-8"), form


@pytest.mark.slow
def test_saved_models_describe_and_take_them(tmp_path):
    made = tmp_path / "made"
    for name, text, given in (("scalars", SCALARS, SCALAR), ("rows", ROWS, ROW)):
        cmlc.compile(parse(text)).write(made / name)
        inputs = {key: np.asarray(value) for key, value in given.items()}
        if name == "scalars":
            inputs["other"] = np.asarray("")
        else:
            inputs["one"] = inputs["one"][None]
        np.savez(made / f"{name}.inputs.npz", **inputs)
    about = json.loads((made / "scalars" / "assets.extra" / "cmlc.json").read_text())
    types = {item["name"]: item["type"] for item in about["inputs"]}
    assert types == {"word": "str[]", "n": "i64[]", "x": "f64[]", "other": "str[]"}
    shutil.move(made, tmp_path / "elsewhere")
    run_saved(tmp_path / "elsewhere")
    with np.load(tmp_path / "elsewhere" / "scalars.outputs.npz") as found:
        assert (found["place"], found["word"].item().decode()) == (2, "日本")
        assert (found["n"], found["x"], found["other"]) == (2**63 - 2, 0.1 / 3, b"")
    with np.load(tmp_path / "elsewhere" / "rows.outputs.npz") as found:
        assert found["places"].tolist() == [1, -1, 2]
        assert [text.decode() for text in found["label"]] == ["seven", "many", "none é"]


@pytest.mark.slow
def test_an_optional_string_is_empty_by_default(tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    folder = cmlc.compile(parse(SCALARS)).write(tmp_path / "model")
    message = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    signature = message.meta_graphs[0].signature_def["serving_default"]
    assert list(signature.defaults["other"].string_val) == [b""]


def test_typical_inputs_are_strings(tmp_path):
    from cmlc.compiler.artefacts.samples import samples_of

    np.savez(tmp_path / "s.npz", words=np.array([["cat", "日本"]]), n=[[1, 2]], one=[["é"]])
    (sample,) = samples_of(parse(ROWS).main, tmp_path / "s.npz")
    assert sample["words"].tolist() == ["cat", "日本"]
    assert sample["words"].dtype == object
