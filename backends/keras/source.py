"""Steps as lines of Python: variables, arguments, line breaks as `ruff format` leaves them."""

import keyword
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...ir.ssa import Value
from ...ir.types import DType
from .blocks import Block, Parameter, input_names
from .dialect import ops
from .dialect.base import KerasLayer, KerasOp
from .steps import Body, Reference, Step, short_name, unique

WIDTH = 88
_INDENT = "    "


def body_lines(body: Body, names: dict[Value, str], prefix: str, result: str) -> list[str]:
    """The lines of a function's body.

    Args:
        body: its steps.
        names: variables of the inputs; those of the other values are added.
        prefix: the variable that layers' names begin with in a block; empty in `build`.
        result: what stands before the last call: "return " in blocks, or empty.
    """
    lines: list[str] = []
    last = body.last_uses()
    taken = set(names.values())
    for position, step in enumerate(body.steps):
        is_last = position == len(body.steps) - 1
        expression = _expression(step, names, prefix)
        if is_last and result:
            lines += statement(result, expression)
            continue
        for value in step.outputs:
            names[value] = _variable(value, step, position, last, names, taken)
        target = ", ".join(names[value] for value in step.outputs)
        lines += statement(f"{target} = ", expression)
    return lines


def _variable(
    value: Value,
    step: Step,
    position: int,
    last: dict[Value, int],
    names: dict[Value, str],
    taken: set[str],
) -> str:
    """`x` for what the next step takes up and nobody else, else what the layer is called."""
    read = last.get(value, position)
    alive = {names[v] for v, until in last.items() if v in names and until > position}
    if read == position + 1 and len(step.outputs) == 1 and "x" not in alive:
        return "x"
    name = identifier(step.label or _role(step))
    found = unique(name, taken)
    taken.add(found)
    return found


def _role(step: Step) -> str:
    return step.source.name if isinstance(step.source, Block) else short_name(step.op)


def identifier(name: str) -> str:
    """A name as a Python variable that hides nothing."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "value"
    found = f"x_{found}" if found[0].isdigit() else found
    hides = keyword.iskeyword(found) or found in ("layers", "ops", "keras", "np", "name", "x")
    return f"{found}_" if hides else found


# -- calls -----------------------------------------------------------------------------------------


class Call:
    """A call to be written: what stands before the arguments, the arguments, what follows."""

    def __init__(self, head: str, arguments: Sequence[str], tail: str = ")") -> None:
        self.head = head
        self.arguments = tuple(arguments)
        self.tail = tail

    def __str__(self) -> str:
        return f"{self.head}{', '.join(self.arguments)}{self.tail}"


def statement(before: str, call: Call, indent: str = _INDENT) -> Iterator[str]:
    """One line, or one line for each argument."""
    whole = f"{indent}{before}{call}"
    if len(whole) <= WIDTH or not call.arguments:
        yield whole
        return
    yield f"{indent}{before}{call.head}"
    for argument in call.arguments:
        yield f"{indent}{_INDENT}{argument},"
    yield f"{indent}{call.tail}"


def _expression(step: Step, names: dict[Value, str], prefix: str) -> Call:
    inputs = [names[value] for value in step.inputs]
    if isinstance(step.source, Block):
        given = [*inputs, *_given(step, step.source)]
        if takes_name(step.source):
            given.append(f"name={_layer_name(step, prefix)}")
        return Call(f"{step.source.name}(", given)
    if isinstance(step.op, KerasLayer):
        return _layer_call(step, step.op, inputs, prefix)
    assert isinstance(step.op, KerasOp)
    return _function_call(step, step.op, inputs)


def takes_name(block: Block) -> bool:
    """Whether a block's layers are named after its calls."""
    return any(
        step.label or (isinstance(step.source, Block) and takes_name(step.source))
        for step in block.body.steps
    )


def _given(step: Step, block: Block) -> Iterator[str]:
    """Arguments of a block's call: those without default by position."""
    for parameter in block.parameters:
        value = step.slots[parameter.name]
        if parameter.default is None:
            yield slot_text(parameter.slot, value)
    for parameter in block.parameters:
        value = step.slots[parameter.name]
        if parameter.default is not None and value != parameter.default:
            yield f"{parameter.name}={slot_text(parameter.slot, value)}"


def _layer_name(step: Step, prefix: str) -> str:
    """A string, or the parameter `name` with what follows."""
    if not prefix:
        return f'"{step.label}"'
    return f'f"{{{prefix}}}_{step.label}"' if step.label else prefix


