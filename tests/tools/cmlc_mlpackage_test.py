"""`cmlc --emit=mlpackage`: a model with its weight files, also from its compiled form."""

import json
import os
import stat
from pathlib import Path

import cmlc as cmlc_api
import pytest
from cmlc.compiler.source import package_writer
from cmlc.compiler.source.package import open_package
from cmlc.compiler.source.reading import read_model, read_spec
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from support.mil.files import (
    compiled_program,
    const,
    op,
    package,
    pipeline_folder,
    program,
    tensor,
    weighted,
    write,
)
from support.networks.compiled_models import compiled, espresso

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights"
MODEL, DATA = weighted()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind():
    return sorted(path.name for path in Path().iterdir())


def written(source, name="out.mlpackage"):
    """(the Model in a package that was written, its weight files by name)."""
    cmlc_api.write(source, name)
    found = read_model(name)
    package_writer._weight_files(found)  # each constant is where it is said to be
    return found.spec, {path.name: path.read_bytes() for path in Path(name, WEIGHTS).glob("*")}


@pytest.mark.parametrize("options", [["--emit=mlpackage", "-o"], ["-o"]])
def test_from_a_compiled_model(capsys, options):
    compiled_program(Path(), MODEL, DATA)
    assert cmlc.main(["p.mlmodelc/", *options, "out.mlpackage/"]) == 0
    said = capsys.readouterr().out
    for fact in (
        "p: mlProgram, specification version 8",
        "1 (1 add)",
        "1 tensor, 16 B",
        "MLModel(",
    ):
        assert fact in said
    assert left_behind() == ["out.mlpackage", "p.mlmodelc"]
    assert read_spec("out.mlpackage") == read_spec("p.mlmodelc") == MODEL
    assert Path("out.mlpackage", WEIGHTS, "weight.bin").read_bytes() == DATA


