"""A function as lines of code: calls in the order in which they are written."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.location import InModel, leaves
from ...ir.names import distinct, unique
from ...ir.ssa import Function, Value
from ...ir.types import Array, DType
from ...ir.weights.resources import Resource
from ..calls import CallOp
from ..names import LAYER, words
from .dialect.base import KerasLayer
from .dialect.weighted import Weight
from .shared import layer_of, weights_of, written_of


@dataclass(frozen=True)
class Reference:
    """The text in place of a number: a parameter, or a product with it."""

    text: str


@dataclass(frozen=True)
class Numbers(Reference):
    """The text of an array, and what it lists: texts of numbers, or lists of them."""

    items: tuple[Any, ...]
    dtype: str


@dataclass(eq=False)
class Step:
    """One call.

    Attributes:
        kind: two steps are the same code, except for their slots, if their kinds are equal.
        inputs: the values that it is called with; constants are slots or weights.
        outputs: its results.
        slots: values that may differ between repetitions, by the attribute's name.
        label: the layer's name; empty for functions.
        source: the op, or the block that is called.
        shared: the first step that calls this layer, if several do; it makes the layer.
    """

    kind: Hashable
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    slots: dict[str, Any]
    label: str
    source: Any
    shared: "Step | None" = None

    @property
    def makes_layer(self) -> bool:
        """Whether it makes the layer that it calls."""
        return self.is_layer and self.shared in (None, self)

    @property
    def is_layer(self) -> bool:
        return isinstance(self.source, KerasLayer)

    @property
    def has_weights(self) -> bool:
        return isinstance(self.source, CallOp) and bool(weights_of(self.source))

    @property
    def op(self) -> CallOp:
        """The op of a step that calls the library."""
        assert isinstance(self.source, CallOp)
        return self.source


@dataclass
class Body:
    """Steps in order, with their inputs and results."""

    inputs: tuple[Value, ...]
    steps: list[Step] = field(default_factory=list[Step])
    results: tuple[Value, ...] = ()

    def last_uses(self) -> dict[Value, int]:
        """The last use of each value; results are used after all steps."""
        found = {value: i for i, step in enumerate(self.steps) for value in step.inputs}
        return found | dict.fromkeys(self.results, len(self.steps))


def steps_of(function: Function) -> Body:
    """The calls of a lowered function, along its chains, whatever the model's names and order."""
    steps = [_step(op) for op in _ordered(function)]
    _share(steps)
    _label(function, steps)
    return Body(tuple(function.arguments), steps, tuple(function.results))


def _ordered(function: Function) -> Iterator[CallOp]:
    """Depth first from the results: a chain stays together, and the first operand's comes first."""
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_edges_from((function, value.op) for value in function.results if value.op)
    for op in function.walk():
        made = (value.op for value in op.operands if value.op is not None)
        graph.add_edges_from((op, producer) for producer in made)
    if function not in graph:
        return
    for op in nx.dfs_postorder_nodes(graph, function):
        if isinstance(op, CallOp):
            yield op


def _share(steps: list[Step]) -> None:
    """Find calls of one layer. No block repeats them: each of its calls would make a layer."""
    layers: dict[Hashable, list[Step]] = {}
    for step in steps:
        if step.has_weights:
            layers.setdefault(layer_of(step.op), []).append(step)
    for first, *others in layers.values():
        for step in (first, *others) if others else ():
            step.shared, step.kind = first, step


# Numbers that distinguish blocks: a convolution of single pixels differs from one of windows.
_FIXED = ("kernel_size", "pool_size", "axis", "axes", "dims")


def _step(op: CallOp) -> Step:
    written = written_of(op)
    held = {*weights_of(op), *written}
    slots: dict[str, Any] = {}
    kind: list[Hashable] = [type(op), len(held), *map(_contents, written)]
    for item in op.spec.attributes:
        value = op.attributes[item.name]
        varies = item.name not in _FIXED and not isinstance(value, bool)
        if varies and isinstance(value, int | float | tuple):
            slots[item.name] = value
        else:
            kind.append((item.name, value))
    inputs: list[Value] = []
    for item in op.spec.operands:
        group = op.values_of(item.name)
        kind.append(len(group))
        for number, value in enumerate(group):
            if value in held:
                continue
            if isinstance(value.op, Constant):
                slots[f"{item.name}.{number}"] = literal(value.op)
                kind.append("constant")
            else:
                inputs.append(value)
    return Step(tuple(kind), tuple(inputs), tuple(op.results), slots, "", op)


