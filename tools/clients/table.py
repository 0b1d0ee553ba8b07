"""`make clients`: which programs read what is written, and whether their numbers are equal.

Each client reads the files of `models.py` in a process of its own (`readers.py`); one that is not a
dependency of this project, in an environment of its own, of the newest versions that pip finds. The
table is Markdown, on standard output.

Exit status 1 when anything is not read, or has other numbers.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from ..release import tables
from ..release.environments import PIP, ROOT, StepError, run
from ..release.matrix import say
from .models import File, files, write_files

BUILD = ROOT / "build" / "clients"
MODELS = BUILD / "models"
READERS = Path(__file__).with_name("readers.py")
EVERY = ("SavedModel", "frozen graph", "TFLite")
GRAPHS = ("SavedModel", "frozen graph")
EQUAL = 1e-4  # of the largest number
LONGEST = 900  # seconds for a form
INSTALLING = 300  # seconds


@dataclass(frozen=True)
class Client:
    """A program that reads files.

    Attributes:
        name: of its reader, and of its environment.
        title: in the table.
        shown: the packages whose versions the table shows.
        forms: what it reads.
        requires: what pip installs; nothing for what this project depends on.
        untried: groups of models that it isn't given, because its process ended.
    """

    name: str
    title: str
    shown: tuple[str, ...]
    forms: tuple[str, ...]
    requires: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(BUILD / self.name / "bin" / "python") if self.requires else sys.executable

    def make(self) -> None:
        """Create its environment, unless it is there.

        Raises:
            StepError: pip could not, in time.
        """
        stamp = BUILD / self.name / "made-from"
        made_from = "\n".join(self.requires)
        if not self.requires or (stamp.exists() and stamp.read_text() == made_from):
            return
        shutil.rmtree(stamp.parent, ignore_errors=True)
        stamp.parent.mkdir(parents=True)
        log = stamp.parent / "install.log"
        run([sys.executable, "-m", "venv", str(stamp.parent)], log)
        # What this project has needn't be fetched again; what a client installs comes before it.
        (ours,) = stamp.parent.glob("lib/python*/site-packages")
        (ours / "project.pth").write_text("\n".join(_libraries()))
        command = [self.python, *PIP, "install", *self.requires]
        run(["timeout", str(INSTALLING), *command], log)
        stamp.write_text(made_from)

    def versions(self) -> str:
        """Of the packages that are shown."""
        code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
        command = [self.python, "-c", code, *self.shown]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return ", ".join(
            f"{name} {version}" for name, version in zip(self.shown, found, strict=True)
        )


def _libraries() -> list[str]:
    """Where this interpreter finds what is installed."""
    return [path for path in sys.path if Path(path).name == "site-packages"]


CLIENTS = (
    Client("openvino", "OpenVINO", ("openvino",), EVERY, ("openvino",), ("detector",)),
    Client(
        "tf2onnx",
        "tf2onnx, ONNX Runtime",
        ("tf2onnx", "onnxruntime", "tensorflow"),
        EVERY,
        ("tf2onnx", "onnxruntime"),
    ),
    Client(
        "tf2jax",
        "tf2jax",
        ("tf2jax", "jax", "tensorflow"),
        GRAPHS,
        ("tf2jax", "jax"),
    ),
    Client("xla", "XLA (`jit_compile=True`)", ("tensorflow",), GRAPHS),
    Client("keras", "Keras (`TFSMLayer`)", ("keras", "tensorflow"), ("SavedModel",)),
    Client("coremltools", "coremltools (`convert`)", ("coremltools",), GRAPHS),
)


@dataclass
class Row:
    """What one client makes of one form.

    Attributes:
        client: which.
        form: which.
        versions: of the client.
        errors: by model, what failed.
    """

    client: Client
    form: str
    versions: str = "–"
    errors: dict[str, str] = field(default_factory=dict[str, str])


def read_by(client: Client, form: str) -> Row:
    """Run a client on all models."""
    row, out = Row(client, form), BUILD / "found" / f"{client.name}-{form.replace(' ', '-')}"
    try:
        client.make()
    except StepError as error:
        row.errors = {item.name: f"not installed: {error}" for item in files()}
        return row
    row.versions = client.versions()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    given = [item for item in files() if item.group not in client.untried]
    for item in files():
        if item not in given:  # the reader passes over what has a result
            (out / f"{item.name}.txt").write_text("not tried")
    command = [client.python, str(READERS), client.name, form, str(MODELS), str(out)]
    for _ in files():  # each may crash the process
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            current = max(out.glob("*.txt"), key=lambda told: told.stat().st_mtime)
            current.write_text(f"took more than {LONGEST} s")
            continue  # with the model after it
        (out / "log").write_text(done.stdout + done.stderr)
        if done.returncode == 0:
            break
    for item in given:
        if error := _error(client, form, item, out):
            row.errors[item.name] = error
    return row


def _error(client: Client, form: str, item: File, out: Path) -> str:
    """Why a model's numbers are not equal; empty if they are."""
    told, arrays = out / f"{item.name}.txt", out / f"{item.name}.npz"
    if told.exists():
        return told.read_text()
    if not arrays.exists():
        return "the client doesn't start"
    with np.load(MODELS / item.name / "expected.npz") as file:
        expected = dict(file)
    if client.name == "coremltools":
        found = _computed(MODELS / item.name, form, list(expected))
    else:
        with np.load(arrays) as file:
            found = dict(file)
    return difference(expected, found)


