"""Choices about importing mean the same in every command; over IR text they work or are refused."""

from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler import driver
from cmlc.compiler.options import Options
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.text.printer import print_module
from cmlc.tools import cmlc as cmlc_command
from cmlc.tools import cmlc_diff, cmlc_opt, cmlc_reduce, cmlc_run
from cmlc.tools.cli.choices import IMPORTING
from support.mil.programs import FP16, op, program
from support.networks.builders import flexible, layer, network
from support.networks.transformers import transformer
from support.tables import builders as tables

# -- the same in every command ---------------------------------------------------------------------


def relu(**inputs):
    return network(layer("activation", ReLU={}), **inputs)


def half():
    cast = op("cast", "h", (2,), FP16, x="x", dtype="fp16")
    product = op("mul", "m", (2,), FP16, x="h", y=np.float16(3))
    return program(cast, product, op("cast", "y", (2,), x="m", dtype="fp32"), x=(2,))


def stored_small():
    weights = {"float16Value": np.ones(64 * 64, "<f2").tobytes()}
    item = layer("innerProduct", inputChannels=64, outputChannels=64, weights=weights)
    return network(item, x=(1, 64))


def layouts(module):
    return [str(value.type) for value in module.main.arguments]


def kinds_of_weights(module):
    return [op.value.compressed for op in module.walk() if isinstance(op, Constant)]


def with_state():
    operation = op("read_state", "now", (2,), FP16, input="s")
    cast = op("cast", "y", (2,), x="now", dtype="fp32")
    return program(operation, cast, opset=18, states={"s": (2,)}, x=(2,))


def with_optional_input():
    made = network(layer("addBroadcastable", ["x", "z"]), x=(2,), z=(2,))
    made.description.input[1].type.isOptional = True
    return made


def two_layers():
    return network(layer("activation", ReLU={}), layer("activation", tanh={}), x=(2,))


def table():
    spec, message = tables.model("featureVectorizer", {"x": "double"}, {"y": "f64[1]"})
    message.inputList.add(inputColumn="x", inputDimensions=1)
    return spec


def interface(module):
    main = module.main
    return [value.name for value in main.arguments], main.result_names


def kinds_of_inputs(module):
    return [known.kind for known in module.main.inputs]


# A model, what is chosen, the field and its value, and what shows the effect in the module; nothing
# shows where passes have the effect later, by the options.
CHOICES = {
    "target": (lambda: relu(x=(2,)), "--target=keras", "keras", None),
    "function": (transformer, "--function=full", "full", lambda m: list(m.public_functions)),
    "states": (with_state, "--states=arguments", "arguments", kinds_of_inputs),
    "omit": (with_optional_input, "--omit=z", ["z"], layouts),
    "features": (table, "--features=matrix", "matrix", interface),
    "inputs": (two_layers, "--inputs=t0", ["t0"], interface),
    "outputs": (two_layers, "--outputs=t0", ["t0"], interface),
    "batch": (lambda: relu(x=(1, 3)), "--batch=dynamic", "dynamic", None),
    "fixed_shapes": (lambda: flexible(relu(x=(2, 3))), "--fixed-shapes", True, layouts),
    "shapes": (
        lambda: network(layer("activation", ReLU={}), rank5=True, x=(3,)),
        "--shape=x=S,2,3,1,1",
        {"x": ["S", "2", "3", "1", "1"]},
        layouts,
    ),
    "io_layout": (lambda: relu(x=(1, 3, 4, 4)), "--io-layout=nhwc", "nhwc", None),
    "precision": (half, "--precision=keep", "keep", lambda m: "f16" in print_module(m)),
    "weights": (stored_small, "--weights=compressed", "compressed", kinds_of_weights),
}
COMMANDS = {
    "cmlc": (cmlc_command, ["m.mlmodel", "--emit=ir", "-o", "m.cmir"]),
    "cmlc-run": (cmlc_run, ["m.mlmodel", "--interpret", "--random=0", "-o", "y.npz"]),
    "cmlc-opt": (cmlc_opt, ["m.mlmodel", "-o", "n.cmir"]),
    "cmlc-diff": (cmlc_diff, ["m.mlmodel", "m.mlmodel"]),
    "cmlc-reduce": (cmlc_reduce, ["m.mlmodel", "--passes=dce"]),
}
NOTHING_FAILS = 2  # what cmlc-reduce says of a module that doesn't fail
USUAL = {"cmlc-diff": Options(precision="keep")}


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """(options, module) of what commands load."""
    monkeypatch.chdir(tmp_path)
    found, load = [], driver.load

    def kept(source, options=None, watch=None):
        found.append((options, load(source, options, watch)))
        return found[-1][1]

    monkeypatch.setattr(driver, "load", kept)
    return found


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_has_the_same_effect(name, command, loaded):
    make, option, value, effect = CHOICES[name]
    Path("m.mlmodel").write_bytes(make().SerializeToString())
    module, arguments = COMMANDS[command]
    if (name, command) == ("target", "cmlc-opt"):  # it means nothing without lowering
        arguments = [*arguments, "--lower", "--passes=layout{to=channels_last}"]
    status = module.main([*arguments, option])
    assert status == (NOTHING_FAILS if command == "cmlc-reduce" else 0)
    options, made = loaded[0]
    usual = USUAL.get(command, Options())
    if name == "target":
        usual = Options()  # Keras computes in float32
    assert getattr(options, name) == value
    others = [other for other in IMPORTING if other != name]
    assert [getattr(options, key) for key in others] == [getattr(usual, key) for key in others]
    if effect is not None:
        plain = cmlc.load("m.mlmodel")
        expected = cmlc.load("m.mlmodel", Options(**{name: value}))
        assert effect(made) == effect(expected) != effect(plain)