def test_facts(capsys):
    compiled_program(Path(), MODEL, DATA)
    assert cmlc.main(["p.mlmodelc", "-o", "out.mlpackage", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    files = [path for path in Path("out.mlpackage").rglob("*") if path.is_file()]
    assert facts["output_bytes"] == sum(path.stat().st_size for path in files)
    assert len(files) == 3
    assert facts["weights"] == {"tensors": 1, "bytes": 16, "encodings": {"fp32": 1}}
    assert facts["layers"] == {"add": 1}


def test_the_manifest():
    compiled_program(Path(), MODEL, DATA)
    written("p.mlmodelc")
    manifest = json.loads(Path("out.mlpackage/Manifest.json").read_text())
    assert manifest["fileFormatVersion"] == "1.0.0"
    items = manifest["itemInfoEntries"]
    assert items[manifest["rootModelIdentifier"]]["path"] == "com.apple.CoreML/model.mlmodel"
    assert [item["name"] for item in items.values()] == ["model.mlmodel", "weights"]
    for item in items.values():
        assert item.keys() == {"author", "description", "name", "path"}
    assert open_package(Path("out.mlpackage")).items["weights"] == "com.apple.CoreML/weights"


def test_the_same_twice():
    compiled_program(Path(), MODEL, DATA)
    written("p.mlmodelc", "a.mlpackage")
    written("p.mlmodelc", "b.mlpackage")
    for file in ("Manifest.json", "Data/com.apple.CoreML/model.mlmodel"):
        assert Path("a.mlpackage", file).read_bytes() == Path("b.mlpackage", file).read_bytes()


def test_a_program_without_weights():
    kind = tensor("fp32", 4)
    compiled_program(Path(), program(op("relu", {"y": kind}, x="x"), x=kind))
    assert written("p.mlmodelc")[1] == {}
    assert Path("out.mlpackage", WEIGHTS).is_dir()


def test_networks_have_no_weight_files():
    compiled(Path(), espresso("activation", (4,), mode=0), x=(4,))
    assert cmlc.main(["m.mlmodelc", "-o", "out.mlpackage"]) == 0
    assert not Path("out.mlpackage", WEIGHTS).exists()
    assert read_spec("out.mlpackage") == read_spec("m.mlmodelc")
    assert cmlc.main([str(DIGITS), "-o", "digits.mlpackage"]) == 0
    assert read_spec("digits.mlpackage") == read_spec(DIGITS)


def test_over_itself():
    package(Path(), MODEL, DATA)
    assert cmlc.main(["p.mlpackage", "-o", "p.mlpackage"]) == 0
    assert written("p.mlpackage") == (MODEL, {"weight.bin": DATA})
    assert left_behind() == ["out.mlpackage", "p.mlpackage"]


def test_an_empty_folder_is_taken():
    compiled_program(Path(), MODEL, DATA)
    Path("out.mlpackage").mkdir()
    assert written("p.mlmodelc") == (MODEL, {"weight.bin": DATA})


def test_others_may_read_it():
    compiled_program(Path(), MODEL, DATA)
    written("p.mlmodelc")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(Path("out.mlpackage").stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE(Path("out.mlpackage/Manifest.json").stat().st_mode) == 0o666 & ~mask


def test_stages_of_a_pipeline_get_files_of_their_own():
    (one, data), (two, other) = weighted(), weighted([3.0, 5.0])
    outer = messages("Model_pb2").Model(specificationVersion=8)
    outer.pipeline.models.extend([one, two])
    stages = [
        lambda folder, name: compiled_program(folder, one, data, name=name),
        lambda folder, name: compiled_program(folder, two, other, name=name),
    ]
    pipeline_folder(Path(), outer, stages)
    spec, files = written("pipe.mlmodelc")
    assert files == {"0-weight.bin": data, "1-weight.bin": other}
    names = [f"@model_path/weights/{position}-weight.bin" for position in range(2)]
    assert spec.pipeline.models[0] == weighted(file=names[0])[0]
    assert spec.pipeline.models[1] == weighted([3.0, 5.0], names[1])[0]


def test_files_in_folders_of_their_own():
    kind, places = tensor("fp32", 4), ("a/W.bin", "b/w.bin")
    ops = [const(f"w{i}", kind, (f"@model_path/{place}", 64)) for i, place in enumerate(places)]
    model = program(*ops, outputs=["w0", "w1"])
    compiled_program(Path(), model, dict.fromkeys(places, DATA))
    spec, files = written("p.mlmodelc")
    assert files == {"0-W.bin": DATA, "1-w.bin": DATA}
    assert spec != model


# -- whole or not at all ---------------------------------------------------------------------------


def test_missing_weights(capsys):
    compiled_program(Path(), MODEL)
    assert cmlc.main(["p.mlmodelc", "-o", "out.mlpackage"]) == console.INPUT_ERROR
    file = str(Path("p.mlmodelc/weights/weight.bin"))
    said = f"{file}: error: the weight file of the constant 'w' is missing; copy or download"
    assert said in capsys.readouterr().err
    assert left_behind() == ["p.mlmodelc"]


def test_every_damaged_constant_is_named():
    kinds = {"a": tensor("fp32", 3), "b": tensor("fp32", 4), "c": tensor("fp16", 4)}
    place = "@model_path/weights/weight.bin", 64
    ops = [const(name, kind, place) for name, kind in kinds.items()]
    compiled_program(Path(), program(*ops, outputs=["a"]), DATA)
    with pytest.raises(CompileError) as caught:
        cmlc_api.write("p.mlmodelc", "out.mlpackage")
    assert [found.subject for found in caught.value.diagnostics] == ["a", "c"]
    assert left_behind() == ["p.mlmodelc"]


def test_a_message_alone():
    with pytest.raises(CompileError, match="but a message has no files"):
        cmlc_api.write(MODEL, "out.mlpackage")
    assert left_behind() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("full.mlpackage", "the folder 'full.mlpackage' exists and holds no package"),
        ("file.mlpackage", "'file.mlpackage' exists and is not a folder"),
    ],
)
def test_what_is_in_the_way(capsys, name, message):
    compiled_program(Path(), MODEL, DATA)
    write("full.mlpackage/kept.txt", b"x")
    write("file.mlpackage", b"x")
    before = left_behind()
    assert cmlc.main(["p.mlmodelc", "-o", name]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err
    assert left_behind() == before


def test_the_current_folder_is_not_replaced(monkeypatch):
    folder = package(Path(), MODEL, DATA).resolve()
    monkeypatch.chdir(folder)
    with pytest.raises(CompileError, match="is the current folder, or around it"):
        cmlc_api.write(folder, folder)


def test_nowhere_to_write(capsys):
    compiled_program(Path(), MODEL, DATA)
    Path("file").touch()
    assert cmlc.main(["p.mlmodelc", "-o", "file/out.mlpackage"]) == console.INPUT_ERROR
    assert "out.mlpackage: error: can't be written" in capsys.readouterr().err


def test_an_older_package_survives_a_failure(monkeypatch):
    package(Path(), MODEL, DATA, name="out.mlpackage")
    compiled_program(Path(), weighted([7.0])[0], weighted([7.0])[1])
    rename = Path.rename

    def fail(self, target):
        if self.parent.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CompileError, match="No space left"):
        cmlc_api.write("p.mlmodelc", "out.mlpackage")
    assert read_spec("out.mlpackage") == MODEL
    assert left_behind() == ["out.mlpackage", "p.mlmodelc"]


def test_a_model_too_large(monkeypatch):
    monkeypatch.setattr(package_writer, "LARGEST_MESSAGE", 100)
    compiled_program(Path(), MODEL, DATA)
    with pytest.raises(CompileError, match="without its weight files is larger than 2 GiB"):
        cmlc_api.write("p.mlmodelc", "out.mlpackage")
    assert left_behind() == ["p.mlmodelc"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["p.mlmodelc", "--emit=mlpackage"], "--emit=mlpackage writes what is called .mlpackage"),
        (
            ["p.mlmodelc", "--emit=mlpackage", "-o", "x"],
            "writes what is called .mlpackage, not 'x'",
        ),
        (["p.mlmodelc", "--emit=mlmodel", "-o", "x.mlpackage"], "writes what is called .mlmodel"),
        (["m.cmir", "-o", "x.mlpackage"], "needs the model as it is stored, not IR"),
        (
            ["p.mlmodelc", "-o", "x.mlpackage", "--batch=static"],
            "--batch means nothing for",
        ),
    ],
)
def test_wrong_usage(capsys, options, message):
    assert cmlc.main(options) == console.USAGE_ERROR
    assert message in capsys.readouterr().err
    assert left_behind() == []


@pytest.mark.slow
def test_coremltools_reads_it():
    import coremltools

    compiled_program(Path(), MODEL, DATA)
    written("p.mlmodelc")
    model = coremltools.models.MLModel("out.mlpackage", skip_model_load=True)
    assert model.get_spec() == MODEL
    assert Path(model.weights_dir, "weight.bin").read_bytes() == DATA
