"""The declaration mechanism: fields of an op class, collected once when the class is made.

`x: Value = operand(FLOAT)`, `axis: Axis = attr()`, `body: Region = region()` in a class body
declare an op; its constructor, verifier, text form, pattern matching, documentation and rebuilding
follow from that. `ssa.Op` is the one user of this module.
"""

import functools
import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .attributes import Kind, convert, normalize, split_annotation
from .hooks import check_hooks
from .types import ANY, DType, Type

REQUIRED: Any = object()


@dataclass
class Field:
    """A declared field; also the descriptor that reads it from an op."""

    name: str = ""
    default: Any = REQUIRED
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass
class OperandField(Field):
    """An operand: one value, an optional one (`default=None`) or several (`tuple[Value, ...]`).

    Attributes:
        dtypes: element types it may have.
        rank: ranks it may have; None for any.
        like: the name of an operand whose dtype it must share.
    """

    dtypes: frozenset[DType] = ANY
    rank: tuple[int, ...] | None = None
    like: str = ""
    variadic: bool = False

    def __get__(self, op: Any, owner: type | None = None) -> Any:
        return self if op is None else op.operand_group(self.name)

    def problem(self, given: Type, like: Type | None) -> str:
        """Why a value of this type can't be the operand; `like` is the type that it must match."""
        if given.dtype not in self.dtypes:
            allowed = ", ".join(sorted(dtype.value for dtype in self.dtypes))
            return f"{self.name} is {given}, expected one of {allowed}"
        if self.rank is not None and given.rank not in self.rank:
            return f"{self.name} is {given}, expected rank {' or '.join(map(str, self.rank))}"
        if like is not None and like.dtype != given.dtype:
            return f"{self.name} is {given}, but {self.like} is {like}"
        return ""


@dataclass
class AttributeField(Field):
    """An attribute: an immutable Python value of the annotated type."""

    annotation: Any = None
    kind: Kind = Kind.PLAIN

    def __get__(self, op: Any, owner: type | None = None) -> Any:
        return self if op is None else op.attributes[self.name]

    def converted(self, value: Any, rank: int | None) -> Any:
        """The value as the declared type, normalized for a first operand of this rank.

        Raises:
            TypeError: it has another type.
            ValueError: it doesn't fit the rank.
        """
        if value is not self.default:
            value = convert(value, self.annotation)
        return value if self.kind is Kind.PLAIN else normalize(self.kind, value, rank)


@dataclass
class RegionField(Field):
    """A nested region (or, annotated `tuple[Region, ...]`, several)."""

    def __get__(self, op: Any, owner: type | None = None) -> Any:
        return self if op is None else op.regions[self.name]


@dataclass
class ResultTypeField(Field):
    """Result types given by the builder, not inferred: target ops carry those of the core op."""

    def __get__(self, op: Any, owner: type | None = None) -> Any:
        return self if op is None else op.given_types


def operand(
    dtypes: Iterable[DType] = ANY,
    *,
    rank: int | tuple[int, ...] | None = None,
    like: str = "",
    default: Any = REQUIRED,
    doc: str = "",
) -> Any:
    """Declare an operand; see `OperandField`."""
    ranks = (rank,) if isinstance(rank, int) else rank
    return OperandField("", default, doc, frozenset(dtypes), ranks, like)


def attr(*, default: Any = REQUIRED, doc: str = "") -> Any:
    """Declare an attribute; its annotation gives type and kind."""
    return AttributeField("", default, doc)


def region(*, doc: str = "") -> Any:
    """Declare a region."""
    return RegionField("", REQUIRED, doc)


def result_type(*, kw_only: bool = True) -> Any:
    """Declare that result types are given, not inferred; always a keyword argument."""
    del kw_only  # for type checkers, which read it at the call
    return ResultTypeField()


@dataclass(frozen=True)
class OpSpec:
    """Everything that the class body declared, in order."""

    fields: tuple[Field, ...] = ()
    operands: tuple[OperandField, ...] = field(default=())
    attributes: tuple[AttributeField, ...] = field(default=())
    regions: tuple[RegionField, ...] = field(default=())
    type_field: str = ""  # the field with explicit result types, if they are not inferred
    variadic: frozenset[str] = frozenset()

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """All fields' names, in order."""
        return tuple(item.name for item in self.fields)

    @functools.cached_property
    def constrained(self) -> tuple[OperandField, ...]:
        """The operands that not every value can be."""
        found = (f for f in self.operands if f.dtypes != ANY or f.rank is not None or f.like)
        return tuple(found)

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """The default of each field."""
        return {item.name: item.default for item in self.fields}

    def arguments(self, cls: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Constructor arguments by field, defaults filled in; `REQUIRED` where one is missing.

        Raises:
            TypeError: too many arguments, or one that is not a field.
        """
        names = self.names
        if len(args) > len(names):
            raise TypeError(f"{cls} takes {len(names)} arguments")
        taken = names[: len(args)]
        for name in kwargs:
            if name not in self.defaults or name in taken:
                raise TypeError(f"{cls} got an unexpected argument '{name}'")
        return {**self.defaults, **dict(zip(taken, args, strict=True)), **kwargs}


def collect(cls: type, inherited: OpSpec) -> OpSpec:
    """Read the fields that a class body declares and add them to the inherited ones.

    Raises:
        TypeError: a hook or class attribute outside the closed sets, a misplaced default, or an
            unusable annotation.
    """
    check_hooks(cls)
    fields = {item.name: item for item in inherited.fields}
    annotations = inspect.get_annotations(cls)
    for name, item in list(cls.__dict__.items()):
        if not isinstance(item, Field):
            continue
        item.name = name
        annotation = annotations.get(name)
        if isinstance(annotation, str) or annotation is None:
            raise TypeError(f"{cls.__name__}.{name}: annotate the field with a real type")
        if isinstance(item, OperandField):
            item.variadic = typing.get_origin(annotation) is tuple
            if item.variadic:
                item.default = ()
        elif isinstance(item, AttributeField):
            item.annotation, item.kind = split_annotation(annotation)
        fields[name] = item
    # Explicit result types come last: they are passed by keyword only.
    ordered = tuple(sorted(fields.values(), key=lambda f: isinstance(f, ResultTypeField)))
    return OpSpec(
        ordered,
        tuple(f for f in ordered if isinstance(f, OperandField)),
        tuple(f for f in ordered if isinstance(f, AttributeField)),
        tuple(f for f in ordered if isinstance(f, RegionField)),
        next((f.name for f in ordered if isinstance(f, ResultTypeField)), ""),
        frozenset(f.name for f in ordered if isinstance(f, OperandField) and f.variadic),
    )
