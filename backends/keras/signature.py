"""The parameters of a block: the differences of its repetitions, in as few numbers as possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...ir.names import unique
from ..names import VARIABLE
from .blocks import Block, Parameter
from .steps import Reference, Step

_SHORT_SUFFIX = 12  # part of a parameter's name, for a layer

# Slots that are shapes: each dimension is an expression of its own.
_SHAPES = ("newshape", "target_shape", "shape", "repeats")
# Those in which one dimension may be left to Keras.
_RESHAPES = ("newshape", "target_shape")

# Names of parameters for operands and attributes whose own name says little in a signature.
_PLAIN = {
    "x1": "factor",
    "x2": "factor",
    "newshape": "size",
    "target_shape": "size",
    "shape": "size",
}


@dataclass(frozen=True)
class Column:
    """The values of one slot of one step in all occurrences.

    Attributes:
        step: the step, as the first occurrence has it.
        slot: the slot's name.
        suffix: of the layer's name.
        values: a number, text or tuple for each occurrence.
        role: what a person would call the parameter; empty if the slot's name says it.
    """

    step: Step
    slot: str
    suffix: str
    values: tuple[Any, ...]
    role: str = ""

    @property
    def varies(self) -> bool:
        return len(set(self.values)) > 1 or _depends(self.values[0])

    @property
    def is_shape(self) -> bool:
        """Whether each of its dimensions is an expression of its own."""
        ranks = {len(value) if isinstance(value, tuple) else None for value in self.values}
        return _slot(self) in _SHAPES and len(ranks) == 1 and None not in ranks


class Signature:
    """The parameters that distinguish occurrences, as few as possible.

    Attributes:
        parameters: what the block takes besides its inputs.
    """

    def __init__(
        self, columns: Sequence[Column], extents: Sequence[tuple[Any, ...]], names: list[str]
    ) -> None:
        """Choose parameters.

        Args:
            columns: all slots of the block.
            extents: by dimension of the first input, its size in each occurrence; None if unknown.
            names: the variables of the block's inputs.
        """
        self.parameters: list[Parameter] = []
        self._extents = extents
        self._names = names
        varying = [column for column in columns if column.varies]
        single = [column for column in varying if not column.is_shape]
        for column in single:
            derived = any(
                other.values != column.values and _factor(column.values, other.values)
                for other in single
            )
            if not derived and self.expression(column) is None:
                self._add(column, column.values)
        for column in varying:
            if column.is_shape:
                self._add_sizes(column)

    def expression(self, column: Column) -> Any:
        """The expression in the body; None if the parameters don't determine it."""
        if not column.varies:
            return column.values[0]
        if (found := self._parameter(column.values)) is not None:
            return found
        if column.is_shape:
            return self._shape(column)[0]
        return self._product(column.values) or self._of_channels(column.values)

    def _parameter(self, values: tuple[Any, ...]) -> Reference | None:
        for parameter in self.parameters:
            if parameter.values == values:
                return Reference(parameter.name)
        return None

    def _product(self, values: tuple[Any, ...]) -> Reference | None:
        """A multiple of a parameter."""
        for parameter in self.parameters:
            if (factor := _factor(values, parameter.values)) is not None:
                return Reference(f"{factor} * {parameter.name}")
        return None

    def _of_channels(self, values: tuple[Any, ...]) -> Reference | None:
        """The channels of the first input, or a multiple of them by a parameter with a default."""
        if not self._extents or (factor := _factor(values, self._extents[-1])) is None:
            return None
        text = f"{self._names[0]}.shape[-1]"
        return Reference(text if factor == 1 else f"{self._expansion(factor)} * {text}")

    def _expansion(self, factor: int) -> str:
        """A parameter for a multiple of the channels, with a default."""
        known = {parameter.name: parameter.default for parameter in self.parameters}
        if known.setdefault("expansion", factor) != factor:
            return str(factor)
        if "expansion" not in {parameter.name for parameter in self.parameters}:
            values = (factor,) * len(self._extents[-1])
            self.parameters.append(Parameter("expansion", "", values, factor))
        return "expansion"

    # -- shapes ------------------------------------------------------------------------------------

    def _shape(self, column: Column) -> tuple[Any, list[tuple[Any, ...]]]:
        """The text of a shape, or None; and the sizes that nothing determines yet."""
        items: list[Any] = []
        unknown: list[int] = []
        rows = [*zip(*column.values, strict=True)]
        for number, row in enumerate(rows):
            items.append(self._size(row, items))
            if items[-1] is None:
                unknown.append(number)
        if (
            unknown
            and _slot(column) in _RESHAPES
            and -1 not in [item for row in rows for item in row]
        ):
            items[unknown.pop()] = -1
        missing = [rows[number] for number in unknown]
        return (None if missing else tuple(items)), missing

    def _size(self, row: tuple[Any, ...], before: Sequence[Any] = ()) -> Any:
        """One dimension of a shape: the same in all occurrences, or of a parameter or the input.

        Args:
            row: the dimension in each occurrence.
            before: what the dimensions before it are.
        """
        if len(set(row)) == 1 and not _depends(row[0]):
            return row[0]
        return self._parameter(row) or self._product(row) or self._of_input(row, before)

    def _of_input(self, row: tuple[Any, ...], before: Sequence[Any]) -> Reference | None:
        """A size of the first input, a multiple or a part of it; each size once, if it can be."""
        last, found = len(self._extents) - 1, list[tuple[int, bool, int, Reference]]()
        for axis, extents in enumerate(self._extents):
            text = f"{self._names[0]}.shape[{-1 if axis == last else axis}]"
            if (factor := _factor(row, extents)) is not None:
                made = Reference(text if factor == 1 else f"{factor} * {text}")
            elif (factor := _factor(extents, row)) is not None:
                made = Reference(f"{text} // {factor}")
            else:
                continue
            found.append((factor, made in before, axis, made))
        return min(found, key=lambda item: item[:3])[-1] if found else None

    def _add_sizes(self, column: Column) -> None:
        """Parameters for the dimensions of a shape that nothing else determines."""
        if self._parameter(column.values) is not None:
            return
        for row in self._shape(column)[1]:
            if self._size(row) is None:
                self._add(column, row)

    # -- parameters --------------------------------------------------------------------------------

    def _add(self, column: Column, values: tuple[Any, ...]) -> None:
        taken = {parameter.name for parameter in self.parameters} | {"name", *self._names}
        plain = column.slot.partition(".")[0]
        plain = column.role or _PLAIN.get(plain, plain)
        if plain in taken and 0 < len(column.suffix) <= _SHORT_SUFFIX:
            plain = f"{column.suffix}_{plain}"
        slot = "" if column.is_shape else _slot(column)
        parameter = Parameter(unique(plain, taken, VARIABLE), slot, values)
        if not column.is_shape:
            parameter.default = _default(column.step, column.slot, values)
        self.parameters.append(parameter)


def _depends(value: Any) -> bool:
    """Whether it is, or contains, what the code around computes: each call must pass it."""
    if isinstance(value, tuple):
        return any(isinstance(item, Reference) for item in value)
    return isinstance(value, Reference)


def _slot(column: Column) -> str:
    """The attribute of the library's call that the slot finally sets."""
    if isinstance(column.step.source, Block):
        return next(p.slot for p in column.step.source.parameters if p.name == column.slot)
    return column.slot


def _factor(column: tuple[Any, ...], base: tuple[Any, ...]) -> int | None:
    """The whole number by which one column is a multiple of the other."""
    if not all(type(value) is int and value > 0 for value in (*column, *base)):
        return None
    factors = {a / b for a, b in zip(column, base, strict=True)}
    (factor, *others) = factors
    return int(factor) if not others and factor == int(factor) else None


def _default(step: Step, name: str, column: tuple[Any, ...]) -> Any:
    """The value of most occurrences, if it is the library's default too."""
    if isinstance(step.source, Block):
        usual = {p.name: p.default for p in step.source.parameters}.get(name)
    else:
        fields = {item.name: item.default for item in step.op.spec.attributes}
        usual = fields.get(name)
    return usual if usual is not None and usual in column else None
