"""The whole file `model.py`: the parts before and after the network."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ...ir.dims import Dim
from ...ir.names import unique
from ...ir.ssa import Function, Module, Value
from ...ir.types import DType
from ..names import VARIABLE, documented, one_line_each, quoted, variable
from .block_names import names_of
from .blocks import Block
from .definitions import DEFINITIONS, defined
from .file_names import LABELS, VOCABULARIES, WEIGHTS
from .source import body_lines, function_lines
from .steps import Body, Step
from .text import WIDTH, CallText, listed, statement, text_of
from .vocabulary import needing_tensorflow, text_of_file

_FEW_LABELS = 20
_ABOUT = ("shortDescription", "author", "license", "versionString")


def program_text(
    module: Module,
    body: Body,
    inputs: Sequence[str],
    blocks: Sequence[Block],
    copies: Mapping[str, Sequence[str]],
) -> str:
    """The source of `model.py`.

    Args:
        module: the lowered module.
        body: the calls of its function.
        inputs: the names of the layers that its inputs are.
        blocks: the functions of the code, callees first.
        copies: weights that several layers hold.
    """
    definitions = defined(_library_steps(body, blocks))
    functions = [*definitions, *(block.name for block in blocks)]
    parts = [
        *(DEFINITIONS[name] for name in definitions),
        *("\n".join(function_lines(block, functions)) for block in blocks),
        "\n".join(_build(module, body, inputs, functions)),
        "\n".join(_load()),
        "\n".join(_main(module.main)),
    ]
    parts.insert(0, _head(module, blocks, copies, "\n".join(parts)))
    return "\n\n\n".join(parts) + '\n\n\nif __name__ == "__main__":\n    main()\n'


def _library_steps(body: Body, blocks: Sequence[Block]) -> list[Step]:
    """The steps that call the library, in all functions."""
    bodies = [body, *(block.body for block in blocks)]
    steps = [step for item in bodies for step in item.steps]
    return [step for step in steps if not isinstance(step.source, Block)]


def labels_of(function: Function) -> tuple[str, ...]:
    """Names of the classes; empty if it is not a classifier."""
    return tuple(map(str, function.classifier.class_labels))


def _position(function: Function) -> list[str]:
    """The result that says which label it is."""
    labels, name = function.classifier.class_labels, function.classifier.predicted_feature
    is_text = bool(labels) and isinstance(labels[0], str)
    return [name] if is_text and name in function.result_names else []


def files_beside(module: Module) -> dict[str, str]:
    """What the files hold that the code reads: many labels, long vocabularies."""
    found: dict[str, str] = {}
    if has_label_file(module.main):
        found[LABELS] = "\n".join(one_line_each(labels_of(module.main))) + "\n"
    if text := text_of_file(module):
        found[VOCABULARIES] = text
    return found


def has_label_file(function: Function) -> bool:
    """Whether there are so many labels that they have a file of their own."""
    return len(labels_of(function)) > _FEW_LABELS


def _head(
    module: Module, blocks: Sequence[Block], copies: Mapping[str, Sequence[str]], code: str
) -> str:
    """What stands before the code."""
    used = [name for name in ("layers", "ops") if re.search(rf"\b{name}\.", code)]
    imports = ", ".join([*(["KerasTensor"] if blocks else []), *used])
    kept = "VOCABULARIES[" in code
    lines = [f'"""{_docstring(module, copies)}"""', ""]
    lines += ["import json"] if kept else []
    lines += ["import sys", "from pathlib import Path", ""]
    lines += ["import keras", "import numpy as np"]
    lines += [f"from keras import {imports}"] if imports else []
    lines += ["", f'WEIGHTS = Path(__file__).with_name("{WEIGHTS}")']
    lines += _labels(module.main)
    read = f'json.loads(Path(__file__).with_name("{VOCABULARIES}").read_bytes())'
    lines += [f"VOCABULARIES = {read}"] if kept else []
    return "\n".join(lines)


def _docstring(module: Module, copies: Mapping[str, Sequence[str]]) -> str:
    about = [text for key in _ABOUT if (text := module.attributes.get(key))]
    about += [
        f"The model has the weight '{weight}' once. Here {' and '.join(names)} have a copy each, "
        "because these layers can't share weights; training changes each copy by itself."
        for weight, names in copies.items()
    ]
    about += [f"The result '{name}' is a position in LABELS." for name in _position(module.main)]
    title = f"{documented(module.name)} in Keras, made from a Core ML model by cmlc."
    paragraphs = [line for text in about for line in textwrap.wrap(text, WIDTH - 4)]
    body = documented("\n".join(paragraphs))
    return f"{title}\n\n{body}\n" if body else title


def _labels(function: Function) -> list[str]:
    labels = labels_of(function)
    if not labels:
        return []
    if has_label_file(function):
        file = f'Path(__file__).with_name("{LABELS}")'
        return [f'LABELS = {file}.read_text("utf-8").splitlines()']
    return statement("LABELS = ", CallText("(", [quoted(label) for label in labels]), "")


def _input_arguments(value: Value, layer: str) -> list[str]:
    """The arguments of `keras.Input` for a function's argument."""
    shape = value.type.shape
    if shape and not isinstance(shape[0], int):
        found = [f"({_dims(shape[1:])})"]
    else:
        found = [f"batch_shape=({_dims(shape)})"]
    if value.type.dtype is not DType.F32:
        is_text = value.type.dtype is DType.STR
        found.append(f"dtype={quoted('string') if is_text else text_of(value.type.dtype)}")
    return [*found, f"name={quoted(layer)}"]


