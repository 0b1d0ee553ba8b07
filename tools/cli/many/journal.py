"""The file beside the results that a run goes on from: what is done, part by part.

It is a sequence of frames. The first says what is run on what; each other one is a part. A frame
has its length and its checksum in front: one that was cut off, or that the disk lost, is noticed,
and it and those behind it are computed again.
"""

import json
import struct
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from ....ir.diagnostics import usage_error
from .part import Done, Part

_HEAD = struct.Struct("<4sQI")
_MARK = b"cmlc"
SUFFIX = ".partial"

Facts = Mapping[str, str]


class Journal:
    """What is done, and how it goes on.

    Attributes:
        path: the file; it is there from the first part on.
    """

    def __init__(self, path: Path, facts: Facts) -> None:
        self.path = path
        self._facts = dict(facts)
        self._places: dict[int, tuple[int, int]] = {}  # of parts: where the frame's content is
        self._heads: dict[int, Done] = {}  # of parts: all but the results
        self._file: BinaryIO | None = None

    def has(self, part: Part) -> bool:
        """Whether the part is done.

        Raises:
            CompileError: of kind "usage": it is, and its files were others then.
        """
        head = self._heads.get(part.number)
        if head is not None and head.failures and head.seal != part.seal:
            self.forget(part.number)  # a file that couldn't be read is mended
            return False
        if head is not None and head.seal != part.seal:
            first, last = part.rows[0].place, part.rows[-1].place
            message = (
                f"a file from '{first}' to '{last}' has changed since the run that this resumes"
            )
            raise usage_error(message, "--restart begins anew")
        return head is not None

    @property
    def heads(self) -> tuple[Done, ...]:
        """The parts without their results, in their order."""
        return tuple(head for _, head in sorted(self._heads.items()))

    def add(self, done: Done) -> None:
        """Write what became of a part."""
        head = json.dumps(done.head()).encode()
        self._place(done, self._append(head + b"\n" + done.rows))

    def forget(self, number: int) -> None:
        """Compute a part again: a later frame counts."""
        del self._places[number], self._heads[number]

    def parts(self) -> Iterator[Done]:
        """All parts, one after the other in their order."""
        if self._file is None:
            return
        for number in sorted(self._places):
            start, length = self._places[number]
            self._file.seek(start)
            yield _done(self._file.read(length))

    def remove(self) -> None:
        """Nothing is resumed from it any more."""
        self.path.unlink(missing_ok=True)

    # -- the file ------------------------------------------------------------------------------

    def _append(self, content: bytes) -> tuple[int, int]:
        file = self._opened()
        start = file.seek(0, 2) + _HEAD.size
        file.write(_HEAD.pack(_MARK, len(content), zlib.crc32(content)) + content)
        file.flush()  # whatever happens to the process, the system has it
        return start, len(content)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("x+b")
            self._lock()
            self._append(json.dumps(self._facts).encode())
        return self._file

    def resume(self) -> None:
        """Take up what is there.

        Raises:
            CompileError: of kind "usage": it is of another run, or a run is writing it.
        """
        if not self.path.exists():
            return
        self._file = self.path.open("r+b")
        self._lock()
        end = 0
        for start, content in self._frames(self._file):
            if end == 0:
                self._check(content)
            else:
                self._place(_done(content), (start, len(content)))
            end = start + len(content)
        if end == 0 and not _MARK.startswith(_read(self._file, 0, len(_MARK))):
            message = f"'{self.path}' is not of this command, which would write there"
            raise usage_error(message, "move it, or write to another file with -o")
        self._file.truncate(end)
        if end == 0:
            self._append(json.dumps(self._facts).encode())

    def _frames(self, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
        at = 0
        while len(head := _read(file, at, _HEAD.size)) == _HEAD.size:
            mark, length, checksum = _HEAD.unpack(head)
            content = _read(file, at + _HEAD.size, length) if mark == _MARK else b""
            if mark != _MARK or len(content) < length or zlib.crc32(content) != checksum:
                return
            yield at + _HEAD.size, content
            at += _HEAD.size + length

    def _check(self, content: bytes) -> None:
        before: dict[str, Any] = json.loads(content)
        names = dict.fromkeys((*before, *self._facts))
        others = [name for name in names if before.get(name) != self._facts.get(name)]
        if others:
            message = f"'{self.path}' is of a run that differs in {' and '.join(others)}"
            raise usage_error(message, "--restart begins anew")

    def _lock(self) -> None:
        assert self._file is not None
        try:
            import fcntl
        except ImportError:
            return  # a system without such locks
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"'{self.path}' is being written by another run"
            remedy = "wait for it, or write to another file with -o"
            raise usage_error(message, remedy) from None

    def _place(self, done: Done, place: tuple[int, int]) -> None:
        self._places[done.number], self._heads[done.number] = place, replace(done, rows=b"")

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


@contextmanager
def journal_of(target: Path, facts: Facts, *, restart: bool) -> Generator[Journal]:
    """The journal of results that are written to a path.

    Args:
        target: where the results go.
        facts: what has to be the same to go on, by the names that messages have for it.
        restart: forget what is there.

    Raises:
        CompileError: of kind "usage": what is there is of another run, or of one that goes on.
    """
    journal = Journal(target.with_name(target.name + SUFFIX), facts)
    if restart:
        journal.remove()
    try:
        journal.resume()
        yield journal
    finally:
        journal.close()


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _done(content: bytes) -> Done:
    head, _, rows = content.partition(b"\n")
    return Done.of(json.loads(head), rows)
