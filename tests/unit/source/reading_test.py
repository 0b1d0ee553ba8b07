"""Models and their weights from wherever they are: paths, messages, MLModels."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from cmlc.compiler.source.programs import stored_values
from cmlc.compiler.source.reading import program_of, read_model
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError
from support.mil.files import compiled_program, package, weighted, write

NUMBERS = [1.0, -2.0, 0.5, 4.0]


def constant(source, **options):
    """The only constant in a weight file."""
    read = read_model(source, **options)
    ((name, found),) = stored_values(read.spec)
    stored, kind = found.blobFileValue, found.type.tensorType
    return read.weights.resource(stored, kind, name).array().tolist()


def problem(call, *given, **options):
    with pytest.raises(CompileError) as caught:
        call(*given, **options)
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize("as_type", [Path, str])
def test_packages(tmp_path, as_type):
    model, data = weighted()
    folder = package(tmp_path, model, data)
    assert constant(as_type(folder)) == NUMBERS
    found = program_of(folder)
    assert found.message == model.mlProgram
    assert found.description == model.description


def test_packages_with_odd_names(tmp_path):
    model, data = weighted()
    folder = package(tmp_path, model, data, name="My Model & 1", author="com.ishank.Test 2")
    assert constant(folder) == NUMBERS


def test_a_specification_alone_may_have_its_weights_beside_it(tmp_path):
    model, data = weighted()
    path = write(tmp_path / "m.mlmodel", model.SerializeToString())
    found = problem(constant, path)
    assert found.message == "the weight file of the constant 'w' is missing"
    assert found.file == str(tmp_path / "weights/weight.bin")
    assert found.remedy == "name the .mlpackage folder that the model belongs to"
    write(tmp_path / "weights/weight.bin", data)
    assert constant(path) == NUMBERS


def test_a_package_without_its_weights(tmp_path):
    folder = package(tmp_path, weighted()[0])
    found = problem(constant, folder)
    assert found.message == "the weight file of the constant 'w' is missing"
    assert found.file == str(folder / "Data/com.apple.CoreML/weights/weight.bin")
    assert found.remedy == "copy or download the whole model again"


def test_messages(tmp_path):
    model, data = weighted()
    found = problem(constant, model)
    assert found.kind == "usage"
    assert "a message has no files" in found.message
    write(tmp_path / "weight.bin", data)
    assert constant(model, weights_dir=tmp_path) == NUMBERS
    assert constant(model, weights_dir=str(tmp_path)) == NUMBERS
    missing = problem(constant, model, weights_dir=tmp_path / "other")
    assert missing.file == str(tmp_path / "other/weight.bin")
    assert program_of(model).message is model.mlProgram


def test_models_of_coremltools(tmp_path):
    """They know the folder of their weights, or at least their package."""
    model, data = weighted()
    folder = package(tmp_path, model, data, author="somebody")
    inside = str(folder / "Data/somebody/weights")
    for known in (
        {"weights_dir": inside, "package_path": str(folder)},
        {"weights_dir": inside},
        {"weights_dir": None, "package_path": str(folder)},
    ):
        assert constant(SimpleNamespace(get_spec=lambda: model, **known)) == NUMBERS
    for unknown in ({}, {"weights_dir": None, "package_path": None}):
        found = problem(constant, SimpleNamespace(get_spec=lambda: model, **unknown))
        assert "a message has no files" in found.message


@pytest.mark.slow
def test_a_real_model_of_coremltools(tmp_path):
    import coremltools

    model, data = weighted()
    write(tmp_path / "w/weight.bin", data)
    made = coremltools.models.MLModel(model, weights_dir=str(tmp_path / "w"), skip_model_load=True)
    assert constant(made) == NUMBERS
    folder = str(package(tmp_path, model, data))
    assert constant(coremltools.models.MLModel(folder, skip_model_load=True)) == NUMBERS


def test_what_was_read_is_taken_as_it_is(tmp_path):
    model, data = weighted()
    read = read_model(compiled_program(tmp_path, model, data))
    assert read_model(read) is read
    assert program_of(read).weights is read.weights


@pytest.mark.parametrize("kind", ["pipeline", "neuralNetwork"])
def test_other_models_are_no_programs(kind):
    model = messages("Model_pb2").Model(specificationVersion=4)
    getattr(model, kind).SetInParent()
    found = problem(program_of, model)
    assert found.message == f"the model is of type {kind}, not an ML Program"
    assert found.kind == "unsupported"
