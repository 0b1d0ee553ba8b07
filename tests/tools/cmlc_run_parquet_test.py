"""`cmlc-run` on Parquet files; where pyarrow isn't installed, one line says so."""

import sys
from pathlib import Path

import pytest
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from support.running.doc_models import houses


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("m.mlmodel").write_bytes(houses().SerializeToString())
    Path("t.csv").write_text("area,rooms,place\n70,3,hill\n120.5,,valley\n")


def run(*arguments):
    return cmlc_run.main(["m.mlmodel", "--interpret", *arguments])


@pytest.mark.parametrize("arguments", [("t.csv", "p.parquet"), ("t.parquet", "p.csv")])
def test_without_the_library(capsys, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    Path("t.parquet").write_bytes(b"")
    table, out = arguments
    assert run(f"--input={table}", "-o", out) == console.USAGE_ERROR
    message = "Parquet files need the package pyarrow; pip install pyarrow, or give a .csv file"
    assert message in capsys.readouterr().err
    assert not Path(out).exists()


def test_what_is_read_and_written():
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("--input=t.csv", "-o", "p.parquet") == 0
    assert parquet.read_table("p.parquet").to_pydict() == {"price": [295.0, 356.0]}
    table = {"area": [70, 120], "rooms": [3.0, None], "place": ["hill", "valley"], "id": [1, 2]}
    parquet.write_table(arrow.table(table), "t.parquet")
    assert run("--input=t.parquet", "-o", "p.csv") == 0
    assert Path("p.csv").read_text() == "price\n295.0\n355.0\n"


def test_what_is_wrong_names_the_row(capsys):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = {"area": [70, None], "rooms": [3.0, None], "place": ["hill", "valley"]}
    parquet.write_table(arrow.table(table), "t.parquet")
    assert run("--input=t.parquet", "-o", "p.csv") == console.USAGE_ERROR
    assert "t.parquet: error: row 2: column 'area' has no value" in capsys.readouterr().err
    parquet.write_table(arrow.table(table | {"place": [1, 2], "area": [1, 2]}), "t.parquet")
    assert run("--input=t.parquet", "-o", "p.csv") == console.USAGE_ERROR
    assert "row 1: column 'place' has 1, expected a string" in capsys.readouterr().err
    Path("t.parquet").write_bytes(b"text")
    assert run("--input=t.parquet", "-o", "p.csv") == console.USAGE_ERROR
    assert "t.parquet: error: is not a Parquet file: " in capsys.readouterr().err
