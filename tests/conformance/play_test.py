"""What each behaviour of the compiler is counted as, with a stand-in for the compiler."""

import json
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from case import Entry
from play import Status, play


class CompileError(Exception):
    def __init__(self, *diagnostics):
        super().__init__("cannot compile")
        self.diagnostics = diagnostics


class State(dict):
    read_state = dict.__getitem__
    write_state = dict.__setitem__


class Doubles:
    """Doubles its input, and counts predictions in a state."""

    def make_state(self):
        return State(count=np.zeros(1))

    def predict(self, inputs, state=None):
        if state is not None:
            state.write_state("count", state.read_state("count") + 1)
        return {"y": 2 * inputs["x"]}


@pytest.fixture
def compiler(monkeypatch):
    """The stand-in; tests replace its `compile`."""
    fake = SimpleNamespace(CompileError=CompileError, compile=lambda path: Doubles())
    monkeypatch.setitem(sys.modules, "cmlc", fake)
    return fake


def entry(tmp_path, expected, function=None, more=(), stateful=False) -> Entry:
    path = tmp_path / "case.zip"
    meta = {
        "caseid": "c",
        "precision": "fp32",
        "features": {"function_name": function},
        "states": [{"name": "count"}] if stateful else [],
        "random": False,
        "relaxed_shape": False,
        "tolerance": {"rtol": 0.01, "atol": 0.01},
        "steps": [
            {
                "op": "predict",
                "inputs": "i.npz",
                "expected": "e.npz",
                "input_meta": {"x": {"kind": "array"}},
            },
            *more,
        ],
    }
    arrays = {"i": {"x": np.ones(2)}, "e": {"y": np.asarray(expected)}, "s": {"count": np.ones(1)}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.json", json.dumps(meta))
        archive.writestr("model.mlmodel", b"")
        for name, values in arrays.items():
            with archive.open(f"{name}.npz", "w") as member:
                np.savez(member, **values)
    return Entry("c", "s", (), str(path))


@pytest.mark.usefixtures("compiler")
def test_agree_and_disagree(tmp_path):
    outcome = play(entry(tmp_path, [2.0, 2.0]))
    assert outcome.status is Status.AGREE
    assert outcome.strict
    assert outcome.seconds > 0
    outcome = play(entry(tmp_path, [2.0, 3.0]))
    assert outcome.status is Status.DISAGREE
    assert "expected 3" in outcome.reason


@pytest.mark.usefixtures("compiler")
def test_state_lives_across_steps(tmp_path):
    read = {"op": "read_state", "name": "count", "file": "s.npz"}
    assert play(entry(tmp_path, [2.0] * 2, more=[read], stateful=True)).status is Status.AGREE
    again = {"op": "predict", "inputs": "i.npz", "expected": "e.npz"}
    outcome = play(entry(tmp_path, [2.0] * 2, more=[again, read], stateful=True))
    assert outcome.reason.startswith("step 2: output 'count'")
    write = {"op": "write_state", "name": "count", "file": "s.npz"}
    steps = [again, write, read]
    assert play(entry(tmp_path, [2.0] * 2, more=steps, stateful=True)).status is Status.AGREE


def test_unsupported_names_the_layers(tmp_path, compiler):
    def refuse(path):
        raise CompileError(
            SimpleNamespace(kind="unsupported", message="no gru", subject="gru"),
            SimpleNamespace(kind="unsupported", message="no gru", subject="gru"),
            SimpleNamespace(kind="warning", message="old model"),
        )

    compiler.compile = refuse
    outcome = play(entry(tmp_path, [2.0]))
    assert outcome.status is Status.UNSUPPORTED
    assert outcome.unsupported == ("gru",)


def test_a_model_called_malformed_is_invalid(tmp_path, compiler):
    def refuse(path):
        raise CompileError(SimpleNamespace(kind="invalid", message="a weight is missing"))

    compiler.compile = refuse
    outcome = play(entry(tmp_path, [2.0]))
    assert (outcome.status, outcome.reason) == (Status.INVALID, "a weight is missing")


@pytest.mark.parametrize(
    "bug", [KeyError("x"), FileNotFoundError("gone"), ValueError("two\nlines")]
)
def test_any_other_exception_is_an_error(tmp_path, compiler, bug):
    def fail(path):
        raise bug

    compiler.compile = fail
    outcome = play(entry(tmp_path, [2.0]))
    assert outcome.status is Status.ERROR
    assert outcome.reason.startswith(type(bug).__name__)
    assert "play_test.py:" in outcome.reason
    assert "lines" not in outcome.reason


def test_function_is_passed_on(tmp_path, compiler):
    asked = []
    compiler.compile = lambda path, function: asked.append(function) or Doubles()
    assert play(entry(tmp_path, [2.0, 2.0], function="prefill")).status is Status.AGREE
    assert asked == ["prefill"]


def test_precision_is_passed_on(tmp_path, compiler):
    asked = []
    compiler.compile = lambda path, precision: asked.append(precision) or Doubles()
    choices = {"precision": "keep"}
    assert play(entry(tmp_path, [2.0, 2.0]), choices).status is Status.AGREE
    assert asked == ["keep"]


@pytest.mark.usefixtures("compiler")
def test_no_archive_is_invalid(tmp_path):
    assert play(Entry("c", "s", (), str(tmp_path / "none.zip"))).status is Status.INVALID
    (tmp_path / "text.zip").write_text("not a zip")
    assert play(Entry("c", "s", (), str(tmp_path / "text.zip"))).status is Status.INVALID
