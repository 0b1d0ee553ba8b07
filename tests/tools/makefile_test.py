"""The Makefile finds a Python that fits, or says what it looked for and what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def program(folder: Path, name: str, script: str) -> Path:
    """A shell script on the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Asks for an environment in the folder; only programs of the folder are found by name."""
    variables = {key: text for key, text in os.environ.items() if key != "PYTHON"}
    environment = folder / "environment"
    return subprocess.run(
        [shutil.which("make"), f"VENV={environment}", str(environment / "bin/python"), *arguments],
        cwd=ROOT,
        env={**variables, "PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_a_shim_without_its_python_is_passed_over(tmp_path):
    program(tmp_path, "python3.11", "echo 'pyenv: python3.11: command not found' >&2; exit 127")
    program(tmp_path, "python3.12", "exit 1")
    # Makes no environment, which would take seconds, but tells that it was asked to.
    run = f'test "$1" != -m || {{ echo "made: $*"; exit 0; }}; exec {sys.executable} "$@"'
    program(tmp_path, "python3.13", run)
    result = make(tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"made: -m venv {tmp_path}/environment" in result.stdout


def test_nothing_fits(tmp_path):
    shim = program(tmp_path, "shim", "echo 'pyenv: shim: command not found' >&2; exit 127")
    old = program(tmp_path, "old", "test $1 = -V && echo Python 3.10.13")
    result = make(tmp_path, f"PYTHON={shim} {old} nowhere")
    assert result.returncode != 0
    for expected in (
        "No Python 3.11, 3.12 or 3.13",
        f"{shim}: pyenv: shim: command not found",
        f"{old}: Python 3.10.13",
        "nowhere: ",
        "apt install python3",
        "make PYTHON=",
    ):
        assert expected in result.stderr
    assert not (tmp_path / "environment").exists()
