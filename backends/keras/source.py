"""Steps as lines of Python: variables, arguments, and line breaks as `ruff format` has them."""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...ir.dialects.builtin import Constant
from ...ir.names import unique
from ...ir.ssa import Value
from ...ir.types import DType
from ..names import VARIABLE, quoted, variable
from .block_names import takes_name
from .blocks import Block
from .definitions import DEFINITIONS
from .dialect import layers, ops
from .dialect.base import KerasLayer, KerasOp
from .dialect.recurrent import Bidirectional, Recurrent
from .steps import Body, Numbers, Reference, Step, short_name
from .vocabulary import texts_of_keys

WIDTH = 88
_INDENT = "    "


def body_lines(
    body: Body, names: dict[Value, str], functions: Collection[str], prefix: str, result: str
) -> list[str]:
    """The lines of a function's body.

    Args:
        body: its steps.
        names: variables of the inputs; those of the other values are added.
        functions: names of all blocks, which no variable may have.
        prefix: the variable that layers' names begin with in a block; empty in `build`.
        result: the text before the last call: "return " in blocks, or empty.
    """
    lines: list[str] = []
    last = body.last_uses()
    taken = {*names.values(), *functions}
    shared: dict[Step, str] = {}
    for position, step in enumerate(body.steps):
        is_last = position == len(body.steps) - 1
        if step.shared is step:
            shared[step] = unique(variable(step.label), taken, VARIABLE)
            taken.add(shared[step])
            lines += statement(f"{shared[step]} = ", _layer(step, prefix))
        expression = _expression(step, names, shared, prefix)
        if is_last and result:
            lines += statement(result, expression)
            continue
        for number, value in enumerate(step.outputs):
            names[value] = _variable(value, number, step, position, last, names, taken)
        target = ", ".join(names[value] for value in step.outputs)
        lines += statement(f"{target} = ", expression)
    return lines


def _variable(
    value: Value,
    number: int,
    step: Step,
    position: int,
    last: dict[Value, int],
    names: dict[Value, str],
    taken: set[str],
) -> str:
    """`x` for a value that only the next step uses, else the layer's name."""
    read = last.get(value, position)
    alive = {names[v] for v, until in last.items() if v in names and until > position}
    if read == position + 1 and number == 0 and "x" not in alive:
        return "x"
    name = variable(step.label or _role(step))
    if _is_shortcut(value) and read > position + 1:
        name = "shortcut"
    if number and isinstance(step.source, Recurrent):
        name = _STATES[number - 1]
    if len(name) > _LONG_NAME:
        name = variable(_role(step))
    found = unique(name, taken, VARIABLE)
    taken.add(found)
    return found


def _is_shortcut(value: Value) -> bool:
    """Whether a value bypasses a block and is added at its end."""
    return value.has_one_use and isinstance(value.users[0], layers.Add)


_STATES = ("state_h", "state_c")
_LONG_NAME = 40


def _role(step: Step) -> str:
    return step.source.name if isinstance(step.source, Block) else short_name(step.op)


# -- calls -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallText:
    """A call to be written: the text before the arguments, the arguments, and what follows.

    Another call may follow, as in `layers.Dense(4)(x)`.
    """

    head: str
    arguments: "Sequence[str | CallText]"
    tail: str = ")"
    following: "CallText | None" = None

    @property
    def is_call(self) -> bool:
        """Whether it isn't a list, a tuple or a dictionary: those have one line for each item."""
        return self.head.endswith("(") and self.head != "("

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.arguments))
        return f"{self.head}{inside}{self.tail}{self.following or ''}"


def listed(items: "Sequence[str | CallText]") -> CallText:
    """[a, b]."""
    return CallText("[", items, "]")


def statement(
    before: str, item: str | CallText, indent: str = _INDENT, after: str = ""
) -> list[str]:
    """One line, or several with the arguments of calls that don't fit on one."""
    whole = f"{indent}{before}{item}{after}"
    if len(whole) <= WIDTH or isinstance(item, str) or not (item.arguments or item.following):
        return [whole]
    following, apart = item.following, False
    if following is not None:
        first = str(CallText(item.head, item.arguments, item.tail))
        apart = len(f"{indent}{before}{first}{following.head}") <= WIDTH
        if apart and isinstance(following.arguments[0], CallText):
            return statement(f"{before}{first}", following, indent, after)
    lines = [f"{indent}{before}{item.head}"]
    together = f"{indent}{_INDENT}{', '.join(map(str, item.arguments))}"
    # If only what follows doesn't fit, the formatter would break that; commas prevent it.
    if len(together) <= WIDTH and len(item.arguments) > 1 and item.is_call and not apart:
        lines.append(together)
    else:
        for argument in item.arguments:
            lines += statement("", argument, indent + _INDENT, ",")
    if following is None:
        return [*lines, f"{indent}{item.tail}{after}"]
    return lines + statement(item.tail, following, indent, after)


