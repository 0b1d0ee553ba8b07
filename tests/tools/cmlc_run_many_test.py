"""`cmlc-run` on folders and lists of files: a row for each, as `predict` says of it alone."""

import json
import sys
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.binding import features_of
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from cmlc.tools.cli.many import folder
from cmlc.tools.cli.many.formats import Column
from cmlc.tools.cli.many.part import Done
from PIL import Image
from support.networks.builders import layer, network
from support.running.many_runs import DIGITS, objects, picture, pictures, rows, run
from support.running.tool_models import network_file
from support.tables.detectors import detector, street


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def relu(shape):
    """The model of one array, as a file of text."""
    text = f'func @main(%x: {shape}) -> ("y": {shape}) {{\n  %y = nn.relu(%x) : {shape}\n'
    Path("m.cmir").write_text(text + "  return %y\n}\n")
    return "m.cmir"


def singly(paths):
    model = cmlc.compile(DIGITS)
    return [model.interpret({"image": Image.open(path)}) for path in paths]


def test_a_folder_in_the_order_of_people(capsys):
    paths = pictures()
    Path("photos/notes.md").write_text("no picture")
    picture("photos/.hidden/1.png", 99)
    assert run("--input=photos", "-o", "r.csv") == 0
    found = rows()
    assert [row["path"] for row in found] == paths
    for row, single in zip(found, singly(paths), strict=True):
        assert row["digit"] == single["digit"]
        for digit, share in single["digitProbabilities"].items():
            assert float(row[f"digitProbabilities[{digit}]"]) == pytest.approx(share, rel=1e-5)
    printed = capsys.readouterr()
    assert "r.csv: 20 rows, 12 columns, " in printed.out
    assert "note: photos: 1 other file left out" in printed.err
    assert sorted(path.name for path in Path().iterdir()) == ["photos", "r.csv"]


def test_formats_hold_the_same():
    paths = pictures()
    for suffix in ("csv", "tsv", "jsonl"):
        assert run("--input=image=photos", "-o", f"r.{suffix}") == 0
    found = rows()
    assert rows("r.tsv") == found
    for entry, row, path in zip(objects(), found, paths, strict=True):
        assert list(entry) == ["path", "digitProbabilities", "digit"]
        assert (entry["path"], entry["digit"]) == (path, row["digit"])
        flat = {f"digitProbabilities[{k}]": v for k, v in entry["digitProbabilities"].items()}
        assert flat == {key: float(row[key]) for key in flat}


def test_parquet():
    parquet = pytest.importorskip("pyarrow.parquet")
    paths = pictures()
    Path("photos/d3.png").write_text("no picture")
    assert run("--input=photos", "-o", "r.csv", "--skip-unreadable") == 0
    assert run("--input=photos", "-o", "r.parquet", "--skip-unreadable") == 0
    table = parquet.read_table("r.parquet")
    assert table.column_names == list(rows()[0])
    assert table.num_rows == len(paths)
    for row, text in zip(table.to_pylist(), rows(), strict=True):
        assert {key: "" if cell is None else str(cell) for key, cell in row.items()} == text


def test_a_list_and_its_order(capsys):
    paths = pictures()
    chosen = [paths[5], paths[0], paths[5]]
    Path("list.txt").write_text("\n".join(["", *chosen, ""]))
    assert run("--input=list.txt", "-o", "r.csv", "--json") == 0
    found = rows()
    assert [row["path"] for row in found] == chosen
    assert found[0] == found[2] != found[1]
    facts = json.loads(capsys.readouterr().out)
    assert (facts["rows"], facts["resumed_rows"], facts["failed"]) == (3, 0, [])


def softmax(*inputs):
    return network_file(Path("m.mlmodel"), "softmax" if len(inputs) == 1 else "add", inputs=inputs)


