"""Pipelines, and models that are not networks → core IR: linear models, trees and others."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.interface import Classifier, ModuleFacts
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Module
from ....ir.types import DType
from ...options import Options
from ...source.interface import Feature, Interface
from ...source.reading import ModelSource
from ...source.spec import model_kind
from ..choices import chosen_interfaces, most_general
from ..features import metadata_of
from ..shapes import left_over
from .body import Body, Place
from .pipeline import lowered
from .publish import Arguments, published
from .table import (
    MODELS,
    PIPELINES,
    KeyType,
    absent_values,
    detections,
    listed_keys,
    takes_entries,
    takes_missing,
)


def import_model(source: ModelSource, options: Options) -> Module:
    """A model of any type in `table.MODELS`, or a pipeline, as a module with the function @main.

    Each model inside a pipeline is a private function that @main calls.

    Raises:
        CompileError: something is malformed; or the model has another type.
    """
    kind = model_kind(source.spec)
    if kind not in MODELS and kind not in PIPELINES:
        message = f"the model is of type {kind}, not a pipeline or a model in its table"
        raise CompileError(Diagnostic(message, "unsupported", subject=kind))
    (interface,) = chosen_interfaces(source, options)
    if unknown := left_over([interface], options.dims()):
        message = f"the input '{next(iter(unknown))}' has one shape only"
        raise CompileError(Diagnostic(message, "usage", remedy="leave its shape out"))

    def imported(flexible: bool) -> Module:
        return _imported(source, options, interface, flexible=flexible)

    return most_general([interface], options, imported)


def _imported(
    source: ModelSource, options: Options, interface: Interface, *, flexible: bool
) -> Module:
    rows = takes_entries(source.spec, interface)
    absent = absent_values(source.spec, interface)
    names = frozenset(feature.name for feature in interface.inputs)
    inputs = tuple(_required(interface, absent, listed_keys(source.spec)))
    entries = names if rows else frozenset[str]()
    arguments = Arguments(inputs, entries, absent, takes_missing(source.spec, interface), flexible)
    function, given = arguments.function("main")
    module = Module(source.name, [function])
    module.attributes = _facts(interface)
    place = Place(source.spec, interface, InModel("model", None, interface.kind), source.origin)
    made = lowered(Body(module, source, options, flexible), place, given, function)
    only_images = {known.kind for known in function.inputs} == {"image"}
    results, function.classifier = published(interface, made, entries=rows or only_images)
    detected = detections(source.spec)
    if detected.outputs and not function.classifier.class_labels:
        function.classifier = Classifier(detected.labels)
    for result in results:
        adopt([result.value], function.block, location=InModel("output", None, result.name))
    function.block.insert(Return(tuple(result.value for result in results)))
    if any(value.type.dtype is DType.F64 for op in module.walk() for value in op.results):
        module.attributes["precision"] = "float64"
    function.result_names = [result.name for result in results]
    function.outputs = [
        replace(result.known, detected=detected.outputs.get(result.name)) for result in results
    ]
    return module


def _required(
    interface: Interface,
    absent: dict[str, float | None],
    keys: Mapping[str, KeyType],
) -> Iterable[Feature]:
    """The inputs; those for whose absence no model has a value are not optional.

    The keys of a dictionary are what a vectorizer's list has, whatever is declared.
    """
    for feature in interface.inputs:
        if feature.kind == "dictionary" and feature.name in keys:
            feature = replace(feature, key_type=keys[feature.name])
        known = feature.kind in ("array", "image") or feature.name in absent
        yield feature if known else replace(feature, optional=False)


def _facts(interface: Interface) -> ModuleFacts:
    found: ModuleFacts = metadata_of(interface)
    if interface.updatable:
        found["ignored"] = "how the model is trained on a device"
    return found
