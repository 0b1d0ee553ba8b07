"""A model's interface: its inputs, outputs and states, and their descriptions."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.interface import Color, FeatureKind, Labels, is_allowed
from ...ir.location import InModel
from ...ir.types import DType
from .spec import NETWORKS, model_kind

Role: TypeAlias = Literal["input", "output", "state"]
Range: TypeAlias = tuple[int, int | None]

_FLEXIBLE_SINCE = 3
_REMEDY = "export the model again, or correct its description with coremltools"
_ARRAY_DTYPES = {
    65568: DType.F32,
    65600: DType.F64,
    131104: DType.I32,
    65552: DType.F16,
    131080: DType.I8,
}
_COLORS: dict[int, Color] = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}


@dataclass(frozen=True)
class ImageFormat:
    """How an image is stored; height and width are the default size."""

    color: Color
    height: int
    width: int


@dataclass(frozen=True)
class Flexibility:
    """The shapes that are possible besides the default: a list, or a range per dimension.

    Images have two dimensions, (height, width), and sequences one. An open range ends with None.
    """

    enumerated: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[Range, ...] = ()

    def allows(self, sizes: tuple[int, ...]) -> bool:
        """Whether the shape is possible."""
        ranges = tuple((low, high or 0) for low, high in self.ranges)
        return is_allowed(sizes, self.enumerated, ranges)


@dataclass(frozen=True)
class Feature:
    """One input, output or state.

    Attributes:
        dtype: the element type of arrays and states.
        shape: the default shape of arrays and states.
        default: the value of all elements when the optional feature is missing.
        key_type: the type of a dictionary's keys, or of a sequence's elements.
    """

    name: str
    kind: FeatureKind
    dtype: DType | None = None
    shape: tuple[int, ...] = ()
    flexibility: Flexibility | None = None
    image: ImageFormat | None = None
    optional: bool = False
    default: float | int | None = None
    description: str = ""
    key_type: Literal["string", "int64", ""] = ""


@dataclass(frozen=True)
class Interface:
    """The content of a model's description.

    Attributes:
        probabilities_layer: the name of the layer output with a classifier's probabilities.
        metadata: author, license, shortDescription and versionString as far as they are given,
            and the user's own entries.
        kind: the model's type, as the specification spells it.
        function: the described function, for models that have several.
    """

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    predicted_feature: str = ""
    predicted_probabilities: str = ""
    class_labels: Labels = ()
    probabilities_layer: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    spec_version: int = 0
    updatable: bool = False
    states: tuple[Feature, ...] = ()
    function: str = ""


class _Use(NamedTuple):
    """The use of a feature.

    Attributes:
        flexible: whether flexible shapes count; before version 3, Core ML ignores them.
        untyped: the element type of arrays that don't state it; None if they must.
    """

    role: Role
    flexible: bool
    untyped: DType | None = None


class _ProblemError(Exception):
    """A problem of one feature; the message continues a sentence that begins with its name."""


def read_interface(spec: Any) -> Interface:
    """The interface of a model, or of its default function if it has several.

    Raises:
        CompileError: the description is inconsistent; it has every problem.
    """
    return next(_read_interfaces(spec))


def read_interfaces(spec: Any) -> tuple[Interface, ...]:
    """The interfaces of all functions that a model describes, the default one first.

    A model that describes no functions has one interface, of the function "".

    Raises:
        CompileError: a description is inconsistent; it has every problem of the function.
    """
    return tuple(_read_interfaces(spec))


def _read_interfaces(spec: Any) -> Iterator[Interface]:
    """Read them one by one: problems of other functions don't concern the first."""
    functions = list(spec.description.functions)
    names = [function.name for function in functions]
    default = spec.description.defaultFunctionName
    for name in {name for name in names if names.count(name) > 1}:
        message = f"the function '{name}' is described twice"
        raise CompileError(Diagnostic(message, "malformed", subject=name, remedy=_REMEDY))
    if default and functions and default not in names:
        message = f"the default function '{default}' is not one of {', '.join(names)}"
        raise CompileError(Diagnostic(message, "malformed", subject=default, remedy=_REMEDY))
    functions.sort(
        key=lambda function: function.name != default
    )  # stable: the others keep their order
    for described in functions or [spec.description]:
        yield _interface(spec, described)


