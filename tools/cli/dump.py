"""`--dump-dir`: the module after every stage and pass, each in a numbered file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...ir.writing import failures_told

if TYPE_CHECKING:
    from ...ir.ssa import Module
    from ...ir.text.printer import PrintOptions

_NUMBERED = re.compile(r"\d\d+-[\w-]+\.cmir")


class Dump:
    """Writes `00-imported.cmir`, `01-canonicalize.cmir`, … into a folder.

    Weights are named by their hash, so that the same model gives the same bytes on any machine.
    Numbered files of an earlier run are removed; other files are kept.
    """

    def __init__(self, folder: Path, options: "PrintOptions") -> None:
        self.folder = folder
        self.options = options
        self.count = 0
        with failures_told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                if _NUMBERED.fullmatch(path.name):
                    path.unlink()

    def module(self, name: str, module: "Module") -> None:
        """Write the module that a stage made."""
        from ...ir.text.printer import print_module

        self.text(name, print_module(module, self.options))

    def text(self, name: str, text: str) -> None:
        """Write what a pass printed."""
        path = self.folder / f"{self.count:02d}-{name}.cmir"
        self.count += 1
        with failures_told(path):
            path.write_text(text, encoding="utf-8")
