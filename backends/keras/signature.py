"""The parameters of a block: the differences of its repetitions, in as few numbers as possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...ir.names import unique
from ..names import VARIABLE
from .blocks import Block, Parameter
from .steps import Reference, Step

_SHORT_SUFFIX = 12  # part of a parameter's name, for a layer


@dataclass(frozen=True)
class Column:
    """The values of one slot of one step in all occurrences."""

    step: Step
    slot: str
    suffix: str
    values: tuple[Any, ...]

    @property
    def varies(self) -> bool:
        return len(set(self.values)) > 1 or isinstance(self.values[0], Reference)


class Signature:
    """The parameters that distinguish occurrences, as few as possible."""

    def __init__(
        self, columns: Sequence[Column], channels: tuple[Any, ...], names: list[str]
    ) -> None:
        self.parameters: list[Parameter] = []
        self._channels = channels  # channels of the first input, by occurrence
        self._names = names
        varying = [column for column in columns if column.varies]
        for column in varying:
            derived = any(
                other.values != column.values and _factor(column.values, other.values)
                for other in varying
            )
            if not derived and self.expression(column) is None:
                self._add(column)

    def expression(self, column: Column) -> Any:
        """The expression in the body; None if the parameters don't determine it."""
        if not column.varies:
            return column.values[0]
        for parameter in self.parameters:
            if parameter.values == column.values:
                return Reference(parameter.name)
        for parameter in self.parameters:
            if (factor := _factor(column.values, parameter.values)) is not None:
                return Reference(f"{factor} * {parameter.name}")
        if (factor := _factor(column.values, self._channels)) is not None:
            text = f"{self._names[0]}.shape[-1]"
            return Reference(text if factor == 1 else f"{self._expansion(factor)} * {text}")
        return None

    def _expansion(self, factor: int) -> str:
        """A parameter for a multiple of the channels, with a default."""
        known = {parameter.name: parameter.default for parameter in self.parameters}
        if known.setdefault("expansion", factor) != factor:
            return str(factor)
        if "expansion" not in {parameter.name for parameter in self.parameters}:
            values = (factor,) * len(self._channels)
            self.parameters.append(Parameter("expansion", "", values, factor))
        return "expansion"

    def _add(self, column: Column) -> None:
        taken = {parameter.name for parameter in self.parameters} | {"name", *self._names}
        plain = column.slot.partition(".")[0]
        plain = {"x1": "factor", "x2": "factor"}.get(plain, plain)
        if plain in taken and 0 < len(column.suffix) <= _SHORT_SUFFIX:
            plain = f"{column.suffix}_{plain}"
        parameter = Parameter(unique(plain, taken, VARIABLE), _slot(column), column.values)
        parameter.default = _default(column.step, column.slot, column.values)
        self.parameters.append(parameter)


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
