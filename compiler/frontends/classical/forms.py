"""The forms in which features pass from one model to the next: which values of the IR they are.

A dictionary whose keys are known when a model is compiled is an array with an element for each of
them, so that tables of such features can be computed row by row. One whose keys are only known when
it runs is a pair of vectors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias, TypeVar

from ....ir.dialects.core.reshaping import ExpandDims, Squeeze
from ....ir.interface import Color, Labels
from ....ir.ssa import Value
from ....ir.types import DType, Tensor

FormT = TypeVar("FormT", bound="Form")


@dataclass(frozen=True)
class Form:
    """Base: some of the fields are values of the IR."""

    parts: ClassVar[tuple[str, ...]] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """The values that it consists of."""
        found = (getattr(self, name) for name in self.parts)
        return tuple(value for value in found if value is not None)

    def of(self: FormT, values: Iterable[Value]) -> FormT:
        """The same form of other values."""
        names = (name for name in self.parts if getattr(self, name) is not None)
        return replace(self, **dict(zip(names, values, strict=True)))


@dataclass(frozen=True)
class Entry(Form):
    """A number, a string or an array as a batch of one: [1] or [1, *shape]."""

    parts = ("value",)
    value: Value


@dataclass(frozen=True)
class Whole(Form):
    """A number, a string or an array as Core ML has it: [] or its shape."""

    parts = ("value",)
    value: Value


@dataclass(frozen=True)
class Image(Form):
    """Pixels, [1, H, W, C], red first."""

    parts = ("value",)
    value: Value
    color: Color


@dataclass(frozen=True)
class Sequence(Form):
    """Strings or int64 numbers, [n]."""

    parts = ("value",)
    value: Value


@dataclass(frozen=True)
class Pairs(Form):
    """A dictionary with any keys: these [n], str or i64, and their values [n], f64."""

    parts = ("keys", "numbers")
    keys: Value
    numbers: Value


@dataclass(frozen=True)
class Keyed(Form):
    """A dictionary with known keys: a value for each of them, [1, K], f64 or as a network has it.

    `present`, [1, K] bool, says which of them it has; None for all. What it doesn't have is 0.
    """

    parts = ("numbers", "present")
    labels: Labels
    numbers: Value
    present: Value | None = None


Scalar: TypeAlias = Literal["double", "int64", "string"]


def entry_of(form: Entry | Whole) -> Value:
    """The value of a number, string or array as a batch of one."""
    if isinstance(form, Entry):
        return form.value
    return ExpandDims(form.value, (0,)).result


def whole_of(form: Entry | Whole) -> Value:
    """The value of a number, string or array as Core ML has it."""
    if isinstance(form, Whole):
        return form.value
    return Squeeze(form.value, (0,)).result


def shown(form: Form) -> str:
    """What a form is, for messages."""
    match form:
        case Entry(value) if isinstance(value.type, Tensor):
            shape = value.type.shape[1:]
            return str(value.type.with_shape(shape)) if shape else value.type.dtype.value
        case Whole(value):
            return str(value.type)
        case Image():
            return "an image"
        case Sequence(value):
            return f"a sequence of {_element(value.type.dtype is DType.STR)}"
        case Pairs(keys):
            return f"a dictionary of {_element(keys.type.dtype is DType.STR)}"
        case Keyed(labels):
            return f"a dictionary of {_element(isinstance(labels[0], str))}"
        case _:
            raise AssertionError(form)


def _element(is_string: bool) -> Scalar:
    return "string" if is_string else "int64"
