"""Models inside zip archives."""

import gc
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.source.programs import stored_values
from cmlc.compiler.source.reading import read_model
from cmlc.ir.diagnostics import CompileError
from support.mil.files import compiled_program, package, weight_bin, weighted, write
from support.networks.compiled_models import compiled, espresso

MODEL, DATA = weighted()
NUMBERS = [1.0, -2.0, 0.5, 4.0]
COMPRESSIONS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(path, *folders, compression=zipfile.ZIP_DEFLATED, top=None, extra=()):
    """An archive of folders under their names, or of what is in them if `top` is empty."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in extra:
            archive.writestr(name, b"anything")
        for folder in folders:
            files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
            for file in files:
                inside = file.relative_to(folder.parent if top is None else folder)
                archive.write(file, inside if not top else Path(top) / inside)
    return path


def constant(path):
    read = read_model(path)
    ((name, found),) = stored_values(read.spec)
    stored, kind = found.blobFileValue, found.type.tensorType
    return read.weights.resource(stored, kind, name)


def problem(call, path):
    with pytest.raises(CompileError) as caught:
        call(path)
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("top", [None, "", "a/b"])
def test_packages(tmp_path, compression, top):
    folder = package(tmp_path, MODEL, DATA)
    junk = ["__MACOSX/p.mlpackage/._Manifest.json", "__MACOSX/Manifest.json", "readme.txt"]
    path = tmp_path / "p.mlpackage.zip"
    archive = zipped(path, folder, compression=compression, top=top, extra=junk)
    assert read_model(archive).spec == MODEL
    assert constant(archive).array().tolist() == NUMBERS


def test_stored_weights_are_mapped_where_they_are(tmp_path, temporary):
    folder = package(tmp_path, MODEL, DATA)
    for suffix in ("", "x", "yy", "zzz"):  # wherever they begin
        archive = zipped(
            tmp_path / f"{suffix}.zip", folder, compression=zipfile.ZIP_STORED, extra=[f"a{suffix}"]
        )
        array = constant(archive).array()
        assert array.tolist() == NUMBERS
        assert array.flags.aligned
        assert not list(temporary.iterdir())


def test_compressed_weights_are_unpacked_for_as_long_as_they_are_used(tmp_path, temporary):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL, DATA))
    read = read_model(archive)
    assert not list(temporary.iterdir())
    resource = constant(read)
    assert len(list(temporary.iterdir())) == 1
    del read
    gc.collect()
    assert resource.array().tolist() == NUMBERS
    del resource
    gc.collect()
    assert not list(temporary.iterdir())


def test_nothing_is_left_in_the_users_folders(tmp_path):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL, DATA))
    before = sorted(tmp_path.glob("*"))
    constant(archive)
    assert sorted(tmp_path.glob("*")) == before


def test_overlays(tmp_path):
    metadata = {"MLModelAuthorKey": "somebody"}
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL, Metadata_json=metadata))
    assert read_model(archive).spec.description.metadata.author == "somebody"


def test_compiled_models(tmp_path, temporary):
    archive = zipped(tmp_path / "p.zip", compiled_program(tmp_path, MODEL, DATA))
    resource = constant(archive)
    gc.collect()
    assert resource.array().tolist() == NUMBERS
    del resource
    gc.collect()
    assert not list(temporary.iterdir())
    network = compiled(tmp_path / "n", espresso("activation", (4,), mode=0), x=(4,))
    archive = zipped(tmp_path / "n.zip", network)
    assert read_model(archive).spec == read_model(network).spec


def test_specifications(tmp_path):
    path = write(tmp_path / "folder/m.mlmodel", MODEL.SerializeToString())
    weights = write(tmp_path / "folder/weights/weight.bin", DATA)
    assert read_model(zipped(tmp_path / "m.zip", path)).spec == MODEL
    archive = zipped(tmp_path / "w.zip", weights.parent.parent)
    assert constant(archive).array().tolist() == NUMBERS


@pytest.mark.slow
def test_large_weights_take_little_memory(tmp_path):
    """The archive compresses them a thousandfold; they are mapped all the same."""
    data, (place,) = weight_bin(("int8", bytes(1 << 24)))
    model, _ = weighted()
    operation = model.mlProgram.functions["main"].block_specializations["CoreML7"].operations[0]
    kind = operation.attributes["val"].type.tensorType
    kind.dataType, kind.dimensions[0].constant.size = 21, 1 << 24
    operation.attributes["val"].blobFileValue.offset = place
    archive = zipped(tmp_path / "p.zip", package(tmp_path, model, data))
    array = constant(archive).array()
    assert not array.flags.owndata
    assert not np.any(array)


# -- what is wrong -------------------------------------------------------------------------------


def test_a_missing_weight_file(tmp_path):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL))
    found = problem(constant, archive)
    assert found.message == "the weight file of the constant 'w' is missing"
    inside = "p.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    assert Path(found.file) == archive / inside


def test_names_that_lead_outside(tmp_path):
    model, _ = weighted(file="@model_path/../../secret.bin")
    archive = zipped(tmp_path / "p.zip", package(tmp_path, model), extra=["p.mlpackage/secret.bin"])
    assert "which is not a file of the model" in problem(constant, archive).message


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_damaged_weights(tmp_path, compression):
    folder = package(tmp_path, MODEL, DATA[:100])
    found = problem(constant, zipped(tmp_path / "p.zip", folder, compression=compression))
    assert "its weight file says that it has 1 blobs, in 100 bytes" in found.message


def test_no_model(tmp_path):
    archive = zipped(tmp_path / "p.zip", extra=["a.txt", "__MACOSX/Manifest.json", "../m.mlmodel"])
    found = problem(read_model, archive)
    assert found.message == "there is no model inside this zip archive"
    assert found.kind == "malformed"
    assert found.file == str(archive)


def test_several_models(tmp_path):
    one, two = (package(tmp_path, MODEL, name=f"{name}.mlpackage") for name in "ab")
    found = problem(read_model, zipped(tmp_path / "p.zip", one, two))
    expected = "there are 2 models inside this zip archive: a.mlpackage, b.mlpackage"
    assert found.message == expected
    assert found.remedy == "unpack it and name the model inside"


def test_a_package_without_its_model(tmp_path):
    folder = package(tmp_path, MODEL)
    (folder / "Data/com.apple.CoreML/model.mlmodel").unlink()
    found = problem(read_model, zipped(tmp_path / "p.zip", folder))
    assert "model file Data/com.apple.CoreML/model.mlmodel is missing" in found.message


def test_a_damaged_model(tmp_path):
    folder = package(tmp_path, MODEL)
    (folder / "Data/com.apple.CoreML/model.mlmodel").write_bytes(b"hello, world")
    archive = zipped(tmp_path / "p.zip", folder)
    found = problem(read_model, archive)
    assert "not a Core ML model" in found.message
    assert Path(found.file) == archive / "p.mlpackage/Data/com.apple.CoreML/model.mlmodel"


@pytest.mark.parametrize("size", [5, 300, -30])
def test_archives_that_are_cut_short(tmp_path, size):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL, DATA))
    archive.write_bytes(archive.read_bytes()[:size])
    found = problem(read_model, archive)
    assert "this zip archive is damaged" in found.message
    assert found.file == str(archive)


def test_damaged_contents(tmp_path):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL, DATA))
    with zipfile.ZipFile(archive) as opened:
        (info,) = (info for info in opened.infolist() if info.filename.endswith("weight.bin"))
    data = bytearray(archive.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + 5] ^= 255
    archive.write_bytes(data)
    assert "this zip archive is damaged" in problem(constant, archive).message


def test_encrypted_archives(tmp_path):
    archive = zipped(tmp_path / "p.zip", package(tmp_path, MODEL), compression=zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            data[info.header_offset + 6] |= 1
    start = data.find(b"PK\x01\x02")
    while start >= 0:
        data[start + 8] |= 1
        start = data.find(b"PK\x01\x02", start + 1)
    archive.write_bytes(data)
    found = problem(read_model, archive)
    assert "this zip archive can't be read" in found.message
    assert "encrypted" in found.message


def test_a_specification_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("cmlc.compiler.source.reading.LARGEST_MESSAGE", 100)
    found = problem(read_model, zipped(tmp_path / "p.zip", package(tmp_path, MODEL)))
    assert f"has {MODEL.ByteSize():,} bytes" in found.message
