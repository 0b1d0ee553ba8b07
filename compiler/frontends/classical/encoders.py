"""Categories, dictionaries and columns as vectors.

The semantics are those of OneHotEncoder.proto, DictVectorizer.proto, FeatureVectorizer.proto and
CategoricalMapping.proto.
"""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import Add, Equal, GreaterEqual, Less, LogicalAnd, Select
from ....ir.dialects.core.index import Gather, OneHot
from ....ir.dialects.core.lookup import Lookup
from ....ir.dialects.core.reshaping import ExpandDims
from ....ir.dialects.core.scatter import Scatter, ScatterMode
from ....ir.dialects.core.slicing import Pad, SliceByIndex
from ....ir.interface import Labels
from ....ir.ssa import Value
from ....ir.types import LARGEST_EXTENT, DType, Tensor
from ....ir.weights.resources import SplatResource
from ..values import cast
from .context import ModelContext, ModelRules, joined, passed_on
from .forms import Entry, Keyed, Pairs, Sequence

rules = ModelRules("encoders")

_IGNORE_UNKNOWN = 1


def is_found(positions: Value) -> Value:
    """Whether positions are those of a key, bool of their shape."""
    return GreaterEqual(positions, constant(np.asarray(0, np.int32))).result


def position_in(cx: ModelContext, keys: Labels, x: Value) -> Value:
    """Where each element of x is in the keys, i32; -1 if it isn't.

    Numbers are compared as int64, strings as they are; one that isn't whole is none of the keys.
    """
    _require_alike(cx, x.type.dtype is DType.STR, keys)
    if x.type.dtype is DType.STR:
        return Lookup(x, constant(np.array(keys, object), "keys")).result
    whole = cast(x, DType.I64)
    found = Lookup(whole, constant(np.array(keys, np.int64), "keys")).result
    if not x.type.dtype.is_float:
        return found
    is_whole = Equal(cast(whole, x.type.dtype), x).result
    return Select(is_whole, found, constant(np.asarray(-1, np.int32))).result


def _require_alike(cx: ModelContext, strings: bool, keys: Labels) -> None:
    """Refuse keys of another type than what is looked up among them."""
    if any(isinstance(key, str) != strings for key in keys[:1]):
        cx.fail("the input and the keys of the model are of different types")


@rules("oneHotEncoder")
def one_hot(cx: ModelContext) -> None:
    """A 1 at the position of the category in the model's list; as an array, or as a dictionary.

    The dictionary has the position, not the category, as its key, and is empty for an unknown one.
    """
    message, output = cx.message, cx.only_output()
    which = message.WhichOneof("CategoryType")
    cx.require(which is not None, "the model has no categories")
    categories: Labels = tuple(getattr(message, which).vector)
    cx.require(bool(categories), "the model has no categories")
    cx.require_distinct(categories, "categories")
    x = cx.entry(cx.only_input().name)
    cx.require(x.type.rank == 1, "the model encodes one value, not an array")
    position = position_in(cx, categories, x)
    if message.handleUnknown != _IGNORE_UNKNOWN:
        unknown = f"'{cx.only_input().name}' is not one of the model's {len(categories)} categories"
        position = cx.checked(position, is_found(position), unknown)
    count = len(categories)
    encoded = OneHot(position, size=count, dtype=DType.F64).result
    if output.kind == "dictionary":
        present = GreaterEqual(encoded, constant(np.float64(1))).result
        cx.made[output.name] = Keyed(tuple(range(count)), encoded, present)
    else:
        cx.give(output, encoded)


@rules("categoricalMapping")
def mapping(cx: ModelContext) -> None:
    """The value that a table has for a key; for another key the default, or an error."""
    message, feature, output = cx.message, cx.only_input(), cx.only_output()
    which = message.WhichOneof("MappingType")
    cx.require(which is not None, "the model has no mapping")
    table = dict(getattr(message, which).map)
    default = message.WhichOneof("ValueOnUnknown")
    form = cx.form(feature.name)
    is_sequence = isinstance(form, Sequence)
    x = form.value if is_sequence else cx.entry(feature.name)
    strings = which == "int64ToStringMap"
    values = [*table.values()]
    empty = "the model's mapping is empty, and it has no value for others"
    cx.require(bool(table) or default is not None, empty)
    position = position_in(cx, tuple(table), x)
    if default is None:
        unknown = f"'{feature.name}' is not one of the {len(table)} keys of the model"
        position = cx.checked(position, is_found(position), unknown)
    else:
        cx.require(
            (default == "strValue") == strings,
            "the model's values and its default differ in type",
        )
        values.append(getattr(message, default))
        last = constant(np.asarray(len(table), np.int32))
        position = Select(is_found(position), position, last).result
    array = np.array(values, object if strings else np.int64)
    found = Gather(constant(array, "values"), position, axis=0).result
    cx.made[output.name] = Sequence(found) if is_sequence else Entry(found)


@rules("dictVectorizer")
def dict_vectorizer(cx: ModelContext) -> None:
    """The dictionary {position of the key in the model's list: value}; other keys are left out.

    The specification's comment calls the output an array; its validator, and all real models, have
    a dictionary. An array is given too, for models that declare one.
    """
    message, output = cx.message, cx.only_output()
    which = message.WhichOneof("Map")
    cx.require(which is not None, "the model has no list of keys")
    labels: Labels = tuple(getattr(message, which).vector)
    cx.require(bool(labels), "the model has no list of keys")
    cx.require_distinct(labels, "keys")
    given = cx.dictionary(cx.only_input().name)
    found = spread(cx, given, labels)
    if output.kind == "array":
        cx.give(output, dense(found))
    else:
        cx.made[output.name] = found


