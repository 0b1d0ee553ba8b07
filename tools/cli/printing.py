"""What commands print: rows, JSON, colours, sizes."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

_STYLES = {"red": "1;31", "yellow": "1;33", "green": "32", "cyan": "36", "dim": "2", "bold": "1"}


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
    import json

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
    return "es" if noun.endswith(("s", "x")) else "s"
