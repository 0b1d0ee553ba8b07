"""Weights as a folder: what can't be written, and how that is said."""

from pathlib import Path

import pytest
from cmlc.tools import cmlc
from cmlc.tools.cli import console
from support.networks.builders import layer, network, numbers

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# -- what goes wrong ------------------------------------------------------------------------------


def left_behind():
    return sorted(path.name for path in Path().iterdir())


def test_a_model_without_weights(capsys):
    Path("m.mlmodel").write_bytes(network(layer("softmax"), x=(1, 3)).SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=weights"]) == console.INPUT_ERROR
    assert "m.mlmodel: error: the model has no weights" in capsys.readouterr().err
    assert left_behind() == ["m.mlmodel"]


def test_a_damaged_weight_is_named(capsys):
    dense = layer("innerProduct", name="d", inputChannels=3, outputChannels=2, weights=numbers(1))
    Path("m.mlmodel").write_bytes(network(dense, x=(1, 3)).SerializeToString())
    assert cmlc.main(["m.mlmodel", "--emit=weights"]) == console.INPUT_ERROR
    found = capsys.readouterr().err
    assert (
        "layers[0] 'd': error: the weight 'd.weights' has 1 values; shape [2, 3] needs 6" in found
    )
    assert left_behind() == ["m.mlmodel"]


def test_options_that_mean_nothing(capsys):
    assert cmlc.main([str(DIGITS), "--emit=weights", "--batch=dynamic"]) == console.USAGE_ERROR
    assert "--batch means nothing for --emit=weights" in capsys.readouterr().err


def test_another_folder_is_not_replaced(capsys):
    Path("out").mkdir()
    (Path("out") / "precious").write_text("")
    assert cmlc.main([str(DIGITS), "--emit=weights", "-o", "out"]) == console.USAGE_ERROR
    assert "holds no weights" in capsys.readouterr().err
    assert left_behind() == ["out"]


def test_an_older_one_is_replaced():
    assert cmlc.main([str(DIGITS), "--emit=weights", "-o", "out"]) == 0
    first = (Path("out") / "weights.npz").read_bytes()
    assert cmlc.main([str(DIGITS), "--emit=weights", "-o", "out"]) == 0
    assert (Path("out") / "weights.npz").read_bytes() == first
    assert left_behind() == ["out"]
