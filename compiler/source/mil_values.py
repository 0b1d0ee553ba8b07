"""Types and values of ML Programs: from text to messages.

Numbers go into the fields of `TensorValue` that converters use: half-precision floats, integers of
at most 8 bits and uint32 are bytes; narrower ones are packed, the lowest bits first.
"""

import functools
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from lark import Token

from ...ir.types import Array
from .spec import messages

# Tokens, lists of literals, pairs, a blob: the content of a value's parentheses.
Literal: TypeAlias = Any

_DEEPEST = 16


class TextError(ValueError):
    """Text without a meaning, at `token`."""

    def __init__(self, message: str, token: Token, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.token = token
        self.unsupported = unsupported


class Kind(NamedTuple):
    """How elements of a type are stored.

    Attributes:
        number: the type's number in `DataType`.
        field: the field of `TensorValue`.
        dtype: the dtype that limits the numbers, also those stored as bytes.
        bits: the size of one element.
    """

    number: int
    field: str
    dtype: np.dtype[Any]
    bits: int


def _kind(number: int, field: str, dtype: str, bits: int) -> Kind:
    return Kind(number, field, np.dtype(dtype), bits)


KINDS = {
    "bool": _kind(1, "bools", "?", 8),
    "string": _kind(2, "strings", "O", 0),
    "fp16": _kind(10, "bytes", "<f2", 16),
    "fp32": _kind(11, "floats", "<f4", 32),
    "fp64": _kind(12, "doubles", "<f8", 64),
    "int8": _kind(21, "bytes", "i1", 8),
    "int16": _kind(22, "ints", "<i2", 16),
    "int32": _kind(23, "ints", "<i4", 32),
    "int64": _kind(24, "longInts", "<i8", 64),
    "int4": _kind(25, "bytes", "i1", 4),
    "uint8": _kind(31, "bytes", "u1", 8),
    "uint16": _kind(32, "ints", "<u2", 16),
    "uint32": _kind(33, "bytes", "<u4", 32),
    "uint64": _kind(34, "longInts", "<u8", 64),
    "uint4": _kind(35, "bytes", "u1", 4),
    "uint2": _kind(36, "bytes", "u1", 2),
    "uint1": _kind(37, "bytes", "u1", 1),
    "uint6": _kind(38, "bytes", "u1", 6),
    "uint3": _kind(39, "bytes", "u1", 3),
    "bf16": _kind(13, "bytes", "<u2", 16),
}
_BY_NUMBER = {kind.number: kind for kind in KINDS.values()}
_WORDS = {"true": True, "false": False}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}


class Typed(NamedTuple):
    """A type, its position, and how deeply it is nested.

    Attributes:
        message: the ValueType.
    """

    message: Any
    token: Token
    depth: int = 0


class Pairs(NamedTuple):
    """A dictionary: keys and values in order."""

    items: Sequence[tuple[Literal, Literal]]


class Blob(NamedTuple):
    """A place in a weight file: two Value messages, the file's name and the offset in it."""

    path: Any
    offset: Any


# -- types ---------------------------------------------------------------------------------------


def tensor_type(token: Token) -> Typed:
    """`tensor<fp16, [1, ?]>`."""
    try:
        return Typed(_tensor_type(str(token)), token)
    except KeyError as error:
        message = f"the element type '{error.args[0]}' is not known"
        raise TextError(message, token, unsupported=True) from None
    except ValueError:
        raise TextError("this is not a shape", token) from None


def scalar_type(token: Token) -> Typed:
    """`fp16`: a tensor of rank 0."""
    if token not in KINDS:
        raise TextError(f"the type '{token}' is not known", token, unsupported=True)
    return Typed(_scalar_type(str(token)), token)


def compound_type(token: Token, field: str, *parts: Typed | Token | None) -> Typed:
    """A list with its length, a tuple, a dictionary or a state.

    Args:
        token: where it begins.
        field: the field of ValueType.
        parts: the types inside, and the length of a list.
    """
    inside = [part for part in parts if isinstance(part, Typed)]
    depth = 1 + max((part.depth for part in inside), default=0)
    if depth > _DEEPEST:
        raise TextError("this is nested too deeply", token)
    made = messages("MIL_pb2").ValueType()
    body, kinds = getattr(made, field), [part.message for part in inside]
    match field:
        case "listType":
            body.type.CopyFrom(kinds[0])
            _set_dimension(body.length, str(parts[1]))
        case "tupleType":
            body.types.extend(kinds)
        case "dictionaryType":
            body.keyType.CopyFrom(kinds[0])
            body.valueType.CopyFrom(kinds[1])
        case _:
            body.wrappedType.CopyFrom(kinds[0])
    body.SetInParent()
    return Typed(made, token, depth)