def _interface(spec: Any, described: Any) -> Interface:
    """The interface in a function's description, or in the model's own."""
    problems: list[Diagnostic] = []
    kind = model_kind(spec)
    network = getattr(spec, kind) if kind else None
    flexible = spec.specificationVersion >= _FLEXIBLE_SINCE
    # Old converters don't state the type of arrays. Networks compute in float32, and say what they
    # take; other models compute in doubles.
    computes_singles = kind in NETWORKS or kind == "mlProgram"
    taken = None if computes_singles else DType.F64
    given = DType.F32 if computes_singles else DType.F64
    interface = Interface(
        inputs=_features(described.input, _Use("input", flexible, taken), problems),
        outputs=_features(described.output, _Use("output", flexible, given), problems),
        states=_features(described.state, _Use("state", flexible), problems),
        predicted_feature=described.predictedFeatureName,
        predicted_probabilities=described.predictedProbabilitiesName,
        class_labels=_class_labels(network),
        probabilities_layer=getattr(network, "labelProbabilityLayerName", ""),
        metadata=_metadata(spec.description.metadata),
        kind=kind,
        spec_version=spec.specificationVersion,
        updatable=spec.isUpdatable,
        function=described.name if described is not spec.description else "",
    )
    problems += _prediction_problems(interface)
    if problems:
        raise CompileError(problems)
    return interface


def _features(
    descriptions: Iterable[Any], use: _Use, problems: list[Diagnostic]
) -> tuple[Feature, ...]:
    features: dict[str, Feature] = {}
    seen: list[Any] = []
    for index, description in enumerate(descriptions):
        name = description.name
        if use.role == "output" and description in seen:
            continue  # a program that returns a value twice also describes it twice, identically
        seen.append(description)
        try:
            if not name:
                raise _ProblemError("has no name")
            if name in features:
                raise _ProblemError("is described twice")
            features[name] = _feature(description, use)
        except _ProblemError as problem:
            message = f"the {use.role} '{name}' {problem}"
            location = InModel(use.role, index, name)
            problems.append(
                Diagnostic(message, "malformed", location, subject=name, remedy=_REMEDY)
            )
    return tuple(features.values())


def _feature(description: Any, use: _Use) -> Feature:
    variant = description.type.WhichOneof("Type")
    if variant is None:
        raise _ProblemError("has no type")
    kind, read = _READERS[variant]
    facts = read(getattr(description.type, variant), use)
    return Feature(
        description.name,
        kind,
        optional=description.type.isOptional,
        description=description.shortDescription,
        **facts,
    )


def _no_facts(_message: Any, _use: _Use) -> dict[str, Any]:
    return {}


def _array(array: Any, use: _Use) -> dict[str, Any]:
    flexibility = _array_flexibility(array) if use.flexible else None
    shape = tuple(array.shape) or _default(flexibility)
    if any(dim < 0 for dim in shape):
        raise _ProblemError(f"has the impossible shape {list(shape)}")
    if use.role == "input" and not shape:
        raise _ProblemError("has no shape")
    if flexibility is not None:
        _check_default(shape, flexibility)
    default = array.WhichOneof("defaultOptionalValue")
    return {
        "dtype": _array_dtype(array.dataType, use.untyped),
        "shape": shape,
        "flexibility": flexibility,
        "default": getattr(array, default) if default else None,
    }


def _array_dtype(data_type: int, untyped: DType | None) -> DType:
    if data_type == 0 and untyped is not None:
        return untyped
    if data_type not in _ARRAY_DTYPES:
        raise _ProblemError(f"has the unknown element type {data_type}" if data_type else _UNTYPED)
    return _ARRAY_DTYPES[data_type]


_UNTYPED = "has no element type"


def _array_flexibility(array: Any) -> Flexibility | None:
    match array.WhichOneof("ShapeFlexibility"):
        case "enumeratedShapes":
            return _enumerated(tuple(shape.shape) for shape in array.enumeratedShapes.shapes)
        case "shapeRange" if array.shapeRange.sizeRanges:
            return Flexibility(ranges=tuple(map(_range, array.shapeRange.sizeRanges)))
    return None


def _image(image: Any, use: _Use) -> dict[str, Any]:
    if image.colorSpace not in _COLORS:
        raise _ProblemError(f"has an unknown colour space ({image.colorSpace})")
    flexibility = _image_flexibility(image) if use.flexible else None
    size = image.height, image.width
    if min(size) <= 0:
        size = _default(flexibility) or size
    if min(size) <= 0:
        raise _ProblemError(f"has the impossible size {size[1]} × {size[0]}")
    if flexibility is not None:
        _check_default(size, flexibility)
    height, width = size
    return {
        "image": ImageFormat(_COLORS[image.colorSpace], height, width),
        "flexibility": flexibility,
    }


