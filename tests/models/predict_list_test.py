"""A list of inputs is predicted as a batch where the model has one, else one after the other."""

from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import numbers

pytestmark = pytest.mark.slow
DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.mlmodel"
TEXT = """
func @main(%x: f32[2]) -> ("y": f32[2]) {
  %y = nn.relu(%x) : f32[2]
  return %y
}
"""


def counting(model, monkeypatch):
    """The numbers of entries of the graph's runs."""
    counts: list[int] = []
    run = model.executable.run

    def counted(arrays, function=""):
        counts.append(len(next(iter(arrays.values()))))
        return run(arrays, function)

    monkeypatch.setattr(model.executable, "run", counted)
    return counts


@pytest.fixture(scope="module")
def digits():
    return cmlc.compile(DIGITS)


def entries(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)
    return [{"image": image} for image in images]


@pytest.mark.parametrize(("count", "runs"), [(0, []), (1, [1]), (3, [3]), (40, [32, 8])])
def test_images_run_as_batches(digits, monkeypatch, count, runs):
    given = entries(count)
    single = [digits.predict(entry) for entry in given]
    counts = counting(digits, monkeypatch)
    found = digits.predict(given)
    assert counts == runs
    assert [item["digit"] for item in found] == [item["digit"] for item in single]
    for ours, theirs in zip(found, single, strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(
            list(ours["digitProbabilities"].values()),
            list(theirs["digitProbabilities"].values()),
            rtol=1e-5,
            atol=1e-6,
        )


def test_without_a_batch_they_run_one_after_the_other(tmp_path, monkeypatch):
    path = tmp_path / "relu.cmir"
    path.write_text(TEXT)
    model = cmlc.compile(path)
    given = [{"x": numbers(2, seed=seed)} for seed in range(3)]
    counts = counting(model, monkeypatch)
    found = model.predict(given)
    assert counts == [2, 2, 2]
    for entry, item in zip(given, found, strict=True):
        np.testing.assert_array_equal(item["y"], np.maximum(entry["x"], 0))


def test_what_is_wrong_names_the_entry(digits):
    with pytest.raises(CompileError, match=r"inputs\[1\]: input 'image' has shape"):
        digits.predict([*entries(1), {"image": np.zeros((3, 3), np.uint8)}])


def test_a_list_takes_no_state(digits):
    with pytest.raises(CompileError, match="a list of inputs takes no state"):
        digits.predict(entries(1), digits.make_state())


def test_save_is_a_saved_model(digits, tmp_path):
    assert (digits.save(tmp_path / "digits") / "saved_model.pb").exists()
