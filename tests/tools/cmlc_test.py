import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler import driver
from cmlc.compiler.choices import Batch, Layout, Precision
from cmlc.compiler.options import Options
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.printer import structurally_equal
from cmlc.passes.dce import EliminateDeadCode
from cmlc.tools import cmlc, cmlc_opt
from cmlc.tools.cli import console
from support.running.child_seconds import child_seconds
from support.running.tool_models import network_file

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
HELP_SECONDS = 0.6 if os.environ.get("CI") else 0.3


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


# -- starting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["cmlc", "cmlc_diff", "cmlc_opt", "cmlc_run", "docs"])
def test_help_is_fast_and_has_examples(command):
    def seconds() -> float:
        with child_seconds() as spent:
            found = python("-m", f"cmlc.tools.{command}", "--help")
        assert found.returncode == 0
        assert "examples:" in found.stdout
        return spent[0]

    assert min(seconds() for _ in range(3)) < HELP_SECONDS


def test_version(capsys):
    assert cmlc.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("cmlc 0.")


def test_choices_are_those_of_the_api():
    actions = {a.dest: a.choices for a in cmlc.make_parser()._actions}
    assert actions["batch"] == Batch.__args__
    assert actions["io_layout"] == Layout.__args__
    assert actions["precision"] == Precision.__args__


# -- IR -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("imported", "nn.conv("), ("optimized", "#channels_last"), ("lowered", "tf.nn.conv2d(")],
)
def test_stages(capsys, stage, expected):
    assert cmlc.main([str(DIGITS), "--emit=ir", f"--stage={stage}"]) == 0
    found = capsys.readouterr()
    assert found.out.startswith("module @digits")
    assert expected in found.out
    assert found.err == ""
    assert left_behind() == []


def test_locations(capsys):
    cmlc.main([str(DIGITS), "--emit=ir", "--locations"])
    assert """loc("layers[0] 'conv1'")""" in capsys.readouterr().out


@pytest.mark.slow
def test_ir_needs_no_tensorflow():
    code = (
        "import sys; from cmlc.tools.cmlc import main; status = main()\n"
        "assert status == 0 and 'tensorflow' not in sys.modules and 'rich' not in sys.modules"
    )
    assert python("-c", code, str(DIGITS), "--emit=ir", "--stage=lowered").returncode == 0


def test_print_after(capsys):
    assert cmlc.main([str(DIGITS), "--emit=ir", "--print-after=layout,dce"]) == 0
    found = capsys.readouterr().err
    assert found.count("// ----- after layout") == 1
    assert found.count("// ----- after dce") == 2


def test_timing(capsys):
    assert cmlc.main([str(DIGITS), "--emit=ir", "--timing", "--verify-each"]) == 0
    found = capsys.readouterr()
    assert "fold-batch-norm" in found.err
    assert "14 ops" in found.err
    assert found.out.startswith("module")


def test_archive_round_trip(capsys):
    assert cmlc.main([str(DIGITS), "-o", "d.cmir"]) == 0
    assert left_behind() == ["d.cmir", "d.weights"]
    assert "d.cmir" in capsys.readouterr().out
    text = Path("d.cmir").read_text()
    assert 'file("d.weights", 0)' in text
    assert "hash(" not in text
    Path("moved").mkdir()
    for name in ("d.cmir", "d.weights"):
        Path(name).rename(Path("moved") / name)
    assert structurally_equal(driver.load("moved/d.cmir"), driver.load(DIGITS))
    assert cmlc.main(["moved/d.cmir", "-o", "again.cmir"]) == 0
    assert Path("again.weights").read_bytes() == Path("moved/d.weights").read_bytes()


def test_archive_over_its_own_source(capsys):
    assert cmlc.main([str(DIGITS), "-o", "d.cmir"]) == 0
    before = Path("d.cmir").read_text(), Path("d.weights").read_bytes()
    assert cmlc.main(["d.cmir", "-o", "d.cmir"]) == 0
    assert (Path("d.cmir").read_text(), Path("d.weights").read_bytes()) == before


