"""Pipelines (Pipeline.proto): models in order, each of which sees what was there before."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Call
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function
from ...source.interface import read_interface
from ...source.spec import model_kind, models_in
from ..values import name_values
from .body import Body, Place, called
from .context import ModelContext
from .declared import as_declared
from .forms import Form
from .networks import network_call
from .table import MODELS, PIPELINES


def lowered(
    body: Body, place: Place, given: Mapping[str, Form], function: Function
) -> Mapping[str, Form]:
    """The outputs of a model of any type, as values in a function that has its inputs.

    Raises:
        CompileError: something in it is malformed or not supported.
    """
    kind = model_kind(place.spec)
    cx = ModelContext(getattr(place.spec, kind), place.interface, place.where, given, place.origin)
    if kind in PIPELINES:
        made = _pipeline(body, place, given, function)
    else:
        MODELS[kind].rule(cx)
        made = cx.made
    made = as_declared(cx, made)
    values = [value for form in made.values() for value in form.values]
    adopt(values, function.block, location=place.where)
    return made


def _pipeline(
    body: Body, place: Place, given: Mapping[str, Form], function: Function
) -> Mapping[str, Form]:
    """Calls of the models, in order: each sees the pipeline's inputs and all earlier outputs.

    The latest model that makes a name wins, and a name may change its type.
    """
    seen = dict(given)
    for inner in _places(place):
        with _placed(inner.where):
            wanted = dict(_wanted(inner, seen))
            call, outputs = _call(body, inner, wanted)
        adopt(call.operands, function.block, location=inner.where)
        call.location = inner.where
        function.block.insert(call)
        seen |= outputs
    name_values(function.block, {n: form.values[0] for n, form in seen.items() if _is_value(form)})
    return seen


def _is_value(form: Form) -> bool:
    return len(form.values) == 1


def _places(place: Place) -> Iterator[Place]:
    models = models_in(place.spec)
    if not models:
        message = "the pipeline has no models"
        raise CompileError(Diagnostic(message, "malformed", place.where, subject="pipeline"))
    body = getattr(place.spec, model_kind(place.spec))
    names = list(getattr(body, "pipeline", body).names)
    outer = "" if place.where.index is None else f"{place.where.kind}[{place.where.index}]."
    for index, spec in enumerate(models):
        name = names[index] if len(names) == len(models) else ""
        where = InModel(f"{outer}models", index, name or model_kind(spec))
        with _placed(where):
            yield Place(spec, read_interface(spec), where, place.origin.then(index))


def _wanted(place: Place, seen: Mapping[str, Form]) -> Iterator[tuple[str, Form]]:
    """What a model takes of all that is there."""
    for feature in place.interface.inputs:
        if feature.name in seen:
            yield feature.name, seen[feature.name]
        elif not feature.optional:
            message = f"the model needs '{feature.name}', which nothing before it provides"
            remedy = f"there are {', '.join(seen)}"
            diagnostic = Diagnostic(message, "malformed", place.where, subject=feature.name)
            raise CompileError(replace(diagnostic, remedy=remedy))
    kind = model_kind(place.spec)
    declared = {feature.name for feature in place.interface.inputs}
    if kind in MODELS:
        for name in MODELS[kind].named(getattr(place.spec, kind)):
            if name in seen and name not in declared:
                yield name, seen[name]


def _call(body: Body, place: Place, given: Mapping[str, Form]) -> tuple[Call, Mapping[str, Form]]:
    kind = model_kind(place.spec)
    if kind not in MODELS and kind not in PIPELINES:
        return network_call(body, place, given)

    def lower(place: Place, inside: Mapping[str, Form], function: Function) -> Mapping[str, Form]:
        return lowered(body, place, inside, function)

    return called(body, place, given, lower)


@contextmanager
def _placed(where: InModel) -> Generator[None]:
    """Add the place of the model to problems of its layers and features."""
    try:
        yield
    except CompileError as error:
        raise CompileError(_in_model(d, where) for d in error.diagnostics) from error.__cause__


def _in_model(diagnostic: Diagnostic, where: InModel) -> Diagnostic:
    found: Any = diagnostic.location
    if not isinstance(found, InModel):
        return replace(diagnostic, location=where)
    prefix = f"{where.kind}[{where.index}]"
    if found.kind.startswith(prefix) or found == where:
        return diagnostic
    return replace(diagnostic, location=replace(found, kind=f"{prefix}.{found.kind}"))
