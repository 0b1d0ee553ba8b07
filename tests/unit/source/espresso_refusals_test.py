"""What is wrong with bad compiled networks: every diagnostic, and nothing but diagnostics."""

import ast
import inspect
import os
import re
import struct
from pathlib import Path

import pytest
from cmlc.compiler.source import espresso as package
from cmlc.compiler.source.reading import read_spec
from support.espresso.refusals import MALFORMED, UNSUPPORTED
from support.networks.builders import numbers
from support.networks.compiled_models import change_json, compiled, espresso, problem, problems

NET, SHAPE, WEIGHTS = "model.espresso.net", "model.espresso.shape", "model.espresso.weights"


def refusal(folder, inputs, made, exact):
    found = problems(compiled(folder, made, exact=exact, **inputs))[0]
    assert found.file.endswith(NET)
    assert str(found.location) == "layers[0] 'l0'"
    assert found.subject == made[0]
    return found


@pytest.mark.parametrize(
    ("fragment", "inputs", "made", "exact"), MALFORMED, ids=[row[0] for row in MALFORMED]
)
def test_malformed(tmp_path, fragment, inputs, made, exact):
    found = refusal(tmp_path, inputs, made, exact)
    assert fragment in found.message
    assert found.kind == "malformed"


@pytest.mark.parametrize(
    ("fragment", "inputs", "made", "exact"), UNSUPPORTED, ids=[row[0] for row in UNSUPPORTED]
)
def test_unsupported(tmp_path, fragment, inputs, made, exact):
    found = refusal(tmp_path, inputs, made, exact)
    assert fragment in found.message
    assert found.kind == "unsupported"


def test_all_problems_at_once(tmp_path):
    folder = compiled(
        tmp_path,
        espresso("mystery", (4,), name="first"),
        espresso("activation", (4,), mode=0, a=1, b=2),
        espresso("activation", (4,), mode=99, name="third"),
        x=(4,),
    )
    assert [(str(p.location), p.message) for p in problems(folder)] == [
        ("layers[0] 'first'", "mystery layer is of a type that is not supported"),
        ("layers[1] 'l1'", "activation layer has a = 1, which is not understood"),
        ("layers[1] 'l1'", "activation layer has b = 2, which is not understood"),
        ("layers[2] 'third'", "activation layer has mode = 99, which is not understood"),
    ]


# -- files --------------------------------------------------------------------------------------


def sample(path):
    product = {"nB": 4, "nC": 2, "blob_weights": numbers(2, 4)}
    return compiled(path, espresso("inner_product", (2,), **product), x=(4,))


@pytest.fixture
def folder(tmp_path):
    return sample(tmp_path)


def test_the_folder_is_fine(folder):
    assert len(read_spec(folder).neuralNetwork.layers) == 1


CONTENTS = [
    (
        NET,
        lambda c: c.update(format_version=300),
        "version is 300, expected 200",
        "unsupported",
    ),
    (NET, lambda c: c.update(subnets=1), "the entry 'subnets' is not", "unsupported"),
    (NET, lambda c: c.update(metadata_in_weights=[1]), "keeps metadata in its", "unsupported"),
    (NET, lambda c: c.update(storage="../w"), "weights are in '../w'", "malformed"),
    (NET, lambda c: c.update(layers={}), "has no list of layers", "malformed"),
    (NET, lambda c: c.update(transform_params=1), "transform_params that are no", "malformed"),
    (NET, lambda c: c["layers"].append(7), "the layer lacks a type, a name", "malformed"),
    (NET, lambda c: c["layers"][0].update(type=1), "the layer lacks a type", "malformed"),
    (NET, lambda c: c["layers"][0].update(top=""), "the layer lacks a type", "malformed"),
    (NET, lambda c: c["layers"][0].update(weights=[]), "the layer lacks a", "malformed"),
    (SHAPE, lambda c: c.update(layer_shapes=[]), "it has no shapes of blobs", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"].update(x=3), "it has no shapes of", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"]["x"].pop("_rank"), "some blobs state a", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"]["x"].update(z=1), "unknown entry 'z'", "unsupported"),
    (
        SHAPE,
        lambda c: c["layer_shapes"]["x"].update(w="1"),
        "impossible entry '1'",
        "malformed",
    ),
    (SHAPE, lambda c: c["layer_shapes"]["x"].update(w=0), "impossible entry 0", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"]["x"].update(w=1 << 40), "entry 1099", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"]["x"].update(k=2), "doesn't have rank 1", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"]["x"].update(_rank=6), "have rank 6", "malformed"),
    (SHAPE, lambda c: c["layer_shapes"].pop("y"), "without a compiled shape, 'y'", "malformed"),
]


@pytest.mark.parametrize(("file", "change", "fragment", "kind"), CONTENTS)
def test_contents(folder, file, change, fragment, kind):
    change_json(folder / file, change)
    found = problem(folder)
    assert fragment in found.message
    assert found.kind == kind
    assert Path(found.file) == folder / (NET if "without" in fragment else file)


