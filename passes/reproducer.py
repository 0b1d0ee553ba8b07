"""Reproducers: the module that something failed on, in a file, with the command that fails."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.ssa import Module
from ..ir.weights.resources import MissingResourceError

# Missing from the machine, not a fault of the compiler.
_OUTSIDE = (MissingResourceError, OSError, MemoryError, ImportError)


def write_reproducer(module: Module, folder: Path, name: str, command: str) -> Path:
    """Write the module and, as its first line, the command; returns the file.

    Args:
        module: the module that something fails on.
        folder: where to write; another folder is used if that is not possible.
        name: the name of what failed, for the file's name.
        command: `{}` stands for the file.

    Raises:
        MissingResourceError: the module has only the hash of a weight.
        OSError: nothing can be written.
    """
    from ..ir.text.archive import write_archive
    from ..ir.text.printer import PrintOptions

    path = _writable(folder) / f"cmlc-reproducer-{name}.cmir"
    run = command.replace("{}", path.name)
    write_archive(module, path, PrintOptions(locations=True), head=f"// RUN: {run}\n")
    return path


def blamed(error: CompileError, path: Path) -> CompileError:
    """The same error, with a request to report it together with the reproducer."""
    first, *rest = error.diagnostics
    remedy = f"please report this together with {path}, which reproduces it"
    return CompileError((replace(first, remedy=remedy), *rest))


@contextmanager
def reproducing(module: Module, folder: Path | None, name: str, command: str) -> Generator[None]:
    """Write a reproducer if the block fails through a fault of the compiler (`write_reproducer`).

    Args:
        module: the module that the block works on, or a copy; the block does not change it.
        folder: where to write; None to write nothing.
        name: what the block does.
        command: a command that fails in the same way; `{}` stands for the file.

    Raises:
        CompileError: the block's own; an internal error replaces other exceptions.
    """
    try:
        yield
    except _OUTSIDE:
        raise
    except Exception as error:
        failure = _as_internal(error, name)
        if not any(problem.kind == "internal" for problem in failure.diagnostics):
            raise
        if folder is not None:
            with suppress(CompileError, *_OUTSIDE):  # report the first error
                failure = blamed(failure, write_reproducer(module, folder, name, command))
        raise failure from (error.__cause__ if isinstance(error, CompileError) else error)


def _as_internal(error: Exception, name: str) -> CompileError:
    if isinstance(error, CompileError):
        return error
    note = f"{type(error).__name__}: {error}"
    message = f"'{name}' failed"
    return CompileError(Diagnostic(message, "internal", notes=(note,), remedy="please report this"))


def _writable(folder: Path) -> Path:
    """The folder, or another one if it is not writable."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="cmlc-"))
