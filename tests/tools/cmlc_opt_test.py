import io
from pathlib import Path

import pytest
from cmlc.passes.known import own_passes
from cmlc.tools import cmlc_opt
from cmlc.tools.cli import console

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
TWO_USERS = """
func @f(%x: f32[1,2,4,4], %w: f32[2,2,1,1]) -> (f32[1,2,4,4], f32[1,2,4,4]) {
  %v = const {value = dense<[1.0, 2.0]>} : f32[2]
  %c = nn.conv(%x, %w) : f32[1,2,4,4]
  %n = nn.batch_norm(%c, %v, %v, %v, %v) : f32[1,2,4,4]
  return %c, %n
}
"""
RELUS = """
func @f(%x: f32[4]) -> f32[4] {
  %a = nn.relu(%x) : f32[4]
  %b = nn.relu(%a) : f32[4]
  return %b
}
"""


@pytest.fixture
def stdin(monkeypatch):
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_nothing_but_parsing(capsys, stdin):
    stdin(RELUS)
    assert cmlc_opt.main(["-"]) == 0
    assert capsys.readouterr().out.count("nn.relu") == 2


def test_passes(capsys, stdin):
    stdin(RELUS)
    assert cmlc_opt.main(["-", "--passes=canonicalize, (cse, dce)*", "--verify-each"]) == 0
    assert capsys.readouterr().out.count("nn.relu") == 1


def test_a_model_and_its_printed_text(capsys, stdin):
    assert cmlc_opt.main([str(DIGITS), "--locations"]) == 0
    first = capsys.readouterr().out
    stdin(first)
    assert cmlc_opt.main(["-", "--locations"]) == 0
    assert capsys.readouterr().out == first


def test_output_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cmlc_opt.main([str(DIGITS), "--passes=layout", "-o", "o.cmir"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.cmir", "o.weights"]
    assert cmlc_opt.main(["o.cmir", "--passes=constant-fold"]) == 0
    assert "channels_last" in capsys.readouterr().out


def test_explain(capsys, stdin):
    stdin(TWO_USERS)
    assert cmlc_opt.main(["-", "--explain=fold-batch-norm"]) == 0
    found = capsys.readouterr().err
    assert "0 rewrites, 1 near-miss" in found
    assert "fold_batch_norm.py:" in found
    assert "<stdin>:5:3" in found
    assert "declined: " in found


def test_explain_only_what_is_asked(capsys, stdin):
    stdin(TWO_USERS)
    arguments = ["-", "--passes=fold-batch-norm, canonicalize", "--explain=canonicalize"]
    assert cmlc_opt.main(arguments) == 0
    assert "declined" not in capsys.readouterr().err


def test_trace(capsys, stdin):
    stdin(RELUS)
    cmlc_opt.main(["-", "--passes=canonicalize", "--trace-rewrites"])
    found = capsys.readouterr().err
    assert "→" in found
    assert "activation.py:" in found


def test_timing_and_print_after(capsys, stdin):
    stdin(RELUS)
    assert cmlc_opt.main(["-", "--passes=cse, canonicalize", "--timing", "--print-after=all"]) == 0
    found = capsys.readouterr().err
    assert found.count("// ----- after") == 2
    assert "1 op" in found


def test_list_of_passes(capsys):
    assert cmlc_opt.main(["--list-passes"]) == 0
    found = capsys.readouterr().out
    assert all(f"  {name}" in found for name in own_passes())
    assert "to=channels_first|channels_last" in found


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], console.USAGE_ERROR),
        (["-", "--passes=nonsense"], console.USAGE_ERROR),
        (["-", "--passes=layout{to=up}"], console.USAGE_ERROR),
        (["-", "--explain=nonsense"], console.USAGE_ERROR),
        (["-", "-o", "x.txt"], console.USAGE_ERROR),
        (["nothing.cmir"], console.INPUT_ERROR),
    ],
)
def test_errors(capsys, stdin, arguments, status):
    stdin(RELUS)
    assert cmlc_opt.main(arguments) == status
    found = capsys.readouterr()
    assert "error:" in found.err
    assert found.out == ""


@pytest.mark.parametrize(
    "text", ["", "func", RELUS.replace("%b\n", "%c\n"), 'resources { "w" : f32[2] = file("x", 0) }']
)
def test_bad_text(capsys, stdin, text):
    stdin(text)
    assert cmlc_opt.main(["-"]) == console.INPUT_ERROR
    assert "<stdin>:" in capsys.readouterr().err


def test_missing_weights(capsys, stdin):
    stdin(
        'func @f() -> f32[20] {\n%w = const {value = resource<"w">} : f32[20]\nreturn %w\n}\n'
        'resources { "w" : f32[20] = file("nowhere", 0) }'
    )
    assert cmlc_opt.main(["-"]) == console.INPUT_ERROR
    assert "nowhere: error: the weights file is missing" in capsys.readouterr().err