TEXTS = [
    (b"", "it is not JSON"),
    (b"[1]", "it is not a JSON object"),
    (b"{", "it is not JSON"),
    (b'{"a": "\xff"}', "it is not JSON"),
    (b'{"a": ' + b"[" * 100000, "nested too deeply"),
    (b'{"a": ' + b"9" * 10000 + b"}", "it is not JSON"),
    (b"pbze\0\0\0\0", "the file is compressed"),
    (b"version https://git-lfs.github.com", "it is not JSON"),
]


@pytest.mark.parametrize("file", [NET, SHAPE])
@pytest.mark.parametrize(("data", "fragment"), TEXTS)
def test_text_that_is_none(folder, file, data, fragment):
    (folder / file).write_bytes(data)
    found = problem(folder)
    assert fragment in found.message
    assert Path(found.file) == folder / file


@pytest.mark.parametrize("file", [NET, SHAPE, WEIGHTS])
def test_missing_files(folder, file):
    (folder / file).unlink()
    found = problem(folder)
    assert found.message == "the file is missing"
    assert Path(found.file) == folder / file
    (folder / file).mkdir()
    assert "can't be read" in problem(folder).message


@pytest.mark.parametrize("file", [NET, WEIGHTS])
def test_sparse_files_of_impossible_size(folder, file):
    os.truncate(folder / file, 1 << 40)
    assert problem(folder).kind == "malformed"


def table(*pairs, data=b""):
    numbers = [number for pair in pairs for number in pair]
    return struct.pack(f"<{len(numbers) + 1}Q", len(pairs), *numbers) + data


TABLES = [
    (b"", "the file is empty"),
    (b"1234", "4 entries don't fit"),
    (b"\xff" * 100, "18,446,744,073,709,551,615 entries don't fit"),
    (table((1, 4)), "the weights take 28 bytes, the file has 24"),
    (table((1, 4), data=bytes(5)), "the weights take 28 bytes, the file has 29"),
    (table((1, 2**64 - 1)), "the file has 24"),
    (table((1, 4), (1, 4), data=bytes(8)), "the weights 1 occur twice"),
    (table((3, 32), data=bytes(32)), "has blob_weights = 1, but there are no such weights"),
    (table((1, 4), data=bytes(4)), "has 4 bytes of blob_weights, but 8 numbers take 32"),
]


@pytest.mark.parametrize(("data", "fragment"), TABLES)
def test_weights(folder, data, fragment):
    (folder / WEIGHTS).write_bytes(data)
    assert fragment in problem(folder).message


@pytest.mark.parametrize("file", [NET, SHAPE])
def test_text_cut_anywhere(folder, file):
    text = (folder / file).read_text()
    for length in range(0, len(text) - 1, 7):
        (folder / file).write_text(text[:length])
        assert "it is not JSON" in problem(folder).message


def test_weights_cut_anywhere(folder):
    data = (folder / WEIGHTS).read_bytes()
    for length in range(len(data)):
        (folder / WEIGHTS).write_bytes(data[:length])
        assert problem(folder).kind == "malformed"


# -- every message has a test ---------------------------------------------------------------------


def messages_of_sources():
    """The messages in the sources, as (place, pattern)."""
    for path in sorted(Path(inspect.getfile(package)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in ("require", "error", "unsupported", "fail"):
                for argument in node.args:
                    pattern = _pattern(argument)
                    if pattern.count(" "):
                        yield f"{path.stem}: {pattern}", pattern


def _pattern(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value).replace("\\ ", " ")
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(v) if isinstance(v, ast.Constant) else ".*" for v in node.values)
    return ""


def all_messages(scratch):
    """What all bad networks above make the sources say."""
    found = []
    for position, (_, inputs, made, exact) in enumerate([*MALFORMED, *UNSUPPORTED]):
        found += problems(compiled(scratch / f"layer{position}", made, exact=exact, **inputs))
    rows = [(file, lambda path, c=change: change_json(path, c)) for file, change, *_ in CONTENTS]
    rows += [(NET, lambda path, d=data: path.write_bytes(d)) for data, _ in TEXTS]
    rows += [(WEIGHTS, lambda path, d=data: path.write_bytes(d)) for data, _ in TABLES]
    rows += [(NET, lambda path: os.truncate(path, 1 << 40)), (NET, Path.unlink)]
    for position, (file, change) in enumerate(rows):
        folder = sample(scratch / f"file{position}")
        change(folder / file)
        found += problems(folder)
    return "\n".join([*(item.message for item in found), "the file can't be read: Is a directory"])


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return all_messages(tmp_path_factory.mktemp("seen"))


SOURCES = dict(messages_of_sources())


def test_every_message_has_a_test(seen):
    missing = [place for place, text in SOURCES.items() if not re.search(text, seen)]
    assert not missing, f"no test brings these about: {missing}"