@functools.lru_cache(4096)
def _tensor_type(text: str) -> Any:
    name, _, shape = text[len("tensor<") : -1].partition(",")
    inside = shape.strip()[1:-1]
    extents = [part.strip() for part in inside.split(",")] if inside.strip() else []
    if len(extents) > _DEEPEST:
        raise ValueError
    made = messages("MIL_pb2").ValueType()
    made.tensorType.dataType = KINDS[name.strip()].number
    made.tensorType.rank = len(extents)
    for extent in extents:
        _set_dimension(made.tensorType.dimensions.add(), extent)
    return made


@functools.lru_cache(64)
def _scalar_type(name: str) -> Any:
    made = messages("MIL_pb2").ValueType()
    made.tensorType.dataType = KINDS[name].number
    return made


def _set_dimension(dimension: Any, text: str) -> None:
    """A number, or `?` for one that is known only at run time."""
    if text == "?":
        dimension.unknown.variadic = False
    else:
        dimension.constant.size = int(text)


# -- values ---------------------------------------------------------------------------------------


def make_value(kind: Any, literal: Literal, token: Token) -> Any:
    """The Value message of a literal of a type.

    Args:
        kind: the ValueType message.
        literal: the content of the parentheses.
        token: where the value is.

    Raises:
        TextError: the literal is not of the type.
    """
    made = messages("MIL_pb2").Value()
    made.type.CopyFrom(kind)
    match kind.WhichOneof("type"):
        case "tensorType" if isinstance(literal, Blob):
            _set_blob(made.blobFileValue, literal, token)
        case "tensorType":
            _set_tensor(made.immediateValue.tensor, kind.tensorType, literal, token)
        case "listType":
            length = kind.listType.length
            known = length.WhichOneof("dimension") == "constant"
            entries = _entries(literal, length.constant.size if known else None, token)
            values = made.immediateValue.list
            values.SetInParent()
            values.values.extend(make_value(kind.listType.type, item, token) for item in entries)
        case "tupleType":
            kinds, values = kind.tupleType.types, made.immediateValue.tuple
            entries = _entries(literal, len(kinds), token)
            values.SetInParent()
            values.values.extend(map(make_value, kinds, entries, [token] * len(entries)))
        case "dictionaryType" if isinstance(literal, Pairs):
            made.immediateValue.dictionary.SetInParent()
            for key, value in literal.items:
                pair = made.immediateValue.dictionary.values.add()
                pair.key.CopyFrom(make_value(kind.dictionaryType.keyType, key, token))
                pair.value.CopyFrom(make_value(kind.dictionaryType.valueType, value, token))
        case _:
            raise TextError("this is not a value of its type", token)
    return made


def element_value(token: Token) -> Any:
    """The Value message of `int32(3)` or `tensor<string, []>("x")`; to be copied, not changed.

    Raises:
        TextError: the element is not of the type.
    """
    try:
        return _element(str(token))
    except TextError as error:
        raise TextError(str(error), token, unsupported=error.unsupported) from None


@functools.lru_cache(4096)  # programs repeat a few of them very often
def _element(text: str) -> Any:
    kind, _, literal = text[:-1].partition("(")
    typed = (tensor_type if "<" in kind else scalar_type)(Token("", kind))
    token = Token("STRING" if literal[0] == '"' else "SCALAR", literal)
    return make_value(typed.message, token, token)


def _entries(literal: Literal, count: int | None, token: Token) -> list[Literal]:
    """The entries of a list; entries of a row become separate tokens."""
    if isinstance(literal, Token) and literal.type == "ROW":
        literal = [Token.new_borrow_pos("SCALAR", text, literal) for text in _split(literal)]
    if not isinstance(literal, list):
        raise TextError("a list is expected here", token)
    if count is not None and len(literal) != count:
        raise TextError(f"{count} elements are expected here, but there are {len(literal)}", token)
    return literal


def _set_blob(made: Any, blob: Blob, token: Token) -> None:
    path = blob.path.immediateValue.tensor.strings.values
    offset = blob.offset.immediateValue.tensor.longInts.values
    if len(path) != 1 or len(offset) != 1 or offset[0] < 0:
        raise TextError("a file's name and an offset are expected here", token)
    made.fileName, made.offset = path[0], offset[0]