def test_archive_facts(capsys):
    assert cmlc.main([str(DIGITS), "-o", "d.cmir", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ok"]
    assert facts["layers"]["convolution"] == 2
    assert facts["weights"]["encodings"] == {"float32": 10}
    assert facts["weights_file"] == "d.weights"


@pytest.mark.parametrize("change", ["missing", "short"])
def test_damaged_weights(capsys, change):
    cmlc.main([str(DIGITS), "-o", "d.cmir"])
    weights = Path("d.weights")
    if change == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:20000])
    assert cmlc.main(["d.cmir"]) == 1
    found = capsys.readouterr().err
    assert "d.weights: error: " in found
    assert found.count("error:") == (1 if change == "missing" else 2)


@pytest.mark.slow
def test_weights_that_stayed_behind(capsys):
    cmlc.main([str(DIGITS), "--emit=ir"])
    Path("d.cmir").write_text(capsys.readouterr().out)
    assert cmlc.main(["d.cmir"]) == 1
    assert "holds only their hash" in capsys.readouterr().err
    assert left_behind() == ["d.cmir"]


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "required: MODEL"),
        (["m", "--emit=x"], "invalid choice"),
        (["m", "--stage=lowered"], "--stage means nothing for --emit=savedmodel"),
        (["m", "--emit=ir", "--json"], "can't share standard output"),
        (["m", "--emit=ir", "-o", "x.txt"], "called .cmir"),
        (["m", "--print-after=nonsense"], "no pass called 'nonsense'"),
        (
            ["m", "-o", "m.tflit"],
            "nothing is known that is called .tflit: 'm.tflit'; did you mean .tflite?",
        ),
        (["m", "-o", "-"], "can't be written to standard output"),
        (["m", "-o", "."], "current folder"),
        (["m", "-o", "full"], "holds no SavedModel"),
        (["m", "-o", "file"], "is not a folder"),
    ],
)
def test_wrong_usage(capsys, options, message):
    Path("full").mkdir()
    Path("full/treasure").touch()
    Path("file").touch()
    assert cmlc.main(options) == console.USAGE_ERROR
    found = capsys.readouterr()
    if "--json" in options:
        assert message in json.loads(found.out)["diagnostics"][0]["message"]
    else:
        assert message in found.err
        assert found.out == ""
    assert left_behind() == ["file", "full"]
    assert Path("full/treasure").exists()


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_unsupported_layers(capsys, json_option):
    model = network_file(Path("m.mlmodel"), "custom", "activation", "custom")
    assert cmlc.main([str(model), *json_option]) == console.INPUT_ERROR
    assert left_behind() == ["m.mlmodel"]
    found = capsys.readouterr()
    if json_option:
        facts = json.loads(found.out)
        assert not facts["ok"]
        assert [item["subject"] for item in facts["diagnostics"]] == ["custom", "custom"]
        assert facts["diagnostics"][0]["locations"] == ["layers[0] 'custom0'"]
    else:
        assert found.err.count("error:") == 2
        assert "Traceback" not in found.err


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"PK\x03\x04", DIGITS.read_bytes()[:-100]])
@pytest.mark.parametrize("name", ["m.mlmodel", "m.cmir"])
def test_corrupt_files(capsys, name, data):
    Path(name).write_bytes(data)
    assert cmlc.main([name]) == console.INPUT_ERROR
    assert "error:" in capsys.readouterr().err
    assert left_behind() == [name]


def test_no_such_file(capsys):
    for name in ("nothing.mlmodel", "nothing.cmir"):
        assert cmlc.main([name]) == console.INPUT_ERROR
        assert capsys.readouterr().err.startswith(f"{name}: error: there is no such file")


def test_unwritable_output(capsys):
    Path("file").touch()
    assert cmlc.main([str(DIGITS), "-o", "file/d.cmir"]) == console.INPUT_ERROR
    assert "can't be written" in capsys.readouterr().err


