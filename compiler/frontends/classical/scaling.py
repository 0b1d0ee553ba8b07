"""Numbers to numbers: Scaler.proto, Imputer.proto, Normalizer.proto and others of their kind."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import Abs, Add, Equal, Mul, NotEqual, RealDiv, Select, Sqrt
from ....ir.dialects.core.fill import BroadcastLike
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.reduce import ReduceMax, ReduceSum
from ....ir.dialects.core.reshaping import Squeeze
from ....ir.dialects.core.shape import Stack
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ..values import cast
from .context import Missing, ModelContext, ModelRules, joined, passed_on
from .encoders import is_found, position_in
from .forms import Entry

rules = ModelRules("scaling")


def _per_element(
    cx: ModelContext, numbers: Any, count: int, what: str, dtype: DType = DType.F64
) -> Array | None:
    """One number for all elements or one for each; None if there is none."""
    numbers = list(numbers)
    if not numbers:
        return None
    if len(numbers) not in (1, count):
        cx.fail(f"the model has {len(numbers)} values of {what} for {count} elements")
    return np.array(numbers, dtype.numpy)


def _elements(cx: ModelContext) -> Value:
    """The only input as a row, [1, F] f64, whatever the rank of the array."""
    feature = cx.only_input()
    return joined([cast(cx.entry(feature.name), DType.F64)])


def _give_like_input(cx: ModelContext, row: Value) -> None:
    """The only output from a row [1, F]; undeclared shapes are those of the input."""
    output, source = cx.only_output(), cx.only_input()
    if output.kind == "array" and not output.shape and source.kind == "array":
        output = replace(output, shape=source.shape)
    cx.give(output, row)


@rules("scaler", missing=passed_on)
def scaler(cx: ModelContext) -> None:
    """scaleValue * (x + shiftValue): the shift comes first. Integers are computed as doubles."""
    x = _elements(cx)
    (count,) = x.type.static_shape[1:]
    shift = _per_element(cx, cx.message.shiftValue, count, "shift")
    scale = _per_element(cx, cx.message.scaleValue, count, "scale")
    if shift is not None:
        x = Add(x, cx.weight(shift, "shift")).result
    if scale is not None:
        x = Mul(x, cx.weight(scale, "scale")).result
    _give_like_input(cx, x)


@rules("normalizer")
def normalizer(cx: ModelContext) -> None:
    """x divided by its norm; the largest norm is that of max(x), not of the magnitudes.

    What becomes of a vector whose norm is 0 is not documented: it stays as it is, as in
    scikit-learn, whose normalizers are converted to this.
    """
    x = _elements(cx)
    match cx.message.normType:
        case 0:
            norm = ReduceMax(x, axes=(1,), keep_dims=True).result
        case 1:
            norm = ReduceSum(Abs(x).result, axes=(1,), keep_dims=True).result
        case 2:
            squares = Mul(x, x).result
            norm = Sqrt(ReduceSum(squares, axes=(1,), keep_dims=True).result).result
        case other:
            cx.fail(f"the model has an unknown norm ({other})")
    is_zero = Equal(norm, constant(np.float64(0))).result
    norm = Select(is_zero, constant(np.float64(1)), norm).result
    _give_like_input(cx, RealDiv(x, norm).result)


def _imputes_nan(message: Any) -> Missing:
    which = message.WhichOneof("ReplaceValue")
    is_nan = which is None or getattr(message, which) != getattr(message, which)
    return "missing" if is_nan else "passed on"


@rules("imputer", missing=_imputes_nan)
def imputer(cx: ModelContext) -> None:
    """Another value for what is missing: a value that the model names, or NaN."""
    which = cx.message.WhichOneof("ImputedValue")
    cx.require(which is not None, "the model has no value for what is missing")
    feature, output = cx.only_input(), cx.only_output()
    if which.endswith("Dictionary"):
        cx.fail("dictionaries with missing values are not documented", kind="unsupported")
    if feature.kind == "string":
        _impute_string(cx, which)
        return
    x = cx.entry(feature.name)
    given = getattr(cx.message, which)
    if which.endswith("String") or which == "imputedStringValue":
        cx.fail(f"input '{feature.name}' is numbers, but the value for what is missing is a string")
    numbers = given.vector if which.endswith("Array") else [given]
    row = joined([x])
    dtype = _exact_type(cx, row.type.dtype, [*numbers, _sentinel(cx)])
    row = cast(row, dtype)
    (count,) = row.type.static_shape[1:]
    values = _per_element(cx, numbers, count, "what is missing", dtype)
    cx.require(values is not None, "the model has no value for what is missing")
    like = constant(np.asarray(values), "imputed")
    found = Select(_is_missing(cx, row), BroadcastLike(like, row).result, row).result
    if output.kind == "array":
        _give_like_input(cx, found)
    else:
        cx.give(output, found)


def _exact_type(cx: ModelContext, dtype: DType, values: Iterable[float]) -> DType:
    """The type in which values are compared: that of integers if all are such, or else doubles.

    Doubles may not hold what an int64 is.
    """
    if not dtype.is_integer:
        return DType.F64
    limits = np.iinfo(dtype.numpy)
    known = [value for value in values if not math.isnan(value)]
    if all(float(value).is_integer() and limits.min <= value <= limits.max for value in known):
        return dtype
    cx.require(dtype is not DType.I64, "the input is an int64, but a value of the model is not")
    return DType.F64


def _sentinel(cx: ModelContext) -> float:
    """The number that counts as missing."""
    which = cx.message.WhichOneof("ReplaceValue")
    if which == "replaceStringValue":
        cx.fail("the input is numbers, but what counts as missing is a string")
    return getattr(cx.message, which) if which else math.nan


def _is_missing(cx: ModelContext, row: Value) -> Value:
    """Which elements count as missing, bool of the row's shape."""
    sentinel = _sentinel(cx)
    if math.isnan(sentinel):
        return NotEqual(row, row).result
    return Equal(row, constant(np.asarray(sentinel, row.type.dtype.numpy))).result


