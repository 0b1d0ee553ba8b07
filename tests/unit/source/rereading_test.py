"""A compiled model stays the one that was read, whatever becomes of its file."""

import cmlc
import numpy as np
import pytest
from cmlc.compiler.stages import Stages
from support.networks.builders import flexible, layer, network


def scaled(factor):
    scale = {"floatValue": [factor]}
    return network(layer("scale", shapeScale=[1], scale=scale), rank5=True, x=(3, 2, 2))


def saved(model, path):
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """A model of a file that was named relative to the current folder."""
    saved(scaled(2.0), tmp_path / "m.mlmodel")
    monkeypatch.chdir(tmp_path)
    return cmlc.compile("m.mlmodel")


# A full shape, which is not the declared one: the model is compiled for it.
SEQUENCE = {"x": np.ones((4, 1, 3, 2, 2), np.float32)}


def other_shape(model, folder):
    assert np.allclose(model.interpret(SEQUENCE)["y"], 2 * SEQUENCE["x"])


def source_form(model, folder):
    stored = model.write(folder / "again.mlmodel")
    assert stored.read_bytes() == saved(scaled(2.0), folder / "same.mlmodel").read_bytes()


READING_AGAIN = [other_shape, source_form]


@pytest.mark.parametrize("use", READING_AGAIN)
def test_another_current_folder(compiled, tmp_path, monkeypatch, use):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    use(compiled, tmp_path)


def replaced(file):
    saved(scaled(3.0), file.with_suffix(".new")).replace(file)


def rewritten(file):
    saved(scaled(3.0), file)


def removed(file):
    file.unlink()


@pytest.mark.parametrize("use", READING_AGAIN)
@pytest.mark.parametrize("change", [replaced, rewritten, removed])
def test_a_changed_model_is_refused(compiled, tmp_path, use, change):
    change(tmp_path / "m.mlmodel")
    with pytest.raises(cmlc.CompileError, match=r"m\.mlmodel: error: the model has changed since"):
        use(compiled, tmp_path)


def test_another_file_of_a_folder(tmp_path):
    folder = tmp_path / "m.mlmodelc"
    folder.mkdir()
    stages = Stages(folder)
    (folder / "weights.bin").write_bytes(b"1")
    stages.imported = cmlc.load(scaled(1.0))
    with pytest.raises(cmlc.CompileError, match="has changed"):
        stages.stored()


@pytest.mark.parametrize("change", [replaced, removed])
def test_another_target_reads_nothing(compiled, tmp_path, change):
    change(tmp_path / "m.mlmodel")
    other = compiled.stages.for_target("tflite")
    assert other.imported is compiled.stages.imported
    assert other.lowered.main.name == "main"


def test_what_is_not_a_file_is_read_again():
    message = flexible(network(layer("activation", ReLU={}), x=(2,)))
    stages = Stages(message)
    _ = stages.imported
    assert stages.stored() is message