def test_folders_around_the_output_are_made(capsys):
    assert cmlc.main([str(DIGITS), "-o", "some/folder/d.cmir"]) == 0
    assert left_behind() == ["some"]


def test_bug_in_a_pass_leaves_a_reproducer(capsys, monkeypatch):
    def fail(self, module, instrumentation):
        if any(op.name == "nn.batch_norm" for op in module.walk()):
            return False  # only the second time
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(EliminateDeadCode, "apply", fail)
    assert cmlc.main([str(DIGITS)]) == console.BUG
    found = capsys.readouterr().err
    assert "pass 'dce' failed" in found
    assert "oops" in found
    assert "--debug" in found
    assert left_behind() == ["cmlc-reproducer-dce.cmir", "cmlc-reproducer-dce.weights"]
    assert "together with cmlc-reproducer-dce.cmir" in found
    text = Path("cmlc-reproducer-dce.cmir").read_text()
    assert text.startswith("// RUN: cmlc-opt cmlc-reproducer-dce.cmir --passes='dce'\n")
    assert "layers[0] 'conv1'" in text
    assert cmlc_opt.main(["cmlc-reproducer-dce.cmir", "--passes=dce"]) == console.BUG


def test_unexpected_error(capsys, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("boom")

    monkeypatch.setattr(driver, "load", fail)
    assert cmlc.main(["m.mlmodel", "--emit=ir"]) == console.BUG
    found = capsys.readouterr().err
    assert "RuntimeError: boom" in found
    assert "Traceback" not in found
    assert cmlc.main(["m.mlmodel", "--emit=ir", "--debug"]) == console.BUG
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(capsys, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "load", fail)
    assert cmlc.main(["m.mlmodel", "--emit=ir"]) == console.INTERRUPTED
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_closed_pipe():
    command = f"{sys.executable} -m cmlc.tools.cmlc {DIGITS} --emit=ir --stage=lowered"
    code = f"for i in 1 2 3 4 5 6 7 8 9; do {command}; break; done | true; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
    assert found.stderr == ""
    assert found.stdout.strip() in ("0", str(console.BROKEN_PIPE))


def test_no_color_unless_on_a_terminal(capsys):
    cmlc.main(["nothing.mlmodel"])
    assert "\033" not in capsys.readouterr().err


# -- SavedModels ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_savedmodel(capsys):
    assert cmlc.main([str(DIGITS)]) == 0
    assert left_behind() == ["digits_savedmodel"]
    found = capsys.readouterr().out
    for fact in ("neuralNetworkClassifier", "u8[N,8,8,1]", "probabilities of 10 classes"):
        assert fact in found
    assert "20 imported → 13 optimized" in found
    lines = [line.strip() for line in found.splitlines()[-2:]]
    scope: dict = {}
    exec("\n".join(lines), scope)
    held_out = np.load(DIGITS.with_suffix(".npz"))
    labels = scope["predict"](image=held_out["images"][:20, ..., None])["digit"].numpy()
    assert np.mean(labels.astype(int) == held_out["labels"][:20]) > 0.9


@pytest.mark.slow
def test_savedmodel_as_json_from_an_archive(capsys):
    cmlc.main([str(DIGITS), "-o", "d.cmir"])
    capsys.readouterr()
    assert cmlc.main(["d.cmir", "-o", "out", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ops"] == {"imported": 20, "optimized": 13, "lowered": 16}
    assert facts["transposes"] == 0
    assert facts["output"] == "out"
    assert [item["name"] for item in facts["inputs"]] == ["image"]
    assert {"read", "optimize", "lower", "make", "write"} <= facts["seconds"].keys()
    assert facts["passes"][-1]["ops"] == 16  # a pass after lowering
    # A SavedModel may be replaced.
    assert cmlc.main(["d.cmir", "-o", "out"]) == 0
    assert left_behind() == ["d.cmir", "d.weights", "out"]


def test_a_function_that_is_not_there():
    with pytest.raises(CompileError, match="no function 'prefill'"):
        driver.load(DIGITS, Options(function="prefill"))
