"""`cmlc --emit=mlmodel`: a model's specification as a file, also from its compiled form."""

import json
import os
import shutil
import stat
from pathlib import Path

import cmlc as cmlc_api
import numpy as np
import pytest
from cmlc.compiler import driver
from cmlc.compiler.source import spec as spec_module
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import messages
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from support.networks.builders import RGB, numbers
from support.networks.compiled_models import change_json, compiled, espresso, image
from support.running.messages import write_message

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind():
    return sorted(path.name for path in Path().iterdir())


def network():
    """A compiled network: a product and a ReLU in one layer."""
    product = {"nB": 4, "nC": 2, "has_relu": 1, "blob_weights": numbers(2, 4)}
    return compiled(Path(), espresso("inner_product", (2,), **product), x=(4,))


@pytest.mark.parametrize("options", [["--emit=mlmodel", "-o"], ["-o"]])
def test_from_a_compiled_model(capsys, options):
    folder = network()
    assert cmlc.main([f"{folder}/", *options, "out.mlmodel"]) == 0
    found = capsys.readouterr().out
    for fact in ("m: neuralNetwork, specification version 4", "1 innerProduct, 1 activation"):
        assert fact in found
    assert left_behind() == ["m.mlmodelc", "out.mlmodel"]
    assert read_spec("out.mlmodel") == read_spec(folder)
    x = numbers(3, 4)[0]
    theirs, ours = (run(driver.load(path), [x])["y"] for path in (folder, "out.mlmodel"))
    np.testing.assert_array_equal(ours, theirs)
    assert "MLModel(" in found