def spread(cx: ModelContext, given: Pairs | Keyed, labels: Labels) -> Keyed:
    """A dictionary by the positions of its keys in a list; keys that aren't in it are left out."""
    count = len(labels)
    positions = tuple(range(count))
    if isinstance(given, Pairs):
        position = position_in(cx, labels, given.keys)
        # Keys that aren't listed go to a place before the others, which is cut off.
        place = Add(position, constant(np.asarray(1, np.int32))).result
        numbers = _scattered(place, given.numbers, count)
        ones = cast(is_found(position), DType.F64)
        present = _scattered(place, ones, count)
        is_present = GreaterEqual(present, constant(np.float64(0.5))).result
        return Keyed(positions, numbers, is_present)
    _require_alike(cx, isinstance(given.labels[0], str), labels)
    known = {label: index for index, label in enumerate(given.labels)}
    taken = np.array([known.get(label, len(known)) for label in labels], np.int32)
    numbers = _with_absent(given.numbers, taken)
    if given.present is None and len(known) not in taken:
        return Keyed(positions, numbers)
    was = given.present
    mask = cast(was, DType.F64) if was is not None else constant(np.ones((1, len(known))))
    found = GreaterEqual(_with_absent(mask, taken), constant(np.float64(0.5))).result
    return Keyed(positions, numbers, found)


def _scattered(place: Value, numbers: Value, count: int) -> Value:
    """[1, count]: numbers at places from 1 on; those at 0 are dropped."""
    zeros = _zeros(count + 1)
    found = Scatter(zeros, place, numbers, axis=0, mode=ScatterMode.UPDATE).result
    known = SliceByIndex(
        found, begin=(1,), end=(0,), stride=(1,), begin_mask=(0,), end_mask=(1,)
    ).result
    return ExpandDims(known, (0,)).result


def _zeros(count: int) -> Value:
    return constant(SplatResource(Tensor(DType.F64, (count,)), 0.0))


def _with_absent(row: Value, taken: np.ndarray) -> Value:
    """Columns of [1, K]; column K is 0."""
    padded = Pad(row, pad=(0, 0, 0, 1)).result
    return Gather(padded, constant(taken), axis=1).result


def dense(given: Keyed) -> Value:
    """[1, K] f64: the values of a dictionary with known keys, 0 for those that it doesn't have."""
    return cast(given.numbers, DType.F64)


@rules("featureVectorizer", missing=passed_on)
def feature_vectorizer(cx: ModelContext) -> None:
    """Columns one after the other, in the order of the model's list, not of its description.

    A dictionary is a sparse block with integer keys from 0.
    """
    columns: list[Value] = []
    for column in cx.message.inputList:
        name, size = column.inputColumn, int(column.inputDimensions)
        form = cx.form(name)
        fits = 0 < size <= LARGEST_EXTENT
        cx.require(fits, f"column '{name}' has {size} dimensions, not 1 to {LARGEST_EXTENT}")
        if isinstance(form, Keyed | Pairs):
            columns.append(_block(cx, name, form, size))
            continue
        value = cx.entry(name)
        if value.type.dtype is DType.STR:
            cx.fail(f"column '{name}' is a string, not a number")
        have = int(np.prod(value.type.static_shape))
        cx.require(have == size, f"column '{name}' has {size} dimensions, its input {have}")
        columns.append(cast(value, DType.F64))
    cx.require(bool(columns), "the model has no columns")
    cx.give(cx.only_output(), joined(columns))


def _block(cx: ModelContext, name: str, form: Keyed | Pairs, size: int) -> Value:
    """[1, size] of a dictionary with keys below `size`."""
    if isinstance(form, Keyed):
        if any(isinstance(label, str) or not 0 <= label < size for label in form.labels):
            cx.fail(f"column '{name}' is a dictionary with keys that are not 0 to {size - 1}")
        count, found = len(form.labels), dense(form)
        if form.labels == tuple(range(count)):
            return Pad(found, pad=(0, 0, 0, size - count)).result if size > count else found
        places = constant(np.array(form.labels, np.int32))
        row = constant(SplatResource(Tensor(DType.F64, (1, size)), 0.0))
        return Scatter(row, places, found, axis=1, mode=ScatterMode.UPDATE).result
    if form.keys.type.dtype is DType.STR:
        cx.fail(f"column '{name}' is a dictionary with strings as keys, not with positions")
    zero, most = constant(np.asarray(0, np.int64)), constant(np.asarray(size, np.int64))
    fits = LogicalAnd(GreaterEqual(form.keys, zero).result, Less(form.keys, most).result).result
    message = f"'{name}' has a key that is not one of 0 to {size - 1}"
    place = cx.checked(cast(form.keys, DType.I32), fits, message)
    zeros = _zeros(size)
    found = Scatter(zeros, place, form.numbers, axis=0, mode=ScatterMode.UPDATE).result
    return ExpandDims(found, (0,)).result