def _computed(folder: Path, form: str, names: Sequence[str]) -> dict[str, Any]:
    """What a package computes that coremltools made: it runs on macOS alone, so this project does.

    Outputs are known by their order; a classifier's labels were left out before.
    """
    from ...compiler.runtime import compile

    file = {"SavedModel": "savedmodel", "frozen graph": "graph.pb"}[form]
    model = compile(folder / f"{file}.mlpackage")
    with np.load(folder / "inputs.npz") as arrays:
        given = list(arrays.values())
    inputs = [value.name for value in model.function.arguments]
    found = model.predict(dict(zip(inputs, given, strict=True)))
    if len(found) == len(names):
        return dict(zip(names, found.values(), strict=True))
    return {name: found[name] for name in names}


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """What differs most; empty if all is equal, but for rounding."""
    for name, array in expected.items():
        if name not in found:
            return f"no output '{name}'"
        ours, theirs = array.astype(float), np.asarray(found[name]).astype(float)
        if ours.shape != theirs.shape:
            return f"'{name}' has shape {list(theirs.shape)}, not {list(ours.shape)}"
        apart = np.abs(ours - theirs).max(initial=0) / max(np.abs(ours).max(initial=0), 1e-6)
        if not apart <= EQUAL:
            return f"'{name}' is {apart:.1e} off"
    return ""


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows in Markdown, and below them what fails."""
    groups = list(dict.fromkeys(item.group for item in files()))
    heads = ["client", "form", *groups, "versions"]
    cells = ([r.client.title, r.form, *_counts(r, groups), r.versions] for r in rows)
    yield from tables.table([heads, *cells])
    if any(row.errors or row.client.untried for row in rows):
        yield ""
        yield from _failures(rows)


def _counts(row: Row, groups: Sequence[str]) -> Iterator[str]:
    for group in groups:
        if group in row.client.untried:
            yield "–"
            continue
        names = [item.name for item in files() if item.group == group]
        right = [name for name in names if name not in row.errors]
        if len(names) == 1:
            yield "equal" if right else "**no**"
        else:
            bold = "" if len(right) == len(names) else "**"
            yield f"{bold}{len(right)} of {len(names)}{bold}"


def _failures(rows: Sequence[Row]) -> Iterator[str]:
    """One line for what fails in the same way."""
    for title in dict.fromkeys(row.client.title for row in rows if row.client.untried):
        yield f"* {title}: what has a – is not tried, because its process ended"
    for row in rows:
        by_error: dict[str, list[str]] = {}
        for name, error in row.errors.items():
            by_error.setdefault(_shortened(error), []).append(name)
        for said, names in by_error.items():
            yield f"* {row.client.title}, {row.form}, {', '.join(names)}: `{said}`"


def _shortened(error: str) -> str:
    """Without what differs from model to model: files, and names of graphs."""
    plain = re.sub(r"\S*/models/\S*|__inference\S*", "…", error.replace("`", "'"))
    return " ".join(plain.split())[:160]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Which programs read what is written.")
    names = [client.name for client in CLIENTS]
    parser.add_argument("only", nargs="*", metavar="CLIENT", help=f"of {', '.join(names)}")
    parser.add_argument("--fresh", action="store_true", help="make the environments anew")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the table there, too")
    options = parser.parse_args(arguments)
    if strangers := set(options.only) - set(names):
        parser.error(f"{', '.join(sorted(strangers))}: expected some of {', '.join(names)}")
    say("writing the files")
    shutil.rmtree(MODELS, ignore_errors=True)
    write_files(MODELS)
    rows: list[Row] = []
    for client in CLIENTS:
        if options.only and client.name not in options.only:
            continue
        if options.fresh and client.requires:
            shutil.rmtree(BUILD / client.name, ignore_errors=True)
        for form in client.forms:
            say(f"{client.name}: {form}")
            rows.append(read_by(client, form))
    lines = list(table(rows))
    print("\n".join(lines))
    if options.write:
        dated = [f"On {date.today().isoformat()}:", "", *lines]
        options.write.write_text(tables.written(options.write.read_text(), "clients", dated))
    return 1 if any(row.errors for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
