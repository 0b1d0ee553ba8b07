"""Crashes of lowerings and emitters write a file and the command that crashes again."""

import dataclasses
import shlex
from pathlib import Path

import cmlc
import pytest
from cmlc.backends.tf.emit import TensorFlowModule
from cmlc.backends.tf.target import TARGET
from cmlc.compiler import driver
from cmlc.ir.diagnostics import CompileError, Diagnostic
from cmlc.ir.dialects.core import activation
from cmlc.ir.ssa import Module
from cmlc.passes.reproducer import reproducing
from cmlc.tools import cmlc as cmlc_command
from cmlc.tools import cmlc_opt, cmlc_run
from cmlc.tools.cli import console

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
COMMANDS = {"cmlc": cmlc_command.main, "cmlc-opt": cmlc_opt.main}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def crash(op):
    raise ZeroDivisionError(f"at {op.name}")


@pytest.fixture
def _crashing(monkeypatch):
    target = dataclasses.replace(TARGET, lowering={**TARGET.lowering, activation.Relu: crash})
    monkeypatch.setattr("cmlc.backends.tf.target.TARGET", target)


def reproduces(name: str, capsys) -> str:
    """What the command in the first line of the file prints; it fails as a bug does."""
    first = Path(name).read_text().partition("\n")[0]
    command, *arguments = shlex.split(first.removeprefix("// RUN: "))
    capsys.readouterr()
    assert COMMANDS[command](arguments) == console.BUG
    return capsys.readouterr().err


@pytest.mark.usefixtures("_crashing")
@pytest.mark.parametrize("run", [cmlc_command.main, cmlc_run.main])
def test_a_lowering_that_crashes(capsys, run):
    arguments = ["--random=0"] if run is cmlc_run.main else []
    assert run([str(DIGITS), *arguments]) == console.BUG
    err = capsys.readouterr().err
    assert "lowering 'nn.relu' to TensorFlow failed" in err
    assert "note: ZeroDivisionError: at nn.relu" in err
    assert "report this together with cmlc-reproducer-lower.cmir" in err
    assert "layers[" in err
    assert "at nn.relu" in reproduces("cmlc-reproducer-lower.cmir", capsys)


@pytest.mark.usefixtures("_crashing")
def test_the_api_writes_nothing():
    with pytest.raises(CompileError, match=r"lowering 'nn\.relu' to TensorFlow failed") as caught:
        cmlc.compile(DIGITS)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert not list(Path().iterdir())


@pytest.mark.slow
def test_an_emitter_that_crashes(capsys, monkeypatch):
    def save(*_):
        raise ZeroDivisionError("while saving")

    monkeypatch.setattr(TensorFlowModule, "save", save)
    assert cmlc_command.main([str(DIGITS), "--io-layout=nhwc"]) == console.BUG
    assert "cmlc-reproducer-savedmodel.cmir" in capsys.readouterr().err
    first = Path("cmlc-reproducer-savedmodel.cmir").read_text().partition("\n")[0]
    assert first.endswith("--emit=savedmodel --io-layout=nhwc")
    assert "while saving" in reproduces("cmlc-reproducer-savedmodel.cmir", capsys)


def test_ir_that_no_pass_prepared_is_refused_not_a_bug(capsys):
    assert cmlc_opt.main([str(DIGITS), "--lower"]) == console.INPUT_ERROR
    err = capsys.readouterr().err
    assert "'nn.conv' has layout channels_first, expected channels_last" in err
    assert f"TensorFlow needs these passes first: {TARGET.preparation}" in err


def test_prepared_ir_is_lowered(capsys):
    assert cmlc_opt.main([str(DIGITS), "--passes", TARGET.pipeline, "--lower"]) == 0
    assert "tf.nn.relu(" in capsys.readouterr().out


@pytest.mark.parametrize(
    "error",
    [
        CompileError(Diagnostic("it can't be expressed", "unsupported")),
        CompileError(Diagnostic("no such thing", "usage")),
        PermissionError("not here"),
        MemoryError(),
        ModuleNotFoundError("tensorflow"),
    ],
)
def test_what_is_no_bug_goes_on_as_it_is(error):
    module: Module = driver.load(DIGITS)
    with pytest.raises(type(error)) as caught, reproducing(module, Path(), "x", "x {}"):
        raise error
    assert caught.value is error
    assert not list(Path().iterdir())


def test_where_nothing_can_be_written_the_error_is_told_all_the_same(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("no")

    monkeypatch.setattr("cmlc.ir.text.archive.write_archive", refuse)
    module = driver.load(DIGITS)
    with pytest.raises(CompileError) as caught, reproducing(module, Path(), "x", "x {}"):
        raise ZeroDivisionError("by zero")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.notes == ("ZeroDivisionError: by zero",)
    assert diagnostic.remedy == "please report this"
