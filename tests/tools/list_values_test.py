"""`cmlc --list-values`, and what is refused of models that are cut."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cmlc.tools import cmlc as cmlc_command
from cmlc.tools import cmlc_run
from support.mil.programs import several
from support.networks.cut_models import arrays, halves, images, sums

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.mlmodel"


def command(*arguments):
    return cmlc_command.main([str(each) for each in arguments])


def test_values_are_listed(tmp_path, capsys):
    path = tmp_path / "m.mlmodel"
    path.write_bytes(images(outputs=("c", "y")).SerializeToString())
    assert command(path, "--list-values") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["image", "u8[1,6,6,3]", "input"],
        ["conv", "f32[1,3,6,6]", "convolution", "layers[0]", "'conv'"],
        ["relu", "f32[1,3,6,6]", "activation", "layers[1]", "'relu'"],
        ["c", "f32[1,3,6,6]", "output", "'c'", "output"],
        ["d,", "l2", "f32[1,3,6,6]", "convolution", "layers[2]", "'l2'"],
        ["f,", "l3", "f32[1,108,1,1]", "flatten", "layers[3]", "'l3'"],
        ["l4", "f32[1,108,1,1]", "softmax", "layers[4]", "'l4'"],
        ["y", "f32[1,108,1,1]", "output", "'y'", "output"],
    ]
    assert command(path, "--list-values", "--json", "--outputs=d") == 0
    facts = json.loads(capsys.readouterr().out)["functions"]["main"]
    assert [row["name"] for row in facts] == ["image", "conv", "c", "l2", "d"]
    assert facts[1] == {
        "name": "conv",
        "names": ["conv"],
        "dtype": "f32",
        "shape": [1, 3, 6, 6],
        "place": "layers[0] 'conv'",
        "layer": "convolution",
        "role": "",
    }
    assert [facts[0]["role"], facts[-1]["role"]] == ["input", "output"]


def test_values_of_programs_and_text_are_listed(tmp_path, capsys):
    (tmp_path / "m.mlmodel").write_bytes(several(one=sums(), other=halves()).SerializeToString())
    assert command(tmp_path / "m.mlmodel", "--list-values") == 0
    out = capsys.readouterr().out
    assert out.index("@one") < out.index("  tanh  ") < out.index("@other")
    assert [line.split() for line in out.splitlines() if "state" in line.split()] == [
        ["s,", "r", "f32[2]", "state"]
    ]
    assert command(tmp_path / "m.mlmodel", "--function=other", "-o", tmp_path / "m.cmir") == 0
    capsys.readouterr()
    assert command(tmp_path / "m.cmir", "--list-values") == 0
    assert "  m  f32[2,3]  tensor.mul" in capsys.readouterr().out.replace("   ", "  ")


def test_listing_does_not_import_tensorflow():
    code = (
        "import sys; from cmlc.tools import cmlc; "
        f"assert cmlc.main([{str(DIGITS)!r}, '--list-values']) == 0; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_an_input_that_stays_is_told_once(tmp_path, capsys):
    path = tmp_path / "m.mlmodel"
    path.write_bytes(arrays().SerializeToString())
    run = [str(path), "--inputs=d", "--random=0", "--interpret"]
    assert cmlc_run.main(run) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: the outputs also need 'x', not only d; choose more inputs")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--list-values", "-o", "x"], "-o means nothing for --list-values, which writes nothing"),
        (["--list-values", "--quantize=int8"], "--quantize means nothing for --list-values"),
        (["--outputs=pool1", "--emit=mlmodel", "-o", "x.mlmodel"], "--outputs means nothing for"),
        (["--inputs=pool1", "--emit=weights"], "--inputs means nothing for --emit=weights"),
        (["--outputs=poool1"], "there is no value 'poool1'; did you mean 'pool1'? cmlc MODEL"),
        (["--output", "x", "--outputs=pool"], "there is no value 'pool'; did you mean 'pool1'?"),
    ],
)
def test_what_is_refused(options, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(DIGITS, *options) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
