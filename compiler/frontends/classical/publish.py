"""Core ML's interface of a function: arguments for inputs, results for outputs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ....ir.dialects.core.reshaping import Reshape, Squeeze
from ....ir.dims import Dim, symbol
from ....ir.interface import Argument, Classifier, Part, Result
from ....ir.ssa import Function, Value
from ....ir.types import DType, Tensor
from ...source.interface import Feature, Interface
from ..features import CHANNELS, argument_of, open_sizes, problem, result_of, words_of
from .forms import Entry, Form, Image, Keyed, Pairs, Sequence, Whole, whole_of

SCALARS = {"double": DType.F64, "int64": DType.I64, "string": DType.STR}


class _Argument(NamedTuple):
    name: str
    type: Tensor
    known: Argument


@dataclass(frozen=True)
class Arguments:
    """How a function takes the inputs of a model.

    Attributes:
        features: the inputs.
        entries: whether numbers, strings and arrays get a dimension for entries, so that tables can
            be computed at once.
        absent: what inputs are if they aren't given, by name, as in `ModelType`.
        missing: names of inputs in which NaN is a missing number, also if they have to be given.
        flexible: whether flexible inputs keep their open dimensions.
    """

    features: tuple[Feature, ...]
    entries: frozenset[str]
    absent: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    missing: frozenset[str] = frozenset()
    flexible: bool = True

    def function(self, name: str) -> tuple[Function, dict[str, Form]]:
        """A function without a body, and its inputs by name."""
        words = words_of(self.features)
        taken = {feature.name for feature in self.features}
        rows: list[_Argument] = []
        places: dict[str, slice] = {}
        for feature in self.features:
            made = list(self._arguments(feature, words[feature.name], taken))
            places[feature.name] = slice(len(rows), len(rows) + len(made))
            rows += made
        function = Function(name, [row.type for row in rows], [row.name for row in rows])
        function.inputs = [row.known for row in rows]
        values = function.arguments
        return function, {f.name: self._form(f, values[places[f.name]]) for f in self.features}

    def _arguments(self, feature: Feature, word: str, taken: set[str]) -> Iterator[_Argument]:
        known = argument_of(feature)
        name = feature.name
        own = self.absent.get(name)
        has_own = own is not None and not math.isnan(own)
        if has_own or (feature.optional and name in self.absent):
            known = replace(known, default=own)
        elif name in self.missing and not feature.optional and _has_nan(feature):
            known = replace(known, default=math.nan)
        match feature.kind:
            case "image":
                assert feature.image is not None
                size = feature.image.height, feature.image.width
                sizes = open_sizes(feature, size, word) if self.flexible else size
                half = feature.image.color == "GRAYSCALE_FLOAT16"
                dtype = DType.F16 if half else DType.U8
                channels = CHANNELS[feature.image.color]
                yield _Argument(name, Tensor(dtype, (1, *sizes, channels)), known)
            case "array":
                dims: tuple[Dim, ...] = feature.shape
                if self.flexible and name not in self.entries:
                    dims = open_sizes(feature, feature.shape, word)
                dtype = _dtype(feature.dtype or DType.F64, known)
                yield self._number(name, dtype, dims, known)
            case "dictionary":
                dims = (symbol(f"n_{word}"),)
                keys = DType.I64 if feature.key_type == "int64" else DType.STR
                parts: tuple[tuple[Part, DType], ...] = (("keys", keys), ("values", DType.F64))
                for part, dtype in parts:
                    inner = _part_name(name, part, taken)
                    yield _Argument(inner, Tensor(dtype, dims), known.as_part(name, part))
            case "sequence":
                dtype = DType.I64 if feature.key_type == "int64" else DType.STR
                yield _Argument(name, Tensor(dtype, (symbol(f"n_{word}"),)), known)
            case kind if kind in SCALARS:
                yield self._number(name, _dtype(SCALARS[kind], known), (), known)
            case kind:
                raise problem(name, "input", f"inputs of type {kind} are not supported here")

    def _number(self, name: str, dtype: DType, dims: tuple[Dim, ...], known: Argument) -> _Argument:
        if name not in self.entries:
            return _Argument(name, Tensor(dtype, dims), known)
        return _Argument(name, Tensor(dtype, (1, *dims)), known.with_batch())

    def _form(self, feature: Feature, values: list[Value]) -> Form:
        match feature.kind:
            case "image":
                assert feature.image is not None
                return Image(values[0], feature.image.color)
            case "dictionary":
                return Pairs(*values)
            case "sequence":
                return Sequence(values[0])
            case _:
                return Entry(values[0]) if feature.name in self.entries else Whole(values[0])


def _dtype(dtype: DType, known: Argument) -> DType:
    """The type of an argument: integers of which some may be missing, as NaN, are floats."""
    is_nan = known.default is not None and math.isnan(known.default)
    return DType.F64 if is_nan and dtype in (DType.I64, DType.I32) else dtype


def _has_nan(feature: Feature) -> bool:
    """Whether the feature's type has NaN."""
    is_float = feature.dtype is None or feature.dtype.is_float
    return feature.kind == "double" or (feature.kind == "array" and is_float)


