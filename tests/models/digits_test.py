"""The sample model, end to end."""

import json
from pathlib import Path

import cmlc
import numpy as np
import pytest
from PIL import Image
from support.running.saved_models import assert_agrees, assert_all_stages_print, run_saved, save

DATA = Path(__file__).resolve().parents[1] / "data"
DIGITS = [str(digit) for digit in range(10)]
RECORDED = json.loads((DATA / "digits.json").read_text())


@pytest.fixture(scope="module")
def model():
    return cmlc.compile(str(DATA / "digits.mlmodel"), verify_each=True)


@pytest.fixture(scope="module")
def data():
    with np.load(DATA / "digits.npz") as arrays:
        return arrays["images"], arrays["labels"]


def test_prints_and_parses_at_every_stage(model):
    assert_all_stages_print(model)


def test_labels_are_part_of_the_module(model):
    assert list(model.module.main.classifier.class_labels) == DIGITS


def test_the_interpreter_is_as_accurate_as_recorded(model, data):
    images, labels = data
    found = model.interpret({"image": images[..., None]})["digit"]
    accuracy = np.mean(np.asarray(found).astype(int) == labels)
    assert len(labels) == RECORDED["held_out"]
    assert accuracy == pytest.approx(RECORDED["accuracy"], abs=0.005)


def test_wrong_inputs_say_what_is_expected(model):
    with pytest.raises(cmlc.CompileError) as caught:
        model.interpret({"picture": 0})
    assert "there is no input 'picture'" in str(caught.value)
    assert "input 'image' is missing" in str(caught.value)
    with pytest.raises(
        cmlc.CompileError, match=r"has shape \[1, 9, 8, 1\], expected u8\[N,8,8,1\]"
    ):
        model.interpret({"image": np.zeros((9, 8), np.uint8)})


@pytest.mark.slow
def test_predicts_as_accurately_as_recorded(model, data):
    images, labels = data
    found = model.predict({"image": images[..., None]})
    accuracy = np.mean(np.asarray(found["digit"]).astype(int) == labels)
    assert accuracy == pytest.approx(RECORDED["accuracy"], abs=0.005)
    assert [max(p, key=p.get) for p in found["digitProbabilities"]] == found["digit"]


@pytest.mark.slow
def test_one_image_in_every_form(model, data):
    images, labels = data
    forms = [
        Image.fromarray(images[0]),
        Image.fromarray(images[0]).convert("RGB"),
        images[0],
        images[0][..., None],
        images[0].astype(np.float64),
    ]
    answers = [model.predict({"image": form}) for form in forms]
    for answer in answers:
        assert answer["digit"] == str(labels[0])
        assert list(answer["digitProbabilities"]) == DIGITS
        assert sum(answer["digitProbabilities"].values()) == pytest.approx(1, abs=1e-5)
        for label, share in answers[0]["digitProbabilities"].items():
            assert answer["digitProbabilities"][label] == pytest.approx(share, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3])
def test_batches_give_lists(model, data, count):
    images, _ = data
    many = model.predict({"image": images[:count, ..., None]})
    ones = [model.predict({"image": image}) for image in images[:count]]
    assert many["digit"] == [one["digit"] for one in ones]
    for ours, theirs in zip(many["digitProbabilities"], ones, strict=True):
        assert ours == pytest.approx(theirs["digitProbabilities"], abs=1e-6)


@pytest.mark.slow
def test_agrees_after_saving(model, tmp_path):
    save(model, tmp_path, "digits")
    run_saved(tmp_path)
    assert_agrees(model, tmp_path, "digits")
    described = json.loads((tmp_path / "digits" / "assets.extra" / "cmlc.json").read_text())
    assert described["class_labels"] == DIGITS
