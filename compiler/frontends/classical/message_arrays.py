"""Any message as arrays: its numbers and lists, and a column for each field of repeated messages.

Names are the paths of fields; a field that is alone in its message adds nothing to the path.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from ....ir.types import Array, DType, Tensor
from ....ir.weights.resources import LazyResource, Resource

_DTYPES = {
    FieldDescriptor.TYPE_DOUBLE: DType.F64,
    FieldDescriptor.TYPE_FLOAT: DType.F32,
    FieldDescriptor.TYPE_INT64: DType.I64,
    FieldDescriptor.TYPE_INT32: DType.I32,
    FieldDescriptor.TYPE_UINT64: DType.U64,
    FieldDescriptor.TYPE_UINT32: DType.U32,
    FieldDescriptor.TYPE_BOOL: DType.BOOL,
    FieldDescriptor.TYPE_ENUM: DType.I32,
    FieldDescriptor.TYPE_STRING: DType.STR,
}
# Strings of a message itself are names of features, but for these, which are values.
_VALUES = frozenset({"imputedStringValue", "replaceStringValue", "defaultStringLabel", "strValue"})


@dataclass(frozen=True)
class _Rows:
    """Messages of one type.

    Attributes:
        messages: in the order of the file.
        path: the field that has them.
        whole: whether it is one message that isn't repeated.
    """

    messages: Sequence[Any]
    path: str
    whole: bool


def arrays_in(message: Any) -> Iterator[tuple[str, Resource]]:
    """(path, array) of all that a message holds, in the order of its declaration.

    * A number is an array [], a list [n]; choices (enums and truth values) and names of features
      say how a model computes, and are left out. Nothing is given for what isn't set.
    * A list of n messages is an array [n] for each of their fields, also for choices and names.
    * Lists in a list of messages are [n, m] if all are as long; else they are one after the other,
      and `PATH.row` has the position of the message that each entry belongs to. So have lists of
      messages in it.
    * A map is two lists, `PATH.keys` and `PATH.values`, in the order of keys.
    """
    return _columns(_Rows([message], "", True))


def _columns(rows: _Rows) -> Iterator[tuple[str, Resource]]:
    if not rows.messages:
        return
    fields = rows.messages[0].DESCRIPTOR.fields
    for field in fields:
        path = rows.path if len(fields) == 1 and rows.path else _joined(rows.path, field.name)
        if _is_map(field):
            yield from _map(rows, field, path)
        elif _is_repeated(rows.messages[0], field):
            yield from _lists(rows, field, path)
        elif field.message_type is not None:
            yield from _inner(rows, field, path)
        elif (not rows.whole or _is_weight(rows.messages[0], field)) and _dtype(field):
            yield path, _column(rows, field, path)


def _is_weight(message: Any, field: Any) -> bool:
    """Whether a field of a message that isn't repeated is a value, and set if that can be told."""
    if field.containing_oneof is not None and not message.HasField(field.name):
        return False
    dtype = _dtype(field)
    is_number = dtype not in (DType.STR, DType.BOOL) and field.enum_type is None
    return is_number or field.name in _VALUES


def _column(rows: _Rows, field: Any, path: str) -> Resource:
    shape = () if rows.whole else (len(rows.messages),)

    def read() -> list[Any]:
        return [getattr(message, field.name) for message in rows.messages]

    return _array(_dtype(field), shape, read, path)


def _inner(rows: _Rows, field: Any, path: str) -> Iterator[tuple[str, Resource]]:
    if not rows.whole or rows.messages[0].HasField(field.name):
        found = [getattr(message, field.name) for message in rows.messages]
        yield from _columns(_Rows(found, path, rows.whole))


def _lists(rows: _Rows, field: Any, path: str) -> Iterator[tuple[str, Resource]]:
    found = [getattr(message, field.name) for message in rows.messages]
    lengths = [len(entries) for entries in found]
    if not sum(lengths):
        return
    if field.message_type is not None:
        yield from _columns(_Rows(list(chain.from_iterable(found)), path, False))
        if not rows.whole:
            yield _row_of_each(lengths, path)
        return
    if not _dtype(field):
        return

    def read() -> list[Any]:
        return list(chain.from_iterable(found))

    is_matrix = not rows.whole and len(set(lengths)) == 1
    shape = (len(found), lengths[0]) if is_matrix else (sum(lengths),)
    yield path, _array(_dtype(field), shape, read, path)
    if not rows.whole and not is_matrix:
        yield _row_of_each(lengths, path)


def _map(rows: _Rows, field: Any, path: str) -> Iterator[tuple[str, Resource]]:
    found = [sorted(getattr(message, field.name).items()) for message in rows.messages]
    lengths = [len(entries) for entries in found]
    kinds = (_dtype(field.message_type.fields_by_name[name]) for name in ("key", "value"))
    if not sum(lengths):
        return
    for place, (name, dtype) in enumerate(zip(("keys", "values"), kinds, strict=True)):
        if dtype:
            numbers = [entry[place] for entries in found for entry in entries]
            whole = _joined(path, name)
            yield whole, _array(dtype, (len(numbers),), lambda numbers=numbers: numbers, whole)
    if not rows.whole:
        yield _row_of_each(lengths, path)


def _row_of_each(lengths: list[int], path: str) -> tuple[str, Resource]:
    def read() -> list[int]:
        return list(chain.from_iterable(repeat(row, count) for row, count in enumerate(lengths)))

    name = _joined(path, "row")
    return name, _array(DType.I64, (sum(lengths),), read, name)


def _array(
    dtype: DType | None, shape: tuple[int, ...], read: Callable[[], list[Any]], name: str
) -> Resource:
    assert dtype is not None

    def load() -> Array:
        return np.array(read(), dtype.numpy).reshape(shape)

    return LazyResource(Tensor(dtype, shape), load, name)


def _dtype(field: Any) -> DType | None:
    """The dtype of a field's elements; None for bytes and messages."""
    return _DTYPES.get(field.type)


def _is_repeated(message: Any, field: Any) -> bool:
    """By the value: descriptors say it differently in versions of protobuf."""
    value = getattr(message, field.name)
    return not isinstance(value, int | float | str | bytes) and not hasattr(value, "ListFields")


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
