"""What `--dump-dir` and `--statistics` write: the same bytes on every run."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler import driver
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import PrintOptions, print_module
from cmlc.ir.weights.statistics import BINS, statistics
from cmlc.tools import cmlc, cmlc_opt

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("target", ["tf", "keras"])
def test_every_stage_is_written(tmp_path, target, capsys):
    folder = tmp_path / "ir"
    arguments = [str(DIGITS), "--emit=ir", "--stage=lowered", f"--target={target}"]
    arguments += ["--dump-dir", str(folder)]
    assert cmlc.main(arguments) == 0
    assert capsys.readouterr().err == ""
    found = names(folder)
    assert found[0] == "00-imported.cmir"
    assert found[-1].endswith("-lowered.cmir")
    for index, name in enumerate(found):
        assert name.startswith(f"{index:02d}-")
        module = driver.load_text((folder / name).read_text())
        assert print_module(module) == (folder / name).read_text()


def test_only_what_changed_and_nothing_old(tmp_path, capsys):
    (tmp_path / "99-old.cmir").write_text("")
    (tmp_path / "mine.cmir").write_text("")
    pipeline = "canonicalize, canonicalize, dce"
    arguments = [str(DIGITS), f"--passes={pipeline}", "--dump-dir", str(tmp_path)]
    assert cmlc_opt.main([*arguments, "--print-after=changed"]) == 0
    assert names(tmp_path) == ["00-imported.cmir", "01-canonicalize.cmir", "mine.cmir"]
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_dumps_do_not_depend_on_hash_seeds(tmp_path):
    digests = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        code = "import sys; from cmlc.tools import cmlc; sys.exit(cmlc.main(sys.argv[1:]))"
        arguments = [str(DIGITS), "--emit=ir", "--stage=lowered", "--statistics", "--locations"]
        subprocess.run(
            [sys.executable, "-c", code, *arguments, "--dump-dir", str(folder)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        texts = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
        assert not any(str(DIGITS.parent).encode() in text for _, text in texts)
        digests.append([(name, hashlib.sha256(text).hexdigest()) for name, text in texts])
    assert digests[0] == digests[1]


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cmlc.main([str(DIGITS), "--emit=ir", "--dump-dir", str(tmp_path / "file")]) == 1
    assert "can't be written" in capsys.readouterr().err


# -- statistics ---------------------------------------------------------------------------------


def test_statistics_are_comments():
    module = driver.load(DIGITS)
    text = print_module(module, PrintOptions(statistics=True, data=False))
    assert text.count("  // min ") == text.count("hash(")
    plain = print_module(module, PrintOptions(data=False))
    assert print_module(parse(text)) == plain


def test_statistics_are_those_of_numpy():
    array = np.array([[0, -1, 3], [np.inf, np.nan, 2]], np.float32)
    found = statistics(array)
    finite = array[np.isfinite(array)]
    assert (found.least, found.largest, found.odd) == (-1, 3, 2)
    assert found.mean == pytest.approx(finite.mean())
    assert found.deviation == pytest.approx(finite.std())
    assert found.zeros == pytest.approx(1 / 6)
    assert found.bins == tuple(np.histogram(finite, BINS)[0])
    assert found.text == "min -1, max 3, mean 1, std 1.581, zeros 16.7%, 2 not finite"


@pytest.mark.parametrize("array", [np.zeros((0, 2)), np.array(["a"], object), np.array([np.nan])])
def test_some_arrays_have_none(array):
    assert statistics(array) is None


def test_extreme_numbers_have_bins():
    limits = np.finfo(np.float64)
    assert sum(statistics(np.array([limits.min, limits.max])).bins) == 2
    assert statistics(np.full(5, 7, np.int8)).bins[0] == 5


def test_values_without_a_name_are_called_after_their_layer():
    text = print_module(driver.load(DIGITS))
    assert "%image.cast = tensor.cast(%image)" in text
    assert "%0 =" not in text
