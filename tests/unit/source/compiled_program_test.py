"""Compiled ML Programs and pipelines: the messages that they were made of."""

import struct
from pathlib import Path

import pytest
from cmlc.compiler.source.programs import stored_values
from cmlc.compiler.source.reading import program_of, read_model, read_spec
from cmlc.compiler.source.spec import messages
from support.mil.files import (
    compiled_program,
    const,
    function,
    op,
    package,
    pipeline_folder,
    program,
    tensor,
    value,
    weighted,
    write,
)
from support.networks.compiled_models import archive, compiled, espresso, problem

KIND = tensor("fp32", 4)
RELU = op("relu", {"y": KIND}, {"name": "y"}, x="x")
ARCHIVE = "coremldata.bin"


def constants(source):
    """Names and numbers of the constants in weight files."""
    read = read_model(source)
    found = {}
    for part in (read.spec, *read.spec.pipeline.models):
        for main in part.mlProgram.functions.values():
            for operation in main.block_specializations["CoreML7"].operations:
                stored = operation.attributes.get("val")
                if stored is not None and stored.HasField("blobFileValue"):
                    name = operation.outputs[0].name
                    given = stored.blobFileValue, stored.type.tensorType, name
                    found[name] = read.weights.resource(*given).array().tolist()
    return found


# -- ML Programs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.3"])
def test_is_the_message_that_it_was_made_of(tmp_path, version):
    model, data = weighted()
    folder = compiled_program(tmp_path, model, data, version)
    assert read_spec(folder) == model
    assert constants(folder) == {"w": [1.0, -2.0, 0.5, 4.0]}
    found = program_of(folder)
    assert found.message == model.mlProgram
    assert found.description == model.description


def test_without_weights(tmp_path):
    model = program(RELU, x=KIND)
    assert read_spec(compiled_program(tmp_path, model)) == model


def test_weights_are_where_text_says(tmp_path):
    model, data = weighted(file="@model_path/weights/other.bin")
    assert constants(compiled_program(tmp_path, model, {"weights/other.bin": data}))


def test_several_functions(tmp_path):
    functions = {name: function(RELU, x=KIND) for name in ("first", "second")}
    model = program(functions=functions)
    for name in functions:
        described = model.description.functions.add(name=name)
        described.input.extend(model.description.input)
        described.output.extend(model.description.output)
    model.description.defaultFunctionName = "second"
    del model.description.input[:], model.description.output[:]
    folder = compiled_program(tmp_path, model)
    assert read_spec(folder) == model
    model.description.functions[1].name = "third"
    found = problem(compiled_program(tmp_path, model, name="other.mlmodelc"))
    assert found.message == "the model's description has a function 'third', its program has none"
    assert Path(found.file).name == "model.mil"


def test_what_compilers_add_is_taken_away(tmp_path):
    """Flexible shapes are in the description; sources of programs have them nowhere else."""
    model = program(RELU, x=KIND)
    printed = program(RELU, x=KIND)
    attributes = printed.mlProgram.functions["main"].attributes
    attributes["FlexibleShapeInformation"].CopyFrom(value(tensor("string"), ["any"]))
    attributes["other"].CopyFrom(value(tensor("string"), ["kept"]))
    model.mlProgram.functions["main"].attributes["other"].CopyFrom(attributes["other"])
    assert read_spec(compiled_program(tmp_path, printed)) == model


def test_damaged_text_is_named(tmp_path):
    folder = compiled_program(tmp_path, program(RELU, x=KIND))
    text = folder / "model.mil"
    text.write_text(text.read_text().replace("relu(", "relu["))
    found = problem(folder)
    assert found.message == "unexpected '['"
    assert found.location.file == str(text)
    text.unlink()
    found = problem(folder)
    assert (found.message, found.file) == ("the file is missing", str(text))


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (b"", "8 bytes are missing"),
        (struct.pack("<Q", 502), "8 bytes are missing"),
        (struct.pack("<2Q", 500, 0), "500 is in the place of the model's type, repeated"),
        (struct.pack("<2Q", 502, 1), "1 is in the place of the number of outputs, 0"),
        (struct.pack("<3Q", 502, 0, 502), "8 bytes are missing"),
        (struct.pack("<2Q", 502, 0) + b"x", "7 bytes are missing"),
    ],
)
def test_damaged_archives(tmp_path, tail, message):
    model = program(RELU, x=KIND)
    folder = compiled_program(tmp_path, model)
    write(folder / ARCHIVE, archive("mlProgram", model.description, tail, 8))
    found = problem(folder)
    assert message in found.message
    assert Path(found.file) == folder / ARCHIVE


# -- pipelines ------------------------------------------------------------------------------------


def stage(model, data=None, **options):
    return lambda folder, name: compiled_program(folder, model, data, name=name, **options)


def pipeline(*stages, kind="pipeline", names=()):
    outer = messages("Model_pb2").Model(specificationVersion=8)
    body = getattr(outer, kind)
    inner = body if kind == "pipeline" else body.pipeline
    inner.models.extend(stages)
    inner.names.extend(names)
    outer.description.input.extend(stages[0].description.input)
    outer.description.output.extend(stages[-1].description.output)
    return outer


@pytest.mark.parametrize(
    ("kind", "number"),
    [("pipelineClassifier", 200), ("pipelineRegressor", 201), ("pipeline", 202)],
)
def test_pipelines_of_every_kind(tmp_path, kind, number):
    """A program, and a model that is compiled into a copy of itself."""
    first, last = program(RELU, x=KIND), messages("Model_pb2").Model(specificationVersion=1)
    last.glmRegressor.weights.add().value.append(2.0)
    itself = archive(300, last.SerializeToString(), version=1, signature="spec")
    outer = pipeline(first, last, kind=kind, names=["one", "two"])
    copy = lambda folder, name: write(folder / name / ARCHIVE, itself)  # noqa: E731
    folder = pipeline_folder(tmp_path, outer, [stage(first), copy], number, ["one", "two"])
    assert read_spec(folder) == outer


