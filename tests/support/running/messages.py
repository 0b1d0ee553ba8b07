"""Models written as messages, and read again."""

from pathlib import Path
from typing import Any

import cmlc
from cmlc.compiler.source.reading import read_model


def write_message(source: Any, path: str | Path) -> Any:
    """The message in a `.mlmodel` or `.mlpackage` that was written of a model."""
    cmlc.write(source, path)
    return read_model(path).spec
