"""Kinds of attributes: what their numbers mean, and how literals become typed values.

An attribute is declared with its Python type; an `Annotated` alias from here adds meaning that the
type checker doesn't need but normalization, verification and layout do: `axis: Axis = attr()` is an
`int` to Python and "a dimension of the first operand" to the compiler.
"""

import enum
import functools
import json
import types as python_types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from .dims import Dim, Expr
from .types import DType, Tensor
from .weights.resources import Resource


class Kind(enum.Enum):
    """The meaning of an integer attribute."""

    PLAIN = enum.auto()
    AXIS = enum.auto()  # one dimension of the first operand
    AXES = enum.auto()  # several
    NEW_AXIS = enum.auto()  # one dimension of the result, which has one more than the operand
    NEW_AXES = enum.auto()  # several, all of them new in the result
    PERM = enum.auto()  # a permutation of the first operand's dimensions
    PER_AXIS = enum.auto()  # one entry for each dimension of the first operand
    PAD_PAIRS = enum.auto()  # (before, after) for each dimension of the first operand, flat
    SYMBOLS = enum.auto()  # the prefix, before "_", of the names of symbols that the op defines


Axis: TypeAlias = Annotated[int, Kind.AXIS]
Axes: TypeAlias = Annotated[tuple[int, ...], Kind.AXES]
NewAxis: TypeAlias = Annotated[int, Kind.NEW_AXIS]
NewAxes: TypeAlias = Annotated[tuple[int, ...], Kind.NEW_AXES]
Perm: TypeAlias = Annotated[tuple[int, ...], Kind.PERM]
PerAxis: TypeAlias = Annotated[tuple[int, ...], Kind.PER_AXIS]
PadPairs: TypeAlias = Annotated[tuple[int, ...], Kind.PAD_PAIRS]
Symbols: TypeAlias = Annotated[str, Kind.SYMBOLS]
Dims: TypeAlias = tuple[Dim, ...]


class Layout(enum.Enum):
    """Where a spatial op's channels are: [N, C, *spatial] or [N, *spatial, C]."""

    CHANNELS_FIRST = "channels_first"
    CHANNELS_LAST = "channels_last"

    def channel_axis(self, rank: int) -> int:
        return 1 if self is Layout.CHANNELS_FIRST else rank - 1

    def spatial_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(2, rank) if self is Layout.CHANNELS_FIRST else range(1, rank - 1))


class PadType(enum.Enum):
    """How windows are padded; MIL's `pad_type`.

    `same` puts the larger half of an odd total after the data (TensorFlow's SAME), `same_lower`
    before it; `custom` takes the padding from the op's `pad`.
    """

    VALID = "valid"
    CUSTOM = "custom"
    SAME = "same"
    SAME_LOWER = "same_lower"


@dataclass(frozen=True)
class EnumLiteral:
    """`#same` in text, before the attribute that it belongs to is known."""

    value: str


def split_annotation(annotation: Any) -> tuple[Any, Kind]:
    """The plain type and the kind of a declared attribute."""
    if typing.get_origin(annotation) is Annotated:
        base, *extra = typing.get_args(annotation)
        return base, next((item for item in extra if isinstance(item, Kind)), Kind.PLAIN)
    return annotation, Kind.PLAIN


def convert(value: Any, annotation: Any) -> Any:
    """The value as the declared type, from Python code or from a parsed literal.

    Raises:
        TypeError: it has another type.
    """
    return _converter(annotation)(value)


@functools.cache
def _converter(annotation: Any) -> Callable[[Any], Any]:
    """The conversion of `convert` for one annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, python_types.UnionType):
        return functools.partial(_convert_union, choices=arguments)
    if origin is tuple:
        count = None if arguments[-1] is Ellipsis else len(arguments)
        return functools.partial(_convert_tuple, item=arguments[0], count=count)
    if origin is typing.Literal:
        return functools.partial(_convert_choice, choices=arguments)
    if issubclass(annotation, enum.Enum):
        return functools.partial(_convert_enum, annotation=annotation)
    return functools.partial(_convert_plain, expected=annotation)


def _convert_tuple(value: Any, item: Any, count: int | None) -> tuple[Any, ...]:
    if not isinstance(value, tuple | list):
        raise TypeError(f"expected a list, got {_shown(value)}")
    elements = typing.cast(list[Any], value)
    if count is not None and len(elements) != count:
        raise TypeError(f"expected {count} entries, got {len(elements)}")
    each = _converter(item)
    return tuple([each(element) for element in elements])


def _convert_choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise TypeError(f"expected one of {', '.join(map(str, choices))}, got {_shown(value)}")
    return value


def _convert_plain(value: Any, expected: type) -> Any:
    if type(value) is expected:
        return value
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise TypeError(f"expected {_kind(expected)}, got {_shown(value)}")
    return value


def _convert_enum(value: Any, annotation: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, annotation):
        return value
    if isinstance(value, EnumLiteral):
        for member in annotation:
            if member.value == value.value:
                return member
    choices = ", ".join(str(member.value) for member in annotation)
    raise TypeError(f"expected one of {choices}, got {_shown(value)}")


def _convert_union(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if choice is type(None):
            if value is None:
                return None
            continue
        try:
            return convert(value, choice)
        except TypeError:
            continue
    raise TypeError(f"{_shown(value)} is not one of {', '.join(map(_kind, choices))}")


def _shown(value: Any) -> str:
    """A value in a message, as text spells it where Python doesn't."""
    match value:
        case EnumLiteral():
            return f"#{value.value}"
        case enum.Enum():
            return str(value.value)
        case Expr():
            return str(value)
        case tuple() | list():
            return f"[{', '.join(map(_shown, typing.cast(list[Any], value)))}]"
        case _:
            return repr(value)


