"""What users are told: diagnostics, and the one exception that carries them."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol, TypeAlias

from .location import UNKNOWN, InText, Location, Unknown, callers, leaves, parts

Kind: TypeAlias = Literal["malformed", "unsupported", "invalid", "usage", "internal"]
Severity: TypeAlias = Literal["error", "warning"]

_LONGEST_LINE = 160


@dataclass(frozen=True)
class Diagnostic:
    """One problem: what, where, and what to do about it.

    Attributes:
        message: what is wrong, one sentence without a final full stop.
        kind: malformed (the file is broken), unsupported (a missing feature), invalid (IR that
            breaks an op's constraints), usage (a bad option), internal (a bug).
        location: the op's origin.
        file: the input file that the problem is in.
        subject: the name of the layer type, op or option, for tables.
        remedy: what the user can do.
        notes: further facts, one line each.
        excerpt: source text with a caret line, when the problem is in text.
    """

    message: str
    kind: Kind = "invalid"
    location: Location = UNKNOWN
    file: str = ""
    subject: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    excerpt: str = ""
    severity: Severity = field(default="error")

    def __str__(self) -> str:
        first = leaves(self.location)[0] if not isinstance(self.location, Unknown) else None
        where = "" if first is None else str(first)
        file = "" if isinstance(first, InText) and first.file == self.file else self.file
        calls = dict.fromkeys(map(str, callers(parts(self.location)[0])))
        more = [f"  note: called by {place}" for place in calls if place != where]
        more += [f"  note: {part}" for part in parts(self.location)[1:]]
        more += [f"  note: {note}" for note in self.notes]
        text = self.message
        if self.remedy and not (self.excerpt or more):
            text = f"{text}; {self.remedy}"  # a plain problem is one line
        head = ": ".join(filter(None, (file, where, f"{self.severity}: {text}")))
        lines = [head, *([self.excerpt] if self.excerpt else []), *more]
        if self.remedy and len(lines) > 1:
            lines.append(f"  help: {self.remedy}")
        return "\n".join(lines)

    def in_file(self, file: str) -> "Diagnostic":
        """The same diagnostic, naming its file unless it already does."""
        return self if self.file else replace(self, file=file)

    def at(self, location: Location) -> "Diagnostic":
        """The same diagnostic, naming a place unless it already does."""
        known = not isinstance(self.location, Unknown)
        return self if known else replace(self, location=location)


class CompileError(Exception):
    """Input that can't be compiled: carries every diagnostic found, not only the first."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))

    def in_file(self, file: str) -> "CompileError":
        """The same error (of the same class), its diagnostics naming the file."""
        return self._with(item.in_file(file) for item in self.diagnostics)

    def at(self, location: Location) -> "CompileError":
        """The same error (of the same class), its diagnostics naming a place, if they have none."""
        return self._with(item.at(location) for item in self.diagnostics)

    def _with(self, diagnostics: "Iterable[Diagnostic]") -> "CompileError":
        error = type(self).__new__(type(self))  # subclasses have constructors of their own
        error.__dict__.update(self.__dict__)
        CompileError.__init__(error, diagnostics)
        return error


def usage_error(message: str, remedy: str = "") -> CompileError:
    """An error of kind "usage", to raise."""
    return CompileError(Diagnostic(message, "usage", remedy=remedy))


class NamedOp(Protocol):
    """What a diagnostic says of an `ssa.Op`; that module imports this one."""

    name: ClassVar[str]

    @property
    def location(self) -> Location: ...


class VerifyError(CompileError):
    """An op breaks one of its constraints; `label` is the constraint's name, such as "C1"."""

    def __init__(self, op: NamedOp, label: str, message: str) -> None:
        self.label = label
        tag = f" ({label})" if label else ""
        text = f"'{op.name}'{tag} {message}"
        super().__init__(Diagnostic(text, location=op.location, subject=op.name))


@contextmanager
def problems_in(file: str) -> Generator[None]:
    """Add the file's name to errors of the block that don't name a file.

    Args:
        file: the user's name of the file; empty if there is none.
    """
    try:
        yield
    except CompileError as error:
        raise error.in_file(file) from error.__cause__


class CompileWarning(UserWarning):
    """Something that a user should know about a model that compiles nevertheless."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = replace(diagnostic, severity="warning")
        super().__init__(str(self.diagnostic))


def unknown_function(name: str, known: Iterable[str]) -> CompileError:
    """The error for a function that a model doesn't have."""
    remedy = f"its functions are {', '.join(known)}"
    return CompileError(Diagnostic(f"the model has no function '{name}'", "usage", remedy=remedy))


def caret_excerpt(text: str, line: int, column: int, width: int = 1) -> str:
    """Line `line` of `text` (from 1) with carets below `column`; only a part of long lines."""
    lines = text.splitlines()
    source = lines[line - 1] if 0 < line <= len(lines) else ""
    if len(source) > _LONGEST_LINE:
        start = max(0, min(column - 1 - _LONGEST_LINE // 2, len(source) - _LONGEST_LINE))
        end = start + _LONGEST_LINE
        cut = "…" if start else "", "…" if end < len(source) else ""
        source, column = f"{cut[0]}{source[start:end]}{cut[1]}", column - start + len(cut[0])
    gutter = f"{line:>5} | "
    # Tabs are kept in the padding so that the caret stays below its character.
    padding = "".join("\t" if c == "\t" else " " for c in source[: column - 1])
    return f"{gutter}{source}\n{' ' * (len(gutter) - 2)}| {padding}{'^' * max(width, 1)}"