def _expression(
    step: Step, names: dict[Value, str], shared: dict[Step, str], prefix: str
) -> CallText:
    inputs = [names[value] for value in step.inputs]
    if isinstance(step.source, Block):
        given = [*inputs, *_given(step, step.source)]
        if takes_name(step):
            given.append(f"name={_layer_name(step, prefix)}")
        return CallText(f"{step.source.name}(", given)
    if isinstance(step.op, KerasLayer):
        given = _layer_inputs(step.op, inputs)
        if step.shared is not None:
            return CallText(f"{shared[step.shared]}(", given)
        return replace(_layer(step, prefix), following=CallText("(", given))
    assert isinstance(step.op, KerasOp)
    return _function_call(step, step.op, inputs)


def _given(step: Step, block: Block) -> Iterator[str]:
    """Arguments of a block's call; those without a default are positional."""
    for parameter in block.parameters:
        value = step.slots[parameter.name]
        if parameter.default is None:
            yield slot_text(parameter.slot, value)
    for parameter in block.parameters:
        value = step.slots[parameter.name]
        if parameter.default is not None and value != parameter.default:
            yield f"{parameter.name}={slot_text(parameter.slot, value)}"


def _layer_name(step: Step, prefix: str) -> str:
    """A string, or the parameter `name` with a suffix."""
    if not prefix:
        return f'"{step.label}"'
    return f'f"{{{prefix}}}_{step.label}"' if step.label else prefix


def _layer(step: Step, prefix: str) -> CallText:
    """What makes the layer."""
    op = step.op
    assert isinstance(op, KerasLayer)
    positional: list[str] = []
    named: list[str] = []
    for item in op.spec.attributes:
        value = step.slots.get(item.name, op.attributes[item.name])
        if value == item.default and not isinstance(value, Reference):
            continue
        if item.name in op.positional:
            positional.append(slot_text(item.name, value))
        else:
            named.append(f"{item.name}={slot_text(item.name, value)}")
    name = op.call.removeprefix("keras.")
    vocabularies = (CallText(*text) for text in texts_of_keys(op))
    given: list[str | CallText] = [*positional, *vocabularies, *named]
    if isinstance(op, Bidirectional):
        given = [CallText(f"{op.inner.removeprefix('keras.')}(", given)]
    given.append(f"name={_layer_name(step, prefix)}")
    return CallText(f"{name}(", given)


def _layer_inputs(op: KerasLayer, inputs: list[str]) -> list[str | CallText]:
    """What it is called with."""
    if isinstance(op, Recurrent) and len(inputs) > 1:
        return [inputs[0], f"initial_state=[{', '.join(inputs[1:])}]"]
    return [listed(inputs)] if op.listed else [*inputs]


def _function_call(step: Step, op: KerasOp, inputs: list[str]) -> CallText:
    values, rest = list[str | CallText](), iter(inputs)
    for item in op.spec.operands:
        group: list[str | CallText] = []
        for number, value in enumerate(op.values_of(item.name)):
            constant = step.slots.get(f"{item.name}.{number}")
            text = next(rest) if constant is None else _operand_text(constant, op)
            if constant is not None and item.name in op.spec.variadic and not value.type.rank:
                text = f"np.array({text}, {text_of(value.type.dtype)})"  # lists need tensors
            group.append(text)
        if item.name in op.spec.variadic:
            values.append(listed(group))
        elif item.default is None:
            values += [_named(item.name, value) for value in group]
        else:
            values += group
    if isinstance(op, ops.Getitem):
        # Keras takes tuples of slices, not a single slice.
        key = op.key if ", " in op.key else f"{op.key}, ..."
        return CallText(f"{values[0]}[{key}]", (), "")
    if op.infix and not _is_array(op.operands[0]) and not _is_negated(op, values[0]):
        between = op.infix if op.infix == "**" else f" {op.infix} "
        if isinstance(values[1], CallText):
            return replace(values[1], head=f"{values[0]}{between}{values[1].head}")
        return CallText(f"{values[0]}{between}{values[1]}", (), "")
    given = [
        f"{item.name}={slot_text(item.name, value)}"
        for item in op.spec.attributes
        if (value := step.slots.get(item.name, op.attributes[item.name])) != item.default
    ]
    return CallText(f"{op.call.removeprefix('keras.')}(", [*values, *given])


def _named(name: str, value: str | CallText) -> str | CallText:
    """An argument by its name."""
    return (
        f"{name}={value}" if isinstance(value, str) else replace(value, head=f"{name}={value.head}")
    )


def _operand_text(constant: Any, op: KerasOp) -> str | CallText:
    """A constant operand; products are in parentheses next to an operator."""
    if isinstance(constant, Numbers):
        return CallText("np.array(", [_nested(constant.items), quoted(constant.dtype)])
    text = text_of(constant)
    return f"({text})" if op.infix and " * " in text and not text.startswith("np.") else text


