import json
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from PIL import Image
from support.running.tool_models import network_file

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def digit() -> str:
    """A picture; the network is sure of it. Its label."""
    held_out = np.load(DIGITS.with_suffix(".npz"))
    Image.fromarray(held_out["images"][0]).save("digit.png")
    np.save("digit.npy", held_out["images"][0])
    np.savez("digit.npz", image=held_out["images"][0])
    return str(held_out["labels"][0])


def run(*arguments: str) -> int:
    return cmlc_run.main([str(DIGITS), "--interpret", *arguments])


@pytest.mark.parametrize(
    "given", ["digit.png", "image=digit.png", "digit.npy", "image=digit.npz", "digit.npz"]
)
def test_a_digit(capsys, digit, given):
    assert run(f"--input={given}") == 0
    found = capsys.readouterr()
    assert f"digit: {digit}\n" in found.out
    assert "█" in found.out
    assert found.err == ""


def test_text_whose_results_have_no_names(capsys):
    Path("r.cmir").write_text(
        "func @f(%x: f32[2]) -> f32[2] {\n  %y = nn.relu(%x) : f32[2]\n  return %y\n}\n"
    )
    assert cmlc_run.main(["r.cmir", "--interpret", "--input=[-1, 2]", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"]["0"]["first"] == [0.0, 2.0]


def test_json(capsys, digit):
    assert run("--input=digit.png", "--json", "--top=2") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["outputs"]["digit"] == {"kind": "label", "value": digit}
    top = facts["outputs"]["digitProbabilities"]["top"]
    assert len(top) == 2
    assert top[0]["label"] == digit


@pytest.mark.slow
def test_tensorflow(capsys, digit):
    assert cmlc_run.main([str(DIGITS), "--input=digit.png"]) == 0
    assert f"digit: {digit}\n" in capsys.readouterr().out


def test_another_size_is_noted(capsys, digit):
    Image.open("digit.png").resize((64, 32)).save("large.png")
    assert run("--input=large.png") == 0
    assert "64×32, input 'image' takes 8×8: resized" in capsys.readouterr().err


def test_random_is_reproducible(capsys):
    run("--random=3", "--json")
    first = json.loads(capsys.readouterr().out)["outputs"]
    run("--random=3", "--json")
    assert json.loads(capsys.readouterr().out)["outputs"] == first
    assert isinstance(first["digit"]["value"], str)


def test_arrays_and_files(capsys):
    model = str(network_file(Path("m.mlmodel"), "activation"))
    np.save("x.npy", np.linspace(-1, 1, 48).reshape(1, 3, 4, 4))
    assert cmlc_run.main([model, "--interpret", "--input=x.npy", "-o", "o.npz"]) == 0
    assert "y: float32 1×3×4×4, min 0, mean" in capsys.readouterr().out
    assert np.load("o.npz")["y"].min() == 0
    assert cmlc_run.main([model, "--interpret", "--input=x.npy", "-o", "folder"]) == 0
    assert [path.name for path in Path("folder").iterdir()] == ["y.npy"]


def test_outputs_of_a_classifier(digit):
    run("--input=digit.png", "-o", "o.npz")
    arrays = np.load("o.npz")
    assert arrays["digitProbabilities.labels"][arrays["digitProbabilities"].argmax()] == digit
    run("--input=digit.png", "-o", "folder")
    assert json.loads(Path("folder/outputs.json").read_text())["digit"] == digit


def test_a_batch(capsys, digit):
    np.save("many.npy", np.stack([np.load("digit.npy")] * 2))
    assert run("--input=many.npy") == 0
    assert f"digit[1]: {digit}\n" in capsys.readouterr().out


def test_numbers(capsys):
    model = str(network_file(Path("m.mlmodel"), "add", inputs=("a", "b")))
    ones = json.dumps(np.ones((1, 3, 4, 4)).tolist())
    assert cmlc_run.main([model, "--interpret", f"--input=a={ones}", f"--input=b={ones}"]) == 0
    assert "mean 2, max 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "1 input missing: --input 'image=…' (u8[1,8,8,1])"),
        (["--input=nothing.png"], "there is no file 'nothing.png'"),
        (["--input=picture=digit.png"], "there is no input 'picture'"),
        (["--input=text.png"], "is not an image"),
        (
            ["--input=text.npy"],
            "is not a numpy file: it is broken, or holds Python objects",
        ),
        (["--input=[1, 2]"], "input 'image' has shape [1, 2], expected u8[N,8,8,1]"),
        (["--input=other.npz"], "there is no input 'other'"),
        (["--input=cut.png"], "can't be read"),
        (["--top=0", "--random=1"], "--top is 0"),
    ],
)
def test_errors(capsys, digit, arguments, message):
    for name in ("text.png", "text.npy"):
        Path(name).write_text("text")
    Path("cut.png").write_bytes(Path("digit.png").read_bytes()[:60])
    np.savez("other.npz", other=np.zeros(3))
    assert run(*arguments) == console.USAGE_ERROR
    found = capsys.readouterr()
    assert message in found.err
    assert found.out == ""


