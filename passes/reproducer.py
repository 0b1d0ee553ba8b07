"""Leaves the module that a pass failed on as a file that shows the failure again."""

import tempfile
from contextlib import suppress
from pathlib import Path

from ..ir.diagnostics import CompileError
from ..ir.resources import MissingResourceError
from ..ir.ssa import Module
from ..ir.text.archive import write_archive
from .manager import Instrumentation, Pipeline


def write_reproducer(
    original: Module, pipeline: Pipeline, failed: int, folder: Path
) -> Path | None:
    """Write what the pass that ran as number `failed` (from 1) got, with the command to run.

    The passes before it run again: keeping a copy before every pass would cost more. Returns the
    file, or None if it could not be written.
    """
    names, written = list[str](), list[Path]()

    def write_before_failure(name: str) -> None:
        names.append(name)
        if len(names) == failed:
            spec = next((item.spec for item in pipeline if item.name == name), name)
            path = _writable(folder) / f"cmlc-reproducer-{name}.cmir"
            run = f"// RUN: cmlc-opt {path.name} --passes='{spec}'\n"
            write_archive(original, path, locations=True, head=run)
            written.append(path)

    with suppress(CompileError, MissingResourceError, OSError):  # the first error is to be told
        pipeline.run(original, Instrumentation(progress=write_before_failure))
    return written[0] if written else None


def _writable(folder: Path) -> Path:
    """The folder, or another one where that can't be written to."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="cmlc-"))