def test_a_mlmodel_is_copied(capsys):
    assert cmlc.main([str(DIGITS), "-o", "copy.mlmodel", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ok"]
    assert facts["output"] == "copy.mlmodel"
    assert facts["output_bytes"] == Path("copy.mlmodel").stat().st_size
    assert facts["layers"]["convolution"] == 2
    assert facts["inputs"] == [{"name": "image", "type": "image", "kind": ""}]
    assert {"read", "write"} == facts["seconds"].keys()
    assert read_spec("copy.mlmodel") == read_spec(DIGITS)


def test_over_itself():
    shutil.copy(DIGITS, "d.mlmodel")
    assert cmlc.main(["d.mlmodel", "-o", "d.mlmodel"]) == 0
    assert read_spec("d.mlmodel") == read_spec(DIGITS)
    assert left_behind() == ["d.mlmodel"]


def test_others_may_read_it():
    cmlc.main([str(DIGITS), "-o", "d.mlmodel"])
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(Path("d.mlmodel").stat().st_mode) == 0o666 & ~mask


def test_from_a_package():
    item = {"path": "model.mlmodel"}
    Path("p.mlpackage/Data").mkdir(parents=True)
    shutil.copy(DIGITS, "p.mlpackage/Data/model.mlmodel")
    manifest = {"itemInfoEntries": {"a": item}, "rootModelIdentifier": "a"}
    Path("p.mlpackage/Manifest.json").write_text(json.dumps(manifest))
    assert cmlc.main(["p.mlpackage", "-o", "d.mlmodel"]) == 0
    assert read_spec("d.mlmodel") == read_spec(DIGITS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["m.mlmodelc", "--emit=mlmodel"], "writes what is called .mlmodel"),
        (["m.mlmodelc", "--emit=mlmodel", "-o", "-"], "can't be written to standard output"),
        (["m.mlmodelc", "--emit=mlmodel", "-o", "x.bin"], "writes what is called .mlmodel"),
        (["m.cmir", "-o", "x.mlmodel"], "needs the model as it is stored, not IR"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--batch=static"], "--batch means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--io-layout=nhwc"], "--io-layout means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--fixed-shapes"], "--fixed-shapes means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--shape=x=1"], "--shape means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--print-after=dce"], "--print-after means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--verify-each"], "--verify-each means nothing for"),
        (["m.mlmodelc", "-o", "x.mlmodel", "--stage=lowered"], "--stage means nothing for"),
    ],
)
def test_wrong_usage(capsys, options, message):
    network()
    assert cmlc.main(options) == console.USAGE_ERROR
    assert message in capsys.readouterr().err
    assert left_behind() == ["m.mlmodelc"]


def test_a_compiled_model_that_is_refused(capsys):
    compiled(Path(), espresso("mystery", (4,), name="it"), x=(4,))
    assert cmlc.main(["m.mlmodelc", "-o", "out.mlmodel"]) == console.INPUT_ERROR
    assert left_behind() == ["m.mlmodelc"]
    place = "m.mlmodelc/model.espresso.net: layers[0] 'it': error: mystery layer is of a type"
    assert place in capsys.readouterr().err


def test_nowhere_to_write(capsys):
    Path("a_file").touch()
    assert cmlc.main([str(DIGITS), "-o", "a_file/d.mlmodel"]) == console.INPUT_ERROR
    assert "a_file/d.mlmodel: error: can't be written" in capsys.readouterr().err
    Path("d.mlmodel").mkdir()
    assert cmlc.main([str(DIGITS), "-o", "d.mlmodel"]) == console.INPUT_ERROR
    assert left_behind() == ["a_file", "d.mlmodel"]


def test_folders_on_the_way_are_made():
    assert cmlc.main([str(DIGITS), "-o", "new/folder/d.mlmodel"]) == 0
    assert Path("new/folder/d.mlmodel").is_file()


def programs():
    """An ML Program, and a pipeline with one."""
    model = messages("Model_pb2").Model(specificationVersion=7)
    model.mlProgram.version = 1
    outer = messages("Model_pb2").Model(specificationVersion=7)
    outer.pipelineClassifier.pipeline.models.add().CopyFrom(model)
    inner = messages("Model_pb2").Model(specificationVersion=7)
    inner.pipeline.models.add().CopyFrom(outer)
    return model, outer, inner


@pytest.mark.parametrize("model", programs(), ids=["itself", "in a pipeline", "deeper"])
def test_ml_programs_have_weights_elsewhere(tmp_path, model):
    with pytest.raises(CompileError, match="an ML Program keeps its weights in separate files"):
        cmlc_api.write(model, tmp_path / "out.mlmodel")
    assert left_behind() == []


def test_a_pipeline_is_written_whole(tmp_path):
    outer = messages("Model_pb2").Model(specificationVersion=4)
    outer.pipelineRegressor.pipeline.models.add().CopyFrom(read_spec(DIGITS))
    cmlc_api.write(outer, tmp_path / "out.mlmodel")
    assert read_spec(tmp_path / "out.mlmodel") == outer


@pytest.mark.slow
def test_coremltools_reads_it(tmp_path):
    import coremltools

    written = write_message(network(), tmp_path / "out.mlmodel")
    model = coremltools.models.MLModel(str(tmp_path / "out.mlmodel"), skip_model_load=True)
    assert model.get_spec() == written


def test_a_model_too_large(monkeypatch, tmp_path):
    spec = read_spec(DIGITS)
    monkeypatch.setattr(spec_module, "LARGEST_MESSAGE", 1000)
    with pytest.raises(CompileError, match="larger than 2 GiB, more than a"):
        spec_module.write_spec(spec, tmp_path / "out.mlmodel")
    assert left_behind() == []


def test_warnings_look_like_diagnostics(capsys):
    """Scales that differ in two files of a compiled model: one counts, and users are told."""
    item = espresso("activation", (1, 3, 2, 2), mode=0)
    folder = compiled(Path(), item, exact=True, images={"x": image(RGB)}, x=(1, 3, 2, 2))
    net = folder / "model.espresso.net"
    change_json(net, lambda content: content["transform_params"]["x"].update(scale=0.5))
    assert cmlc.main([str(folder), "--emit=ir"]) == 0
    said = capsys.readouterr().err
    assert said.count("warning: the image input 'x' is preprocessed differently") == 1
    assert "Warning" not in said
