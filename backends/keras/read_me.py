"""The README beside generated code: what it was made of, what it takes, how to go on with it."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from ...ir.interface import Argument, Description
from ...ir.ssa import Function, Module, Value
from ...ir.types import DType
from ..names import one_line_each, quoted
from .file_names import CHECK, CODE, NUMBERS

_WIDTH = 100
_ABOUT = {"author": "Author", "license": "License", "versionString": "Version"}
_SIGNS = re.compile(r"([\\`*_<>|\[\]])")  # what Markdown reads as more than a letter


def read_me_text(
    module: Module,
    layers: Sequence[str],
    *,
    source: str,
    custom_objects: Sequence[str],
    problem: str | None,
) -> str:
    """The text of `README.md`.

    Args:
        module: the lowered module.
        layers: the names of the layers that its inputs are.
        source: the name of the model's file; empty if it was in memory.
        custom_objects: classes of the code that a `.keras` file needs.
        problem: why there is no test; empty if there is one, None if nobody wants one.
    """
    function = module.main
    sections = [
        "\n".join(_head(module, source)),
        "\n".join(_interface(function, layers)),
        "\n".join(_use(function, custom_objects)),
    ]
    if problem is not None:
        sections.append("\n".join(_check(problem)))
    return "\n\n".join(sections) + "\n"


def _head(module: Module, source: str) -> Iterator[str]:
    yield f"# {_plain(module.name)}"
    yield ""
    made_of = f"the Core ML model `{_code(source)}`" if source else "a Core ML model"
    yield f"Keras code, made of {made_of} by cmlc."
    facts = [(title, module.attributes.get(key)) for key, title in _ABOUT.items()]
    known = [f"{title}: {_plain(str(text))}" for title, text in facts if text]
    if text := module.attributes.get("shortDescription"):
        known.insert(0, _plain(str(text)))
    for line in known:
        yield ""
        yield from textwrap.wrap(line, _WIDTH, break_long_words=False)


def _interface(function: Function, layers: Sequence[str]) -> Iterator[str]:
    yield "| | name | shape | dtype | |"
    yield "|-|------|-------|-------|-|"
    for value, known, layer in zip(function.arguments, function.inputs, layers, strict=True):
        yield _row("input", layer, value, _what_is_given(value, known))
    outputs = zip(function.result_names, function.results, function.outputs, strict=True)
    for name, value, known in outputs:
        yield _row("output", name, value, _what_is_found(function, name, known))


def _row(kind: str, name: str, value: Value, what: str) -> str:
    dims = ["None" if not isinstance(dim, int) else str(dim) for dim in value.type.shape]
    shape = f"({', '.join(dims)}{',' * (len(dims) == 1)})"
    dtype = "text" if value.type.dtype is DType.STR else value.type.dtype.numpy.name
    return f"| {kind} | `{_code(name)}` | `{shape}` | {dtype} | {what} |"


def _what_is_given(value: Value, known: Argument) -> str:
    if known.kind == "image":
        color = "gray" if known.color == "GRAYSCALE" else "red, green, blue"
        return f"pictures: {color}, from 0 to 255; {CODE} scales them"
    return "may be 0 everywhere" if known.optional and not known.default else ""


def _what_is_found(function: Function, name: str, known: Description) -> str:
    labels = len(function.classifier.class_labels)
    if name == function.classifier.predicted_probabilities and labels:
        return f"probabilities of {labels} classes, `LABELS` in {CODE}"
    if name == function.classifier.predicted_feature and labels:
        return f"the position of the class in `LABELS` of {CODE}"
    return "a picture, from 0 to 255" if known.kind == "image" else ""


def _use(function: Function, custom_objects: Sequence[str]) -> Iterator[str]:
    several = len(function.arguments) > 1
    given = "[" + ", ".join(f"x{i}" for i, _ in enumerate(function.arguments)) + "]"
    x = given if several else "x"
    yield "```python"
    if len(function.results) > 1:
        yield "import keras"
    yield f"from {CODE.removesuffix('.py')} import load"
    yield ""
    yield "model = load()  # build() is the same network with fresh weights"
    if _takes_batches(function):
        yield f"found = model.predict({x})"
        yield from _training(function, x)
    else:
        yield f"found = model({x})  # its first dimensions are not those of one batch"
    yield ""
    needed = f"  # to load it, import {', '.join(custom_objects)} from here"
    yield f'model.save("model.keras"){needed if custom_objects else ""}'
    yield 'model.export("model")  # a SavedModel; on TensorFlow also format="litert", "onnx"'
    yield "```"
    if (size := _fixed_batch(function)) is not None:
        yield ""
        yield f"It takes batches of {size}. Code for any batch: `cmlc --batch=dynamic`."


def _training(function: Function, x: str) -> Iterator[str]:
    """Lines that train what can be trained towards."""
    rows = zip(function.result_names, function.results, strict=True)
    names = [name for name, value in rows if value.type.dtype.is_float]
    if not names:
        return
    wanted = function.classifier.predicted_probabilities
    name = wanted if wanted in names else names[0]
    loss = "sparse_categorical_crossentropy" if name == wanted else "mse"
    trained = "model"
    if len(function.results) > 1:
        trained = "trained"
        yield f"trained = keras.Model(model.input, model.output[{quoted(name)}])"
    yield f'{trained}.compile("adam", "{loss}")'
    size = _fixed_batch(function)
    batch = "" if size is None else f", batch_size={size}"
    yield f"{trained}.fit({x}, y, epochs=10{batch})"


def _takes_batches(function: Function) -> bool:
    """Whether all inputs and outputs begin with the same dimension."""
    values = (*function.arguments, *function.results)
    firsts = {value.type.shape[:1] for value in values}
    return len(firsts) == 1 and () not in firsts


def _fixed_batch(function: Function) -> int | None:
    """The number of entries in a batch, if it is fixed."""
    first = function.arguments[0].type.shape[:1] if _takes_batches(function) else ()
    return first[0] if first and isinstance(first[0], int) else None


def _check(problem: str) -> Iterator[str]:
    if problem:
        yield f"There is no {CHECK}: {_plain(problem)}."
        return
    yield f"`pytest` runs `{CHECK}`, which compares what the code computes with numbers of the"
    yield f"Core ML model, in `{NUMBERS}`: run it after editing the code."


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    (line,) = one_line_each([" ".join(text.split())])
    return _SIGNS.sub(r"\\\1", line)


def _code(text: str) -> str:
    """Text between backticks, in a table as well."""
    (line,) = one_line_each([text])
    return line.replace("`", "'").replace("|", "\\|")
