"""The list of packages, the tree and the wheel say the same.

A forgotten package works in an editable install and is missing from the wheel: only this finds it.
"""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("backends", "compiler", "ir", "passes", "tools")
BUILD_INPUTS = ("pyproject.toml", "LICENSE", "README.md", "__init__.py", "py.typed")
DATA = {"cmlc/ir/text/grammar.lark", "cmlc/py.typed"}


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def folders() -> set[str]:
    """Every package in the tree, by its import name."""
    inside = [path.parent for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py")]
    return {"cmlc"} | {".".join(("cmlc", *path.relative_to(ROOT).parts)) for path in inside}


def test_every_package_is_listed():
    listed = settings()["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed), "keep the list sorted"
    assert set(listed) == folders()


def test_every_folder_with_modules_is_a_package():
    missing = {
        str(path.parent.relative_to(ROOT))
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert not missing, "these folders need an __init__.py"


def test_commands_exist():
    for command, target in settings()["project"]["scripts"].items():
        module, _, function = target.partition(":")
        path = ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")
        assert path.exists(), f"{command}: no {path.relative_to(ROOT)}"
        assert f"def {function}(" in path.read_text(), f"{command}: no {function} in {path.name}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    """The names in the wheel, built from a copy: a build leaves folders behind."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in BUILD_INPUTS:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    for layer in (*LAYERS, "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(ROOT / layer, source / layer, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(output)]
    result = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = output.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.mark.slow
def test_wheel_has_every_module_and_its_data(wheel):
    modules = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
    expected = {f"cmlc/{path.relative_to(ROOT).as_posix()}" for path in modules}
    assert sorted((expected | DATA | {"cmlc/__init__.py"}) - wheel) == []


@pytest.mark.slow
def test_wheel_has_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"cmlc"}
    assert not [name for name in wheel if "tests/" in name or name.endswith("_test.py")]
