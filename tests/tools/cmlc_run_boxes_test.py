"""What `cmlc-run` makes of a detector: a list of boxes, and a picture with them."""

import json
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from PIL import Image
from support.tables.detectors import SIZE, detector, street

SQUARES = (("red", 4, 8), ("blue", 0, 20))
SCENE = (320, 160)  # the model takes 32×32
GREEN = (0x3C, 0xB4, 0x4B)


@pytest.fixture(autouse=True)
def _scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    street(*SQUARES, size=SCENE).save("street.png")
    np.save("street.npy", np.asarray(street(*SQUARES)))


def run(*arguments, thresholds="required", **choices):
    spec = detector(thresholds, **choices)
    Path("model.mlmodel").write_bytes(spec.SerializeToString())
    return cmlc_run.main(["model.mlmodel", "--interpret", *arguments])


def test_boxes_are_listed_in_pixels_of_the_picture(capsys):
    assert run("--input=image=street.png") == 0
    found = capsys.readouterr()
    lines = [line.split() for line in found.out.splitlines()]
    assert lines[0][:5] == ["2", "boxes,", "in", "pixels", "of"]
    assert lines[1] == ["left", "top", "width", "height"]
    assert sorted(lines[2:4]) == [
        ["blue", "97.4%", "0", "100", "80", "40"],
        ["red", "97.1%", "40", "40", "80", "40"],
    ]
    assert lines[4:] == [["written:", "street_boxes.png"]]
    assert "street.png is 320×160, input 'image' takes 32×32: resized" in found.err
    assert "input 'iouThreshold' is not given: 0.3, the model's own choice" in found.err


def test_thresholds_are_given(capsys):
    thresholds = ["--input=iouThreshold=0.3", "--input=confidenceThreshold=0.99"]
    assert run("--input=image=street.png", *thresholds) == 0
    found = capsys.readouterr()
    assert found.out.startswith("0 boxes, in pixels of 320×160\n")
    assert "not given" not in found.err


def test_boxes_are_drawn_into_the_original(capsys):
    assert run("--input=street.png", thresholds="", labels=("a", "b", "c")) == 0
    picture, original = Image.open("street_boxes.png"), Image.open("street.png")
    assert picture.size == SCENE
    changed = np.any(np.asarray(picture) != np.asarray(original), axis=-1)
    # The box of the red square is 40 to 120 across and 40 to 80 down; its name is above it.
    assert changed[[60, 80, 34], [40, 100, 45]].all()
    assert not changed[60, 80]
    assert not changed[:, 200:].any()


def test_colours_are_those_of_classes():
    street(("green", 4, 8)).save("green.png")
    run("--input=green.png", thresholds="")
    pixels = np.asarray(Image.open("green_boxes.png")).reshape(-1, 3)
    assert GREEN in {tuple(map(int, pixel)) for pixel in pixels}


def test_a_picture_that_is_there_is_kept_unless_it_is_named(capsys):
    Path("street_boxes.png").write_text("mine")
    assert run("--input=street.png", thresholds="") == 0
    found = capsys.readouterr()
    assert "'street_boxes.png' is there already: -o street_boxes.png writes it anew" in found.err
    assert "written" not in found.out
    assert Path("street_boxes.png").read_text() == "mine"
    assert run("--input=street.png", "-o", "street_boxes.png", thresholds="") == 0
    assert Image.open("street_boxes.png").size == SCENE


def test_json_has_the_boxes_and_writes_nothing(capsys):
    assert run("--input=street.png", "--json", thresholds="") == 0
    found = json.loads(capsys.readouterr().out)
    boxes = {box.pop("label"): box for box in found["boxes"]}
    assert boxes["red"].pop("confidence") == pytest.approx(0.971, abs=1e-3)
    assert boxes["red"] == pytest.approx({"left": 40, "top": 40, "width": 80, "height": 40})
    assert set(boxes) == {"red", "blue"}
    assert found["outputs"]["coordinates"]["shape"] == [2, 4]
    assert not list(Path().glob("*_boxes.png"))


@pytest.mark.parametrize("rows", [None, 1, 5])
def test_rows_of_zeros_are_not_boxes(capsys, rows):
    run("--input=street.npy", "--json", thresholds="", rows=rows)
    assert len(json.loads(capsys.readouterr().out)["boxes"]) == min(rows or 2, 2)


def test_classes_without_labels_have_numbers(capsys):
    run("--input=street.npy", thresholds="", labels=())
    assert "  class 0  98.2%     4    8      8       8\n" in capsys.readouterr().out


def test_arrays_are_drawn_where_o_says(capsys):
    assert run("--input=street.npy", thresholds="") == 0
    assert not list(Path().glob("*_boxes.png"))
    assert run("--input=street.npy", "-o", "out.png", thresholds="") == 0
    assert Image.open("out.png").size == (SIZE, SIZE)
    assert run("--input=street.npy", "-o", "out.npz", thresholds="") == 0
    assert set(np.load("out.npz")) == {"confidence", "coordinates"}


def test_several_pictures_are_not_drawn(capsys):
    np.save("two.npy", np.stack([np.load("street.npy")] * 2))
    assert run("--input=two.npy", thresholds="", rows=3) == 0
    assert "coordinates: float32 2×3×4" in capsys.readouterr().out
    assert run("--input=two.npy", "-o", "two.png", thresholds="", rows=3) == console.USAGE_ERROR
    assert "only boxes in one picture can be drawn into a .png" in capsys.readouterr().err


def test_coordinates_that_are_not_relative_are_not_boxes(capsys):
    assert run("--input=street.npy", thresholds="", scale=32) == 0
    found = capsys.readouterr()
    assert "coordinates reach 24: not parts of the picture's size, so not boxes" in found.err
    assert "coordinates: float32 2×4" in found.out