def test_arrays_get_a_batch(capsys):
    """Lists in Parquet and JSON, and columns in text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    model, generator = softmax("x"), np.random.default_rng(0)
    Path("arrays").mkdir()
    arrays = generator.standard_normal((20, 1, 3, 4, 4)).astype(np.float32)
    for number, array in enumerate(arrays):
        np.save(f"arrays/{number}.npy", array)
    for suffix in ("csv", "jsonl", "parquet"):
        assert run("--input=arrays", "-o", f"r.{suffix}", model=model) == 0
    assert "one entry at a time" not in capsys.readouterr().err
    own = cmlc.compile(model)
    (name,) = own.function.result_names
    lists = parquet.read_table("r.parquet").to_pylist()
    for array, row, flat, nested in zip(arrays, rows(), lists, objects(), strict=True):
        expected = own.interpret({"x": array})[name]
        np.testing.assert_allclose(nested[name], expected, rtol=1e-6)
        np.testing.assert_array_equal(np.float32(flat[name]), np.ravel(np.float32(nested[name])))
        cells = [float(cell) for key, cell in row.items() if key != "path"]
        assert cells == list(np.ravel(nested[name]))


def test_detectors_have_their_own_thresholds():
    """Boxes of each picture; how many differs, so pictures run one by one."""
    Path("m.mlmodel").write_bytes(detector("required").SerializeToString())
    Path("streets").mkdir()
    for number, things in enumerate([[("red", 4, 8)], [("green", 20, 20), ("blue", 0, 20)]]):
        street(*things).save(f"streets/{number}.png")
    assert run("--input=streets", "-o", "r.jsonl", model="m.mlmodel") == 0
    own = cmlc.compile("m.mlmodel")
    numbers = {
        name: rows[0][1].own_number
        for name, rows in features_of(own.module.main).items()
        if rows[0][1].own_number is not None
    }
    assert len(numbers) == 2
    for row in objects():
        expected = own.interpret({"image": Image.open(row["path"]), **numbers})
        for name in ("coordinates", "confidence"):
            np.testing.assert_allclose(row[name], expected[name], rtol=1e-6)


def test_archives_hold_all_inputs(capsys):
    model = softmax("a", "b")
    Path("arrays").mkdir()
    ones = np.ones((1, 3, 4, 4), np.float32)
    for number in range(3):
        np.savez(f"arrays/{number}.npz", a=ones, b=number * ones)
    assert run("--input=arrays", "-o", "r.jsonl", model=model) == 0
    assert [list(row.values())[1][0][0][0][0] for row in objects()] == [1.0, 2.0, 3.0]
    np.save("arrays/4.npy", ones)
    assert run("--input=arrays", "-o", "s.jsonl", model=model) == console.INPUT_ERROR
    assert "'arrays/4.npy' has only input 'a'; b missing" in capsys.readouterr().err


def test_what_cannot_be_a_batch_runs_one_by_one(capsys):
    text = 'func @main(%x: f32[3]) -> ("y": i32[K,1]) {\n'
    text += "  %y = tensor.non_zero(%x) {dims = [K, 1]} : i32[K,1]\n  return %y\n}\n"
    Path("m.cmir").write_text(text)
    Path("arrays").mkdir()
    for number in range(10):
        np.save(f"arrays/{number}.npy", np.arange(3, dtype=np.float32) * (number % 2))
    assert run("--input=arrays", "-o", "r.jsonl", model="m.cmir") == 0
    said = capsys.readouterr().err
    assert "the model runs one entry at a time: a dynamic batch is not possible: " in said
    assert [row["y"] for row in objects()] == [[], [[1], [2]]] * 5
    assert run("--input=arrays", "-o", "r.csv", model="m.cmir") == 0
    assert [row["y"] for row in rows()] == ["[]", "[[1], [2]]"] * 5


def test_unreadable_files_are_all_named_and_what_is_done_is_kept(capsys, monkeypatch):
    paths = pictures()
    Path(paths[3]).write_text("no picture")
    Path(paths[12]).unlink()
    Path("list.txt").write_text("\n".join(paths))
    Path("r.csv").write_text("as it was")
    assert run("--input=list.txt", "-o", "r.csv") == console.INPUT_ERROR
    said = capsys.readouterr().err
    assert "list.txt: error: 2 of 20 files can't be run, so 'r.csv' is not written" in said
    assert f"'{paths[3]}' is not an image" in said
    assert f"there is no file '{paths[12]}'" in said
    assert "--skip-unreadable" in said
    assert Path("r.csv").read_text() == "as it was"

    with monkeypatch.context() as patch:  # all parts are done
        patch.setattr("cmlc.tools.cli.many.worker.Worker.load", None)
        assert run("--input=list.txt", "-o", "r.csv", "--skip-unreadable") == 0
    assert "2 rows without results: the column 'error' says why" in capsys.readouterr().err
    found = rows()
    assert [row["path"] for row in found] == paths
    assert [index for index, row in enumerate(found) if row["error"]] == [3, 12]
    assert {found[3][key] for key in found[3]} == {paths[3], "", f"'{paths[3]}' is not an image"}
    assert run("--input=list.txt", "-o", "r.jsonl", "--skip-unreadable") == 0
    assert [index for index, row in enumerate(objects()) if "error" in row] == [3, 12]


def test_mended_files_are_run_and_no_others(capsys, monkeypatch):
    from cmlc.tools.cli.many.worker import Worker

    paths = pictures()
    Path(paths[3]).write_text("no picture")
    assert run("--input=photos", "-o", "r.csv") == console.INPUT_ERROR
    picture(paths[3], 3)
    loaded, load = [], Worker.load
    monkeypatch.setattr(Worker, "load", lambda self, part: loaded.append(part) or load(self, part))
    assert run("--input=photos", "-o", "r.csv") == 0
    assert [part.number for part in loaded] == [0]
    assert [row["path"] for row in rows()] == paths
    assert "went on after 12 rows of the run before" in capsys.readouterr().err


def test_rows_of_a_table_that_cannot_be_read():
    Path("t.csv").write_text('x\n"[1, 2, 3]"\n"[1, 2"\n"[4, 5]"\n"[1, 1, 1]"\n')
    relu("f32[3]")
    assert run("--input=t.csv", "-o", "r.csv", "--skip-unreadable", model="m.cmir") == 0
    found = rows()
    assert [row["y[2]"] for row in found] == ["3.0", "", "", "1.0"]
    assert "which is not JSON" in found[1]["error"]
    assert "has shape [1, 2]" in found[2]["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input=photos"], "results of many inputs are a table; write -o NAME, with .csv"),
        (["--input=photos", "-o", "r.npz"], "results of many inputs are a table"),
        (
            ["--input=photos", "--random=1", "-o", "r.csv"],
            "a folder or a list of files holds all inputs",
        ),
        (["--input=nothing", "-o", "r.csv"], "the folder 'nothing' has no pictures"),
        (["--input=empty.txt", "-o", "r.csv"], "lists no files; write a path in each line"),
        (["--input=latin.txt", "-o", "r.csv"], "latin.txt: error: is not text in UTF-8"),
        (["--input=what=photos", "-o", "r.csv"], "there is no input 'what'; the inputs are image"),
        (["--input=photos/d1.png", "--restart"], "--restart is for many inputs"),
        (["--input=photos/d1.png", "--skip-unreadable"], "--skip-unreadable is for many inputs"),
        (["--input=photos/d1.png", "--engine=ray"], "--engine is for many inputs"),
        (["--input=photos", "-o", "r.csv", "--workers=2"], "--workers is for --engine=ray"),
        (["--input=photos", "-o", "r.csv", "--engine=ray", "--workers=0"], "expected 1 or more"),
    ],
)
def test_options_that_mean_nothing(capsys, arguments, message):
    pictures()
    Path("nothing").mkdir()
    Path("empty.txt").write_text("\n\n")
    Path("latin.txt").write_bytes("é".encode("latin-1"))
    assert run(*arguments) == console.USAGE_ERROR
    assert message in capsys.readouterr().err
    assert not Path("r.csv").exists()


def test_debugging_takes_one_entry(capsys):
    pictures()
    assert cmlc_run.main([str(DIGITS), "--input=photos", "--compare"]) == console.USAGE_ERROR
    assert "--compare takes one entry, not many" in capsys.readouterr().err


def test_what_files_cannot_hold(capsys):
    from support.tables.trees import stump

    Path("m.mlmodel").write_bytes(stump("double").SerializeToString())
    pictures()
    assert run("--input=photos", "-o", "r.csv", model="m.mlmodel") == console.USAGE_ERROR
    assert "is not an image or an array, which files hold; give a table" in capsys.readouterr().err
    assert run("--input=photos", "-o", "r.csv", model=softmax("x")) == console.INPUT_ERROR
    assert "is not a numpy file, and input 'x' is an array" in capsys.readouterr().err


def test_too_many_elements_for_columns(capsys):
    text = (
        'func @main(%x: f32[200,100]) -> ("y": f32[200,100]) {\n  %y = nn.relu(%x) : f32[200,100]\n'
    )
    Path("m.cmir").write_text(text + "  return %y\n}\n")
    Path("arrays").mkdir()
    np.save("arrays/1.npy", np.ones((200, 100), np.float32))
    assert run("--input=arrays", "-o", "r.csv", model="m.cmir") == console.USAGE_ERROR
    assert "20,000 elements, too many for columns" in capsys.readouterr().err
    assert run("--input=arrays", "-o", "r.jsonl", model="m.cmir") == 0


def test_ray_is_not_installed(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    pictures()
    assert run("--input=photos", "-o", "r.csv", "--engine=ray") == console.USAGE_ERROR
    said = capsys.readouterr().err
    assert "--engine=ray needs the package ray; pip install 'cmlc[ray]', on all machines" in said
    assert [path.name for path in Path().iterdir()] == ["photos"]


@pytest.mark.slow
def test_tensorflow_gives_what_it_gives_one_by_one():
    paths = pictures()
    assert cmlc_run.main([str(DIGITS), "--input=photos", "-o", "r.jsonl"]) == 0
    model = cmlc.compile(DIGITS)
    for found, path in zip(objects(), paths, strict=True):
        single = model.predict({"image": Image.open(path)})
        assert found["digit"] == single["digit"]
        assert found["digitProbabilities"] == pytest.approx(single["digitProbabilities"], rel=1e-5)


def inverting():
    """A network whose output is a picture: the input's negative."""
    scaled = layer("activation", linear={"alpha": -1.0, "beta": 255.0})
    spec = network(scaled, x=(3, 8, 8))
    for feature in (*spec.description.input, *spec.description.output):
        feature.type.Clear()
        feature.type.imageType.width = feature.type.imageType.height = 8
        feature.type.imageType.colorSpace = 20
    Path("m.mlmodel").write_bytes(spec.SerializeToString())
    return "m.mlmodel"