TEXTS = """
func @main(%word: str[], %words: str[N], %n: i64[], %x: f64[],
    %d_keys: KIND[n_d] {kind = "dictionary", feature = "d", part = "keys"},
    %d_values: f64[n_d] {kind = "dictionary", feature = "d", part = "values"})
    -> ("one": str[], "all": str[N], "two": i64[], "half": f64[], "keys": KIND[n_d]) {
  %two = tensor.add(%n, %n) : i64[]
  %h = const {value = dense<0.5>} : f64[]
  %half = tensor.mul(%x, %h) : f64[]
  return %word, %words, %two, %half, %d_keys
}
"""
GIVEN = {
    "word": "two words",
    "words": '["é ", "b"]',
    "n": "4611686018427387903",
    "x": "0.3",
    "d": '{"7": 1}',
}


def run_texts(kind="str", **given):
    Path("texts.cmir").write_text(TEXTS.replace("KIND", kind))
    inputs = [f"--input={name}={text}" for name, text in (GIVEN | given).items() if text]
    return cmlc_run.main(["texts.cmir", "--interpret", "--json", *inputs])


@pytest.mark.parametrize(
    ("kind", "given", "name", "found"),
    [
        ("str", {}, "one", ["two words"]),
        ("str", {"word": "[1, 2]"}, "one", ["[1, 2]"]),
        ("str", {"word": "missing.npy"}, "one", ["missing.npy"]),
        ("str", {}, "all", ["é ", "b"]),
        ("str", {}, "two", [9223372036854775806]),
        ("str", {}, "half", [0.15]),
        ("str", {}, "keys", ["7"]),
        ("i64", {}, "keys", [7]),
    ],
)
def test_texts_and_scalars(capsys, kind, given, name, found):
    assert run_texts(kind, **given) == 0
    facts = json.loads(capsys.readouterr().out)["outputs"][name]
    assert facts["first"] == found
    assert facts["dtype"] == ("str" if isinstance(found[0], str) else f"{np.array(found).dtype}")


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("str", {"words": "a"}, "input 'words' has shape [], expected str[N]"),
        ("str", {"words": '["a", 1]'}, "input 'words' has shape [], expected str[N]"),
        ("str", {"d": "[1]"}, "input 'd' is a dictionary, but '[1]' is not"),
        ("str", {"d": "{"}, "input 'd' is a dictionary, but '{' is not"),
        ("i64", {"d": '{"word": 1}'}, "keys of input 'd' are whole numbers"),
        ("str", {"d": ""}, "1 input missing: --input 'd=…' (a dictionary)"),
        ("str", {"word": ""}, "1 input missing: --input 'word=…' (str[])"),
    ],
)
def test_texts_and_scalars_that_do_not_fit(capsys, kind, given, message):
    assert run_texts(kind, **given) == console.USAGE_ERROR
    assert message in json.loads(capsys.readouterr().out)["diagnostics"][0]["message"]
