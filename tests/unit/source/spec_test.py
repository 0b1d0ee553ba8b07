"""Reading models from wherever they are, and what is said of files that are none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import KNOWN_VERSION, messages, model_kind, network_of
from cmlc.ir.diagnostics import CompileError

IMPORT_SECONDS = 1.0
ITEM = "com.apple.CoreML/model.mlmodel"


def model(version=4, kind="neuralNetwork"):
    spec = messages("Model_pb2").Model()
    spec.specificationVersion = version
    spec.description.metadata.author = "someone"
    if kind:
        getattr(spec, kind).SetInParent()
    if kind == "neuralNetwork":
        spec.neuralNetwork.layers.add().name = "first"
    return spec


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def package(folder: Path, manifest: object = None) -> Path:
    if manifest is None:
        entry = {"author": "com.apple.CoreML", "name": "model.mlmodel", "path": ITEM}
        manifest = {"itemInfoEntries": {"id-1": entry}, "rootModelIdentifier": "id-1"}
    write(folder / "Manifest.json", json.dumps(manifest).encode())
    write(folder / "Data" / ITEM, model().SerializeToString())
    return folder


def problem(source):
    with pytest.raises(CompileError) as caught:
        read_spec(source)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize("as_type", [Path, str])
def test_a_file(tmp_path, as_type):
    path = write(tmp_path / "a.mlmodel", model().SerializeToString())
    assert read_spec(as_type(path)) == model()


@pytest.mark.parametrize("name", ["a.mlpackage", "a.mlpackage.bak", "Müller & 1", "a.mlmodelc"])
def test_a_package_whatever_its_name(tmp_path, name):
    assert read_spec(package(tmp_path / name)) == model()


def test_a_message_is_taken_as_it_is():
    spec = model()
    assert read_spec(spec) is spec


def test_something_with_get_spec():
    assert read_spec(SimpleNamespace(get_spec=model)) == model()


@pytest.mark.parametrize("source", [7, messages("NeuralNetwork_pb2").NeuralNetwork()])
def test_something_else(source):
    diagnostic = problem(source)
    assert diagnostic.kind == "usage"
    assert type(source).__name__ in diagnostic.message


def mistaken(start: bytes, *words: str):
    return pytest.param(start + b"\n" + b"x" * 50, words, id=words[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", ("empty",), id="empty"),
        mistaken(b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git LFS pointer"),
        mistaken(b"PK\x03\x04", "zip archive"),
        mistaken(b"\x1f\x8b", "gzip archive"),
        mistaken(b"\n<!DOCTYPE html>", "HTML"),
        mistaken(b"<html>", "HTML"),
        mistaken(b'\xef\xbb\xbf{"a": 1}', "JSON"),
        mistaken(b"[1, 2]", "JSON"),
        mistaken(b"\x89HDF\r\n", "HDF5"),
        pytest.param(b"hello, world", ("not a Core ML model", "byte 0"), id="text"),
        pytest.param(b"\x0a\x03abc", ("not a Core ML model", "byte 0"), id="another message"),
        pytest.param(b"\x08\x04", ("none of the model types",), id="no type"),
        pytest.param(
            b"\x08" + b"\xff" * 12, ("not a Core ML model", "byte 0"), id="endless number"
        ),
        pytest.param(
            model().SerializeToString() + b"\0\0\0",
            ("3 bytes", f"follow byte {model().ByteSize()}"),
            id="zeros behind",
        ),
        pytest.param(
            model().SerializeToString() + b"\xfa\x3f\x01x", ("4 bytes",), id="unknown field behind"
        ),
        pytest.param(
            model().SerializeToString() + b"\x65rest", ("5 bytes",), id="another wire type"
        ),
        pytest.param(
            model().SerializeToString()[:-3], ("3 bytes", "neuralNetwork are missing"), id="cut"
        ),
        pytest.param(
            model().SerializeToString().replace(b"first", b"fi\xffst"),
            ("neuralNetwork is damaged",),
            id="damaged inside",
        ),
        pytest.param(model(0).SerializeToString(), ("specification version is 0",), id="version 0"),
        pytest.param(model(-1).SerializeToString(), ("version is -1",), id="negative version"),
    ],
)
def test_files_that_are_no_models(tmp_path, content, words):
    path = write(tmp_path / "a.mlmodel", content)
    diagnostic = problem(path)
    assert diagnostic.kind == "malformed"
    assert diagnostic.file == str(path)
    assert diagnostic.remedy
    for word in words:
        assert word in diagnostic.message


def test_a_message_without_a_version():
    assert "version is 0" in problem(model(0)).message


def test_a_message_without_a_type():
    assert "none of the model types" in problem(model(kind="")).message


@pytest.mark.parametrize("rest", [b"", b"\xfa\x3f\x01x"])
def test_a_newer_version_whether_or_not_it_has_new_fields(tmp_path, rest):
    newer = model(KNOWN_VERSION + 1).SerializeToString() + rest
    diagnostic = problem(write(tmp_path / "a.mlmodel", newer))
    assert diagnostic.kind == "unsupported"
    assert f"version {KNOWN_VERSION + 1} is newer" in diagnostic.message


def test_the_newest_version():
    assert read_spec(model(KNOWN_VERSION)).specificationVersion == KNOWN_VERSION


def test_no_such_file(tmp_path):
    diagnostic = problem(tmp_path / "missing.mlmodel")
    assert diagnostic.kind == "malformed"
    assert "no such file" in diagnostic.message
    assert "missing.mlmodel" in diagnostic.file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs permissions as Unix has them")
def test_a_path_through_a_file(tmp_path):
    path = write(tmp_path / "a.mlmodel", model().SerializeToString())
    diagnostic = problem(path / "inside")
    assert diagnostic.kind == "malformed"
    assert "can't be read" in diagnostic.message


def test_a_file_larger_than_protobuf_allows(tmp_path):
    path = write(tmp_path / "a.mlmodel", model().SerializeToString())
    os.truncate(path, 2**31)  # sparse: takes no space
    assert "larger than 2 GiB" in problem(path).message


@pytest.mark.parametrize("name", ["a.mlmodelc/readme.txt", "odd/coremldata.bin", "odd/model.mil"])
def test_compiled_models(tmp_path, name):
    path = write(tmp_path / name, b"x")
    diagnostic = problem(path.parent)
    assert diagnostic.kind == "malformed"
    assert diagnostic.file == str(path.parent / "coremldata.bin")


def entry(path: object) -> dict[str, object]:
    return {"rootModelIdentifier": "a", "itemInfoEntries": {"a": {"path": path}}}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ([], "no rootModelIdentifier"),
        ({"itemInfoEntries": {}}, "no rootModelIdentifier"),
        ({"rootModelIdentifier": "a"}, "no item 'a'"),
        ({"rootModelIdentifier": "a", "itemInfoEntries": {"b": {}}}, "no item 'a'"),
        ({"rootModelIdentifier": "a", "itemInfoEntries": {"a": {}}}, "'a' has no path"),
        (entry(7), "'a' has no path"),
        (entry("a\0b"), "'a' has no path"),
        (entry("../../elsewhere.mlmodel"), "outside the package"),
        (entry("/elsewhere.mlmodel"), "outside the package"),
        (entry("gone.mlmodel"), "Data/gone.mlmodel is missing"),
    ],
)
def test_broken_manifests(tmp_path, manifest, words):
    diagnostic = problem(package(tmp_path / "a.mlpackage", manifest))
    assert diagnostic.kind == "malformed"
    assert words in diagnostic.message
    assert diagnostic.remedy


def test_a_manifest_that_is_no_json(tmp_path):
    folder = package(tmp_path / "a.mlpackage")
    write(folder / "Manifest.json", b"{")
    diagnostic = problem(folder)
    assert "not JSON" in diagnostic.message
    assert diagnostic.file == str(folder / "Manifest.json")


def test_a_package_without_manifest(tmp_path):
    folder = package(tmp_path / "a.mlpackage")
    (folder / "Manifest.json").unlink()
    assert "has no Manifest.json" in problem(folder).message


def test_a_damaged_file_in_a_package_is_named(tmp_path):
    folder = package(tmp_path / "a.mlpackage")
    path = write(folder / "Data" / ITEM, b"")
    assert problem(folder).file == str(path)


def test_a_folder_with_a_model_in_it(tmp_path):
    package(tmp_path / "a.mlpackage")
    diagnostic = problem(tmp_path)
    assert "not a model package" in diagnostic.message
    assert "a.mlpackage" in diagnostic.remedy
    (tmp_path / "none").mkdir()
    assert "name a .mlmodel file" in problem(tmp_path / "none").remedy


@pytest.mark.parametrize(
    "kind", ["neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor"]
)
def test_networks(kind):
    spec = model(kind=kind)
    assert model_kind(spec) == kind
    assert network_of(spec) is getattr(spec, kind)


@pytest.mark.parametrize("kind", ["treeEnsembleClassifier", "pipeline", "mlProgram", ""])
def test_other_models(kind):
    with pytest.raises(CompileError, match=f"of type {kind or 'unknown'}, not a neural") as caught:
        network_of(model(kind=kind))
    assert caught.value.diagnostics[0].kind == "unsupported"
    assert caught.value.diagnostics[0].subject == kind


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_reading_is_light_and_fast(tmp_path):
    path = write(tmp_path / "a.mlmodel", model().SerializeToString())
    code = (
        "import sys, time; start = time.process_time()\n"
        "from cmlc.compiler.source import reading, spec\n"
        f"reading.read_spec({str(path)!r})\n"
        "print(time.process_time() - start)\n"
        "print(*{'tensorflow', 'keras', 'coremltools'} & sys.modules.keys())\n"
    )
    seconds, heavy = run(code).splitlines()
    assert heavy == ""
    assert float(seconds) < IMPORT_SECONDS


OURS_FIRST = "ours = spec.messages('Model_pb2').Model; import coremltools"
THEIRS_FIRST = "import coremltools; ours = spec.messages('Model_pb2').Model"


@pytest.mark.slow
@pytest.mark.parametrize("order", [OURS_FIRST, THEIRS_FIRST])
def test_the_real_package_shares_the_messages(order):
    """Its import pulls TensorFlow in, which takes seconds."""
    run(
        "from cmlc.compiler.source import reading, spec\n"
        f"{order}\n"
        "from coremltools.proto import Model_pb2, TreeEnsemble_pb2\n"
        "assert Model_pb2.Model is coremltools.proto.Model_pb2.Model is ours\n"
        "assert coremltools.models.model.MLModel\n"
        "assert spec.messages('TreeEnsemble_pb2') is TreeEnsemble_pb2\n"
        "builder = coremltools.models.neural_network.NeuralNetworkBuilder(\n"
        "    [('x', coremltools.models.datatypes.Array(2))],\n"
        "    [('y', coremltools.models.datatypes.Array(2))])\n"
        "builder.add_activation('relu', 'RELU', 'x', 'y')\n"
        "assert isinstance(reading.read_spec(builder.spec), ours)\n"
        "mlmodel = coremltools.models.MLModel(builder.spec)\n"
        "assert reading.read_spec(mlmodel) == builder.spec\n"
    )


def test_many_threads_at_once():
    run(
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from cmlc.compiler.source.spec import messages\n"
        "names = ['Model_pb2', 'NeuralNetwork_pb2', 'MIL_pb2', 'TreeEnsemble_pb2'] * 8\n"
        "with ThreadPoolExecutor(16) as pool: loaded = list(pool.map(messages, names))\n"
        "assert len(set(map(id, loaded))) == 4 and 'coremltools' not in sys.modules\n"
    )


def test_an_unknown_module_leaves_nothing_behind():
    with pytest.raises(ModuleNotFoundError):
        messages("Nothing_pb2")
    stand_in = sys.modules.get("coremltools")
    assert stand_in is None or hasattr(stand_in, "__version__")


@pytest.mark.parametrize("name", ["", "@00991ec"])
def test_models_in_a_pre_release_format(name):
    shared = Path(os.environ.get("CMLC_SHARED", "../shared")) / "models/apple__coremltools"
    path = shared / f"examples__NN_v2__simple_layer{name}.mlmodel"
    if not path.exists():
        pytest.skip("the shared models are not here")
    assert "mlProgram is damaged or in a pre-release format" in problem(path).message
