"""Positions among keys that random instances don't reach, in every form that has them."""

import json
import shutil

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.backends.tf.frozen import frozen
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.text.parser import parse
from cmlc.passes.manager import parse_pipeline
from support.running.saved_models import assert_close, run_saved
from support.running.tensorflow_run import graph_function

pytestmark = pytest.mark.slow

MANY = 16_000
PLAIN = ["cat", "dog ", " dog", "日本", "é", "e\u0301", "a\tb", "\u2028", "\x0b\x85", "n\0l"]
KEYS = {
    "plain": PLAIN,
    "one": ["cat"],
    "long": ["x" * 5_000, "x" * 5_001],
    "twice": ["cat", "dog", "cat", "dog", "cow"],
    "empty": ["", "cat"],
    "two lines": ["two\nlines", "cat", "two", "lines"],
    "carriage returns": ["cat", "cat\r", "\r\n"],
    "none": [],
    "many": [f"klíč {number}" for number in range(MANY)],
    "numbers": [7, -1, 2**40, 7, 0, -(2**63)],
    "many numbers": [*range(3 * MANY, 0, -3)],
}
OTHERS = ["cow", "", "Cat", "cat ", "dog", "two", "two\nlines", "\r", "日"]
TARGETS = ("tf", "tflite", "keras")


def module_of(keys, shape="N"):
    kind = "i64" if keys and isinstance(keys[0], int) else "str"
    return parse(
        f"""
func @main(%x: {kind}[{shape}]) -> ("y": i32[{shape}]) {{
  %keys = const {{value = dense<{json.dumps(keys)}>}} : {kind}[{len(keys)}]
  %y = tensor.lookup(%x, %keys) : i32[{shape}]
  return %y
}}"""
    )


def given(keys):
    """Every key, or some of many; and what isn't one."""
    if keys and isinstance(keys[0], int):
        return np.array([*keys[:20], *keys[-20:], 1, 2**32 + 7, 2**63 - 1], np.int64)
    found = np.empty(len(keys[:20]) + len(keys[-20:]) + len(OTHERS), object)
    found[:] = [*keys[:20], *keys[-20:], *OTHERS]
    return found


def executable(module, target):
    copy = clone_module(module)
    load_target(target).lower(copy)
    parse_pipeline(load_target(target).after).run(copy)
    return load_target(target).executable(copy)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_positions_are_the_interpreters(keys, target):
    module, x = module_of(keys), given(keys)
    made = executable(module, target)
    for shown in (x, x[:1]) if target == "tflite" else (x, x[:1], x[:0]):
        np.testing.assert_array_equal(made.run({"x": shown})["y"], run(module, {"x": shown})["y"])


@pytest.mark.parametrize("target", TARGETS)
def test_scalars(target):
    for keys in (KEYS["plain"][:5], KEYS["numbers"]):
        module = module_of(keys, "")
        made = executable(module, target)
        for x in given(keys):
            shown = {"x": np.asarray(x, object if isinstance(x, str) else np.int64)}
            assert made.run(shown)["y"] == run(module, shown)["y"], x


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(SavedModels of all keys, which were moved before another process ran them; where they were
    made).
    """
    first = tmp_path_factory.mktemp("made")
    folder = tmp_path_factory.mktemp("elsewhere") / "models"
    for name, keys in KEYS.items():
        made = executable(module_of(keys), "tf")
        made.save(first / name)
        x = given(keys)
        np.savez(first / f"{name}.inputs.npz", x=x if x.dtype != object else _bytes(x))
    shutil.move(first, folder)
    run_saved(folder)
    return folder


def _bytes(texts):
    """As archives keep them: without the zeros at the end that such arrays lose."""
    return np.array([text.encode() for text in texts])


@pytest.mark.parametrize("name", KEYS)
def test_saved_models_can_be_moved(saved, name):
    expected = run(module_of(KEYS[name]), {"x": given(KEYS[name])})["y"]
    with np.load(saved / f"{name}.outputs.npz") as outputs:
        assert_close(expected, outputs["y"], name)


@pytest.mark.parametrize("name", KEYS)
def test_strings_are_an_asset_if_lines_can_be_keys(saved, name):
    files = list((saved / name / "assets").glob("*"))
    if name not in ("plain", "one", "long", "many"):
        assert not files
        return
    assert [file.name for file in files] == ["keys.txt"]
    assert files[0].read_bytes().decode() == "".join(f"{key}\n" for key in KEYS[name])


def test_saved_models_do_not_say_where_they_were_made(saved):
    for path in saved.glob("*/saved_model.pb"):
        assert b"cmlc-" not in path.read_bytes()


def test_several_tables_of_one_model(tmp_path):
    module = parse(
        """
