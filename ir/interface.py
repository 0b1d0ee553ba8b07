"""Interface attributes: what is known of a function's inputs and outputs besides their IR types.

The semantics are Core ML's: `FeatureDescription` and `FeatureType` of its specification
(Model.proto, FeatureTypes.proto), as far as IR types don't express them. Frontends set them, passes
that change an interface update them, and targets and the runtime read them. Text has them as
`{name = value, …}`, without those that have their default value.
"""

import functools
import types
import typing
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypedDict, TypeVar

import numpy as np

from .attributes import convert
from .types import Array, DType, Tensor

FeatureKind: TypeAlias = Literal[
    "array", "image", "dictionary", "string", "int64", "double", "sequence", "state"
]
Color: TypeAlias = Literal["RGB", "BGR", "GRAYSCALE", "GRAYSCALE_FLOAT16"]
ArrayAxes: TypeAlias = Literal["C", "CHW"]
ArrayLayout: TypeAlias = Literal["coreml", "nhwc"]
Part: TypeAlias = Literal["keys", "values", "present"]
Detected: TypeAlias = Literal["coordinates", "confidence"]
Sizes: TypeAlias = tuple[int, ...]
Batch: TypeAlias = Literal["opened", "added"]
Labels: TypeAlias = tuple[str, ...] | tuple[int, ...]

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Entries:
    """Fields that are entries in text.

    Attributes:
        noun: the name of the whole in messages.
        order: the fields' names, in the order of text.
    """

    noun: ClassVar[str] = ""
    order: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def converted(cls, name: str, value: Any) -> Any:
        """A field's value from a literal of the text.

        Raises:
            TypeError: the field has another type.
        """
        expected = _types_of(cls)[name]
        if expected is DType and isinstance(value, str):  # spelled as a string in text
            known = [item.value for item in DType]
            if value not in known:
                raise TypeError(f"expected one of {', '.join(known)}, got {value!r}")
            return DType(value)
        return convert(value, expected)

    def entries(self) -> dict[str, Any]:
        """The literals of all fields that differ from their default value."""
        defaults = {item.name: item.default for item in fields(self)}
        found = {name: getattr(self, name) for name in self.order}
        return {
            name: value.value if isinstance(value, DType) else value
            for name, value in found.items()
            if value != defaults[name]
        }


@functools.cache
def _types_of(cls: type[Any]) -> dict[str, Any]:
    """The declared types by name; for a field that may be None, the other type."""
    hints = typing.get_type_hints(cls)
    return {name: _without_none(hint) for name, hint in hints.items()}


def _without_none(hint: Any) -> Any:
    choices = [item for item in typing.get_args(hint) if item is not types.NoneType]
    is_union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    return choices[0] if is_union and len(choices) == 1 else hint


