"""Constants in weight files: where those are looked for, and what is said if they are missing."""

import os
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.source.weight_files import Folder, WeightFiles, WeightsFolder, relative_name
from cmlc.ir.diagnostics import CompileError
from support.mil.files import MIL, tensor, weight_bin, write

FILE = "@model_path/weights/weight.bin"
KIND = tensor("fp16", 3).tensorType


def stored(name=FILE, offset=64):
    return MIL.Value.BlobFileValue(fileName=name, offset=offset)


def weights(folder, name="weights/weight.bin"):
    write(folder / name, weight_bin(("fp16", [1.0, 2.0, 3.0]))[0])
    return WeightFiles(Folder(folder))


def problem(files, value, kind=KIND):
    with pytest.raises(CompileError) as caught:
        files.resource(value, kind, "w_0")
    (found,) = caught.value.diagnostics
    assert "the constant 'w_0'" in found.message
    assert found.subject == "w_0"
    return found


@pytest.mark.parametrize(
    "name", ["weights/weight.bin", "weights/weights.bin", "0-weight.bin", "a/b/ö w.bin"]
)
def test_below_the_model(tmp_path, name):
    found = weights(tmp_path, name).resource(stored(f"@model_path/{name}"), KIND, "w_0")
    np.testing.assert_array_equal(found.array(), [1, 2, 3])
    assert found.name == "w_0"


def test_each_file_is_mapped_once(tmp_path):
    files = weights(tmp_path)
    first = files.resource(stored(), KIND, "a")
    (tmp_path / "weights/weight.bin").unlink()
    second = files.resource(stored(), KIND, "b")
    assert first == second


def test_links_are_followed(tmp_path):
    """Caches of downloads keep the files elsewhere."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    weights(blobs)
    (snapshot / "weights").mkdir(parents=True)
    try:
        os.symlink(blobs / "weights/weight.bin", snapshot / "weights/weight.bin")
    except OSError:
        pytest.skip("no links here")
    found = WeightFiles(Folder(snapshot)).resource(stored(), KIND, "w_0")
    np.testing.assert_array_equal(found.array(), [1, 2, 3])


def test_a_folder_of_weights_alone(tmp_path):
    weights(tmp_path)
    files = WeightFiles(WeightsFolder(tmp_path / "weights"))
    np.testing.assert_array_equal(files.resource(stored(), KIND, "w_0").array(), [1, 2, 3])
    found = problem(files, stored("@model_path/other/weight.bin"))
    assert "in '@model_path/other/weight.bin', which is not a file of the model" in found.message


@pytest.mark.parametrize(
    "name",
    [
        "",
        "weights/weight.bin",
        "/etc/passwd",
        "@model_path",
        "@model_path/",
        "@model_path//etc/passwd",
        "@model_path/../weight.bin",
        "@model_path/weights/../../weight.bin",
        "@model_path/..",
        "@model_path/weights\\..\\..\\weight.bin",
        "@model_path/C:/weight.bin",
        "@model_path/a\0b",
        "@model_pathology/weight.bin",
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name):
    found = problem(weights(tmp_path), stored(name))
    assert found.kind == "malformed"
    assert "which is not a file of the model" in found.message
    assert "@model_path" in found.remedy


def test_names_inside_of_a_folder_of_the_model():
    assert relative_name("@model_path/../weights/w.bin", "model1") == "weights/w.bin"
    assert relative_name("@model_path/./weights//w.bin", "model1") == "model1/weights/w.bin"
    assert relative_name("@model_path/../../weights/w.bin", "model1") is None


def test_missing(tmp_path):
    found = problem(WeightFiles(Folder(tmp_path), "name the package"), stored())
    assert found.message == "the weight file of the constant 'w_0' is missing"
    assert found.kind == "malformed"
    assert found.remedy == "name the package"
    assert Path(found.file) == tmp_path / "weights/weight.bin"


def test_a_missing_file_is_told_once(tmp_path):
    """Programs have hundreds of constants in one file."""
    files = WeightFiles(Folder(tmp_path), "name the package")
    problem(files, stored())
    for again in (stored(), stored("@model_path/weights/other.bin"), stored()):
        with pytest.raises(CompileError) as caught:
            files.resource(again, KIND, "w_1")
        told = [Path(item.file).name for item in caught.value.diagnostics]
        assert told == (["other.bin"] if again.fileName.endswith("other.bin") else [])
    found = problem(WeightFiles(WeightsFolder(tmp_path / "w")), stored())
    assert Path(found.file) == tmp_path / "w/weight.bin"


def test_a_folder_in_its_place(tmp_path):
    (tmp_path / "weights/weight.bin").mkdir(parents=True)
    found = problem(WeightFiles(Folder(tmp_path)), stored())
    assert "the weight file of the constant 'w_0' can't be read:" in found.message
    assert found.kind == "malformed"


def test_damaged(tmp_path):
    files = weights(tmp_path)
    found = problem(files, stored(offset=0))
    assert "can't be read: its weight file has no blob at byte 0" in found.message
    assert found.kind == "malformed"
    assert Path(found.file) == tmp_path / "weights/weight.bin"
    assert "again" in found.remedy


def test_what_is_right_but_not_supported(tmp_path):
    data = bytearray(weight_bin(("fp16", [1.0, 2.0, 3.0]))[0])
    data[4] = 3
    write(tmp_path / "weights/weight.bin", bytes(data))
    found = problem(WeightFiles(Folder(tmp_path)), stored())
    assert found.kind == "unsupported"
    assert "has version 3" in found.message
    assert not found.remedy


@pytest.mark.parametrize("shape", [(None,), (3, None)])
def test_shapes_that_are_not_fixed(tmp_path, shape):
    found = problem(weights(tmp_path), stored(), tensor("fp16", *shape).tensorType)
    assert "its type has no fixed shape" in found.message


@pytest.mark.parametrize("rank", [-1, 0, 2])
def test_ranks_that_are_not_those_of_the_shape(tmp_path, rank):
    kind = tensor("fp16", 3).tensorType
    kind.rank = rank
    assert "its type has no fixed shape" in problem(weights(tmp_path), stored(), kind).message


def test_a_message_alone():
    found = problem(WeightFiles(None), stored())
    assert found.kind == "usage"
    assert f"is in '{FILE}', but a message has no files" in found.message
    assert "MLModel" in found.remedy