def test_without_names(tmp_path):
    first = program(RELU, x=KIND)
    outer = pipeline(first, first)
    assert read_spec(pipeline_folder(tmp_path, outer, [stage(first), stage(first)])) == outer


def test_networks_as_stages(tmp_path):
    relu = espresso("activation", (4,), mode=0)

    def network(folder, name):
        made = compiled(folder / "elsewhere", relu, x=(4,))
        made.rename(folder / name)

    first = program(RELU, x=KIND)
    folder = pipeline_folder(tmp_path, pipeline(first), [stage(first), network])
    found = read_spec(folder).pipeline.models
    assert [part.WhichOneof("Type") for part in found] == ["mlProgram", "neuralNetwork"]


def test_every_stage_has_weights_of_its_own(tmp_path):
    (one, data), (two, other) = weighted(), weighted([3.0, 5.0])
    two.mlProgram.functions["main"].block_specializations["CoreML7"].operations[0].outputs[
        0
    ].name = "v"
    stages = [stage(one, data), stage(two, other)]
    folder = pipeline_folder(tmp_path, pipeline(one, two), stages)
    assert constants(folder) == {"w": [1.0, -2.0, 0.5, 4.0], "v": [3.0, 5.0]}


def test_stages_may_share_weights_of_the_whole(tmp_path):
    model, data = weighted(file="@model_path/../weights/weight.bin")
    folder = pipeline_folder(tmp_path, pipeline(model), [stage(model)])
    write(folder / "weights/weight.bin", data)
    assert constants(folder) == {"w": [1.0, -2.0, 0.5, 4.0]}
    model, _ = weighted(file="@model_path/../../weights/weight.bin")
    folder = pipeline_folder(tmp_path, pipeline(model), [stage(model)], name="other.mlmodelc")
    found = problem(folder)
    assert "the constant 'w' is in '@model_path/../../weights" in found.message
    assert Path(found.file) == folder / "model0"


def test_pipelines_in_pipelines(tmp_path):
    model, data = weighted()
    inner = pipeline(model)

    def nested(folder, name):
        return pipeline_folder(folder, inner, [stage(model, data)], name=name)

    folder = pipeline_folder(tmp_path, pipeline(inner), [nested])
    (found,) = read_model(folder).spec.pipeline.models[0].pipeline.models
    stored = found.mlProgram.functions["main"].block_specializations["CoreML7"].operations[0]
    name = stored.attributes["val"].blobFileValue.fileName
    assert name == "@model_path/model0/model0/weights/weight.bin"


def test_pipelines_that_contain_themselves(tmp_path):
    outer = pipeline(program(RELU, x=KIND))
    folder = pipeline_folder(tmp_path, outer, [lambda *_: None])
    try:
        (folder / "model0").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    found = problem(folder)
    assert "nested more than 4 times" in found.message
    assert found.kind == "unsupported"


@pytest.mark.parametrize(
    ("count", "names", "message"),
    [
        (0, None, "the pipeline has 0 stages, but names 0"),
        (2**63, None, "the pipeline has 9,223,372,036,854,775,808 stages"),
        (1, ["a", "b"], "the pipeline has 1 stages, but names 2"),
    ],
)
def test_stages_that_are_not_there(tmp_path, count, names, message):
    model = program(RELU, x=KIND)
    outer = pipeline(model)
    folder = pipeline_folder(tmp_path, outer, [stage(model)], names=names)
    tail = struct.pack("<2Q", count, 202)
    write(folder / ARCHIVE, archive(202, outer.description, tail, 8))
    found = problem(folder)
    assert message in found.message
    assert found.kind == "malformed"


def test_a_stage_is_missing(tmp_path):
    model = program(RELU, x=KIND)
    folder = pipeline_folder(tmp_path, pipeline(model), [stage(model), lambda *_: None])
    found = problem(folder)
    assert (found.message, Path(found.file)) == ("the file is missing", folder / "model1" / ARCHIVE)


def test_damaged_names(tmp_path):
    model = program(RELU, x=KIND)
    folder = pipeline_folder(tmp_path, pipeline(model), [stage(model)], names=["a"])
    path = folder / "modelNames/coremldata.bin"
    path.write_bytes(path.read_bytes() + b"x")
    found = problem(folder)
    assert "1 bytes at the end are not understood" in found.message
    assert Path(found.file) == path


def test_a_package_of_the_same_pipeline(tmp_path):
    """As coremltools' make_pipeline names weight files."""
    data, models = {}, []
    for position, name in enumerate("wv"):
        file = f"weights/{position}-weight.bin"
        model, data[file] = weighted([position + 1.0], f"@model_path/{file}", name)
        models.append(model)
    assert constants(package(tmp_path, pipeline(*models), data)) == {"w": [1.0], "v": [2.0]}


def test_constants_that_operations_have_themselves(tmp_path):
    kind = tensor("int8", 2)
    given = value(kind, ("@model_path/weights/weight.bin", 64))
    scale = op("constexpr_blockwise_shift_scale", {"w": kind}, data=given, scale="s")
    model = program(const("s", tensor("fp16"), [2.0]), scale, outputs=["w"])
    assert read_spec(compiled_program(tmp_path, model)) == model
    outer = pipeline_folder(tmp_path, pipeline(model), [stage(model)])
    ((_, found),) = stored_values(read_spec(outer))
    assert found.blobFileValue.fileName == "@model_path/model0/weights/weight.bin"