def _contents(value: Value) -> Hashable:
    assert isinstance(value.op, Constant)
    return value.op.value.merge_key


def literal(op: Constant) -> Any:
    """A constant as a Python number, or the text of an array."""
    array = op.value.array()
    if array.ndim == 0:
        return array.item()
    if (text := _progression(array)) is not None:
        return Reference(text)
    if array.size == 0 or _is_blank(op.value):
        shape = array.size if array.ndim == 1 else array.shape
        return Reference(f'np.zeros({shape}, "{array.dtype.name}")')
    items, dtype = _listed(array), array.dtype.name
    return Numbers(f'np.array({_text(items)}, "{dtype}")', items, dtype)


def _listed(array: Array) -> Any:
    """The texts of an array's elements; of a float32, the shortest that is read as that."""
    if array.ndim:
        return tuple(map(_listed, array))
    number = float(str(array)) if array.dtype == np.float32 else array.item()
    return re.sub(r"\b(inf|nan)\b", r"np.\1", repr(number))


def _text(items: Any) -> str:
    return items if isinstance(items, str) else f"[{', '.join(map(_text, items))}]"


_FEW = 8  # how many elements of a constant are written into the code


def is_written(op: Constant) -> bool:
    """Whether a constant's numbers are written into the code; others are weights."""
    if op.value.size <= _FEW or _is_blank(op.value):
        return True
    return op.value.type.dtype is DType.I32 and _progression(op.value.array()) is not None


def _is_blank(data: Resource) -> bool:
    """Whether it is many zeros, which no training changes."""
    return data.size > _FEW and not data.is_weight and not np.any(data.array())


def _progression(array: Array) -> str | None:
    """The text of an array of equally spaced whole numbers."""
    if array.dtype != np.int32 or array.size <= 2 or max(array.shape) != array.size:
        return None
    first, second = (int(number) for number in array.ravel()[:2])
    step = second - first
    if step <= 0 or not np.array_equal(array.ravel(), first + step * np.arange(array.size)):
        return None
    limits = (first, first + step * array.size, step)
    shown = limits[1:2] if (first, step) == (0, 1) else limits[:2] if step == 1 else limits
    text = f'np.arange({", ".join(map(str, shown))}, dtype="int32")'
    return text if array.ndim == 1 else f"{text}.reshape({array.shape})"


def _label(function: Function, steps: list[Step]) -> None:
    """Give every layer a name that the model has for it; those with weights choose first."""
    layers = [step for step in steps if step.makes_layer]
    names = {step: _names_of(step.op) for step in layers}
    prefix = _shared_prefix([given[0] for given in names.values() if given])
    taken = {*input_layers(function, steps)}
    functions = _functions(steps)
    for step in sorted(layers, key=lambda step: not step.has_weights):
        given = [name.removeprefix(prefix) for name in names[step]]
        short = short_name(step.op)
        free = [
            name
            for name in given
            if name and name not in taken and _NUMBER.sub("", name) not in functions
        ]
        label = next((name for name in free if short in name.lower()), free[0] if free else "")
        other = f"{given[0]}_{short}" if given else f"{short}_layer"
        step.label = label or unique(other, taken, LAYER)
        taken.add(step.label)


def input_layers(function: Function, steps: Sequence[Step]) -> list[str]:
    """The names of the layers that a function's arguments are."""
    functions = _functions(steps)

    def takes(name: str) -> bool:
        return bool(LAYER.takes(name)) and _NUMBER.sub("", name) not in functions

    names = [value.name for value in function.arguments]
    return distinct(replace(LAYER, takes=takes), names, "input")


_NUMBER = re.compile(r"_\d+$")