def _set_tensor(made: Any, kind: Any, literal: Literal, token: Token) -> None:
    known = [dim.WhichOneof("dimension") == "constant" for dim in kind.dimensions]
    sizes = [dim.constant.size for dim in kind.dimensions]
    shape = [size if fixed else None for size, fixed in zip(sizes, known, strict=True)]
    leaves: list[str] = []
    _flatten(literal, shape, leaves, token)
    elements = _BY_NUMBER[kind.dataType]
    field = getattr(made, elements.field)
    field.SetInParent()
    if elements.field == "strings":
        field.values.extend(_string(leaf, token) for leaf in leaves)
        return
    try:
        array = _numbers(leaves, elements)
    except (ValueError, OverflowError):
        raise TextError("an element is not a number of this type", token) from None
    if elements.field == "bytes":
        field.values = _packed(array, elements.bits).tobytes()
    else:
        signed = array.view("<i8") if elements.dtype == "<u8" else array
        field.values.extend(signed.tolist())


def _flatten(literal: Literal, shape: list[int | None], leaves: list[str], token: Token) -> None:
    """Collect the elements of nested brackets, which must have exactly this shape."""
    is_token = isinstance(literal, Token)
    if not shape:
        if not is_token or literal.type == "ROW":
            raise TextError("one element is expected here", token)
        leaves.append(literal)
    elif len(shape) == 1 and is_token and literal.type == "ROW":
        row = _split(literal)
        if shape[0] not in (None, len(row)):
            message = f"{shape[0]} elements are expected here, but there are {len(row)}"
            raise TextError(message, literal)
        leaves += row
    else:
        for entry in _entries(literal, shape[0], token):
            _flatten(entry, shape[1:], leaves, token)


def _split(row: Token) -> list[str]:
    """The elements of `[1, 2]` as text."""
    inside = row[1:-1]
    return [part.strip() for part in inside.split(",")] if inside.strip() else []


def _numbers(texts: list[str], kind: Kind) -> Array:
    """The elements as an array; raises ValueError or OverflowError for other text."""
    if kind.field == "bools":
        if not _WORDS.keys() >= set(texts):
            raise ValueError
        return np.array([_WORDS[text] for text in texts], np.bool_)
    if kind.number == KINDS["bf16"].number:
        return _brain_floats(texts)
    if kind.dtype.kind == "f":
        exact = [_float(text) for text in texts]
        with np.errstate(over="ignore"):
            rounded = np.array(exact, np.float64).astype(kind.dtype)
        if not np.array_equal(np.isinf(rounded), np.isinf(exact)):
            raise OverflowError
        return rounded
    whole = [int(text) for text in texts]
    lowest, highest = _limits(kind)
    if whole and not (lowest <= min(whole) and max(whole) <= highest):
        raise OverflowError
    return np.array(whole, kind.dtype)


def _limits(kind: Kind) -> tuple[int, int]:
    if kind.dtype.kind == "i":
        return -(1 << kind.bits - 1), (1 << kind.bits - 1) - 1
    return 0, (1 << kind.bits) - 1


def _float(text: str) -> float:
    """A C99 hexadecimal or a decimal number, `inf` or `nan`."""
    if "x" in text or "X" in text:
        return float.fromhex(text)
    number = float(text)
    if not math.isfinite(number) and text.lstrip("-+") not in ("inf", "nan"):
        raise ValueError
    return number


def _brain_floats(texts: list[str]) -> Array:
    """The upper halves of float32 numbers, which must be exact."""
    exact = [_float(text) for text in texts]
    single = np.array(exact, np.float64).astype("<f4")
    if not np.array_equal(single, np.array(exact), equal_nan=True):
        raise ValueError
    halves = single.view("<u2").reshape(-1, 2)
    if np.any(halves[:, 0]):
        raise ValueError
    return halves[:, 1]


def _packed(array: Array, bits: int) -> Array:
    if bits >= 8:
        return np.ascontiguousarray(array)
    rows = np.unpackbits(array.view(np.uint8)[:, None], axis=1, bitorder="little")[:, :bits]
    return np.packbits(rows.reshape(-1), bitorder="little")


def _string(leaf: str, token: Token) -> str:
    if leaf[0] != '"':
        raise TextError("a string is expected here", token)
    inside = str(leaf)[1:-1]
    try:
        return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], inside) if "\\" in inside else inside
    except KeyError as error:
        message = f"the escape '\\{error.args[0]}' is not known"
        raise TextError(message, token, unsupported=True) from None