func @main(%x: str[N], %n: i64[N]) -> ("y": i32[N], "z": i32[N], "m": i32[N]) {
  %animals = const {value = dense<["cat", "dog"]>} : str[2]
  %dogs = const {value = dense<["dog"]>} : str[1]
  %numbers = const {value = dense<[3, 2]>} : i64[2]
  %y = tensor.lookup(%x, %animals) : i32[N]
  %z = tensor.lookup(%x, %dogs) : i32[N]
  %m = tensor.lookup(%n, %numbers) : i32[N]
  return %y, %z, %m
}"""
    )
    shown = {"x": np.array(["dog", "cat"], object), "n": np.array([2, 5])}
    made = executable(module, "tf")
    for name, array in made.run(shown).items():
        np.testing.assert_array_equal(array, run(module, shown)[name])
    made.save(tmp_path / "model")
    assert sorted(file.name for file in (tmp_path / "model" / "assets").iterdir()) == [
        "keys.txt",
        "keys_1.txt",
    ]


@pytest.mark.parametrize("name", ["plain", "twice", "two lines", "none", "numbers"])
def test_frozen_graphs_hold_the_keys(tmp_path, name):
    """Nothing has to be initialized, which a GraphDef can't do."""
    module, x = module_of(KEYS[name]), given(KEYS[name])
    graph = frozen(executable(module, "tf"))
    assert not [node.op for node in graph.message.node if "Table" in node.op]
    graph.write(tmp_path / "model.pb")
    computes = graph_function(
        tmp_path / "model.pb", [*graph.inputs.values()], [*graph.outputs.values()]
    )
    np.testing.assert_array_equal(computes(x)[0], run(module, {"x": x})["y"])


def test_keys_that_something_else_reads():
    """They are a table for the lookup, and a tensor for the other op."""
    module = parse(
        """
func @main(%x: i64[N]) -> ("y": i32[N], "z": i64[2]) {
  %keys = const {value = dense<[7, -1, 5]>} : i64[3]
  %rows = const {value = dense<[2, 0]>} : i32[2]
  %y = tensor.lookup(%x, %keys) : i32[N]
  %z = tensor.gather(%keys, %rows) : i64[2]
  return %y, %z
}"""
    )
    copy, target = clone_module(module), load_target("tf")
    target.lower(copy)
    parse_pipeline("cse").run(copy)
    given = {"x": np.array([5, 7, 0])}
    found = target.executable(copy).run(given)
    for key, expected in run(module, given).items():
        np.testing.assert_array_equal(found[key], expected)


def test_computed_keys():
    module = parse(
        """
func @main(%x: str[N], %keys: str[K]) -> ("y": i32[N]) {
  %y = tensor.lookup(%x, %keys) : i32[N]
  return %y
}"""
    )
    made = executable(module, "tf")
    for keys in (PLAIN, []):
        shown = {"x": given(PLAIN), "keys": np.array(keys, object)}
        np.testing.assert_array_equal(made.run(shown)["y"], run(module, shown)["y"])


# What the code has of them.
CODE = {
    "few": (["cat", 'a "dog"'], 'vocabulary=["cat", "a \\"dog\\""], name='),
    "unknown": (["[UNK]", "cat"], 'vocabulary=["[UNK]", "cat"], oov_token="[UNK1]"'),
    "minus one": ([-1, -3, 5], "vocabulary=[-1, -3, 5], oov_token=-2"),
    "counted": ([*range(100)], "vocabulary=np.arange(100)"),
    "many": (KEYS["many"], 'vocabulary=VOCABULARIES["x"]'),
    "many numbers": (KEYS["many numbers"], 'vocabulary=VOCABULARIES["x"]'),
}


@pytest.mark.parametrize(("keys", "text"), CODE.values(), ids=CODE)
def test_keras_code_has_few_keys_and_reads_many(keys, text):
    module, x = module_of(keys), given(keys)
    made = executable(module, "keras")
    assert text in made.text
    assert [*made.files] == ["vocabularies.json"] * ("VOCABULARIES" in text)
    for held in made.files.values():
        assert json.loads(held) == {"x": keys}
    np.testing.assert_array_equal(made.run({"x": x})["y"], run(module, {"x": x})["y"])


def test_vocabularies_of_different_inputs_are_told_apart():
    module = parse(
        f"""
func @main(%x: str[N], %y: str[N]) -> ("a": i32[N], "b": i32[N], "c": i32[N]) {{
  %keys = const {{value = dense<{json.dumps(KEYS["many"])}>}} : str[{MANY}]
  %others = const {{value = dense<{json.dumps(KEYS["many"][1:])}>}} : str[{MANY - 1}]
  %a = tensor.lookup(%x, %keys) : i32[N]
  %b = tensor.lookup(%x, %others) : i32[N]
  %c = tensor.lookup(%y, %others) : i32[N]
  return %a, %b, %c
}}"""
    )
    made = executable(module, "keras")
    held = json.loads(made.files["vocabularies.json"])
    assert held == {"x": KEYS["many"], "x_1": KEYS["many"][1:]}
    shown = {name: given(KEYS["many"]) for name in "xy"}
    for name, array in made.run(shown).items():
        np.testing.assert_array_equal(array, run(module, shown)[name])


def test_strings_that_keras_changes_are_refused():
    with pytest.raises(CompileError, match="lose the zeros that strings end with"):
        executable(module_of(["cat\0"]), "keras")


def test_keras_code_looks_strings_up_among_constants():
    module = parse(
        """
func @main(%x: str[N], %keys: str[3]) -> ("y": i32[N]) {
  %y = tensor.lookup(%x, %keys) : i32[N]
  return %y
}"""
    )
    with pytest.raises(CompileError, match="looks strings up among constants only"):
        executable(module, "keras")


def test_other_backends_of_keras_are_told_of_at_once(monkeypatch):
    import keras

    made = executable(module_of(["cat"]), "keras")
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(CompileError, match="StringLookup on TensorFlow only") as caught:
        made.run({"x": given(["cat"])})
    assert caught.value.diagnostics[0].remedy == "set KERAS_BACKEND=tensorflow"
    code = {"__file__": "model.py"}
    exec(made.text, code)
    with pytest.raises(RuntimeError, match="KERAS_BACKEND has to be tensorflow, for StringLookup"):
        code["build"]()