def _layer_call(step: Step, op: KerasLayer, inputs: list[str], prefix: str) -> Call:
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
    if step.label:
        named.append(f"name={_layer_name(step, prefix)}")
    called = f"[{', '.join(inputs)}]" if op.listed else ", ".join(inputs)
    name = op.call.removeprefix("keras.")
    return Call(f"{name}(", [*positional, *named], f")({called})")


def _function_call(step: Step, op: KerasOp, inputs: list[str]) -> Call:
    values, rest = [], iter(inputs)
    for item in op.spec.operands:
        group: list[str] = []
        for number, _ in enumerate(op.values_of(item.name)):
            constant = step.slots.get(f"{item.name}.{number}")
            group.append(next(rest) if constant is None else text_of(constant))
        values += [f"[{', '.join(group)}]"] if item.name in op.spec.variadic else group
    if isinstance(op, ops.GetItem):
        # Keras takes tuples of slices, not a slice alone.
        key = op.key if ", " in op.key else f"{op.key}, ..."
        return Call(f"{values[0]}[{key}]", (), "")
    if op.infix and not values[0].startswith("np."):
        between = op.infix if op.infix == "**" else f" {op.infix} "
        return Call(f"{values[0]}{between}{values[1]}", (), "")
    given = [
        f"{item.name}={slot_text(item.name, value)}"
        for item in op.spec.attributes
        if (value := step.slots.get(item.name, op.attributes[item.name])) != item.default
    ]
    return Call(f"{op.call.removeprefix('keras.')}(", [*values, *given])


# What layers are told about several dimensions alike: (3, 3) as 3.
_PER_DIMENSION = frozenset(
    (
        *("kernel_size", "pool_size", "strides", "dilation_rate", "padding", "cropping", "size"),
        *("scale", "offset"),
    )
)


def slot_text(slot: str, value: Any) -> str:
    """A number as the argument of that name takes it."""
    while slot in _PER_DIMENSION and isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    return _axis_text(value) if slot == "axis" else text_of(value)


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
            return f'"{value}"'
        case float():
            return _float_text(value)
        case _:
            return str(value)


def _axis_text(value: Any) -> str:
    """One dimension as a number."""
    return text_of(value[0] if isinstance(value, tuple) and len(value) == 1 else value)


def function_lines(block: Block) -> list[str]:
    """The definition of a block."""
    body = block.body
    names = input_names(body)
    required = [p for p in block.parameters if p.default is None]
    optional = [p for p in block.parameters if p.default is not None]
    arguments = [*names]
    arguments += [f"{p.name}: {_type_of(p.values)}" for p in required]
    arguments += ["name: str"] if takes_name(block) else []
    arguments += [
        f"{p.name}: {_type_of((*p.values, p.default))} = {slot_text(p.slot, p.default)}"
        for p in optional
    ]
    lines = [f"def {block.name}({', '.join(arguments)}):"]
    if len(lines[0]) > WIDTH:
        lines = [f"def {block.name}(", f"{_INDENT}{', '.join(arguments)}", "):"]
        if len(lines[1]) > WIDTH:
            lines[1:2] = [f"{_INDENT}{argument}," for argument in arguments]
    lines.append(f'{_INDENT}"""{_sentence(block)}"""')
    known = dict(zip(body.inputs, names, strict=True))
    prefix = "name" if takes_name(block) else ""
    return lines + body_lines(body, known, prefix, "return ")


def _with_default(parameter: Parameter) -> str:
    kind = _type_of((*parameter.values, parameter.default))
    return f"{parameter.name}: {kind} = {slot_text(parameter.slot, parameter.default)}"


def _sentence(block: Block) -> str:
    """What a block does, by its calls."""
    calls = [_role(step).replace("_", " ") for step in block.body.steps]
    text = ", ".join(calls)
    sentence = f"{text[0].upper()}{text[1:]}."
    return (
        sentence if len(sentence) + 10 <= WIDTH else f"{block.name.replace('_', ' ').capitalize()}."
    )


def _type_of(values: Sequence[Any]) -> str:
    kinds = {_plain_type(value) for value in values if not isinstance(value, Reference)}
    return " | ".join(sorted(kinds)) or "int"


def _plain_type(value: Any) -> str:
    if isinstance(value, tuple):
        return _plain_type(value[0]) if len(set(value)) == 1 else "tuple"
    return type(value).__name__


_DIVISORS = (255.0, 127.5, 128.0, 256.0, 127.0)


def _float_text(value: float) -> str:
    """The number; the usual scales of pixels as quotients."""
    for divisor in _DIVISORS:
        if float(np.float32(1 / divisor)) == float(np.float32(value)):
            return f"1 / {divisor:g}"
    return repr(value)
