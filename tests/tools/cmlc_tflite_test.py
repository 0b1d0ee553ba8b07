"""`cmlc --emit=tflite` as a command: choices, typical inputs, refusals, summaries."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.backends.tflite.contents import Contents
from cmlc.compiler.artefacts.samples import samples_of
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from PIL import Image
from support.mil.programs import op, program
from support.networks.builders import layer, network

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind():
    return sorted(path.name for path in Path().iterdir())


def digits_function():
    """The classifier's function as it is converted."""
    options = Options(target="tflite", batch="static")
    return Stages(DIGITS, options).lowered.main


# -- choices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "m.tflite", "--quantize=int8"], "needs typical inputs"),
        (["-o", "m.tflite", "--representative=x.npz"], "means nothing without --quantize=int8"),
        (
            ["-o", "m.tflite", "--quantize=dynamic", "--representative=x.npz"],
            "means nothing without --quantize=int8",
        ),
        (["--quantize=float16"], "--quantize means nothing for --emit=savedmodel"),
        (["-o", "m.tflite", "--precision=keep"], "--precision means nothing for --emit=tflite"),
        (["-o", "m.tflite", "--weights=compressed"], "--weights means nothing for --emit=tflite"),
        (["-o", "m.pb", "--quantize=float16"], "--quantize means nothing for --emit=graphdef"),
        (["--emit=tflite", "-o", "m.lite"], "--emit=tflite writes what is called .tflite"),
    ],
)
def test_options_that_mean_nothing(capsys, options, said):
    assert cmlc.main([str(DIGITS), *options]) == console.USAGE_ERROR
    assert said in capsys.readouterr().err
    assert left_behind() == []


# -- typical inputs -------------------------------------------------------------------------------


def test_samples_of_an_archive():
    images = np.load(DIGITS.with_suffix(".npz"))["images"][:3]
    np.savez("samples.npz", image=images)
    samples = samples_of(digits_function(), Path("samples.npz"))
    assert len(samples) == 3
    assert samples[2].keys() == {"image"}
    np.testing.assert_array_equal(samples[2]["image"], images[2][None, :, :, None])


def test_samples_of_a_folder_have_the_models_size():
    Path("photos").mkdir()
    Image.new("RGB", (32, 20), (255, 255, 255)).save("photos/white.png")
    Image.new("L", (8, 8), 7).save("photos/gray.png")
    Path("photos/notes.txt").write_text("no image")
    samples = samples_of(digits_function(), Path("photos"))
    assert len(samples) == 2
    assert [int(samples[i]["image"].mean()) for i in range(2)] == [7, 255]
    assert samples[1]["image"].shape == (1, 8, 8, 1)
    assert samples[1]["image"].dtype == np.uint8


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"picture": np.zeros((2, 8, 8))}, "there is no input 'picture'"),
        ({"image": np.zeros((0, 8, 8))}, "here are 0 of 'image'"),
        ({"image": np.float32(1)}, "here are 0 of 'image'"),
        ({"image": np.zeros((2, 9, 9))}, "input 'image' has shape"),
        ({}, "here are none"),
    ],
)
def test_samples_that_fit_no_input(arrays, said):
    np.savez("samples.npz", **arrays)
    with pytest.raises(CompileError, match=said):
        samples_of(digits_function(), Path("samples.npz"))


def test_folders_that_hold_no_samples():
    function = digits_function()
    Path("empty").mkdir()
    with pytest.raises(CompileError, match="the folder 'empty' has no images"):
        samples_of(function, Path("empty"))
    with pytest.raises(CompileError, match="'nowhere' is not there"):
        samples_of(function, Path("nowhere"))
    spec = network(layer("softmaxND", axis=-1), x=(1, 3))
    arrays = Stages(spec, Options(target="tflite")).lowered.main
    with pytest.raises(CompileError, match="only input is an image"):
        samples_of(arrays, Path("empty"))


def test_an_image_that_is_none(capsys):
    Path("photos").mkdir()
    Path("photos/a.png").write_text("no image")
    with pytest.raises(CompileError, match=r"a\.png' is not an image"):
        samples_of(digits_function(), Path("photos"))


# -- what is refused ------------------------------------------------------------------------------


PLACES = ((0, "'first'"), (2, "'second'"))


