"""Archives of compiled models: numbers and texts in a row, each of which must mean something."""

import ast
import contextlib
import inspect
import shutil
import struct
from pathlib import Path

import pytest
from cmlc.compiler.source import coremldata
from cmlc.compiler.source.reading import read_spec
from cmlc.ir.diagnostics import CompileError
from support.networks.compiled_models import compiled, espresso, problem, problems, text

ARCHIVE, IMAGES = "coremldata.bin", "model/coremldata.bin"
OPTIONALS = "neural_network_optionals/coremldata.bin"
RELU = espresso("activation", (4,), mode=0)


@pytest.fixture
def folder(tmp_path):
    return compiled(tmp_path, espresso("softmax_nd", (2,), nd_axis=0), labels=("a", "b"), x=(2,))


def test_archives_cut_anywhere(folder):
    data = (folder / ARCHIVE).read_bytes()
    for length in range(len(data)):
        (folder / ARCHIVE).write_bytes(data[:length])
        found = problem(folder)
        assert "bytes are missing" in found.message or "don't fit" in found.message
        assert Path(found.file) == folder / ARCHIVE
        assert found.kind == "malformed"


@pytest.mark.slow
def test_damaged_archives_are_never_worse_than_refused(folder):
    data = (folder / ARCHIVE).read_bytes()
    for position in range(len(data)):
        for byte in (0, 0x7F, 0xFF):
            (folder / ARCHIVE).write_bytes(data[:position] + bytes([byte]) + data[position + 1 :])
            with contextlib.suppress(CompileError):
                read_spec(folder)


def rewritten(change):
    def rewrite(folder):
        data = (folder / ARCHIVE).read_bytes()
        (folder / ARCHIVE).write_bytes(change(data))

    return rewrite


def at(position, layout, *values):
    """Other numbers at a place of the archive."""
    patch = struct.pack(layout, *values)
    return rewritten(lambda d: d[:position] + patch + d[position + len(patch) :])


def swapped(old, new):
    return rewritten(lambda data: data.replace(old, new))


# type 0, archive version 4, signature 28 "generic" 36, versions 43, description 75
ARCHIVES = [
    (at(0, "<I", 77), "the model type 77 is not known", "unsupported"),
    (at(0, "<I", 1), "the model type 1 is not known", "unsupported"),
    (at(36, "7s", b"special"), "the signature 'special' is not known", "unsupported"),
    (at(36, "2s", b"\xff\xff"), "a text is not UTF-8", "malformed"),
    (at(43, "<Q", 0), "the specification version is 0", "malformed"),
    (at(51, "<Q", 3), "the numbers [3, 0, 0] beside the specification", "unsupported"),
    (at(75, "<Q", 1 << 60), "the file is cut short: 1,152,", "malformed"),
    (at(83, "2s", b"\x0a\xff"), "the model's description is damaged", "malformed"),
    (rewritten(lambda d: d + b"\0"), "1 bytes at the end are not understood", "unsupported"),
    (
        swapped(struct.pack("<2Q", 403, 100), struct.pack("<2Q", 500, 100)),
        "500 is in the place of the model's type, repeated",
        "malformed",
    ),
    (
        swapped(struct.pack("<2Q", 403, 100), struct.pack("<2Q", 403, 102)),
        "the kind 102 of class labels is not known",
        "unsupported",
    ),
    (
        rewritten(
            lambda d: d.replace(
                struct.pack("<3Q", 403, 100, 2), struct.pack("<3Q", 403, 100, 1 << 62)
            )
        ),
        "4,611,686,018,427,387,904 items don't fit into 44 bytes",
        "malformed",
    ),
    (
        swapped(text("y"), text("q")),
        "no layer makes this output",
        "malformed",
    ),
]


@pytest.mark.parametrize(("change", "fragment", "kind"), ARCHIVES, ids=[a[1] for a in ARCHIVES])
def test_archives(folder, change, fragment, kind):
    change(folder)
    found = problems(folder)[0]
    assert fragment in found.message
    assert found.kind == kind
    assert Path(found.file) == folder / ARCHIVE


def test_inconsistent_descriptions(tmp_path):
    folder = compiled(tmp_path, RELU, x=())
    found = problem(folder)
    assert "the input 'x' has no shape" in found.message
    assert Path(found.file) == folder / ARCHIVE


def test_missing_archive(folder):
    (folder / ARCHIVE).unlink()
    assert problem(folder).message == "the file is missing"
    (folder / ARCHIVE).mkdir()
    assert "the file can't be read" in problem(folder).message
    shutil.rmtree(folder)
    folder.mkdir()
    assert problem(folder).file == str(folder / ARCHIVE)  # by its name, a compiled model


def test_enormous_archive(folder):
    with (folder / ARCHIVE).open("r+b") as stream:
        stream.truncate(1 << 40)
    assert "the file is larger than any such file" in problem(folder).message


OPTIONAL = [
    (struct.pack("<5Q", 0, 0, 0, 0, 0), "does not give blobs ranks of their own", "malformed"),
    (struct.pack("<5Q", 0, 0, 2, 0, 0), "it holds more than zeros", "unsupported"),
    (struct.pack("<5Q", 1, 0, 1, 0, 0), "it holds more than zeros", "unsupported"),
    (struct.pack("<2Q", 1, 0), "it holds more than zeros", "unsupported"),
    (struct.pack("<3Q", 0, 0, 1), "default values of optional inputs are not", "unsupported"),
    (b"", "it has 0 bytes: default values of opt", "unsupported"),
]


@pytest.mark.parametrize(("data", "fragment", "kind"), OPTIONAL)
def test_optionals(folder, data, fragment, kind):
    (folder / OPTIONALS).write_bytes(data)
    found = problem(folder)
    assert fragment in found.message
    assert found.kind == kind
    assert Path(found.file) == folder / OPTIONALS


def pieces_of(module):
    """The texts of more than two words in a module's diagnostics."""
    for node in ast.walk(ast.parse(Path(inspect.getfile(module)).read_text())):
        called = getattr(node, "func", None)
        if getattr(called, "attr", getattr(called, "id", "")) in ("fail", "_fail", "_problem"):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and str(part.value).count(" ") > 1:
                    yield part.value.strip(" '")


@pytest.mark.parametrize("piece", sorted(set(pieces_of(coremldata))))
def test_every_message_has_a_test(piece):
    files = Path(__file__).parent.glob("*_test.py")  # images have tests of their own
    assert any(piece[:20].strip() in path.read_text() for path in files)
