"""`cmlc-run` on tables: what rows become is what `predict` says of each."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from support.tables.builders import compiled, model, pipeline
from support.tables.trees import stump

COLUMNS = {"a": "double", "n": "int64", "s": "string"}
OUTPUTS = {"label": "string", "p": "{string}"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mixed():
    """A classifier of a number, a whole number, and a string that is one of three."""
    one_hot, message = model("oneHotEncoder", {"s": "string"}, {"h": "f64[3]"})
    message.stringCategories.vector.extend(["red", "green", "blue, light"])
    message.handleUnknown = 0
    joined, message = model(
        "featureVectorizer", {"a": "double", "n": "int64", "h": "f64[3]"}, {"v": "f64[5]"}
    )
    for name, size in (("a", 1), ("n", 1), ("h", 3)):
        message.inputList.add(inputColumn=name, inputDimensions=size)
    last, message = model("glmClassifier", {"v": "f64[5]"}, OUTPUTS, ("label", "p"))
    message.weights.add(value=[1.0, -0.5, 0.3, 0.1, -1.0])
    message.offset.append(0.25)
    message.stringClassLabels.vector.extend(["no", "yes"])
    kind, predicted = "pipelineClassifier", ("label", "p")
    return pipeline(COLUMNS, OUTPUTS, one_hot, joined, last, kind=kind, predicted=predicted)


def write(spec, name="m.mlmodel"):
    Path(name).write_bytes(spec.SerializeToString())
    return name


def run(spec, text, *options, table="t.csv", encoding="utf-8"):
    Path(table).write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return cmlc_run.main([write(spec), f"--input={table}", "-o", "p.csv", "--interpret", *options])


def found(path="p.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.endswith(".tsv") else ","))


TEXT = 'a,note,s,n\n1.5,x,red,3\n-2e-3,"two\nlines","blue, light",-4\n0.1,,green,2.0\n'


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_rows_are_what_predict_gives_one_by_one(capsys, options):
    assert run(mixed(), TEXT, *options) == 0
    printed = capsys.readouterr()
    own = compiled(mixed())
    entries = [
        {"a": 1.5, "s": "red", "n": 3},
        {"a": -2e-3, "s": "blue, light", "n": -4},
        {"a": 0.1, "s": "green", "n": 2},
    ]
    for row, entry in zip(found(), entries, strict=True):
        single = own.interpret(entry)
        assert list(row) == ["label", "p[no]", "p[yes]"]
        assert row["label"] == single["label"]
        assert {key: float(row[f"p[{key}]"]) for key in ("no", "yes")} == single["p"]
    if not options:
        assert "p.csv: 3 rows, 3 columns, " in printed.out
        assert "t.csv: the model doesn't take note" in printed.err
        return
    facts = json.loads(printed.out)
    assert facts["rows"] == 3
    assert facts["rows_per_second"] == pytest.approx(3 / facts["seconds"])
    assert facts["unused_columns"] == ["note"]
    assert facts["columns"] == ["label", "p[no]", "p[yes]"]


def test_other_spellings_of_the_same_table():
    run(mixed(), TEXT)
    expected = found()
    assert run(mixed(), "\ufeff" + TEXT + "\n\n") == 0  # as spreadsheets write it
    assert found() == expected
    assert run(mixed(), TEXT.replace("\n", "\r\n")) == 0
    assert found() == expected
    text = TEXT.replace('"blue, light"', "blue; light").replace(",", "\t").replace(";", ",")
    assert run(mixed(), text, "-o", "p.tsv", table="t.tsv") == 0
    assert found("p.tsv") == expected


def test_an_unknown_category_names_the_line(capsys):
    lines = [f"1,{color},3\n" for color in ["red", '"pink\n"', *["red"] * 40, "grey"]]
    assert run(mixed(), "a,s,n\n" + "".join(lines)) == console.INPUT_ERROR
    assert "line 3: " in (said := capsys.readouterr().err)
    assert "'s' is not one of the model's 3 categories" in said
    assert not Path("p.csv").exists()


def test_many_rows_run_as_few_batches():
    generator = np.random.default_rng(0)
    lines = [f"{a!r},red,{n}" for n, a in enumerate(generator.normal(size=3000).tolist())]
    assert run(mixed(), "\n".join(["a,s,n", *lines])) == 0
    own = compiled(mixed())
    rows = found()
    assert len(rows) == 3000
    for index in (0, 1023, 1024, 2999):
        a, s, n = lines[index].split(",")
        single = own.interpret({"a": float(a), "s": s, "n": int(n)})
        assert float(rows[index]["p[yes]"]) == pytest.approx(single["p"]["yes"], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--features=matrix",)])
def test_tensorflow(options):
    Path("t.csv").write_text("b,a\n,0.2\n1,\n2,0.9\n")
    arguments = [write(stump("double?")), "--input=t.csv", "-o", "p.csv", *options]
    assert cmlc_run.main(arguments) == 0
    assert [float(row["y"]) for row in found()] == [1.0, -2.0, -2.0]


@pytest.mark.parametrize("kind", ["double", "double?", "int64?"])
def test_missing_cells_of_trees_are_missing_values(kind):
    text = "a,b\n0,5\n,5\nnan,\n1,\n"
    assert run(stump(kind), text) == 0
    assert [float(row["y"]) for row in found()] == [1.0, -2.0, -2.0, -2.0]


@pytest.mark.parametrize("options", [(), ("--features=matrix",)])
def test_optional_columns_may_be_left_out(options):
    assert run(stump("double?"), "b\n5\n", *options) == 0
    assert [float(row["y"]) for row in found()] == [-2.0]


def vectors(outputs="f64[2]"):
    spec, message = model("scaler", {"x": "f64[2]"}, {"y": outputs})
    message.shiftValue.append(1)
    message.scaleValue.append(2)
    return spec


@pytest.mark.parametrize("text", ["x[1],x[0]\n3,1\n", "u,v\n1,3\n", "0,1\n1,3\n", 'x\n"[1, 3]"\n'])
def test_arrays(text):
    assert run(vectors(), text) == 0
    assert [list(row.items()) for row in found()] == [[("y[0]", "4.0"), ("y[1]", "8.0")]]


def test_dictionaries_are_json():
    spec, message = model("dictVectorizer", {"d": "{string}"}, {"y": "{string}"})
    message.stringToIndex.vector.extend(["u", "v"])
    spec.description.output[0].type.multiArrayType.dataType = 65600
    spec.description.output[0].type.multiArrayType.shape.append(2)
    assert run(spec, 'd\n"{""v"": 2.5}"\n{}\n') == 0
    assert [list(row.values()) for row in found()] == [["0.0", "2.5"], ["0.0", "0.0"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv: error: is empty"),
        ("a,s\n1,red\n", "t.csv: error: the table lacks the column n; the table has a, s"),
        ("s\nred\n", "the table lacks the columns a, n"),
        ("a,a,s,n\n", "has two columns 'a'; rename one of them"),
        ("a;s;n\n1,5;red;3\n", "the columns are separated by semicolons; save it with commas"),
        ("a,s,n\n1,red,3\n1,red\n", "line 3 has 2 cells, but there are 3 columns"),
        ("a,s,n\n1,red,3\n\n1,red,3\n", "line 3 is empty; remove the line"),
        ('a,s,n\n1,"r"ed,3\n', "after line 1: "),
        ("a,s,n\n1,red,3\n,red,3\n", "line 3: column 'a' has no value"),
        ("a,s,n\nnan,red,3\n", "line 2: column 'a' has no value"),
        ("a,s,n\n1,red,\n", "line 2: column 'n' has no value"),
        ("a,s,n\none,red,3\n", "line 2: column 'a' has 'one', which is not a number"),
        (
            'a,s,n\n"1,5",red,3\n',
            "has '1,5', which is not a number; write a point for the decimals",
        ),
        ("a,s,n\n1_0,red,3\n", "line 2: column 'a' has '1_0', which is not a number"),
        ("a,s,n\n1,red,3.5\n", "line 2: column 'n' has '3.5', which is not a whole number"),
        ("a,s,n\n1,red,inf\n", "line 2: column 'n' has 'inf', which is not a whole number"),
        (
            "a,s,n\n1,red,9223372036854775808\n",
            "column 'n' has '9223372036854775808', which is",
        ),
        (b"a,s,n\n1,r\xe9d,3\n", "is not text in UTF-8 (after line 1); save it as CSV in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table(capsys, text, message):
    Path("p.csv").write_text("as it was")
    assert run(mixed(), text) == console.USAGE_ERROR
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert Path("p.csv").read_text() == "as it was"
    assert sorted(path.name for path in Path().iterdir()) == ["m.mlmodel", "p.csv", "t.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.5,2.5\n3,4\n", "the first line holds numbers, not the names of columns"),
        ("u,v,w\n1,2,3\n", "input 'x' has 2 elements, the table 3 columns"),
        ("x[0]\n1\n", "the table lacks the column x[1]"),
        ("u,v\n1,\n", "line 2: column 'v' has no value"),
        ("x\n1 2\n", "line 2: column 'x' has '1 2', which is not JSON"),
        ("x\n5\n", "line 2: column 'x' has '5', expected a list; such as [1, 2]"),
        ("x\n[1]\n", "line 2: input 'x' has shape [1, 1], expected f64[N,2]"),
    ],
)
def test_what_is_wrong_with_a_table_of_arrays(capsys, text, message):
    assert run(vectors(), text) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d\n[1]\n", "column 'd' has '[1]', expected a dictionary"),
        ("d\n\n{}\n", "line 2 is empty"),
        ("d,e\n,1\n", "line 2: column 'd' has no value"),
        ('d\n"{""a"": 1}"\n', "column 'd' has a key that is not a whole number"),
    ],
)
def test_what_is_wrong_with_a_table_of_dictionaries(capsys, text, message):
    spec, message_ = model("dictVectorizer", {"d": "{int64}"}, {"y": "f64[2]"})
    message_.int64ToIndex.vector.extend([7, 8])
    assert run(spec, text) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--input=t.csv"],
            "results of many inputs are a table; write -o NAME, with .csv",
        ),
        (["--input=t.csv", "-o", "p.npz"], "results of many inputs are a table"),
        (["--input=t.csv", "--input=a=1", "-o", "p.csv"], "a table holds all inputs"),
        (["--input=t.csv", "--random=1", "-o", "p.csv"], "a table holds all inputs"),
        (["--input=a=1", "-o", "p.csv"], "-o p.csv is a table, but the inputs are not"),
        (["--input=none.csv", "-o", "p.csv"], "there is no file 'none.csv'"),
        (["--input=t.csv", "--probe=v"], "--probe takes one entry, not many"),
    ],
)
def test_options_that_mean_nothing(capsys, arguments, message):
    Path("t.csv").write_text(TEXT)
    assert cmlc_run.main([write(mixed()), "--interpret", *arguments]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


def test_images_are_refused(capsys):
    digits = Path(__file__).parents[1] / "data" / "digits.mlmodel"
    Path("t.csv").write_text("image\n1\n")
    arguments = [str(digits), "--interpret", "--input=t.csv", "-o", "p.csv"]
    assert cmlc_run.main(arguments) == console.USAGE_ERROR
    assert "input 'image' is an image, which a table can't hold" in capsys.readouterr().err


def test_numbers_are_written_as_they_are(capsys):
    assert run(vectors("f32[2]"), "x[0],x[1]\n-0.95,nan\n0.1,1\n") == console.USAGE_ERROR
    assert run(vectors("f32[2]"), "x[0],x[1]\n-0.95,inf\n0.1,1\n") == 0
    rows = [[float(cell) for cell in row.values()] for row in found()]
    assert rows[0][1] == math.inf
    own = compiled(vectors("f32[2]"))
    assert np.float32(rows[1][0]) == own.interpret({"x": [0.1, 1]})["y"][0]
    assert len(found()[1]["y[0]"]) < 6


def test_elements_of_an_optional_array_are_left_out_together(capsys):
    spec = vectors()
    spec.description.input[0].type.isOptional = True
    assert run(spec, "x[0],z\n1,2\n") == console.USAGE_ERROR
    assert "the table lacks the column x[1]" in capsys.readouterr().err
