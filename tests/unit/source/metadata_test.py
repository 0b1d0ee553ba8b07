"""Compiled programs without coremldata.bin: metadata.json has their interface."""

import json

import pytest
from cmlc.compiler.source.reading import read_model
from cmlc.ir.diagnostics import CompileError
from support.mil.files import compiled_program, op, program, tensor, weighted
from support.networks.builders import FLOAT32

RELU = op("relu", {"y": tensor("fp32", 4)}, {"name": "y"}, x="x")
ARRAY = {"type": "MultiArray", "dataType": "Float32", "shape": "[4]", "isOptional": "0"}


def schema(name, **facts):
    return {"name": name, "hasShapeFlexibility": "0", **ARRAY, **facts}


def compiled(folder, **facts):
    """A folder as compilers leave it, but for the archive."""
    path = compiled_program(folder, program(RELU, x=tensor("fp32", 4)))
    (path / "coremldata.bin").unlink()
    content = {
        "specificationVersion": 8,
        "modelType": {"name": "MLModelType_mlProgram"},
        "inputSchema": [schema("x")],
        "outputSchema": [schema("y")],
        **facts,
    }
    (path / "metadata.json").write_text(json.dumps([content]))
    return path


def description(folder, **facts):
    return read_model(compiled(folder, **facts)).spec.description


def test_arrays(tmp_path):
    spec = read_model(compiled(tmp_path)).spec
    assert spec.specificationVersion == 8
    assert "main" in spec.mlProgram.functions
    (feature,) = spec.description.input
    assert (feature.name, feature.type.isOptional) == ("x", False)
    assert list(feature.type.multiArrayType.shape) == [4]
    assert feature.type.multiArrayType.dataType == FLOAT32
    assert [feature.name for feature in spec.description.output] == ["y"]


def test_flexible_shapes(tmp_path):
    flexible = {"hasShapeFlexibility": "1", "shape": "[1, 4]"}
    made = description(
        tmp_path,
        inputSchema=[
            schema("x", shapeRange="[[1, 8], [4, -1]]", **flexible),
            schema("z", enumeratedShapes="[[1, 4], [2, 4]]", isOptional="1", **flexible),
        ],
    )
    ranges = made.input[0].type.multiArrayType.shapeRange.sizeRanges
    assert [(size.lowerBound, size.upperBound) for size in ranges] == [(1, 8), (4, -1)]
    shapes = made.input[1].type.multiArrayType.enumeratedShapes.shapes
    assert [list(shape.shape) for shape in shapes] == [[1, 4], [2, 4]]
    assert made.input[1].type.isOptional


def test_images_and_states(tmp_path):
    image = {"type": "Image", "colorspace": "RGB", "width": "8", "height": "6", "name": "i"}
    made = description(tmp_path, inputSchema=[image], stateSchema=[schema("s", dataType="Float16")])
    found = made.input[0].type.imageType
    assert (found.colorSpace, found.width, found.height) == (20, 8, 6)
    assert list(made.state[0].type.stateType.arrayType.shape) == [4]


def test_the_archive_counts_where_both_are(tmp_path):
    model, data = weighted()
    path = compiled_program(tmp_path, model, data)
    (path / "metadata.json").write_text("[")
    assert read_model(path).spec == model


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"modelType": {"name": "MLModelType_neuralNetwork"}}, "type MLModelType_neuralNetwork"),
        ({"modelType": 3}, "of type None"),
        ({"specificationVersion": "8"}, "version is 8"),
        ({"functions": []}, "several functions"),
        ({"inputSchema": 3}, "inputs and outputs are not lists"),
        ({"inputSchema": [schema("x", type="Dictionary")]}, "'x' is not understood: it is a Dict"),
        ({"inputSchema": [schema("x", dataType="Float8")]}, "its elements are Float8"),
        ({"inputSchema": [schema("x", shape="4")]}, "'4' has no whole numbers"),
        ({"inputSchema": [schema("x", shape="four")]}, "'four' is not a shape"),
        ({"inputSchema": [schema("x", hasShapeFlexibility="1")]}, "nothing says how"),
        (
            {"inputSchema": [schema("x", hasShapeFlexibility="1", shapeRange="[[1]]")]},
            "rows whose length is not 2",
        ),
        ({"inputSchema": [schema("x", type="Image", colorspace="CMYK")]}, "colours are CMYK"),
        (
            {"inputSchema": [schema("x", type="Image", colorspace="RGB", width="w")]},
            "w is not a number",
        ),
        ({"inputSchema": [{"type": "MultiArray"}]}, "it has no name"),
    ],
)
def test_what_it_does_not_say(facts, said, tmp_path):
    with pytest.raises(CompileError) as caught:
        description(tmp_path, **facts)
    (problem,) = caught.value.diagnostics
    assert said in problem.message
    assert problem.file.endswith("metadata.json")


@pytest.mark.parametrize("text", ["{", "[]", "[1]", '"x"', "[[" * 3000])
def test_damaged(text, tmp_path):
    path = compiled(tmp_path)
    (path / "metadata.json").write_text(text)
    with pytest.raises(CompileError, match=r"not JSON|one model"):
        read_model(path)


@pytest.mark.parametrize("name", ["coremldata.bin", "model.mil", "weights/weight.bin"])
def test_git_lfs_pointers(name, tmp_path):
    """What a clone holds in the place of large files."""
    model, data = weighted()
    path = compiled_program(tmp_path, model, data)
    (path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(CompileError, match=r"Git LFS pointer.*git lfs pull"):
        read_weight(path, model)


def read_weight(path, model):
    read = read_model(path)
    operation = model.mlProgram.functions["main"].block_specializations["CoreML7"].operations[0]
    stored = operation.attributes["val"]
    read.weights.resource(stored.blobFileValue, stored.type.tensorType, "w").array()
