"""Which format results are written in, by the name of the file or folder."""

from pathlib import Path

from ....ir.writing import check_replaceable
from ..tables.files import parquet
from .folder import LINES, Folder
from .formats import Format, JsonLines, Parquet, TabText, Text

FORMATS: dict[str, type[Format]] = {
    ".csv": Text,
    ".tsv": TabText,
    ".jsonl": JsonLines,
    ".parquet": Parquet,
    "": Folder,
}


def format_of(path: Path) -> type[Format]:
    """The format that a file is called as, one of `FORMATS`.

    Raises:
        CompileError: of kind "usage": pyarrow isn't installed, or a folder is there that holds
            something else.
    """
    if path.suffix == ".parquet":
        parquet(path)
    if path.suffix == "":
        check_replaceable(path, "results of cmlc-run", lambda folder: (folder / LINES).is_file())
    return FORMATS[path.suffix]
