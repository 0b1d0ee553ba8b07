"""Follows a document as its reader does: writes files, runs commands, compares what they print.

    `name.py`:            a fenced block right below is that file; a later one replaces it
    ```console            `$ command` lines run in a shell; below each is what it prints, on
                          standard output and error; `…` stands for any text, a line of it for
                          any lines
    ```python             runs, all blocks of a document in one program
    ```text               below a python block: what that prints

A command ends with exit status 0, unless it ends in `# exit status N`. Other fences (`mlir`,
`toml`, `sh`, … without a file name) are only read.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`(?P<name>[\w./-]+\.\w+)`:\s*$")
_STATUS = re.compile(r"\s+# exit status (\d+)$")
SECONDS = 120


@dataclass(frozen=True)
class Block:
    """A fenced block: its kind, the file that it is (or ""), and the line that it begins in."""

    kind: str
    text: str
    file: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command line and what a reader is told that it prints."""

    line: str
    expected: str

    @property
    def status(self) -> int:
        match = _STATUS.search(self.line)
        return int(match[1]) if match else 0


def blocks(text: str) -> Iterator[Block]:
    """All fenced blocks, in order."""
    for match in _FENCE.finditer(text):
        above = text[: match.start()]
        name = _NAME.search(above)
        file = name["name"] if name else ""
        yield Block(match["kind"], match["text"], file, above.count("\n") + 1)


def commands(text: str) -> Iterator[Command]:
    """The commands of a console block; a backslash at the end continues a line."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, expected = part.replace("\\\n", "\0").partition("\n")
        yield Command(line.replace("\0", "\\\n"), expected.replace("\0", "\\\n"))


def agrees(expected: str, printed: str) -> bool:
    """Whether what is printed is what was announced."""
    lines = [r"(?:.*\n)*?" if line == "…\n" else _line(line) for line in expected.splitlines(True)]
    return re.fullmatch("".join(lines), printed) is not None


def _line(line: str) -> str:
    return ".*?".join(map(re.escape, line.split("…")))


def shims(folder: Path) -> Path:
    """A folder with the project's commands, run by this Python."""
    folder.mkdir()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    modules = {name: target.partition(":")[0] for name, target in scripts.items()}
    for name, module in {**modules, "pytest": "pytest", "pip": "pip"}.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        path.chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    return folder


class Reader:
    """Follows one document in a folder."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.program = ""
        self.printed = ""
        self.commands = 0
        self.problems: list[str] = []

    def follow(self, text: str) -> None:
        """Do what the document says; what doesn't hold is in `problems`."""
        for block in blocks(text):
            if block.file:
                (self.folder / block.file).write_text(block.text)
            elif block.kind == "console":
                for command in commands(block.text):
                    self._run(command, block)
            elif block.kind == "python":
                self._python(block)
            elif block.kind == "text" and self.program and not agrees(block.text, self.printed):
                self._fail(block, "the program", self.printed)

    def _run(self, command: Command, block: Block) -> None:
        done = self._shell(["bash", "-c", command.line])
        self.commands += 1
        if done.returncode != command.status or not agrees(command.expected, done.stdout):
            self._fail(block, f"$ {command.line}  (exit status {done.returncode})", done.stdout)

    def _python(self, block: Block) -> None:
        """Run all blocks up to this one; only what this one prints is of interest."""
        mark = "-- printed by the last block --"
        done = self._shell([sys.executable, "-c", f"{self.program}print({mark!r})\n{block.text}"])
        self.program += block.text
        self.commands += 1
        self.printed = done.stdout.partition(f"{mark}\n")[2]
        if done.returncode:
            self._fail(block, "the program", done.stdout)

    def _shell(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def _fail(self, block: Block, what: str, printed: str) -> None:
        self.problems.append(f"block at line {block.line}: {what} printed\n{printed}")
