"""Interpreters on this machine, and environments of them with the oldest or the newest libraries.

The oldest are computed from the lower bounds in pyproject.toml, so that no second list can differ
from what is promised.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "matrix"
PIP = ("-m", "pip", "--disable-pip-version-check")

Libraries: TypeAlias = Literal["oldest", "newest"]


class StepError(Exception):
    """A command that failed; `log` holds what it printed."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        super().__init__(f"{' '.join(command)} failed: see {log}")
        self.log = log


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs."""

    path: str
    version: str  # 3.12.1

    @property
    def series(self) -> str:
        """Without the last number: 3.12."""
        return ".".join(self.version.split(".")[:2])


def interpreter(series: str, places: Iterable[str]) -> Interpreter | None:
    """The first of these programs that runs, is of the series, and can make environments."""
    code = "import ensurepip, platform, venv; print(platform.python_version())"
    for path in places:
        try:
            result = subprocess.run([path, "-c", code], capture_output=True, text=True)
        except OSError:
            continue
        found = Interpreter(path, result.stdout.strip())
        if result.returncode == 0 and found.series == series:
            return found
    return None


def places(series: str, variables: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Where a Python of the series may be: on the PATH, among pyenv's, uv's or Debian's."""
    if on_path := shutil.which(f"python{series}"):
        yield on_path
    pyenv = Path(variables.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    uv = Path.home() / ".local" / "share" / "uv" / "python"
    for folder, pattern in ((pyenv, f"{series}.*"), (uv, f"cpython-{series}.*")):
        yield from map(str, sorted(folder.glob(f"{pattern}/bin/python{series}"), reverse=True))
    yield f"/usr/bin/python{series}"


def project() -> dict:
    """The table `project` of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def oldest(requirements: Iterable[str], series: str) -> list[str]:
    """Constraints that keep each library in the minor release of its lower bound.

    Args:
        requirements: as pyproject.toml lists them; several of one library are all honoured.
        series: the Python whose markers hold, `3.12`.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    lowest: dict[str, Version] = {}
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"python_version": series}):
            continue
        name = canonicalize_name(requirement.name)
        bounds = [Version(item.version) for item in requirement.specifier if item.operator == ">="]
        if not bounds:
            raise ValueError(f"'{requirement}' has no lower bound")
        lowest[name] = max(bounds[0], lowest.get(name, bounds[0]))
    return [f"{name}>={low},=={low.major}.{low.minor}.*" for name, low in lowest.items()]


@dataclass(frozen=True)
class Environment:
    """A folder under build/matrix: an interpreter and a set of libraries.

    Attributes:
        interpreter: what it is made from.
        libraries: which versions.
        extras: those of pyproject.toml that it has.
    """

    interpreter: Interpreter
    libraries: Libraries
    extras: tuple[str, ...] = ("dev",)

    @property
    def name(self) -> str:
        """How the row is called: 3.12-oldest; with more extras, 3.12-newest-torch."""
        return "-".join([self.interpreter.series, self.libraries, *self.extras[1:]])

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def constraints(self) -> list[str]:
        """What pip may not go beyond: nothing, for the newest."""
        if self.libraries == "newest":
            return []
        return oldest(project()["dependencies"], self.interpreter.series)

    def key(self) -> str:
        """Changes with what the environment is made from, unless only PyPI has changed."""
        settings = project()
        made_from = (
            self.interpreter.version,
            settings["dependencies"],
            *(settings["optional-dependencies"][extra] for extra in self.extras),
            self.constraints(),
        )
        return hashlib.sha256(repr(made_from).encode()).hexdigest()

    def make(self) -> None:
        """Create the environment, unless it is there and made from the same.

        Raises:
            StepError: pip could not.
        """
        stamp = self.folder / "made-from"
        if stamp.exists() and stamp.read_text() == self.key():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        constraints = self.folder / "constraints.txt"
        constraints.write_text("".join(f"{line}\n" for line in self.constraints()))
        log = self.log("install")
        run([self.interpreter.path, "-m", "venv", str(self.folder)], log)
        pip = [self.python, *PIP, "install", "-c", str(constraints)]
        # As the Makefile does it: what builds comes first, so that nothing is fetched twice.
        run([*pip, "setuptools<82", "wheel"], log)
        run([*pip, "--no-build-isolation", "-e", f"{ROOT}[{','.join(self.extras)}]"], log)
        stamp.write_text(self.key())

    def log(self, what: str) -> Path:
        """The file for what a step prints."""
        return self.folder / f"{what}.log"

    def versions(self, names: Sequence[str]) -> list[str]:
        """The installed versions of these libraries."""
        code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
        command = [self.python, "-c", code, *names]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def run(
    command: Sequence[str],
    log: Path,
    variables: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """What a command prints, which is added to the log.

    Raises:
        StepError: its exit status is not 0.
    """
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, **(variables or {})},
    )
    with log.open("a") as file:
        file.write(f"$ {' '.join(command)}\n{result.stdout}\n")
    if result.returncode != 0:
        raise StepError(command, log)
    return result.stdout