def test_pictures_become_a_folder_of_pictures(capsys):
    paths, model = pictures(), inverting()
    Path(paths[2]).write_text("no picture")
    assert run("--input=photos", "-o", "out", "--skip-unreadable", model=model) == 0
    found = objects("out/results.jsonl")
    assert [row["path"] for row in found] == paths
    for index, (row, path) in enumerate(zip(found, paths, strict=True)):
        (name,) = (row[key] for key in row if key not in ("path", "error"))
        if index == 2:
            assert (name, row["error"]) == (None, f"'{path}' is not an image")
            continue
        assert name == f"{path}.png"
        picture_, given = (np.asarray(Image.open(p)) for p in (Path("out", name), path))
        np.testing.assert_array_equal(picture_, np.stack([255 - given] * 3, -1))
    assert run("--input=photos", "-o", "out", "--skip-unreadable", model=model) == 0
    Path("mine").mkdir()
    Path("mine/notes").write_text("")
    assert run("--input=photos", "-o", "mine", model=model) == console.USAGE_ERROR
    assert "exists and holds no results of cmlc-run" in capsys.readouterr().err
    assert run("--input=photos", "-o", "r.csv", model=model) == console.USAGE_ERROR
    assert "is an image, which a table can't hold; write pictures" in capsys.readouterr().err


def test_files_elsewhere_stay_below_the_folder():
    assert folder._below("../a/b.png") == "__/a/b.png"
    assert folder._below("/a/b.png") == folder._below("a/b.png") == "a/b.png"


def test_two_files_of_one_name(capsys):
    model = inverting()
    picture("photos/__/1.png", 1)
    picture("photos/1.png", 2)
    form = folder.Folder([Column("path", "text"), Column("y", "picture")], with_errors=False)
    given = [Image.open("photos/__/1.png"), Image.open("photos/1.png")]
    parts = [
        Done(0, "", 1, form.encoded([["__/1.png"], given[:1]])),
        Done(1, "", 1, form.encoded([["../1.png"], given[1:]])),
    ]
    with pytest.raises(CompileError, match=r"would be called '__/1\.png\.png'"):
        form.write(Path("out"), iter(parts))
    assert run("--input=photos", "-o", "fine", model=model) == 0