def _image_flexibility(image: Any) -> Flexibility | None:
    match image.WhichOneof("SizeFlexibility"):
        case "enumeratedSizes":
            return _enumerated((size.height, size.width) for size in image.enumeratedSizes.sizes)
        case "imageSizeRange":
            sizes = image.imageSizeRange
            return Flexibility(ranges=(_range(sizes.heightRange), _range(sizes.widthRange)))
    return None


def _enumerated(shapes: Iterable[tuple[int, ...]]) -> Flexibility:
    enumerated = tuple(shapes)
    if not enumerated or not all(enumerated):
        raise _ProblemError("enumerates its shapes, but the list is empty or has an empty shape")
    return Flexibility(enumerated=enumerated)


def _range(size: Any) -> Range:
    lower, upper = size.lowerBound, size.upperBound
    if 0 < upper < lower:
        raise _ProblemError(f"has the empty range of sizes {lower} to {upper}")
    # Negative means unlimited, and 0 is a range that was never filled in.
    return lower, upper if upper > 0 else None


def _default(flexibility: Flexibility | None) -> tuple[int, ...]:
    """The default shape if none is given."""
    if flexibility is None:
        return ()
    if flexibility.enumerated:
        return flexibility.enumerated[0]
    return tuple(lower for lower, _ in flexibility.ranges)


def _check_default(shape: tuple[int, ...], flexibility: Flexibility) -> None:
    if flexibility.enumerated:
        if shape not in flexibility.enumerated:
            possible = ", ".join(str(list(other)) for other in flexibility.enumerated)
            raise _ProblemError(
                f"has the default shape {list(shape)}, but the possible ones are {possible}"
            )
        return
    ranges = flexibility.ranges
    if len(shape) != len(ranges):
        raise _ProblemError(f"has the default shape {list(shape)} but {len(ranges)} ranges")
    for size, (lower, upper) in zip(shape, ranges, strict=True):
        if size < lower or (upper is not None and size > upper):
            limits = f"{lower} to {'any' if upper is None else upper}"
            raise _ProblemError(f"has the default size {size} outside its range {limits}")


def _dictionary(dictionary: Any, _use: _Use) -> dict[str, Any]:
    key = dictionary.WhichOneof("KeyType")
    if key is None:
        raise _ProblemError("is a dictionary without a type of keys")
    return {"key_type": "int64" if key == "int64KeyType" else "string"}


def _sequence(sequence: Any, _use: _Use) -> dict[str, Any]:
    element = sequence.WhichOneof("Type")
    if element is None:
        raise _ProblemError("is a sequence without a type of elements")
    ranges = (_range(sequence.sizeRange),) if sequence.HasField("sizeRange") else ()
    return {
        "key_type": "int64" if element == "int64Type" else "string",
        "flexibility": Flexibility(ranges=ranges) if ranges else None,
    }


def _state(state: Any, use: _Use) -> dict[str, Any]:
    if state.WhichOneof("Type") != "arrayType":
        raise _ProblemError("is a state that is not an array")
    return _array(state.arrayType, use)


_READERS: dict[str, tuple[FeatureKind, Callable[[Any, _Use], dict[str, Any]]]] = {
    "int64Type": ("int64", _no_facts),
    "doubleType": ("double", _no_facts),
    "stringType": ("string", _no_facts),
    "imageType": ("image", _image),
    "multiArrayType": ("array", _array),
    "dictionaryType": ("dictionary", _dictionary),
    "sequenceType": ("sequence", _sequence),
    "stateType": ("state", _state),
}


def _class_labels(network: Any) -> Labels:
    """The labels of a classifier of any type that lists them."""
    if network is None or "ClassLabels" not in network.DESCRIPTOR.oneofs_by_name:
        return ()
    which = network.WhichOneof("ClassLabels")
    return tuple(getattr(network, which).vector) if which else ()


def _metadata(metadata: Any) -> dict[str, str]:
    own = {key: metadata.userDefined[key] for key in sorted(metadata.userDefined)}
    names = ("author", "license", "shortDescription", "versionString")
    return own | {name: value for name in names if (value := getattr(metadata, name))}


def _prediction_problems(interface: Interface) -> Iterable[Diagnostic]:
    """Problems with the outputs that a neural network classifier names."""
    if interface.kind != "neuralNetworkClassifier":
        return
    outputs = {feature.name for feature in interface.outputs}
    for name in (interface.predicted_feature, interface.predicted_probabilities):
        if name and name not in outputs:
            message = f"the classifier predicts '{name}', which is not one of its outputs"
            yield Diagnostic(message, "malformed", subject=name, remedy=_REMEDY)
    if not interface.class_labels:
        yield Diagnostic("the classifier has no class labels", "malformed", remedy=_REMEDY)