def _nested(items: Any) -> str | CallText:
    return items if isinstance(items, str) else listed([*map(_nested, items)])


def _is_array(value: Value) -> bool:
    """Whether the code has a numpy array there, whose operators don't accept Keras's tensors."""
    return isinstance(value.op, Constant) and value.type.rank > 0


def _is_negated(op: KerasOp, base: str | CallText) -> bool:
    """Whether the operator binds tighter than the number's sign: -2**x is -(2**x)."""
    return op.infix == "**" and str(base).startswith("-")


# Arguments that layers accept as one number for several dimensions: (3, 3) as 3.
_PER_DIMENSION = frozenset(
    (
        *("kernel_size", "pool_size", "strides", "dilation_rate", "size"),
        *("scale", "offset"),
    )
)


def slot_text(slot: str, value: Any) -> str:
    """A number in the form of the argument of that name."""
    match slot, value:
        case (("padding" | "cropping"), tuple()):
            return text_of(_border(value))
        case _, (first, *others) if slot in _PER_DIMENSION and set(others) <= {first}:
            return _quotient_text(first) if slot == "scale" else text_of(first)
        case "axis", (only,):
            return text_of(only)
        case _, str() if value in DEFINITIONS:
            return value
        case _:
            return text_of(value)


def _border(pairs: Sequence[tuple[int, int]]) -> Any:
    """(before, after) of each dimension, as Keras abbreviates them."""
    if len({amount for pair in pairs for amount in pair}) == 1:
        return pairs[0][0]
    if len(pairs) == 1:
        return pairs[0]
    symmetric = all(low == high for low, high in pairs)
    return tuple(low for low, _ in pairs) if symmetric else pairs


def text_of(value: Any) -> str:
    """A number, string or tuple as people write it."""
    match value:
        case Reference(text):
            return text
        case tuple():
            items = ", ".join(map(text_of, value))
            return f"({items},)" if len(value) == 1 else f"({items})"
        case DType():
            return f'"{value.numpy.name}"'
        case str():
            return quoted(value)
        case float() if not math.isfinite(value):
            return f"np.{value}" if value > 0 or value != value else "-np.inf"
        case float():
            return re.sub(r"e([-+])0", r"e\1", repr(value))
        case _:
            return str(value)


def function_lines(block: Block, functions: Collection[str]) -> list[str]:
    """The definition of a block: its inputs, its sizes, the name of its layers."""
    body = block.body
    names = block.inputs
    required = [p for p in block.parameters if p.default is None]
    optional = [p for p in block.parameters if p.default is not None]
    named = any(map(takes_name, body.steps))
    arguments: list[str | CallText] = [f"{name}: KerasTensor" for name in names]
    arguments += [f"{p.name}: {_type_of(p.values)}" for p in required]
    arguments += [
        f"{p.name}: {_type_of((*p.values, p.default))} = {slot_text(p.slot, p.default)}"
        for p in optional
    ]
    arguments += ["*"] if named and optional else []
    arguments += ["name: str"] if named else []
    head = CallText(f"def {block.name}(", arguments, ") -> KerasTensor:")
    lines = [*statement("", head, ""), f'{_INDENT}"""{_sentence(block)}"""']
    known = dict(zip(body.inputs, names, strict=True))
    return lines + body_lines(body, known, functions, "name" if named else "", "return ")


_WORDS = {
    "bn": "batch norm",
    "relu": "ReLU",
    "depthwise": "depthwise conv",
    "separable": "separable conv",
    "conv_transpose": "transposed conv",
    "norm": "norm",
    "concat": "concatenation",
}


def _sentence(block: Block) -> str:
    """A block's docstring, by its calls."""
    roles = map(_role, block.body.steps)
    text = ", ".join(_WORDS.get(role, role.replace("_", " ")) for role in roles)
    sentence = f"{text[0].upper()}{text[1:]}."
    plain = f"{block.name.replace('_', ' ').capitalize()}."
    return sentence if len(sentence) + 10 <= WIDTH else plain


def _type_of(values: Sequence[Any]) -> str:
    kinds = {_plain_type(value) for value in values if not isinstance(value, Reference)}
    return " | ".join(sorted(kinds)) or "int"


def _plain_type(value: Any) -> str:
    if isinstance(value, tuple):
        return _plain_type(value[0]) if len(set(value)) == 1 else "tuple"
    return type(value).__name__


_DIVISORS = (255.0, 127.5, 128.0, 256.0, 127.0)


def _quotient_text(value: float) -> str:
    """The number; the usual scales of pixels as quotients."""
    for divisor in _DIVISORS:
        if float(np.float32(1 / divisor)) == float(np.float32(value)):
            return f"1 / {divisor:g}"
    return repr(value)
