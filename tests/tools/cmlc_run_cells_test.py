"""`cmlc-run` on many inputs: names and cells that text files could take for something else."""

import os
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools.cli import console
from support.running.many_runs import pictures, rows, run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("options", [(), ("--skip-unreadable",)])
def test_cells_that_csv_readers_could_split(suffix, options):
    """A carriage return ends a line, too, unless it is in quotes, and so are line feeds there."""
    names = ["a\r.png", 'b"\n"c.png', "d,e.png", "f.png"]
    paths = pictures(names)
    if options:
        Path("photos", "e.png").write_text("none")
        paths.insert(3, "photos/e.png")
    assert run("--input=photos", "-o", f"r{suffix}", *options) == 0
    found = rows(f"r{suffix}")
    assert sorted(row["path"] for row in found) == sorted(paths)
    if options:
        failed = [row for row in found if row["error"]]
        assert [row["path"] for row in failed] == ["photos/e.png"]


def test_cells_larger_than_csv_readers_take():
    """Rows get the column of errors without being read again; 131,072 is csv's limit."""
    text = 'func @main(%x: f32[N]) -> ("y": f32[N]) {\n  %y = nn.relu(%x) : f32[N]\n'
    Path("m.cmir").write_text(text + "  return %y\n}\n")
    Path("arrays").mkdir()
    numbers = np.random.default_rng(0).random(30_000, np.float32)
    np.save("arrays/1.npy", numbers)
    Path("arrays/2.npy").write_text("none")
    assert run("--input=arrays", "-o", "r.csv", "--skip-unreadable", model="m.cmir") == 0
    first, second = Path("r.csv").read_text().splitlines()[1:]
    assert first.startswith("arrays/1.npy,")
    assert first.endswith(",")
    assert len(first) > 1 << 17
    assert second.startswith("arrays/2.npy,,")


def test_names_that_are_not_text_are_refused(capsys):
    pictures(["1.png"])
    try:
        Path(os.fsdecode(b"photos/\xff.png")).write_bytes(Path("photos/1.png").read_bytes())
    except OSError:
        pytest.skip("the file system takes only text")
    assert run("--input=photos", "-o", "r.csv") == console.USAGE_ERROR
    assert "b'photos/\\xff.png' is not UTF-8, as results are" in capsys.readouterr().err
