"""Packages: manifests, and what is said beside the model. More manifests are in spec_test.py."""

import json
import os
import warnings

import pytest
from cmlc.compiler.source.package import open_package
from cmlc.compiler.source.reading import read_model, read_spec
from cmlc.ir.diagnostics import CompileError, CompileWarning
from support.mil.files import package, weighted

MODEL, DATA = weighted()
METADATA = {
    "MLModelDescriptionKey": "what it does",
    "MLModelVersionStringKey": "2",
    "MLModelAuthorKey": "somebody",
    "MLModelLicenseKey": "MIT",
    "MLModelCreatorDefinedKey": {"names": "a, b", "number": 3},
    "MLModelUnheardOfKey": [1],
}
FEATURES = {
    "Inputs": {"x": {"MLFeatureShortDescription": "a row"}, "gone": {}, "odd": 3},
    "Outputs": {"y": {"MLFeatureShortDescription": "its sum"}},
    "TrainingInputs": {},
}


def edit(folder, change):
    path = folder / "Manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def problem(folder):
    with pytest.raises(CompileError) as caught:
        read_spec(folder)
    (found,) = caught.value.diagnostics
    return found


def test_a_model_with_spaces_in_its_name(tmp_path):
    folder = package(tmp_path, MODEL, DATA)
    inside = folder / "Data/com.apple.CoreML"
    (inside / "model.mlmodel").rename(inside / "Motion Iteration 10.mlmodel")
    path = "com.apple.CoreML/./Motion Iteration 10.mlmodel"
    edit(folder, lambda m: m["itemInfoEntries"]["id-1"].update(path=path))
    assert read_spec(folder) == MODEL
    assert open_package(folder).model == inside / "Motion Iteration 10.mlmodel"


@pytest.mark.parametrize("version", ["1.0.0", "1.2.3", "1"])
def test_versions(tmp_path, version):
    folder = package(tmp_path, MODEL)
    edit(folder, lambda m: m.update(fileFormatVersion=version))
    assert read_spec(folder) == MODEL


@pytest.mark.parametrize("version", ["2.0.0", "0.9", "", 7, None])
def test_versions_that_nobody_knows(tmp_path, version):
    folder = package(tmp_path, MODEL)
    edit(folder, lambda m: m.update(fileFormatVersion=version))
    found = problem(folder)
    assert found.message == f"packages of version {version} are not known, only of version 1"
    assert found.kind == "unsupported"
    assert found.file == str(folder / "Manifest.json")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "..", ".", "a\\..\\x"])
def test_items_outside_of_the_package(tmp_path, path):
    folder = package(tmp_path, MODEL, Metadata_json={})
    edit(folder, lambda m: m["itemInfoEntries"]["id-Metadata.json"].update(path=path))
    found = problem(folder)
    assert f"it places the item 'id-Metadata.json' outside the package: '{path}'" in found.message


def test_a_manifest_that_is_nested_too_deeply(tmp_path):
    folder = package(tmp_path, MODEL)
    (folder / "Manifest.json").write_text("[" * 100_000)
    assert "it is nested too deeply" in problem(folder).message


def test_links_are_followed(tmp_path):
    """Caches of downloads keep the files elsewhere, under other names."""
    real = package(tmp_path / "blobs", MODEL, DATA)
    links = tmp_path / "snapshot/p.mlpackage"
    for number, file in enumerate(sorted(p for p in real.rglob("*") if p.is_file())):
        link = links / file.relative_to(real)
        link.parent.mkdir(parents=True, exist_ok=True)
        file.rename(real.parent / str(number))
        try:
            os.symlink(real.parent / str(number), link)
        except OSError:
            pytest.skip("no links here")
    read = read_model(links)
    assert read.spec == MODEL
    operation = MODEL.mlProgram.functions["main"].block_specializations["CoreML7"].operations[0]
    stored = operation.attributes["val"]
    given = stored.blobFileValue, stored.type.tensorType, "w"
    assert read.weights.resource(*given).size == 4


# -- what is said beside the model ---------------------------------------------------------------


def test_overlays(tmp_path):
    folder = package(
        tmp_path, MODEL, DATA, Metadata_json=METADATA, FeatureDescriptions_json=FEATURES
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_spec(folder).description
    assert found.metadata.shortDescription == "what it does"
    assert found.metadata.versionString == "2"
    assert found.metadata.author == "somebody"
    assert found.metadata.license == "MIT"
    assert dict(found.metadata.userDefined) == {"names": "a, b", "number": "3"}
    assert found.input[0].shortDescription == "a row"
    assert found.output[0].shortDescription == "its sum"


def test_overlays_that_say_less_than_the_model(tmp_path):
    model = type(MODEL)()
    model.CopyFrom(MODEL)
    model.description.metadata.author = "the first"
    model.description.metadata.userDefined["kept"] = "yes"
    model.description.input[0].shortDescription = "kept"
    overlay = {"MLModelLicenseKey": "MIT", "MLModelCreatorDefinedKey": {"new": "x"}}
    folder = package(tmp_path, model, Metadata_json=overlay, FeatureDescriptions_json={})
    found = read_spec(folder).description
    assert found.metadata.author == "the first"
    assert found.metadata.license == "MIT"
    assert dict(found.metadata.userDefined) == {"kept": "yes", "new": "x"}
    assert found.input[0].shortDescription == "kept"


@pytest.mark.parametrize("content", ["{", "", "[" * 100_000, None])
def test_damaged_overlays_are_left_out(tmp_path, content):
    folder = package(tmp_path, MODEL, Metadata_json="x")
    file = folder / "Data/com.apple.CoreML/Metadata.json"
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with pytest.warns(CompileWarning) as caught:
        assert read_spec(folder) == MODEL
    found = caught[0].message.diagnostic
    assert "what the package says about its model in Metadata.json can't be read" in found.message
    assert found.file == str(file)


@pytest.mark.parametrize(
    "content", [[], 3, {"MLModelAuthorKey": 3}, {"MLModelCreatorDefinedKey": 3}]
)
def test_overlays_that_say_nothing(tmp_path, content):
    assert read_spec(package(tmp_path, MODEL, Metadata_json=content)) == MODEL


ODD = [[], {"Inputs": 3}, {"Inputs": {"x": {"MLFeatureShortDescription": 3}}}]


@pytest.mark.parametrize("content", ODD)
def test_feature_descriptions_that_say_nothing(tmp_path, content):
    assert read_spec(package(tmp_path, MODEL, FeatureDescriptions_json=content)) == MODEL