def _dims(shape: Sequence[Dim]) -> str:
    items = [str(dim) if isinstance(dim, int) else "None" for dim in shape]
    return f"{items[0]}," if len(items) == 1 else ", ".join(items)


def _build(
    module: Module, body: Body, inputs: Sequence[str], functions: Sequence[str]
) -> Iterator[str]:
    function = module.main
    yield "def build() -> keras.Model:"
    yield '    """Build the network, with fresh weights."""'
    if needing := needing_tensorflow(module):
        why = f"KERAS_BACKEND has to be tensorflow, for {' and '.join(needing)}"
        yield '    if keras.config.backend() != "tensorflow":'
        yield f"        raise RuntimeError({quoted(why)})"
    names: dict[Value, str] = {}
    layers = dict(zip(body.inputs, inputs, strict=True))
    for value in body.inputs:
        taken = (*names.values(), *functions)
        names[value] = unique(variable(value.name), taken, VARIABLE)
        made = CallText("keras.Input(", _input_arguments(value, layers[value]))
        yield from statement(f"{names[value]} = ", made)
    starts = list(names.values())
    yield from body_lines(body, names, functions, "", "")
    given = starts[0] if len(starts) == 1 else listed(starts)
    outputs = [names[value] for value in body.results]
    made: str | CallText = outputs[0]
    if len(outputs) > 1:
        rows = zip(function.result_names, outputs, strict=True)
        made = CallText("{", [f"{quoted(name)}: {result}" for name, result in rows], "}")
    call = CallText("keras.Model(", [given, made, f"name={quoted(variable(module.name))}"])
    yield from statement("return ", call)


def _load() -> Iterator[str]:
    yield "def load(weights: str | Path = WEIGHTS) -> keras.Model:"
    yield '    """Build the network, and load its weights from a file."""'
    yield "    model = build()"
    # Keras 3.15 exports to ONNX only what was called; such a call computes nothing but shapes.
    yield "    model(model.input)  # what was never called can't be exported to ONNX"
    yield "    model.load_weights(weights)"
    yield "    return model"


def _main(function: Function) -> Iterator[str]:
    arguments = function.arguments
    yield "def main() -> None:"
    if [known.kind for known in function.inputs] == ["image"]:
        yield from _main_for_image(function)
        return
    what = "an array (.npy)" if len(arguments) == 1 else "arrays by name (.npz)"
    yield f'    """Predict for {what} named on the command line."""'
    yield "    given = np.load(sys.argv[1])"
    found = ["given"] if len(arguments) == 1 else [f"given[{quoted(v.name)}]" for v in arguments]
    given: list[str | CallText] = [
        f"{text}.astype(object)" if value.type.dtype is DType.STR else text
        for text, value in zip(found, arguments, strict=True)
    ]
    inputs = listed(given) if len(given) > 1 else given[0]
    call = CallText("load()(", [inputs])
    if _has_batches(function):
        call = CallText("load().predict(", [inputs, "verbose=0"])
    yield from statement("", CallText("print(", [call]))


def _has_batches(function: Function) -> bool:
    """Whether inputs are examples, which `predict` may take a few at a time."""
    rows = zip(function.arguments, function.inputs, strict=True)
    return all(known.batch or _has_known_count(value.type.shape) for value, known in rows)


def _has_known_count(shape: Sequence[Dim]) -> bool:
    return bool(shape) and isinstance(shape[0], int)


def _main_for_image(function: Function) -> Iterator[str]:
    (value,), (known,) = function.arguments, function.inputs
    _, height, width, _ = value.type.shape
    mode = "grayscale" if known.color == "GRAYSCALE" else "rgb"
    yield '    """Predict for an image, or an array (.npy), named on the command line."""'
    yield '    if sys.argv[1].endswith(".npy"):'
    yield "        image = np.load(sys.argv[1])"
    yield "    else:"
    given: list[str | CallText] = ["sys.argv[1]"]
    given += [f'color_mode="{mode}"'] if mode != "rgb" else []
    given += [f"target_size=({height}, {width})"] if isinstance(height, int) else []
    yield from statement("image = ", CallText("keras.utils.load_img(", given), 8 * " ")
    yield "        image = keras.utils.img_to_array(image)"
    yield "    found = load().predict(image[None], verbose=0)"
    probabilities = function.classifier.predicted_probabilities
    if not labels_of(function) or probabilities not in function.result_names:
        yield "    print(found)"
        return
    chosen = f"found[{quoted(probabilities)}]" if len(function.result_names) > 1 else "found"
    result = function.results[function.result_names.index(probabilities)]
    yield f"    probabilities = {chosen}{'[0]' if result.type.rank > 1 else ''}"
    yield "    for i in probabilities.argsort()[::-1][:5]:"
    yield '        print(f"{probabilities[i]:7.2%}  {LABELS[i]}")'


def expanded(body: Body) -> Iterator[tuple[Step, str]]:
    """All calls of the library with the names of their layers, with blocks inlined."""
    for step in body.steps:
        yield from zip(_calls(step), names_of(step, step.label), strict=True)


def _calls(step: Step) -> Iterator[Step]:
    if not isinstance(step.source, Block):
        yield step
        return
    for inner in step.source.body.steps:
        yield from _calls(inner)
