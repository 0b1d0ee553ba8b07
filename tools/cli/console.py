"""What the commands share: option parsing, exit statuses, diagnostics on a terminal or as JSON.

Nothing heavy is imported here: `--help` of every command answers at once.
"""

import argparse
import importlib
import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO, get_args

from ...ir.choices import Group
from ...ir.diagnostics import CompileError, CompileWarning, Diagnostic, usage_error

INPUT_ERROR, USAGE_ERROR, BUG, INTERRUPTED, BROKEN_PIPE = 1, 2, 70, 130, 141
_AGAIN = "run again with --debug for a traceback"
_STYLES = {"red": "1;31", "yellow": "1;33", "green": "32", "cyan": "36", "dim": "2", "bold": "1"}
# Libraries that users may lack and can install.
_LIBRARIES = ("tensorflow", "coremltools", "PIL", "rich", "lark", "numpy")


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
        return _report(error, as_json="--json" in given, debug="--debug" in given)
    return status


@contextmanager
def _shown_warnings() -> Iterator[None]:
    """Print our own warnings like errors; those of libraries are not about the model."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if isinstance(message, CompileWarning):
            print(_colored(str(message), "warning"), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _discard_output() -> None:
    """Nobody reads standard output any more, so flushing its buffer must not fail again at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real file, in tests
        return


def _report(error: Exception, *, as_json: bool, debug: bool) -> int:
    is_known = isinstance(error, CompileError)
    diagnostics = error.diagnostics if is_known else (_unexpected(error),)
    kinds = {diagnostic.kind for diagnostic in diagnostics}
    if as_json:
        print_json({"ok": False, "diagnostics": [_as_dict(item) for item in diagnostics]})
    else:
        for diagnostic in diagnostics:
            print(_colored(str(diagnostic), diagnostic.severity), file=sys.stderr)
        if "internal" in kinds and not debug:
            print(f"  help: {_AGAIN}", file=sys.stderr)
    if "internal" in kinds:
        return BUG
    return USAGE_ERROR if kinds == {"usage"} else INPUT_ERROR


def _unexpected(error: Exception) -> Diagnostic:
    """What an exception that is not a CompileError tells the user."""
    from ...ir.weights.resources import MissingResourceError

    if isinstance(error, MissingResourceError):
        return Diagnostic(str(error), "malformed")
    missing = (getattr(error, "name", None) or "").split(".")[0]
    if isinstance(error, ModuleNotFoundError) and missing in _LIBRARIES:
        package = "pillow" if missing == "PIL" else missing
        remedy = f"install it: pip install {package}"
        return Diagnostic(f"{package} is not installed", "malformed", remedy=remedy)
    if isinstance(error, MemoryError):
        return Diagnostic("there is not enough memory", "malformed")
    message = f"{type(error).__name__}: {error}"
    return Diagnostic(message, "internal", remedy="this is a bug: please report it")


def _as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    from ...ir.location import Unknown, parts

    places = [str(part) for part in parts(diagnostic.location) if not isinstance(part, Unknown)]
    return {
        "severity": diagnostic.severity,
        "kind": diagnostic.kind,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "locations": places,
        "subject": diagnostic.subject,
        "remedy": diagnostic.remedy,
        "notes": list(diagnostic.notes),
    }


def _colored(text: str, severity: str) -> str:
    """A diagnostic with its "error:" coloured, on a terminal."""
    color = "red" if severity == "error" else "yellow"
    return text.replace(f"{severity}:", style(f"{severity}:", color, sys.stderr), 1)


def is_colored(stream: TextIO) -> bool:
    """Whether colours may be used: on a terminal, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def style(text: str, name: str, stream: TextIO) -> str:
    """The text in a colour, if the stream shows colours."""
    return f"\033[{_STYLES[name]}m{text}\033[0m" if is_colored(stream) else text


def note(text: str) -> None:
    """A remark on standard error."""
    print(style(f"note: {text}", "dim", sys.stderr), file=sys.stderr)


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output; infinities and NaN, which JSON lacks, become null."""
    print(json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value


def print_rows(rows: Iterable[tuple[str, ...]], stream: TextIO | None = None) -> None:
    """Print rows in aligned columns, the first one highlighted; long lines are not wrapped."""
    out, rows = stream or sys.stdout, list(rows)
    # The last cell of a row does not widen its column.
    columns = max((len(row) for row in rows), default=0)
    widths = [max((len(r[i]) for r in rows if len(r) > i + 1), default=0) for i in range(columns)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        line = "  ".join(["", *cells, row[-1]]).rstrip()
        if row[0]:
            line = line.replace(row[0], style(row[0], "bold", out), 1)
        print(line, file=out)


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
        console = Console(file=terminal, no_color=not is_colored(sys.stderr))
        with console.status("starting") as status:
            yield lambda stage, name: status.update(escape(f"{stage}: {name}" if name else stage))


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


def size_text(count: float) -> str:
    """A number of bytes for people: 512 B, 3.2 kB, 41.0 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def plural(count: int, noun: str) -> str:
    """`1 op`, `2 ops`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{_ending(noun)}"


def _ending(noun: str) -> str:
    return "es" if noun.endswith("s") else "s"