def _kind(annotation: Any) -> str:
    """A declared type in a message."""
    if annotation is Expr:
        return "symbol"
    if annotation is type(None):
        return "none"
    if typing.get_origin(annotation) is tuple:
        return f"list of {_kind(typing.get_args(annotation)[0])}"
    return getattr(annotation, "__name__", str(annotation))


def normalize(kind: Kind, value: Any, rank: int | None) -> Any:
    """Negative axes become positive; entries are checked against the operand's rank.

    Raises:
        ValueError: an axis out of range, repeated, or a wrong number of entries.
    """
    if rank is None or value is None or kind in (Kind.PLAIN, Kind.SYMBOLS):
        return value
    match kind:
        case Kind.AXIS:
            return _axis(value, rank)
        case Kind.AXES:
            return _distinct([_axis(v, rank) for v in value])
        case Kind.NEW_AXIS:
            return _axis(value, rank + 1)
        case Kind.NEW_AXES:
            return _distinct([_axis(v, rank + len(value)) for v in value])
        case Kind.PERM:
            perm = tuple(_axis(v, rank) for v in value)
            if sorted(perm) != list(range(rank)):
                raise ValueError(f"{list(value)} is not a permutation of {rank} dimensions")
            return perm
        case Kind.PER_AXIS | Kind.PAD_PAIRS:
            count = rank * (2 if kind is Kind.PAD_PAIRS else 1)
            if len(value) != count:
                raise ValueError(f"{len(value)} entries for {rank} dimensions, expected {count}")
            return value


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for rank {rank}")
    return axis % rank


def _distinct(axes: list[int]) -> tuple[int, ...]:
    if len(set(axes)) != len(axes):
        raise ValueError(f"axes {axes} repeat a dimension")
    return tuple(axes)


def permute(kind: Kind, value: Any, perm: tuple[int, ...]) -> Any:
    """The attribute for an untransposed operand.

    `value` describes `transpose(x, perm)`; the result describes `x`: dimension `i` of the
    transposed operand is dimension `perm[i]` of `x`.

    Raises:
        ValueError: this kind does not survive a permutation.
    """
    match kind:
        case Kind.PLAIN | Kind.SYMBOLS:
            return value
        case Kind.AXIS:
            return _moved((value,), perm)[0]
        case Kind.AXES:
            return _moved(value, perm)
        case Kind.PER_AXIS | Kind.PAD_PAIRS:
            step = 2 if kind is Kind.PAD_PAIRS else 1
            moved: list[int] = [0] * len(value)
            for position, axis in enumerate(perm):
                start = step * position
                moved[step * axis : step * (axis + 1)] = value[start : start + step]
            return tuple(moved)
        case _:
            raise ValueError(f"{kind} does not survive a permutation")


def insert(kind: Kind, value: Any, axis: int, fill: int = 0) -> Any:
    """The attribute for a first operand that has one more dimension, before its `axis`.

    A new dimension of the result that would be in the same place comes after it.

    Args:
        kind: what the value means.
        value: what it is without that dimension.
        axis: where the dimension is added.
        fill: the entry that leaves a dimension alone, where there is one for each.

    Raises:
        ValueError: this kind does not survive another dimension.
    """
    match kind:
        case Kind.PLAIN:
            return value
        case Kind.AXIS | Kind.NEW_AXIS:
            return value + (value >= axis)
        case Kind.AXES:
            return tuple(each + (each >= axis) for each in value)
        case Kind.PER_AXIS:
            return (*value[:axis], fill, *value[axis:])
        case Kind.PAD_PAIRS:
            return (*value[: 2 * axis], fill, fill, *value[2 * axis :])
        case _:
            raise ValueError(f"{kind} does not survive another dimension")


def _moved(axes: tuple[int, ...], perm: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(perm[axis] for axis in axes)


def literal(value: Any) -> str:
    """An attribute value as text, except resources, which the printer owns."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Expr | Tensor):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, DType):
        return value.value
    if isinstance(value, enum.Enum):
        return f"#{value.value}"
    if isinstance(value, EnumLiteral):
        return f"#{value.value}"
    if isinstance(value, tuple | list):
        items = typing.cast(list[Any], value)
        return f"[{', '.join(map(literal, items))}]"
    if value is None:
        return "none"
    raise TypeError(f"{type(value).__name__} has no text form")


def quote(text: str) -> str:
    """A string literal: JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


# Re-exported: `value: Resource = attr()` and `type: Tensor = attr()` read as attribute kinds.
__all__ = [
    "Axes",
    "Axis",
    "Dims",
    "EnumLiteral",
    "Kind",
    "Layout",
    "NewAxes",
    "NewAxis",
    "PadPairs",
    "PadType",
    "PerAxis",
    "Perm",
    "Resource",
    "Symbols",
    "convert",
    "insert",
    "literal",
    "normalize",
    "permute",
    "quote",
    "split_annotation",
]
