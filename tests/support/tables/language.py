"""Parameters of Apple's Natural Language framework, as real classifiers of text have them."""

import plistlib
import struct

RESERVED = 16
BINARY = plistlib.FMT_BINARY


def texts(entries, reserved):
    return b"\0" * reserved + b"".join(entry.encode() + b"\0" for entry in entries)


def record(word, label, weight):
    """A weight by positions of word and label."""
    number = (word + RESERVED).to_bytes(3, "little")
    return number + bytes([label + 1]) + struct.pack(">f", weight)


def sections(labels, words, weights, documents=()):
    """The five sections."""
    return [
        plistlib.dumps({"ModelType": 0, "NumberOfTrainingInstances": 5}, fmt=BINARY),
        b"".join(record(*entry) for entry in weights),
        texts(labels, 1),
        texts(words, RESERVED),
        plistlib.dumps([0] * RESERVED + list(documents), fmt=BINARY),
    ]


def container(parts, kind=4):
    """A container of sections, each at a multiple of 8 bytes."""
    places, data, at = [], b"", 56
    for number, part in enumerate(parts):
        places += [at - (4 if number == 0 else 0), len(part)]
        data += part + b"\0" * (-len(part) % 8)
        at = 56 + len(data)
    return (
        struct.pack("<IHHHHI", 0x0956D3DE, kind, 7, 1, 1, 4) + struct.pack("<10I", *places) + data
    )


def parameters(labels, words, weights, documents=(), kind=4):
    return container(sections(labels, words, weights, documents), kind)