@dataclass(frozen=True)
class Description(Entries):
    """What arguments and results have in common.

    Attributes:
        kind: which of Core ML's feature types it is; a state is an argument and the result of the
            same name. None if unknown, as in IR text: callers treat it as an array.
        axes: the letters of an array's axes, such as "CHW", if the model maps its arrays to rank 5.
        dtype: the element type that a state is read and written as; it may be computed in another.
        color: an image's colour space. For every colour space, the value has the order red, green,
            blue.
        shape: an array's default shape in Core ML: without a batch that was added.
        enumerated_shapes: all shapes that the model accepts, if it lists them; those of images are
            (height, width).
        shape_ranges: (least, largest) size of each dimension, if it has ranges; a largest size of 0
            means no limit.
        batch: where the first dimension, a batch, comes from: "opened" if Core ML declares it as 1,
            "added" if Core ML's interface does not have it. Callers that pass one entry, without an
            added dimension, get results for one. None if there is no batch.
        layout: "nhwc" if dimensions [..., C, H, W] of the description became [..., H, W, C].
        feature: the name of the dictionary that it is a part of; empty for what is whole.
        part: which part. Two vectors of equal length are the keys and the values of a dictionary
            whose keys aren't known; of known keys (`Result.keys`), `present` says which it has.
    """

    kind: FeatureKind | None = None
    axes: ArrayAxes | None = None
    dtype: DType | None = None
    color: Color | None = None
    shape: Sizes = ()
    enumerated_shapes: tuple[Sizes, ...] = ()
    shape_ranges: tuple[tuple[int, int], ...] = ()
    batch: Batch | None = None
    layout: ArrayLayout = "coreml"
    feature: str = ""
    part: Part | None = None

    @property
    def is_flexible(self) -> bool:
        """Whether the model accepts several shapes."""
        return bool(self.enumerated_shapes or self.shape_ranges)

    def allows(self, sizes: Sizes) -> bool:
        """Whether the model accepts this shape, (height, width) of images."""
        return is_allowed(sizes, self.enumerated_shapes, self.shape_ranges)

    @property
    def is_array(self) -> bool:
        """Whether it is an array for callers."""
        return self.kind in (None, "array")

    def default_shape(self) -> Sizes:
        """The declared shape, or else the first or the least possible one; () if none is known."""
        least = tuple(low for low, _ in self.shape_ranges)
        return next(filter(None, (self.shape, *self.enumerated_shapes, least)), ())

    @property
    def limits(self) -> tuple[Sizes, ...]:
        """The shapes that the model accepts, as entries of `tensor.assert_shape`."""
        shapes = [[(size, size) for size in sizes] for sizes in self.enumerated_shapes]
        ranges = [(low, high or -1) for low, high in self.shape_ranges]
        return tuple(tuple(n for pair in pairs for n in pair) for pairs in shapes or [ranges])

    def in_order_of_model(self, dims: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
        """Dimensions of the value in the order of Core ML's description."""
        if self.layout == "coreml" or len(dims) < 3:
            return dims
        *lead, height, width, channels = dims
        return (*lead, channels, height, width)

    def channels_last(self) -> Self:
        """The description of the value transposed from [..., C, H, W] to [..., H, W, C]."""
        return replace(
            self,
            axes=None,
            shape=_channels_last(self.shape),
            enumerated_shapes=tuple(map(_channels_last, self.enumerated_shapes)),
            shape_ranges=_channels_last(self.shape_ranges),
            layout="nhwc",
        )

    def opened(self) -> Self:
        """The description with N entries in place of the batch of one in `shape`."""
        return self if self.batch == "added" else replace(self, shape=(), batch="opened")

    def with_batch(self) -> Self:
        """The description of a value that gets a first dimension for entries."""
        return replace(self, batch="added")

    def as_part(self, feature: str, part: Part) -> Self:
        """The description of a part of a dictionary."""
        return replace(self, feature=feature, part=part)


def is_allowed(
    sizes: Sizes, enumerated: tuple[Sizes, ...], ranges: tuple[tuple[int, int], ...]
) -> bool:
    """Whether a shape is one of those listed, or else within the ranges; 0 means no upper limit."""
    if enumerated:
        return sizes in enumerated
    return len(sizes) == len(ranges) and all(
        low <= size and (not high or size <= high)
        for size, (low, high) in zip(sizes, ranges, strict=True)
    )


def _channels_last(entries: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
    """The entries, one per dimension, channels-last; with fewer than three, none is a channel."""
    if len(entries) < 3:
        return entries
    *lead, channels, height, width = entries
    return (*lead, height, width, channels)


@dataclass(frozen=True)
class Argument(Description):
    """The interface attributes of an argument.

    Attributes:
        optional: whether callers may omit it.
        default: the value of all elements then; None means 0. Strings are empty. Of an argument
            that must be given: NaN where that is a missing number of a table; another number is the
            model's own choice, for callers who ask for it.
        columns: the names of a matrix's columns, in order, where each is an input of the model.
    """

    noun = "an argument"
    order = (
        *("kind", "axes", "dtype", "color", "shape", "enumerated_shapes", "shape_ranges"),
        *("optional", "default", "batch", "layout", "feature", "part", "columns"),
    )

    optional: bool = False
    default: float | None = None
    columns: tuple[str, ...] = ()

    @property
    def own_number(self) -> float | None:
        """What the model takes for a single number that nobody gives, such as a threshold."""
        default = self.default if self.kind == "double" else None
        return default if default is not None and isfinite(default) else None

    def absent(self, type: Tensor) -> Array:
        """The value of an argument of this type if callers omit it; dynamic dimensions are 1."""
        sizes = tuple(dim if isinstance(dim, int) else 1 for dim in type.shape)
        default = "" if type.dtype is DType.STR else self.default or 0
        return np.full(sizes, default, type.dtype.numpy)


@dataclass(frozen=True)
class Result(Description):
    """The interface attributes of a result.

    Attributes:
        keys: the keys of a dictionary, in the order of the values; empty if they aren't known, or
            are the classes that the function predicts.
        detected: what a detector says of each box, a row of a matrix. `coordinates` are the
            (centre x, centre y, width, height), where the image's left and top are 0, its right
            and bottom 1. `confidence` has a column for each class (`Classifier.class_labels`). The
            rows of both are the same boxes, best first; a row of zeros is not a box.
    """

    noun = "a result"
    order = (
        *("kind", "dtype", "color", "shape", "enumerated_shapes", "shape_ranges"),
        *("axes", "batch", "layout", "feature", "part", "keys", "detected"),
    )

    keys: Labels = ()
    detected: Detected | None = None


@dataclass(frozen=True)
class Classifier(Entries):
    """The classes that a function predicts.

    Attributes:
        class_labels: the classes, in the order of the probabilities, or of a detector's confidences
            (`Result.detected`); empty if there are none.
        predicted_feature: the name of the result that is the most probable class.
        predicted_probabilities: the name of the result that has the probability of each class.
            Either name may be empty, or that of a result that a pass removed.
    """

    noun = "a function"
    order = ("class_labels", "predicted_feature", "predicted_probabilities")

    class_labels: Labels = ()
    predicted_feature: str = ""
    predicted_probabilities: str = ""

    def entries(self) -> dict[str, Any]:
        """The literals of all fields if there are classes: an empty name has a meaning too."""
        if not self.class_labels:
            return super().entries()
        return {name: getattr(self, name) for name in self.order}


class ModuleFacts(TypedDict, total=False):
    """Metadata of a module: the model that it was made from, and how.

    Only the entry `default_function` affects what is computed. Text may have other entries of any
    type; these have the types below.
    """

    source: str  # the model's type, as the specification spells it
    spec_version: int
    array_mapping: str  # "rank5" if arrays are [C] or [C, H, W], and a batch and more is implicit
    precision: str  # of programs, and "float64" of models of doubles; see compiler/options.py
    author: str
    license: str
    shortDescription: str
    versionString: str
    ignored: str  # parts of the model that inference does not use
    default_function: str
    fixed_batch: str  # why the batch was not made dynamic
    fixed_shapes: str  # why flexible shapes were not kept
    weights: str  # "compressed" if weights stay as they are stored
    state_arguments: tuple[str, ...]  # arguments that were states: callers keep their values
    omitted: tuple[str, ...]  # optional arguments that were left out


def module_fact(name: str, value: Any) -> Any:
    """A module's entry from a literal of the text.

    Raises:
        TypeError: it is a known entry of another type.
    """
    expected = _types_of(ModuleFacts)
    return convert(value, expected[name]) if name in expected else value
