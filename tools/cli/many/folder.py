"""Results that are pictures: a folder of them, and a file of lines with all other results."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....ir.diagnostics import usage_error
from .formats import PLACE, Cells, JsonLines
from .part import Done

LINES = "results.jsonl"


class Folder(JsonLines):
    """Pictures in files, called as what they were made of; of other results, a JSON object a line.

    A part is a line that lists its files and their sizes, the lines of results, and the files.
    """

    takes_pictures = True

    def encoded(self, cells: Cells) -> bytes:
        columns = list(zip(self.columns, cells, strict=True))
        (places,) = (own for column, own in columns if column.name == PLACE)
        several = sum(column.kind == "picture" for column in self.columns) > 1
        files: list[tuple[str, bytes]] = []
        named: list[Any] = []
        for column, own in columns:
            if column.kind == "picture":
                prefix = f"{column.name}/" if several else ""
                names = [f"{prefix}{_below(place)}" for place in places]
                pictures = [_file(*pair) for pair in zip(names, own, strict=True)]
                files += pictures
                own = [name for name, _ in pictures]
            named.append(own)
        lines = super().encoded(named)
        head = {"lines": len(lines), "files": [[name, len(content)] for name, content in files]}
        blobs = b"".join(content for _, content in files)
        return json.dumps(head).encode() + b"\n" + lines + blobs

    def write(self, path: Path, parts: Iterator[Done]) -> None:
        path.mkdir()
        super().write(path / LINES, (_unpacked(path, part) for part in parts))


def _unpacked(folder: Path, part: Done) -> Done:
    """The lines of a part, whose files are written.

    Raises:
        CompileError: of kind "usage": another file has the same name.
    """
    first, _, rest = part.rows.partition(b"\n")
    head = json.loads(first)
    at = head["lines"]
    for name, size in head["files"]:
        content, file = rest[at : at + size], folder / name
        if file.exists() and file.read_bytes() != content:  # a list may have a file twice
            message = f"two different files would be called '{name}'"
            raise usage_error(message, "list both by their full paths, or rename one")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        at += size
    return Done(part.number, part.seal, part.count, rest[: head["lines"]], part.failures)


def _below(place: str) -> str:
    """A file's path as one below a folder, wherever it is."""
    path = Path(place)
    own = [word for word in path.parts if word != path.anchor]
    return "/".join("__" if word == ".." else word for word in own)


def _file(name: str, picture: Any) -> tuple[str, bytes]:
    """(the name with its suffix, what is in it); numbers that PNG lacks are TIFF."""
    kind = "tiff" if picture.mode == "F" else "png"
    content = io.BytesIO()
    picture.save(content, kind)
    return f"{name}.{kind}", content.getvalue()