def _impute_string(cx: ModelContext, which: str) -> None:
    x, output = cx.entry(cx.only_input().name), cx.only_output()
    if which != "imputedStringValue" or output.kind != "string":
        cx.fail("the input is a string, but what replaces it, or the output, is not")
    sentinel = ""
    if (replaced := cx.message.WhichOneof("ReplaceValue")) is not None:
        if replaced != "replaceStringValue":
            cx.fail("the input is a string, but what counts as missing is a number")
        sentinel = cx.message.replaceStringValue
    missing = is_found(position_in(cx, (sentinel,), x))
    filled = constant(np.array([cx.message.imputedStringValue], object))
    cx.made[output.name] = Entry(Select(missing, filled, x).result)


@rules("arrayFeatureExtractor", missing=passed_on)
def extractor(cx: ModelContext) -> None:
    """The elements at the given positions, which may repeat."""
    x = cx.vector()
    (count,) = x.type.static_shape[1:]
    positions = list(cx.message.extractIndex)
    cx.require(bool(positions), "the model extracts nothing")
    if beyond := [index for index in positions if index >= count]:
        cx.fail(f"the model extracts element {beyond[0]} of {count}")
    indices = constant(np.array(positions, np.int32))
    found = Gather(x, indices, axis=1).result
    output = cx.only_output()
    if output.kind == "int64":
        # Core ML casts here: this is how tables of numbers have categories.
        cx.made[output.name] = Entry(cast(_first(found), DType.I64))
        return
    cx.give(output, found)


def _first(row: Value) -> Value:
    """[1, 1] as [1]."""
    return Squeeze(row, (1,)).result


@rules("identity", missing=passed_on)
def identity(cx: ModelContext) -> None:
    """Outputs are inputs: those of the same name, or else the one at the same place."""
    outputs, inputs = cx.interface.outputs, cx.inputs
    cx.require(len(outputs) == len(inputs), "the model has other numbers of inputs and of outputs")
    by_name = {feature.name for feature in inputs} == {feature.name for feature in outputs}
    for source, output in zip(inputs, outputs, strict=True):
        cx.made[output.name] = cx.form(output.name if by_name else source.name)


@rules("classConfidenceThresholding")
def thresholding(cx: ModelContext) -> None:
    """[C] confidences as [2, C], the second row ones: Core ML takes all classes, as documented."""
    x = _elements(cx)
    cx.require(bool(cx.message.precisionRecallCurves), "the model has no precision-recall curves")
    ones = BroadcastLike(constant(np.ones((1, 1))), x).result
    cx.give(cx.only_output(), Stack((x, ones), axis=1).result)