def _functions(steps: Sequence[Step]) -> set[str]:
    """What Keras calls functions, and numbers: no layer may have such a name."""
    return {short_name(step.op) for step in steps if not step.is_layer}


def _names_of(op: CallOp) -> list[str]:
    """The model's names of the elements that an op comes from, the most suitable first.

    This is the owner of its weights; then, for layers with weights, the first element, and for
    others the last, because elements that were merged into an op come before it.
    """
    parts = leaves(op.location)
    held = [value.op.value.name for value in weights_of(op) if isinstance(value.op, Constant)]
    ordered = parts if held else reversed(parts)
    names = [part.name for part in ordered if isinstance(part, InModel)]
    if isinstance(op, Weight):
        names = [*held, *names]
    owners = [name for name in names if any(weight.startswith(name) for weight in held)]
    clean = [_plain(name) for name in (*owners, *names)]
    owner = "" if isinstance(op, Weight) else _owner([_plain(name) for name in held])
    return [name for name in (owner, *clean) if name]


_ROLE = re.compile(r"_(weights?|kernel|bias|gamma|beta|alpha)$")
_NOBODY = re.compile(r"(const|op|var|weights?|kernel|bias|input|w|b)?(_?\d+)*_?")


def _owner(weights: list[str]) -> str:
    """The module that owns these weights: the prefix of their names, unless it is a number."""
    roles = {_ROLE.sub("", name) for name in weights}
    found = roles.pop() if len(roles) == 1 else common_prefix(weights)
    return "" if found in weights or _NOBODY.fullmatch(found) else found


def common_prefix(labels: Sequence[str]) -> str:
    """The common label, or the common prefix of all labels up to an underscore."""
    ended = sorted(f"{label}_" for label in labels)
    first, last = (ended[0], ended[-1]) if ended else ("", "")
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same].rpartition("_")[0]


# Suffixes that exporters append to names of layers: TensorFlow's kernels, Core ML's precisions.
_DECORATION = re.compile(
    r"(_to_fp16|_to_fp32|_cast|_cast_fp16|_cast_fp32|_1_[A-Z]\w*?|_1_(convolution\w*|concat|add|mul)"
    r"|_1_batchnorm_\w+|_1_conv_transposex?)+$"
)


def _plain(name: str) -> str:
    """A name in Keras's form, without decoration."""
    return _DECORATION.sub("", words(name))


def _shared_prefix(names: list[str]) -> str:
    """The prefix of most names up to an underscore: the name of the whole network."""
    firsts = Counter(name[: match.end()] for name in names for match in re.finditer("_", name))
    shared = [
        prefix
        for prefix, count in firsts.items()
        if count > _MOST * len(names)
        and not any(
            re.match(rf"{prefix}\d", name) for name in names
        )  # for "block_1", it is "block"
    ]
    return max(shared, key=len, default="")


_MOST = 0.8


_SHORT = {
    "BatchNormalization": "bn",
    "LayerNormalization": "norm",
    "GroupNormalization": "norm",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "separable",
    "MaxPooling": "pool",
    "AveragePooling": "pool",
    "GlobalAveragePooling": "pool",
    "GlobalMaxPooling": "pool",
    "ZeroPadding": "pad",
    "Cropping": "crop",
    "UpSampling": "upsample",
    "Concatenate": "concat",
    "ReLU": "relu",
    "LeakyReLU": "relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "Embedding": "embedding",
    "LSTM": "lstm",
    "GRU": "gru",
    "SimpleRNN": "rnn",
    "DotProductAttention": "attention",
    "MultiHeadAttention": "attention",
}


def short_name(op: CallOp) -> str:
    """The usual name of a layer of this kind."""
    name = op.call.rpartition(".")[2]
    dims = re.fullmatch(r"(\w+?)[123]D(\w*)", name)
    if name in _SHORT:
        return _SHORT[name]
    plain = dims[1] + dims[2] if dims else name
    if plain in _SHORT:
        return _SHORT[plain]
    if name == "Activation":
        return str(op.attributes["activation"])
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
