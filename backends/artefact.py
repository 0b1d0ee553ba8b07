"""What a form makes of a model, and what it is asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..ir.choices import Chosen
from ..ir.types import Array
from .recorded import Recording


class Samples(Protocol):
    """Typical inputs of the default function, of its arguments' types; read one at a time."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Mapping[str, Array]]: ...


@dataclass(frozen=True)
class Artefact:
    """What a form makes of a model, before it is written.

    Attributes:
        write: writes it to a path, whole or not at all; gives the file of weights that belongs
            beside it, if there is one.
        facts: what programs are told of it, as plain data.
        rows: the same for people, (title, text); a row without a title goes on with the one before.
        computes: outputs of the default function for inputs by name, if what is written has other
            numbers than the model: how far they are off is measured and told.
        with_recording: the artefact that what the interpreter computes belongs to, if any does.
    """

    write: Callable[[Path], Path | None]
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rows: tuple[tuple[str, str], ...] = ()
    computes: Callable[[Mapping[str, Array]], Mapping[str, Array]] | None = None
    with_recording: Callable[[Recording], "Artefact"] | None = None


@dataclass(frozen=True)
class Request:
    """What a form is asked for beside the executable.

    Attributes:
        about: the model's interface and metadata, as plain data.
        chosen: a value for each of the form's choices that was made; of spelling "samples",
            `Samples`.
        source: the name of the model's file; empty if it is in memory.
    """

    about: Mapping[str, Any]
    chosen: Chosen
    source: str
