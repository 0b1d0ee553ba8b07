"""Steps as lines of Python: variables and arguments."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...ir.dialects.builtin import Constant
from ...ir.names import unique
from ...ir.ssa import Value
from ..names import VARIABLE, quoted, variable
from .block_names import takes_name
from .blocks import Block
from .dialect import layers, ops
from .dialect.base import KerasLayer, KerasOp
from .dialect.recurrent import Bidirectional, Recurrent
from .layer_names import short_name
from .loops import NAME, NUMBER, Loop, loops_of
from .steps import Body, Numbers, Reference, Step
from .text import INDENT, WIDTH, CallText, listed, slot_text, statement, text_of
from .vocabulary import texts_of_keys


def body_lines(
    body: Body, names: dict[Value, str], functions: Collection[str], prefix: str, result: str
) -> list[str]:
    """The lines of a function's body.

    Args:
        body: its steps.
        names: variables of the inputs; those of the other values are added.
        functions: names that no variable may have: of all blocks, and of a block's parameters.
        prefix: the variable that layers' names begin with in a block; empty in `build`.
        result: the text before the last call: "return " in blocks, or empty.
    """
    return _BodyText(body, names, functions, prefix).lines(result)


class _BodyText:
    """A body as text: which variable each value is."""

    def __init__(
        self, body: Body, names: dict[Value, str], functions: Collection[str], prefix: str
    ) -> None:
        self._body = body
        self._names = names
        self._prefix = prefix
        self._last = body.last_uses()
        self._taken = {*names.values(), *functions}
        self._shared: dict[Step, str] = {}
        self._looping: dict[str, str] = {}

    def lines(self, result: str) -> list[str]:
        lines: list[str] = []
        steps, loops, position = self._body.steps, loops_of(self._body), 0
        while position < len(steps):
            if (loop := loops.get(position)) is not None:
                position = loop.stop
                lines += self._loop(loop)
                if position == len(steps) and result:
                    lines.append(f"{INDENT}{result}{self._names[steps[-1].outputs[0]]}")
                continue
            step, position = steps[position], position + 1
            if step.shared is step:
                name = self._shared[step] = unique(variable(step.label), self._taken, VARIABLE)
                self._taken.add(name)
                lines += statement(f"{name} = ", _layer(step, self._prefix))
            expression = _expression(step, self._names, self._shared, self._prefix)
            if position == len(steps) and result:
                lines += statement(result, expression)
                continue
            for number, value in enumerate(step.outputs):
                self._names[value] = self._variable(value, number, step, position - 1)
            target = ", ".join(self._names[value] for value in step.outputs)
            lines += statement(f"{target} = ", expression)
        return lines

    def _loop(self, loop: Loop) -> list[str]:
        """A loop; all that its calls make has the same name."""
        first, final = loop.calls[0], loop.calls[-1]
        kept = [self._names[value] for value in first.inputs if value is not loop.begin]
        stem = replace(final, label=re.sub(r"_?\d+", "", final.label) or first.source.name)
        name = self._variable(final.outputs[0], 0, stem, loop.stop - 1, kept)
        before = self._names[loop.begin]
        lines = [] if before == name else [f"{INDENT}{name} = {before}"]
        self._names |= {step.outputs[0]: name for step in loop.calls}
        variables = {parameter: self._loop_variable(parameter) for parameter in loop.varying}
        inside = self._names | {loop.begin: name}
        call = _expression(loop.call(variables), inside, {}, self._prefix)
        header = loop_header(loop, variables)
        return [*lines, *header, *statement(f"{name} = ", call, 2 * INDENT)]

    def _loop_variable(self, parameter: str) -> str:
        """What all loops call a parameter that varies; no value may have this name."""
        if parameter not in self._looping:
            self._looping[parameter] = unique(parameter, self._taken, VARIABLE)
            self._taken.add(self._looping[parameter])
        return self._looping[parameter]

    def _variable(
        self, value: Value, number: int, step: Step, position: int, kept: Collection[str] = ()
    ) -> str:
        """`x` for a value that only the next step uses, else the layer's name.

        Args:
            value: a result of the step.
            number: which one.
            step: what makes it.
            position: of the step.
            kept: variables besides those that are read later that must keep their values.
        """
        read = self._last.get(value, position)
        alive = {
            self._names[v]
            for v, until in self._last.items()
            if v in self._names and until > position
        }
        if read == position + 1 and number == 0 and "x" not in {*alive, *kept}:
            return "x"
        name = variable(step.label or _role(step))
        if _is_shortcut(value) and read > position + 1:
            name = "shortcut"
        if number and isinstance(step.source, Recurrent):
            name = _STATES[number - 1]
        if len(name) > _LONG_NAME:
            name = variable(_role(step))
        found = unique(name, self._taken, VARIABLE)
        self._taken.add(found)
        return found


def loop_header(loop: Loop, variables: Mapping[str, str]) -> list[str]:
    """The line that begins a loop, or the lines if the lists are long.

    Args:
        loop: the loop.
        variables: by the parameters that vary.
    """
    slots = {parameter.name: parameter.slot for parameter in loop.calls[0].source.parameters}
    columns = [[slot_text(slots[name], v) for v in values] for name, values in loop.varying.items()]
    if loop.numbers is None:
        columns.insert(0, [quoted(step.label) for step in loop.calls])
    rows = [
        row[0] if len(row) == 1 else f"({', '.join(row)})" for row in zip(*columns, strict=True)
    ]
    numbers, targets = loop.numbers, [*variables.values()]
    if numbers is None:
        targets.insert(0, NAME)
    listing, target = CallText("(", rows, ")"), ", ".join(targets)
    if numbers is None or (rows and not loop.label):
        return statement(f"for {target} in ", listing, after=":")
    if not rows:
        limits = [str(numbers.start), str(numbers.stop)] if numbers.start else [str(numbers.stop)]
        counter = NUMBER if loop.label else "_"
        return statement(f"for {counter} in ", CallText("range(", limits), after=":")
    start = [f"start={numbers.start}"] if numbers.start else []
    target = f"({target})" if len(targets) > 1 else target
    made = CallText("enumerate(", [listing, *start])
    return statement(f"for {NUMBER}, {target} in ", made, after=":")


def _is_shortcut(value: Value) -> bool:
    """Whether a value bypasses a block and is added at its end."""
    return value.has_one_use and isinstance(value.users[0], layers.Add)


_STATES = ("state_h", "state_c")
_LONG_NAME = 40


def _role(step: Step) -> str:
    return step.source.name if isinstance(step.source, Block) else short_name(step.op)


# -- calls -----------------------------------------------------------------------------------------


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
    if step.label == f"{{{NAME}}}" and not prefix:
        return NAME
    if not prefix:
        return f'f"{step.label}"' if "{" in step.label else f'"{step.label}"'
    return f'f"{{{prefix}}}_{step.label}"' if step.label else prefix


def _layer(step: Step, prefix: str) -> CallText:
    """What makes the layer."""
    op = step.op
    assert isinstance(op, KerasLayer)
    positional: list[str] = []
    named: list[str] = []
    for item in op.spec.attributes:
        value = step.slots.get(item.name, op.attributes[item.name])
        if item.name in op.called or (value == item.default and not isinstance(value, Reference)):
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
    if op.listed:
        return [listed(inputs)]
    rest, given = iter(inputs), list[str | CallText]()
    for item in op.spec.operands:
        for value in op.values_of(item.name):
            if item.name not in op.weights and not isinstance(value.op, Constant):
                given.append(f"{item.name}={next(rest)}" if item.name in op.named else next(rest))
    return given + [
        f"{item.name}={text_of(op.attributes[item.name])}"
        for item in op.spec.attributes
        if item.name in op.called and op.attributes[item.name] != item.default
    ]


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
    lines = [*statement("", head, ""), f'{INDENT}"""{_sentence(block)}"""']
    known = dict(zip(body.inputs, names, strict=True))
    taken = {*functions, *(parameter.name for parameter in block.parameters)}
    return lines + body_lines(body, known, taken, "name" if named else "", "return ")


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
