"""Preprocessing of sound, against numpy's Fourier transform and filters written out."""

import math

import numpy as np
import pytest
from support.tables.builders import compiled, run
from support.tables.described import assert_refused, assert_rows, described

random = np.random.default_rng(4)
SOUND = random.uniform(-1, 1, (2, 15600)).astype(np.float32)


def preprocessing(samples="f32[15600]", output="f32[1,96,64]", **fields):
    given = fields or {"vggish": {}}
    return described("soundAnalysisPreprocessing", {"s": samples}, {"y": output}, **given)


def mel(hertz):
    return 1127 * math.log(1 + hertz / 700)


def weight(band, place):
    """Of a frequency of the transform in a band."""
    step = (mel(7500) - mel(125)) / 65
    low = mel(125) + band * step
    at = mel(place * 16000 / 512)
    if place == 0 or not low < at < low + 2 * step:
        return 0
    return (at - low) / step if at < low + step else (low + 2 * step - at) / step


def expected(samples):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    filters = np.array([[weight(band, place) for band in range(64)] for place in range(257)])
    frames = [samples[start : start + 400] for start in range(0, 15600 - 400 + 1, 160)]
    spectrum = np.abs([np.fft.rfft(frame * window, 512) for frame in frames])
    return np.log(spectrum @ filters + 0.01)[None]


def test_noise():
    found = assert_rows(preprocessing(output="f64[1,96,64]"), s=SOUND)["y"]
    assert found.shape == (2, 1, 96, 64)
    for samples, image in zip(SOUND, found, strict=True):
        np.testing.assert_allclose(image, expected(samples.astype(float)), rtol=1e-9, atol=1e-9)


def test_silence_is_the_logarithm_of_the_offset():
    found = run(preprocessing(), s=np.zeros(15600))["y"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.full((1, 96, 64), math.log(0.01)), rtol=1e-6)


def test_a_tone_is_in_its_band():
    tone = np.sin(2 * np.pi * 1000 / 16000 * np.arange(15600))
    step = (mel(7500) - mel(125)) / 65
    band = round((mel(1000) - mel(125)) / step) - 1
    assert (run(preprocessing(), s=tone)["y"].argmax(2) == band).all()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (preprocessing("f32[16000]"), "input 's' has 16000 samples, not 15600"),
        (preprocessing("double"), "input 's' has 1 samples, not 15600"),
        (preprocessing(output="f32[96,32]"), "output 'y' is declared with 3072 elements, not 6144"),
    ],
)
def test_other_sizes(model, told):
    assert_refused(model, told)


def test_a_string_is_not_sound():
    assert_refused(preprocessing("string"), "input 's' is a string, not a number")


def test_no_kind_of_preprocessing():
    model = preprocessing()
    model.soundAnalysisPreprocessing.ClearField("vggish")
    assert_refused(model, "the model names no kind of preprocessing")


@pytest.mark.slow
def test_saved_model(tmp_path):
    import tensorflow as tf

    path = compiled(preprocessing()).write(tmp_path / "m")
    found = tf.saved_model.load(str(path)).signatures["serving_default"](s=SOUND)["y"].numpy()
    wanted = [expected(samples.astype(float)) for samples in SOUND]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
