"""What is known of a function's inputs and outputs besides their IR types.

The semantics are Core ML's: `FeatureDescription` and `FeatureType` of its specification
(Model.proto, FeatureTypes.proto), as far as types of the IR don't say them. Frontends write them
down, passes that change an interface change them with it, targets and the runtime read them. Text
has them as `{name = value, …}`, without those that have their default value.
"""

import functools
import types
import typing
from dataclasses import dataclass, fields, replace
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
Sizes: TypeAlias = tuple[int, ...]
Labels: TypeAlias = tuple[str, ...] | tuple[int, ...]

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Entries:
    """Fields that text has as entries.

    Attributes:
        noun: what messages call the whole.
        order: the fields' names, in the order in which text has them.
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
        if expected is DType and isinstance(value, str):  # which text spells as a string
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
    """The declared types by name; of a field that may be None, what it is otherwise."""
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
            same name. None where nobody says, as of IR text: callers take it for an array.
        axes: what the dimensions of an array are, where the model maps its arrays to rank 5.
        dtype: the element type that a state is read and written as; it may be computed in another.
        color: an image's colour space. Whatever it is, the value has colours in the order red,
            green, blue.
        shape: an array's default shape, as Core ML has it: of the value without a dimension that
            `batched` says is the compiler's own.
        enumerated_shapes: all shapes that the model takes, if it lists them; an image's are
            (height, width).
        shape_ranges: (least, largest) extent of each dimension, if it gives ranges; 0 as the
            largest is none.
        batched: the first dimension is a batch that Core ML's interface does not have.
        layout: "nhwc": dimensions [..., C, H, W] of the description are [..., H, W, C].
    """

    kind: FeatureKind | None = None
    axes: ArrayAxes | None = None
    dtype: DType | None = None
    color: Color | None = None
    shape: Sizes = ()
    enumerated_shapes: tuple[Sizes, ...] = ()
    shape_ranges: tuple[tuple[int, int], ...] = ()
    batched: bool = False
    layout: ArrayLayout = "coreml"

    @property
    def is_array(self) -> bool:
        """Whether callers see an array."""
        return self.kind in (None, "array")

    def default_shape(self) -> Sizes:
        """The declared shape, else the first or the least that is possible; () if none is known."""
        least = tuple(low for low, _ in self.shape_ranges)
        return next(filter(None, (self.shape, *self.enumerated_shapes, least)), ())

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
        """The description with N entries where there was a batch of one, of which `shape` spoke."""
        return replace(self, shape=())


def _channels_last(entries: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
    """One entry for each dimension; of fewer than three dimensions none is a channel's."""
    if len(entries) < 3:
        return entries
    *lead, channels, height, width = entries
    return (*lead, height, width, channels)


@dataclass(frozen=True)
class Argument(Description):
    """What is known of an argument.

    Attributes:
        optional: callers may leave it out.
        default: what all elements are then; None is 0.
        batch_of_one: the first dimension, which Core ML declares as 1, was opened: callers that
            give one entry get results for one.
    """

    noun = "an argument"
    order = (
        *("kind", "axes", "dtype", "color", "shape", "enumerated_shapes", "shape_ranges"),
        *("optional", "default", "batched", "batch_of_one", "layout"),
    )

    optional: bool = False
    default: float | None = None
    batch_of_one: bool = False

    def opened(self) -> Self:
        return replace(super().opened(), batch_of_one=True)

    def absent(self, type: Tensor) -> Array:
        """What an argument of this type is if callers leave it out; open extents are 1."""
        sizes = tuple(dim if isinstance(dim, int) else 1 for dim in type.shape)
        return np.full(sizes, self.default or 0, type.dtype.numpy)


@dataclass(frozen=True)
class Result(Description):
    """What is known of a result."""

    noun = "a result"
    order = (
        *("kind", "dtype", "color", "shape", "enumerated_shapes", "shape_ranges"),
        *("axes", "batched", "layout"),
    )


@dataclass(frozen=True)
class Classifier(Entries):
    """What a function says of the classes that it predicts.

    Attributes:
        class_labels: the classes, in the order of the probabilities; none if it doesn't classify.
        predicted_feature: the name of the result that is the most probable class.
        predicted_probabilities: the name of the result that has the probability of each class.
            Either name may be that of no result: empty, or of one that a pass left out.
    """

    noun = "a function"
    order = ("class_labels", "predicted_feature", "predicted_probabilities")

    class_labels: Labels = ()
    predicted_feature: str = ""
    predicted_probabilities: str = ""

    def entries(self) -> dict[str, Any]:
        """The literals of all fields if there are classes: an empty name says something, too."""
        if not self.class_labels:
            return super().entries()
        return {name: getattr(self, name) for name in self.order}


class ModuleFacts(TypedDict, total=False):
    """What a module says of the model that it was made of, and of how.

    Metadata: one entry only, `default_function`, changes what anything computes. Text may have
    further entries of any kind; these have their types.
    """

    source: str  # the model's type, as the specification spells it
    spec_version: int
    precision: str  # of ML Programs, see compiler/options.py
    author: str
    license: str
    shortDescription: str
    versionString: str
    ignored: str  # what of the model inference has no use for
    default_function: str
    fixed_batch: str  # why the batch was not opened
    fixed_shapes: str  # why flexible shapes were not kept
    weights: str  # "compressed" if weights stay as they are stored


def module_fact(name: str, value: Any) -> Any:
    """A module's entry from a literal of the text.

    Raises:
        TypeError: it is a known one, of another type.
    """
    expected = _types_of(ModuleFacts)
    return convert(value, expected[name]) if name in expected else value
