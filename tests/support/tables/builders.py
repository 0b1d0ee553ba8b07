"""Specifications of models that are not networks, and pipelines of them.

Features are written as short texts: `double`, `int64`, `string`, `f64[3]`, `f32[2,4]`, `i32[3]`,
`{string}` and `{int64}` for dictionaries with such keys, `[string]` and `[int64]` for sequences; a
`?` behind one makes it optional. `rgb[8,6]` is an image of this height and width.
"""

from collections.abc import Mapping
from typing import Any

from cmlc.compiler.options import Options
from cmlc.compiler.runtime import CompiledModel
from cmlc.compiler.source.spec import messages
from cmlc.compiler.stages import Stages

_DTYPES = {"f64": 65600, "f32": 65568, "i32": 131104, "?": 0}


def _declare(features: Any, wanted: Mapping[str, str]) -> None:
    for name, text in wanted.items():
        feature = features.add(name=name)
        kind = text.removesuffix("?")
        feature.type.isOptional = kind != text
        if kind in ("double", "int64", "string"):
            getattr(feature.type, f"{kind}Type").SetInParent()
        elif kind.startswith("{"):
            getattr(feature.type.dictionaryType, f"{kind[1:-1]}KeyType").SetInParent()
        elif kind.startswith("["):
            getattr(feature.type.sequenceType, f"{kind[1:-1]}Type").SetInParent()
        elif kind.startswith("rgb["):
            image = feature.type.imageType
            image.colorSpace = image.RGB
            image.height, image.width = map(int, kind[4:-1].split(","))
        else:
            dtype, _, sizes = kind[:-1].partition("[")
            array = feature.type.multiArrayType
            array.dataType = _DTYPES[dtype]
            array.shape.extend(int(size) for size in sizes.split(",") if size)


def model(
    kind: str,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    predicted: tuple[str, str] = ("", ""),
    version: int = 4,
) -> tuple[Any, Any]:
    """A model of a type with its description, and its own message to be filled.

    Args:
        kind: the type, as the specification spells it.
        inputs: types of features by name.
        outputs: the same of outputs.
        predicted: the names of the predicted feature and of its probabilities.
        version: of the specification.
    """
    spec = messages("Model_pb2").Model(specificationVersion=version)
    _declare(spec.description.input, inputs)
    _declare(spec.description.output, outputs)
    label, probabilities = predicted
    spec.description.predictedFeatureName = label
    spec.description.predictedProbabilitiesName = probabilities
    message = getattr(spec, kind)
    message.SetInParent()
    return spec, message


def pipeline(
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    *models: Any,
    kind: str = "pipeline",
    predicted: tuple[str, str] = ("", ""),
) -> Any:
    """A pipeline of models."""
    spec, message = model(kind, inputs, outputs, predicted)
    inner = message if kind == "pipeline" else message.pipeline
    inner.models.extend(models)
    return spec


def compiled(spec: Any, **choices: Any) -> CompiledModel:
    """A model that nothing is done with yet."""
    return CompiledModel(Stages(spec, Options(**choices)))


def run(spec: Any, **inputs: Any) -> dict[str, Any]:
    """What the interpreter computes on the model as imported."""
    return compiled(spec).interpret(inputs)
