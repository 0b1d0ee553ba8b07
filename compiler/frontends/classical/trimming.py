"""The part of a pipeline that is needed when a model is cut at features between its models.

What is not needed may be what only Apple's systems can run: a feature print, say. Models that are
not needed go away, unread; the cut is then made at the same names, as in any model.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ...source.spec import model_kind, models_in


def trimmed(spec: Any, inputs: Collection[str], outputs: Collection[str]) -> Any:
    """A pipeline of those models that are needed; the same pipeline if all are.

    Args:
        spec: the pipeline.
        inputs: names of values where the model shall begin. Features that a model makes become
            inputs of the pipeline; other names have no effect, and those of arrays whose shape only
            the model tells: the cut is made at these without leaving models out.
        outputs: names of values that shall be all outputs. If all of them are features that a model
            makes, they become the outputs of the pipeline.
    """
    models = models_in(spec)
    makers = {name: place for place, model in enumerate(models) for name in _names(model, "output")}
    ends = list(outputs) if outputs and makers.keys() >= set(outputs) else _names(spec, "output")
    described = {name: _described(models[place], name) for name, place in makers.items()}
    starts = {
        name: makers[name] for name in inputs if name in makers and _has_type(described[name])
    }
    need = _needed(models, ends, starts)
    if len(need.models) == len(models):
        return spec
    made = type(spec)(specificationVersion=spec.specificationVersion)
    getattr(made, model_kind(spec)).SetInParent()
    body, new = _body(spec), _body(made)
    new.models.extend(models[place] for place in need.models)
    if len(body.names) == len(models):
        new.names.extend(body.names[place] for place in need.models)
    made.description.CopyFrom(spec.description)
    del made.description.input[:], made.description.output[:]
    own = [feature for feature in spec.description.input if feature.name in need.inputs]
    made.description.input.extend([*own, *(described[name] for name in need.starts)])
    declared = {feature.name: feature for feature in spec.description.output}
    made.description.output.extend((declared | described | declared)[name] for name in ends)
    return made


@dataclass(frozen=True)
class _Need:
    """What outputs need.

    Attributes:
        models: positions of models, in order.
        inputs: names of what is there before the first model.
        starts: names of features that begin the model.
    """

    models: list[int]
    inputs: set[str]
    starts: list[str]


def _needed(models: list[Any], ends: Iterable[str], starts: dict[str, int]) -> _Need:
    """What is needed, from the last model back: a name is what the latest one made of it."""
    wanted, found, begun = set(ends), list[int](), list[str]()
    for place in reversed(range(len(models))):
        made = set(_names(models[place], "output"))
        cut = {name for name in made & wanted if starts.get(name) == place}
        begun += [name for name in starts if name in cut]
        wanted -= cut
        if wanted & made:
            found.insert(0, place)
            wanted = (wanted - made) | set(_names(models[place], "input"))
    return _Need(found, wanted, begun)


def _names(model: Any, role: str) -> list[str]:
    return [feature.name for feature in getattr(model.description, role)]


def _body(spec: Any) -> Any:
    """The Pipeline message of a pipeline of any of its three types, set."""
    body = getattr(spec, model_kind(spec))
    return getattr(body, "pipeline", body)


def _has_type(feature: Any) -> bool:
    """Whether a description says enough for an input: networks may leave shapes of outputs out."""
    kind = feature.type.WhichOneof("Type")
    return kind != "multiArrayType" or bool(feature.type.multiArrayType.shape)


def _described(model: Any, name: str) -> Any:
    return next(feature for feature in model.description.output if feature.name == name)
