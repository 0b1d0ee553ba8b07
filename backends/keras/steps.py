"""A function as lines of code: calls in the order in which they are written."""

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.dims import Shape
from ...ir.names import distinct, unique
from ...ir.ssa import Function, Value
from ...ir.types import Array, DType
from ...ir.weights.resources import Resource
from ..calls import CallOp
from ..names import LAYER
from .dialect.base import KerasLayer
from .layer_names import (
    is_composed,
    names_of,
    owner_of,
    shared_prefix,
    short_name,
    without,
)
from .order import in_order
from .shared import layer_of, weights_of, written_of


@dataclass(frozen=True)
class Reference:
    """The text in place of a number: a parameter, or what is computed of one."""

    text: str


@dataclass(frozen=True)
class Literal:
    """The text of a constant that is not a single number; it is the same in all repetitions."""

    text: str


@dataclass(frozen=True)
class Numbers(Literal):
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
        stands_for: the steps that the call of a block took the place of.
    """

    kind: Hashable
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    slots: dict[str, Any]
    label: str
    source: Any
    shared: "Step | None" = None
    stands_for: "tuple[Step, ...]" = ()

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
    def is_owned(self) -> bool:
        """Whether the model tells whose its weights are."""
        return self.has_weights and bool(owner_of(self.op))

    @property
    def op(self) -> CallOp:
        """The op of a step that calls the library."""
        assert isinstance(self.source, CallOp)
        return self.source


@dataclass
class Body:
    """Steps in order, with their inputs and results.

    Attributes:
        shapes: of a function that is called several times, the shapes of its values in each call.
    """

    inputs: tuple[Value, ...]
    steps: list[Step] = field(default_factory=list[Step])
    results: tuple[Value, ...] = ()
    shapes: dict[Value, tuple[Shape, ...]] = field(default_factory=dict[Value, tuple[Shape, ...]])

    def shapes_of(self, value: Value) -> tuple[Shape, ...]:
        """The shapes that a value of this body has, in as many calls as there are."""
        return self.shapes.get(value, (value.type.shape,))

    def uses(self) -> Counter[Value]:
        """How often each value is used, as an operand or as a result."""
        read = (value for step in self.steps for value in step.inputs)
        return Counter([*read, *self.results])

    @property
    def values(self) -> list[Value]:
        """Its inputs and all results of its steps, in order."""
        return [*self.inputs, *(value for step in self.steps for value in step.outputs)]

    def last_uses(self) -> dict[Value, int]:
        """The last use of each value; results are used after all steps."""
        found = {value: i for i, step in enumerate(self.steps) for value in step.inputs}
        return found | dict.fromkeys(self.results, len(self.steps))


def steps_of(function: Function) -> Body:
    """The calls of a lowered function, along its chains, whatever the model's names and order."""
    steps = [_step(op) for op in in_order(function)]
    _share(steps)
    _label(function, steps)
    return Body(tuple(function.arguments), steps, tuple(function.results))


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
        value = shortest(value) if isinstance(value, float) else value
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
                found = slots[f"{item.name}.{number}"] = literal(value.op)
                kind.append(found if isinstance(found, Literal) else "constant")
            else:
                inputs.append(value)
    return Step(tuple(kind), tuple(inputs), tuple(op.results), slots, "", op)


def _contents(value: Value) -> Hashable:
    assert isinstance(value.op, Constant)
    return value.op.value.merge_key


def shortest(number: float) -> float:
    """The number with the fewest digits that is the same in float32, in which Keras computes."""
    single = np.float32(number)
    return float(str(single)) if np.isfinite(single) else number


def literal(op: Constant) -> Any:
    """A constant as a Python number, or the text of an array."""
    array = op.value.array()
    if array.ndim == 0:
        return shortest(array.item()) if array.dtype == np.float32 else array.item()
    if (text := _progression(array)) is not None:
        return Literal(text)
    if array.size == 0 or _is_blank(op.value):
        shape = array.size if array.ndim == 1 else array.shape
        return Literal(f'np.zeros({shape}, "{array.dtype.name}")')
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
    """Whether it is many zeros, none of them negative, which no training changes."""
    if data.size <= _FEW or data.is_weight or data.type.dtype is DType.STR:
        return False
    array = data.array()
    return not np.any(array) and not (array.dtype.kind == "f" and np.any(np.signbit(array)))


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
    names = {step: names_of(step.op) for step in layers}
    owned = [names[step] for step in layers if step.is_owned]
    prefix = shared_prefix([given[0] for given in owned or names.values() if given])
    taken = {*input_layers(function, steps)}
    functions = _functions(steps)
    for step in sorted(layers, key=lambda step: not step.has_weights):
        given = [without(prefix, name) for name in names[step]]
        short = short_name(step.op)
        free = [
            name
            for name in given
            if name and name not in taken and _NUMBER.sub("", name) not in functions
        ]
        label = next((name for name in free if short in name.lower()), free[0] if free else "")
        other = f"{given[0]}_{short}" if given else f"{short}_layer"
        if is_composed(step.op) and short not in label.lower():
            label, other = "", f"{short}_layer" if short in functions else short
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
