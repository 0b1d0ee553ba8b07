"""Outputs in the types that they are declared with, whatever model or pipeline makes them."""

from collections.abc import Mapping

from ....ir.types import DType
from ...source.interface import Feature
from .context import ModelContext
from .forms import Entry, Form, Image, Keyed, Pairs, Sequence, Whole, entry_of, shown, whole_of


def as_declared(cx: ModelContext, made: Mapping[str, Form]) -> dict[str, Form]:
    """What a model makes; the outputs among it in the types that they are declared with.

    Numbers change their type and shape. An output that is declared and not made stays out, which is
    told where it is needed.

    Raises:
        CompileError: an output is declared as what it can't become.
    """
    declared = ((feature, made.get(feature.name)) for feature in cx.interface.outputs)
    return {**made, **{f.name: _converted(cx, f, form) for f, form in declared if form is not None}}


def _converted(cx: ModelContext, feature: Feature, form: Form) -> Form:
    match form:
        case Entry(value) | Whole(value) if feature.kind in ("double", "int64", "array"):
            if value.type.dtype is DType.STR:
                _refuse(cx, feature, form)
            if _fits(feature, form):
                return form
            found = cx.declared(feature, entry_of(form))
            return Entry(found) if isinstance(form, Entry) else Whole(whole_of(Entry(found)))
        case Entry(value) | Whole(value):
            is_same = feature.kind == "string" and value.type.dtype is DType.STR
        case Sequence(value):
            is_same = feature.kind == "sequence" and value.type.dtype is _key_dtype(feature)
        case Pairs(keys):
            is_same = feature.kind == "dictionary" and keys.type.dtype is _key_dtype(feature)
        case Keyed(labels):
            strings = isinstance(labels[0], str)
            is_same = feature.kind == "dictionary" and strings == (feature.key_type == "string")
        case _:
            is_same = isinstance(form, Image) and feature.kind == "image"
    if not is_same:
        _refuse(cx, feature, form)
    return form


def _key_dtype(feature: Feature) -> DType:
    return DType.I64 if feature.key_type == "int64" else DType.STR


def _refuse(cx: ModelContext, feature: Feature, form: Form) -> None:
    kind = f"{feature.kind} of {feature.key_type}" if feature.key_type else feature.kind
    cx.fail(f"output '{feature.name}' is declared as {kind}, but is {shown(form)}")


def _fits(feature: Feature, form: Entry | Whole) -> bool:
    """Whether numbers have the type and shape already, as far as these are declared.

    Floats of one size are as good as of another: networks compute in theirs.
    """
    dtype = form.value.type.dtype
    shape = form.value.type.shape[1:] if isinstance(form, Entry) else form.value.type.shape
    match feature.kind:
        case "double":
            return dtype.is_float and not shape
        case "int64":
            return dtype is DType.I64 and not shape
        case _:
            wanted = feature.dtype or DType.F64
            is_open = feature.flexibility is not None or not all(s > 0 for s in feature.shape)
            is_shaped = is_open or shape == feature.shape or not form.value.type.is_static
            return is_shaped and (dtype is wanted or (dtype.is_float and wanted.is_float))