@pytest.mark.slow
def test_operations_without_a_builtin_are_named_with_their_layers(capsys):
    spec = network(
        layer("tan", name="first"),
        layer("softmaxND", axis=-1),
        layer("tan", name="second"),
        x=(1, 3),
    )
    Path("m.mlmodel").write_bytes(spec.SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=tflite"]) == console.INPUT_ERROR
    found = capsys.readouterr().err
    said = "error: TFLite has no builtin operation for TensorFlow's Tan"
    first, second = (found.index(f"m.mlmodel: layers[{i}] {n}: {said}") for i, n in PLACES)
    assert first < second, "not in the model's order"
    assert "loc(" not in found  # the converter's own words
    assert left_behind() == ["m.mlmodel"]


@pytest.mark.slow
def test_states_are_refused_by_name(capsys):
    spec = program(
        op("read_state", "now", (2,), 10, input="memory"),
        op("cast", "y", (2,), x="now", dtype="fp32"),
        opset=18,
        states={"memory": (2,)},
        x=(2,),
    )
    Path("m.mlmodel").write_bytes(spec.SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=tflite"]) == console.INPUT_ERROR
    found = capsys.readouterr().err
    assert "TFLite files keep no states between runs: memory" in found
    assert "--states=arguments makes them inputs and outputs" in found
    assert left_behind() == ["m.mlmodel"]
    assert cmlc.main(["m.mlmodel", "--emit=tflite", "--states=arguments"]) == 0
    assert "are inputs and outputs (memory): give what" in capsys.readouterr().out


# -- the command ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_summary(capsys):
    assert cmlc.main([str(DIGITS), "--emit=tflite"]) == 0
    found = capsys.readouterr()
    assert "2 CONV_2D, 1 CAST" in found.out
    assert "of its largest number" in found.out
    assert "inputs and outputs are known by name" in found.out
    assert "u8[1,8,8,1]" in found.out  # a batch of one, unless asked for
    assert found.err == ""
    assert left_behind() == ["digits.tflite"]


DIVISION = """
func @main(%a: i32[4], %b: i32[4]) -> ("y": i32[4]) {
  %y = tensor.floor_div(%a, %b) : i32[4]
  return %y
}
"""


@pytest.mark.slow
def test_random_numbers_that_do_not_suit_the_model_do_not_cost_the_file(capsys):
    """Whole numbers to divide by: one of them is 0."""
    Path("division.cmir").write_text(DIVISION)
    assert cmlc.main(["division.cmir", "--emit=tflite"]) == 0
    found = capsys.readouterr()
    assert "not measured: the TFLite file fails on these inputs: Division by 0" in found.out
    assert left_behind() == ["division.cmir", "division.tflite"]
    runner = Contents(Path("division.tflite").read_bytes())
    given = {"a": np.array([7, -7, 0, 5], np.int32), "b": np.array([2, 2, 3, -3], np.int32)}
    np.testing.assert_array_equal(runner.run(given)["y"], [3, -4, 0, -2])


@pytest.mark.slow
def test_quantized_as_json(capsys):
    images = np.load(DIGITS.with_suffix(".npz"))["images"][:40]
    np.savez("samples.npz", image=images)
    options = ["--quantize=int8", "--representative=samples.npz", "--json"]
    assert cmlc.main([str(DIGITS), "-o", "q.tflite", *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    found = facts["tflite"]
    assert (found["quantize"], found["samples"]) == ("int8", 40)
    assert found["in_floating_point"] == {"CAST": 1}
    assert 0 < facts["errors"]["digitProbabilities"] < 0.05
    assert facts["output_bytes"] == Path("q.tflite").stat().st_size
    assert left_behind() == ["q.tflite", "samples.npz"]


@pytest.mark.slow
def test_a_sample_that_turns_out_to_be_damaged(capsys):
    """It is read while the converter runs."""
    Path("photos").mkdir()
    Image.new("L", (8, 8), 7).save("photos/a.png")
    Path("photos/b.png").write_text("no image")
    options = ["--quantize=int8", "--representative=photos"]
    assert cmlc.main([str(DIGITS), "-o", "q.tflite", *options]) == console.USAGE_ERROR
    assert "b.png' is not an image" in capsys.readouterr().err
    assert left_behind() == ["photos"]


@pytest.mark.slow
def test_nothing_but_json_on_standard_output():
    """The converter is in C++ and writes where it likes."""
    np.savez("samples.npz", image=np.load(DIGITS.with_suffix(".npz"))["images"][:4])
    options = ["--quantize=int8", "--representative=samples.npz", "--json", "-o", "q.tflite"]
    command = [sys.executable, "-m", "cmlc.tools.cmlc", str(DIGITS), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout)["tflite"]["samples"] == 4
    assert done.stderr == ""


@pytest.mark.slow
def test_frozen_graph_tells_its_nodes(capsys):
    assert cmlc.main([str(DIGITS), "--emit=graphdef"]) == 0
    found = capsys.readouterr().out
    assert "image: image:0" in found
    assert "digitProbabilities: digitProbabilities:0" in found
    assert left_behind() == ["digits.pb"]
