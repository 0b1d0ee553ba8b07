"""What the commands share: option parsing, exit statuses, diagnostics on a terminal or as JSON.

Nothing heavy is imported here: `--help` of every command answers at once.
"""

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, get_args

from ...ir.choices import Group
from . import printing

INPUT_ERROR, USAGE_ERROR, BUG, INTERRUPTED, BROKEN_PIPE = 1, 2, 70, 130, 141


class CommandParser(argparse.ArgumentParser):
    """Options of a command: `--version`, `--debug`, examples; wrong usage becomes a diagnostic."""

    def __init__(self, prog: str, operands: str, description: str, examples: str) -> None:
        super().__init__(
            prog=prog,
            usage=f"{prog} [OPTION…] {operands}".rstrip(),
            description=description,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        from ... import __version__

        self.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
        self._groups = {name: self.add_argument_group(name) for name in get_args(Group)}
        self.group("debugging").add_argument(
            "--debug", action="store_true", help="show the traceback of an error"
        )
        self.group("model").add_argument(
            "--plugin",
            metavar="FILE.py",
            action="append",
            default=[],
            type=Path,
            help="run this file first: it defines passes and custom layers",
        )

    def group(self, name: Group) -> "argparse._ArgumentGroup":
        """Where `--help` lists what is about the same."""
        return self._groups[name]

    def error(self, message: str) -> NoReturn:
        from ...ir.diagnostics import usage_error

        raise usage_error(message, f"{self.prog} --help lists the options")


def run(
    parser: CommandParser,
    command: Callable[[argparse.Namespace], int | None],
    argv: list[str] | None,
) -> int:
    """Parse the options and run the command; whatever happens becomes an exit status.

    0: success; 1: the input is at fault; 2: the options are at fault; 70: a bug in this program.
    """
    given = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a label that can't be shown is not a failure
            stream.reconfigure(errors="backslashreplace")
    try:
        with _shown_warnings():
            options = parser.parse_args(given)
            for plugin in options.plugin:
                from ...compiler.plugins import load_plugin

                load_plugin(plugin)
            status = command(options) or 0
        sys.stdout.flush()
    except SystemExit as stop:  # --help, --version
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except Exception as error:
        if "--debug" in given:
            import traceback

            traceback.print_exc()
        from .failures import report

        kinds = report(error, as_json="--json" in given, debug="--debug" in given)
        if "internal" in kinds:
            return BUG
        return USAGE_ERROR if kinds == {"usage"} else INPUT_ERROR
    return status


@contextmanager
def _shown_warnings() -> Iterator[None]:
    """Print our own warnings like errors; those of libraries are not about the model."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        from ...ir.diagnostics import CompileWarning
        from .failures import colored

        if isinstance(message, CompileWarning):
            print(colored(str(message), "warning"), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _discard_output() -> None:
    """Nobody reads standard output any more, so flushing its buffer must not fail again at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real file, in tests
        return


@contextmanager
def progress(*, enabled: bool = True) -> Iterator[Callable[[str, str], None] | None]:
    """A spinner on standard error that names (stage, pass); None where that is not a terminal."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    # A separate terminal handle, which `quiet_errors` does not redirect.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as terminal:
        console = Console(file=terminal, no_color=not printing.is_colored(sys.stderr))
        with console.status("starting") as status:
            yield lambda stage, name: status.update(escape(f"{stage}: {name}" if name else stage))


@contextmanager
def bar(what: str, *, enabled: bool = True) -> Iterator[Callable[[int, float], None]]:
    """A progress bar on standard error, told a count and the share that is done; else nothing."""
    if not enabled or not sys.stderr.isatty():
        yield lambda count, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as terminal:
        console = Console(file=terminal, no_color=not printing.is_colored(sys.stderr))
        text = TextColumn("{task.fields[count]:,} " + what)
        with Progress(
            BarColumn(), text, TimeRemainingColumn(), console=console, transient=True
        ) as p:
            task = p.add_task("", total=1.0, count=0)
            yield lambda count, share: p.update(task, completed=share, count=count)


def start_library(name: str) -> None:
    """Import what a target computes with, without its notices; it takes seconds."""
    if name:
        with quiet_errors():
            importlib.import_module(name)


@contextmanager
def quiet_errors() -> Iterator[None]:
    """Hold back what libraries write to standard error; show it only for unexpected errors.

    A diagnostic says better than a library what is wrong; TensorFlow's notices are not about it.
    """
    import logging
    import tempfile

    from ...ir.diagnostics import CompileError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        descriptor = sys.stderr.fileno()
        kept = os.dup(descriptor)
    except (OSError, ValueError):  # not a real file, in tests
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), descriptor)
        failed = True
        try:
            yield
            failed = False
        except CompileError:
            failed = False
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, descriptor)
            os.close(kept)
            if failed:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