def test_passes_of_a_choice_run_when_it_is_given(tmp_path, monkeypatch, capsys):
    """cmlc-opt runs no passes but those that are asked for."""
    monkeypatch.chdir(tmp_path)
    Path("m.cmir").write_text(TEXT)
    for option, shown in (("--io-layout=nhwc", "[1,4,5,3]"), ("--batch=dynamic", "[N,3,4,5]")):
        assert cmlc_opt.main(["m.cmir", option]) == 0
        assert f"@main(%x: f16{shown}" in capsys.readouterr().out
        assert cmlc_command.main(["m.cmir", option, "--emit=ir", "--stage=optimized"]) == 0
        assert f"@main(%x: f16{shown}" in capsys.readouterr().out


# -- over IR text ----------------------------------------------------------------------------------

TEXT = """
func @main(%x: f16[1,3,4,5] {axes = "CHW"}) -> ("y": f16[1,3,4,5] {axes = "CHW"}) {
  %y = nn.relu(%x) : f16[1,3,4,5]
  return %y
}
func @other(%x: f16[1,2]) -> ("y": f16[1,2]) {
  %y = nn.relu(%x) : f16[1,2]
  return %y
}
"""
STATEFUL = """
func @main(%x: f32[2], %z: f32[2] {optional = true}, %s: f32[2] {kind = "state"})
    -> ("y": f32[2], "s": f32[2] {kind = "state"}) {
  %a = tensor.add(%x, %z) : f32[2]
  %b = tensor.add(%a, %s) : f32[2]
  return %b, %b
}
"""
OF_ONE_FUNCTION = ("states", "omit", "inputs", "outputs")
REFUSED = {
    "fixed_shapes": ("--fixed-shapes", "--fixed-shapes means nothing for IR text: its shapes are"),
    "shapes": ("--shape=x=1,2,3,4,5", "--shape means nothing for IR text: its shapes are as it"),
    "precision": ("--precision=float32", "--precision means nothing for IR text: it is computed"),
    "weights": ("--weights=compressed", "--weights means nothing for IR text: its weights are"),
}
WORKING = {
    "target": ("--target=keras", "func @main("),
    "function": ("--function=other", "func @other(%x: f16[1,2])"),
    "states": ("--states=arguments", '%s: f32[2] {kind = "array", optional = true}'),
    "omit": ("--omit=z", "@main(%x: f32[2], %s: f32[2] {kind"),
    "features": ("--features=matrix", '%features: f64[N,1] {kind = "array"'),
    "inputs": ("--inputs=a", '@main(%a: f32[2] {kind = "array", shape = [2]}, %s: f32[2] {kind'),
    "outputs": ("--outputs=a", '-> ("a": f32[2] {kind = "array", shape = [2]})'),
    "batch": ("--batch=dynamic", "[N,3,4,5]"),
    "io_layout": ("--io-layout=nhwc", "[1,4,5,3]"),
}


TABLE = """
func @main(%x: f64[1] {kind = "double", batch = "added"}) -> ("y": f64[1]) {
  %y = tensor.add(%x, %x) : f64[1]
  return %y
}
"""


@pytest.mark.parametrize("name", IMPORTING)
def test_over_ir_text(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = TABLE if name == "features" else STATEFUL if name in OF_ONE_FUNCTION else TEXT
    Path("m.cmir").write_text(text)
    command = ["m.cmir", "--emit=ir", "--stage=optimized"]
    if name in REFUSED:
        option, message = REFUSED[name]
        assert cmlc_command.main([*command, option]) == NOTHING_FAILS
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"m.cmir: error: {message}")
        assert line.endswith("when the text is made of its model")
        return
    option, shown = WORKING[name]
    assert cmlc_command.main([*command, option]) == 0
    found = capsys.readouterr().out
    assert shown in found
    assert cmlc_command.main(command) == 0
    assert (capsys.readouterr().out == found) == (name == "target")


def test_text_is_compared_with_a_model_that_is_imported_as_it_was(tmp_path, monkeypatch, capsys):
    """Choices are for the side that is imported; of text alone they are refused."""
    monkeypatch.chdir(tmp_path)
    Path("m.mlmodel").write_bytes(half().SerializeToString())
    for precision in ("float32", "keep"):
        option = f"--precision={precision}"
        assert cmlc_command.main(["m.mlmodel", option, "--emit=ir", "-o", "m.cmir"]) == 0
        assert cmlc_diff.main(["m.mlmodel", "m.cmir", option]) == 0
        assert cmlc_diff.main(["m.cmir", "m.cmir"]) == 0
    assert cmlc_diff.main(["m.cmir", "m.cmir", "--precision=keep"]) == NOTHING_FAILS
    assert "--precision means nothing for IR text" in capsys.readouterr().err
