"""Parameters of Apple's Natural Language framework: what can be read of `modelParameterData`.

The container is not documented: what is read was worked out from real classifiers of text, whose
words and weights make sense. It begins with a number, the kind of the algorithm, and the places of
five sections. Sections of the maximum-entropy kind are understood; of others, the kind alone is.
"""

import plistlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.types import Array

_MAGIC = 0x0956D3DE
_HEADER = struct.Struct("<IHHHHI10I")
_MAXIMUM_ENTROPY = 4
_ALGORITHMS = {
    1: "a conditional random field",
    4: "a maximum-entropy model",
    6: "a network on top of embeddings of words (transfer learning)",
}
# Word ids below this are not words.
_RESERVED_WORDS = 16
_RECORD = np.dtype([("word", "u1", 3), ("label", "u1"), ("weight", ">f4")])
_REMEDY = "download or export the model again"


@dataclass(frozen=True)
class Sections:
    """What a classifier of the maximum-entropy kind holds: a weight for words and labels.

    Attributes:
        labels: L labels.
        words: V words.
        word: positions of words, [N] i64.
        label: positions of labels, [N] i64.
        weight: of the label for the word, [N] f32. Other pairs have the weight 0.
        documents: how many training examples each of the first words is in, [M] i64, M <= V.
    """

    labels: Sequence[str]
    words: Sequence[str]
    word: Array
    label: Array
    weight: Array
    documents: Array


def algorithm_of(data: bytes) -> str:
    """The algorithm that parameters are of, for people; empty if they don't tell."""
    kind = _kind(data)
    return "" if kind is None else _ALGORITHMS.get(kind, f"an unknown kind ({kind})")


def read_sections(data: bytes) -> Sections | None:
    """The sections of parameters; None if their kind is not understood.

    Raises:
        CompileError: they are damaged.
    """
    if _kind(data) != _MAXIMUM_ENTROPY:
        return None
    if len(data) < _HEADER.size:
        _fail("they are cut short")
    places = _HEADER.unpack_from(data)[6:]
    # The first offset is counted from behind the first number, others from the beginning.
    places = (places[0] + 4, *places[1:])
    parts = _parts(data, list(zip(places[::2], places[1::2], strict=True)))
    about, parameters, labels, words, counts = parts
    _property_list(about, dict)
    known = _texts(words, _RESERVED_WORDS)
    counted = _counts(_property_list(counts, list), len(known))
    return _weighted(parameters, _texts(labels, 1), known, counted)


def _kind(data: bytes) -> int | None:
    if len(data) < 6 or int.from_bytes(data[:4], "little") != _MAGIC:
        return None
    return int.from_bytes(data[4:6], "little")


def _parts(data: bytes, places: list[tuple[int, int]]) -> list[bytes]:
    end = _HEADER.size
    for number, (offset, length) in enumerate(places):
        if offset < end or offset + length > len(data):
            _fail(f"section {number} of {length:,} bytes at {offset:,} is not inside, or overlaps")
        end = offset + length
    return [data[offset : offset + length] for offset, length in places]


def _property_list(section: bytes, wanted: type) -> Any:
    try:
        found: Any = plistlib.loads(section, fmt=plistlib.FMT_BINARY)
    except (plistlib.InvalidFileException, RecursionError):
        found = None
    if not isinstance(found, wanted):
        _fail("a property list is not one, or not of the type that is expected")
    return found


def _counts(found: list[Any], words: int) -> Array:
    """In how many documents words are, without those of reserved ids."""
    if not all(isinstance(count, int) and 0 <= count < 2**63 for count in found):
        _fail("a number of documents is not one")
    if not _RESERVED_WORDS <= len(found) <= words + _RESERVED_WORDS:
        _fail(f"there are {len(found):,} numbers of documents for {words:,} words")
    return np.array(found[_RESERVED_WORDS:], np.int64)


def _texts(section: bytes, reserved: int) -> list[str]:
    """Texts that each end with a zero; the first ones are reserved and empty."""
    pieces = section.split(b"\0")
    if pieces.pop() or len(pieces) < reserved or any(pieces[:reserved]):
        _fail("a list of texts doesn't begin or end as such lists do")
    try:
        return [piece.decode() for piece in pieces[reserved:]]
    except UnicodeDecodeError:
        pass
    _fail("a text is not UTF-8")


def _weighted(parameters: bytes, labels: list[str], words: list[str], documents: Array) -> Sections:
    if len(parameters) % _RECORD.itemsize:
        _fail(f"{len(parameters):,} bytes are not a number of weights")
    records = np.frombuffer(parameters, _RECORD)
    digits = records["word"].astype(np.int64)
    word = digits @ np.array([1, 1 << 8, 1 << 16]) - _RESERVED_WORDS
    label = records["label"].astype(np.int64) - 1
    for what, found, known in (("word", word, words), ("label", label, labels)):
        if found.size and not (found.min() >= 0 and found.max() < len(known)):
            _fail(f"a weight is that of a {what} which isn't one of {len(known):,}")
    weight = records["weight"].astype(np.float32)
    return Sections(labels, words, word, label, weight, documents)


def _fail(message: str) -> NoReturn:
    text = f"the parameters of the Natural Language framework are damaged: {message}"
    raise CompileError(Diagnostic(text, "malformed", remedy=_REMEDY))