def _part_name(name: str, part: Part, taken: set[str]) -> str:
    """What the argument or result for a part of a dictionary is called."""
    found = f"{name}_{part}"
    while found in taken:
        found += "_"
    taken.add(found)
    return found


class Published(NamedTuple):
    """One result of a function."""

    name: str
    value: Value
    known: Result


def published(
    interface: Interface, made: Mapping[str, Form], *, entries: bool
) -> tuple[list[Published], Classifier]:
    """The results for a model's outputs, in their order, and the classes that it predicts.

    Args:
        interface: the model's description.
        made: its outputs.
        entries: whether results keep a dimension for entries, as the arguments have it.

    Raises:
        CompileError: nothing makes an output.
    """
    rows: list[Published] = []
    taken = {feature.name for feature in interface.outputs}
    classifier = Classifier()
    for feature in interface.outputs:
        form = made.get(feature.name)
        if form is None:
            raise problem(feature.name, "output", "no model makes this output")
        known = result_of(feature)
        if isinstance(form, Keyed):
            rows += _dictionary(feature.name, form, known, taken, entries=entries)
            if form.present is None and feature.name == interface.predicted_probabilities:
                label = interface.predicted_feature
                classifier = Classifier(form.labels, label, feature.name)
                rows[-1] = rows[-1]._replace(known=replace(rows[-1].known, keys=()))
        elif isinstance(form, Pairs):
            parts: tuple[tuple[Part, Value], ...]
            parts = ("keys", form.keys), ("values", form.numbers)
            for part, value in parts:
                name = _part_name(feature.name, part, taken)
                rows.append(Published(name, value, known.as_part(feature.name, part)))
        else:
            rows.append(_row(feature, form, known, entries=entries))
    return rows, classifier


def _row(feature: Feature, form: Form, known: Result, *, entries: bool) -> Published:
    (value,) = form.values
    if isinstance(form, Entry) and not entries:
        form = Whole(whole_of(form))
        value = form.value
    if isinstance(form, Entry):
        return Published(feature.name, value, known.with_batch())
    if isinstance(form, Whole) and feature.kind == "array" and value.type.rank == 0:
        value = Reshape(value, (1,)).result  # Core ML's arrays have at least one dimension
    return Published(feature.name, value, known)


def _dictionary(
    name: str, form: Keyed, known: Result, taken: set[str], *, entries: bool
) -> Iterator[Published]:
    """A dictionary with known keys: its values, and which of them it has if it may lack some."""

    def placed(value: Value) -> Value:
        return value if entries else Squeeze(value, (0,)).result

    known = replace(known.with_batch() if entries else known, keys=form.labels)
    if form.present is None:
        yield Published(name, placed(form.numbers), known)
        return
    inner = _part_name(name, "values", taken)
    yield Published(inner, placed(form.numbers), known.as_part(name, "values"))
    inner, known = _part_name(name, "present", taken), replace(known, keys=())
    yield Published(inner, placed(form.present), known.as_part(name, "present"))
