"""`cmlc-run` on many inputs goes on after it was stopped: the results are the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError, Diagnostic
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from cmlc.tools.cli.many.worker import Worker
from PIL import Image
from support.running.doc_models import houses

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
COUNT = 50
PARTIAL = "r.csv.partial"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pictures(count=COUNT):
    Path("photos").mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{number}.png")


def run(*arguments, model=DIGITS, source="photos", out="r.csv"):
    given = [str(model), "--interpret", f"--input={source}", "-o", out, *map(str, arguments)]
    return cmlc_run.main(given)


def stopped(monkeypatch, error=KeyboardInterrupt, after=3, **more):
    """A run that ends in the middle; its exit status."""
    encode, done = Worker.encode, []

    def failing(self, ran):
        done.append(ran.part.number)
        if ran.part.number == after:
            raise error
        return encode(self, ran)

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "encode", failing)
        return run(**more)


def computed(monkeypatch, *arguments, **more):
    """The parts that a run computes."""
    load, parts = Worker.load, []

    def counting(self, part):
        parts.append(part.number)
        return load(self, part)

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "load", counting)
        assert run(*arguments, **more) == 0
    return sorted(parts)


def whole(suffix="csv"):
    assert run(out=f"whole.{suffix}") == 0
    return Path(f"whole.{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_interrupted(capsys, monkeypatch, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    pictures()
    out = f"r.{suffix}"
    assert stopped(monkeypatch, out=out) == console.INTERRUPTED
    assert f"stopped; the same command goes on from '{out}.partial'" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["photos", f"{out}.partial"]
    assert computed(monkeypatch, out=out) == [3, 4, 5, 6]
    assert "went on after 24 rows of the run before" in capsys.readouterr().err
    assert Path(out).read_bytes() == whole(suffix)
    assert not Path(f"{out}.partial").exists()


def test_a_part_that_was_cut_off_or_damaged_is_computed_again(monkeypatch):
    pictures()
    stopped(monkeypatch, RuntimeError, after=5)
    content = Path(PARTIAL).read_bytes()
    Path(PARTIAL).write_bytes(content[:-7])
    assert computed(monkeypatch) == [4, 5, 6]
    assert Path("r.csv").read_bytes() == whole()

    middle = bytearray(content)
    middle[len(content) // 2] ^= 1
    Path(PARTIAL).write_bytes(middle)
    assert len(computed(monkeypatch)) > 3
    assert Path("r.csv").read_bytes() == whole()

    Path(PARTIAL).write_bytes(content[:9])  # not even what the run is
    assert computed(monkeypatch) == list(range(7))
    assert Path("r.csv").read_bytes() == whole()


def change_options():
    return {"arguments": ["--batch=static"]}


def change_model():
    copy = Path("copy.mlmodel")
    os.utime(copy, (1, 1))
    return {}


def change_files():
    Path("photos/7.png").rename("photos/70.png")
    return {}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_options, "the options"),
        (change_model, "the model"),
        (change_files, "the inputs"),
    ],
)
def test_another_run(capsys, monkeypatch, change, what):
    pictures()
    Path("copy.mlmodel").write_bytes(DIGITS.read_bytes())
    stopped(monkeypatch, model="copy.mlmodel")
    arguments = change().get("arguments", [])
    before = Path(PARTIAL).read_bytes()
    assert run(*arguments, model="copy.mlmodel") == console.USAGE_ERROR
    message = f"'{PARTIAL}' is of a run that differs in {what}; --restart begins anew"
    assert message in capsys.readouterr().err
    assert Path(PARTIAL).read_bytes() == before
    assert run(*arguments, "--restart", model="copy.mlmodel") == 0
    assert not Path(PARTIAL).exists()


def test_a_file_that_was_done_has_changed(capsys, monkeypatch):
    pictures()
    stopped(monkeypatch)
    os.utime("photos/9.png", (1, 1))
    assert run() == console.USAGE_ERROR
    message = "a file from 'photos/8.png' to 'photos/15.png' has changed since the run that this"
    assert message in capsys.readouterr().err
    os.utime("photos/49.png", (1, 1))  # that one wasn't
    assert run("--restart") == 0


def test_two_runs_at_once(capsys, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    pictures()
    stopped(monkeypatch)
    with Path(PARTIAL).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run() == console.USAGE_ERROR
    assert f"'{PARTIAL}' is being written by another run; wait for it" in capsys.readouterr().err
    assert run() == 0


def test_tables(monkeypatch):
    Path("m.mlmodel").write_bytes(houses().SerializeToString())
    lines = [f"{70 + n},{n % 5},{('hill', 'valley')[n % 2]}\n" for n in range(20_000)]
    Path("t.csv").write_text("area,rooms,place\n" + "".join(lines))
    given = {"model": "m.mlmodel", "source": "t.csv"}
    assert stopped(monkeypatch, after=2, **given) == console.INTERRUPTED
    assert computed(monkeypatch, **given) == [2, 3, 4]
    found = Path("r.csv").read_bytes()
    assert found.count(b"\n") == 20_001
    assert computed(monkeypatch, **given) == [0, 1, 2, 3, 4]
    assert Path("r.csv").read_bytes() == found


def test_a_fault_in_a_table_leaves_nothing(capsys):
    Path("m.mlmodel").write_bytes(houses().SerializeToString())
    lines = ["70,3,hill\n"] * 10_000
    Path("t.csv").write_text("area,rooms,place\n" + "".join(lines) + "70,three,hill\n")
    assert run(model="m.mlmodel", source="t.csv") == console.USAGE_ERROR
    assert "line 10002: column 'rooms' has 'three'" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["m.mlmodel", "t.csv"]


def test_a_failure_that_is_not_the_table_s_keeps_what_is_done(monkeypatch):
    Path("m.mlmodel").write_bytes(houses().SerializeToString())
    lines = ["70,3,hill\n"] * 10_000
    Path("t.csv").write_text("area,rooms,place\n" + "".join(lines))
    given = {"model": "m.mlmodel", "source": "t.csv"}
    lost = CompileError(Diagnostic("a worker failed", "usage"))
    assert stopped(monkeypatch, lost, after=1, **given) == console.USAGE_ERROR
    assert computed(monkeypatch, **given) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_killed(signal_):
    pictures(600)
    command = [sys.executable, "-m", "cmlc.tools.cmlc_run", str(DIGITS), "--interpret"]
    command += ["--input=photos", "-o", "r.csv"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while not (Path(PARTIAL).exists() and Path(PARTIAL).stat().st_size > 10_000):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal_)
    assert process.wait() == (console.INTERRUPTED if signal_ == signal.SIGINT else -signal_)
    assert not Path("r.csv").exists()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "went on after " in done.stderr
    assert Path("r.csv").read_bytes() == whole()


_PEAK = """
import resource, sys
from cmlc.tools import cmlc_run
assert cmlc_run.main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_memory_is_flat(suffix):
    pytest.importorskip("pyarrow")
    Path("m.mlmodel").write_bytes(houses().SerializeToString())
    peaks = []
    for count in (20_000, 200_000):
        lines = (f"{70 + n},{n % 5},{('hill', 'valley')[n % 2]}\n" for n in range(count))
        Path("t.csv").write_text("area,rooms,place\n" + "".join(lines))
        given = ["m.mlmodel", "--interpret", "--input=t.csv", "-o", f"r.{suffix}"]
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, *given], check=True, capture_output=True, text=True
        )
        peaks.append(float(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] * 1.05 + 8


def test_a_file_of_somebody_else_is_not_touched(capsys):
    pictures(2)
    Path(PARTIAL).write_text("my notes")
    assert run() == console.USAGE_ERROR
    assert f"'{PARTIAL}' is not of this command" in capsys.readouterr().err
    assert Path(PARTIAL).read_text() == "my notes"


def test_a_mended_file_is_run_again():
    pictures(20)
    good = Path("photos/3.png").read_bytes()
    Path("photos/3.png").write_text("none")
    Path("photos/4.png").write_text("none")
    assert run() == console.INPUT_ERROR
    Path("photos/3.png").write_bytes(good)
    assert run("--skip-unreadable") == 0
    lines = Path("r.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines if line.endswith("image")] == ["photos/4.png"]
