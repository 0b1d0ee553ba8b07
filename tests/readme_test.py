"""The commands and the first Python of the README run, on models of our own under its names.

`docs_test.py` follows the pages that it leads to.
"""

import importlib
import re
import shlex
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cmlc.ir.dialects.core.activation import Relu
from cmlc.passes import PASSES
from cmlc.passes.manager import PatternPass
from cmlc.passes.patterns import pattern
from PIL import Image
from support.mil.files import compiled_program, weighted
from support.networks.builders import numbers
from support.networks.compiled_models import compiled, espresso
from support.running.doc_models import houses
from support.running.doc_runner import blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
RELU = next(block.text for block in blocks(TEXT) if block.file == "relu.cmir")
# In the block of examples, one a line; in the text, those about the file that is shown there.
LISTED = [
    line.partition("  #")[0].strip()
    for block in blocks(TEXT)
    if not block.kind
    for line in block.text.splitlines()
    if line.startswith("cmlc")
]
INLINE = [" ".join(m.split()) for m in re.findall(r"`(cmlc[^`]*relu\.cmir[^`]*)`", TEXT)]


def written(folder):
    """Models under the names that the README uses."""
    for name in ("MobileNet", "old", "new"):
        shutil.copy(ROOT / "tests" / "data" / "digits.mlmodel", folder / f"{name}.mlmodel")
    product = {"nB": 4, "nC": 2, "has_relu": 1, "blob_weights": numbers(2, 4)}
    network = compiled(folder, espresso("inner_product", (2,), **product), x=(4,))
    Path(network).rename(folder / "MobileNet.mlmodelc")
    compiled_program(folder, *weighted())
    (folder / "p.mlmodelc").rename(folder / "Whisper.mlmodelc")
    (folder / "model.cmir").write_text(RELU)
    (folder / "relu.cmir").write_text(RELU)
    (folder / "houses.mlmodel").write_bytes(houses().SerializeToString())
    (folder / "table.csv").write_text("area,rooms,place\n70,3,hill\n")
    Image.new("L", (8, 8), 200).save(folder / "cat.jpg")
    (folder / "photos").mkdir()
    shutil.copy(folder / "cat.jpg", folder / "photos")


@dataclass(frozen=True)
class MyPass(PatternPass):
    """relu(x) → x, so that there is something to reduce."""

    name = "my-pass"
    patterns = (pattern(Relu)(lambda op: op.x),)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PASSES, "my-pass", MyPass)
    written(tmp_path)
    return tmp_path


def test_there_are_commands():
    assert len(LISTED) >= 6
    assert len(INLINE) >= 3


@pytest.mark.parametrize("line", [*LISTED, *INLINE])
def test_a_command(capsys, line):
    name, *arguments = shlex.split(line)
    module, _, function = SCRIPTS[name].partition(":")
    status = getattr(importlib.import_module(module), function)(arguments)
    assert status == 0, capsys.readouterr().err
    if "-o" in arguments:
        assert Path(arguments[arguments.index("-o") + 1]).exists()
    else:
        assert capsys.readouterr().out


def test_what_is_said_of_the_commands(capsys):
    from cmlc.tools import cmlc_opt, cmlc_run

    assert cmlc_opt.main(["relu.cmir", "--passes=canonicalize"]) == 0
    assert capsys.readouterr().out.count("nn.relu") == 1
    assert cmlc_run.main(["relu.cmir", "--input", "x=[-1,0,1,2]", "-o", "y.npz"]) == 0
    np.testing.assert_array_equal(np.load("y.npz")["y"], [0, 0, 1, 2])


def test_the_first_program():
    code = next(block.text for block in blocks(TEXT) if block.kind == "python")
    scope = {"pil_image": Image.open("cat.jpg")}
    exec(code, scope)
    assert "saved_model.pb" in [path.name for path in Path("mobilenet").iterdir()]
    assert [op.name for op in scope["module"].walk()].count("nn.conv") == 2
