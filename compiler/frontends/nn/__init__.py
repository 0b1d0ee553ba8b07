"""NeuralNetwork specifications → core IR: the table of all layers, and the walk over them."""

from collections.abc import Mapping
from typing import Any

from ....ir.attributes import Dims
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module, Value
from ....ir.weights.resources import Origin
from ...options import Options
from ...source.interface import Interface
from ...source.reading import ModelSource
from ...source.spec import network_of
from ..choices import chosen_interfaces, most_general
from ..features import classifier_of, limits_of, module_facts
from ..rules import compose
from ..shapes import left_over
from ..values import name_values
from . import (
    activation,
    control,
    conv,
    custom,
    detection,
    elementwise,
    fill,
    image,
    index,
    linear,
    norm,
    pool,
    random,
    recurrent,
    reduce,
    shape,
    slicing,
    sort,
)
from .context import LayerRule
from .declared import Declaration
from .inputs import Inputs, ShapePolicy
from .nested import walk_layers
from .outputs import Outputs
from .scope import Scope, Walk
from .walk import Walker

FAMILIES = (
    *(activation, control, conv, custom, detection, elementwise, fill, image, index, linear),
    *(norm, pool, random, recurrent, reduce, shape, slicing, sort),
)
LAYERS: dict[str, LayerRule] = compose(*(family.rules for family in FAMILIES))
WEIGHTS: dict[str, Declaration] = {
    kind: weights for family in FAMILIES for kind, weights in family.rules.declarations.items()
}


def import_model(source: ModelSource, options: Options) -> Module:
    """A neural network of any of its three types as a module with one function, @main.

    Raises:
        CompileError: every unsupported layer at once, or every malformed one; or the model has
            another type.
    """
    network = network_of(source.spec)
    interface = chosen_interfaces(source, options)[0]
    _check_supported(network)
    shapes = left_over([interface], options.dims())
    _check_kinds(shapes, interface)
    if options.batch == "dynamic":
        _check_batch(interface, shapes)

    def imported(flexible: bool) -> Module:
        policy = ShapePolicy(flexible, shapes)
        return _Importer(network, interface, policy, source.origin).module(source.name)

    return most_general([interface], options, imported)


def _check_batch(interface: Interface, shapes: Mapping[str, Dims]) -> None:
    """A full shape has a batch already; what is neither an array nor an image has none."""
    kinds = {feature.kind for feature in interface.inputs}
    if shapes or not kinds or not kinds <= {"array", "image"}:
        raise CompileError(
            Diagnostic(
                "the model's inputs have no batch dimension that could vary",
                kind="unsupported",
                remedy="leave out the option for a dynamic batch",
            )
        )


def _check_kinds(shapes: Mapping[str, Dims], interface: Interface) -> None:
    """Only arrays have full shapes."""
    for feature in interface.inputs:
        if feature.name in shapes and feature.kind != "array":
            message = f"input '{feature.name}' is not an array, so it takes no shape"
            raise CompileError(Diagnostic(message, "usage", remedy="leave its shape out"))


def _check_supported(network: Any) -> None:
    problems: list[Diagnostic] = []
    for location, layer in walk_layers(network):
        kind = layer.WhichOneof("layer") or ""
        if kind in LAYERS and (kind != "custom" or layer.custom.className in custom.RULES):
            continue
        message, remedy = f"{kind} layers are not supported", ""
        if not kind:
            message = "the layer has no type, or one that is newer than this version of cmlc"
        elif kind == "custom":
            message = f"custom layer '{layer.custom.className}' has no definition"
            remedy = (
                "its code is in the app that ran the model: define it "
                f"(cmlc.register_custom_layer('{layer.custom.className}', …), --plugin FILE.py)"
            )
        problems.append(Diagnostic(message, "unsupported", location, subject=kind, remedy=remedy))
    if problems:
        raise CompileError(problems)


class _Importer:
    """Walks one network."""

    def __init__(
        self, network: Any, interface: Interface, policy: ShapePolicy, origin: Origin
    ) -> None:
        self.network = network
        self.interface = interface
        self.inputs = Inputs(network, interface, policy)
        named = {
            kind: [f.name for f in interface.inputs if f.kind == kind]
            for kind in ("array", "image")
        }
        limits = limits_of(interface.inputs)
        self.walk = Walk(self.inputs.rank5, named["array"], named["image"], limits, origin)

    def module(self, name: str) -> Module:
        function = Function("main", *self.inputs.signature())
        function.inputs = self.inputs.described()
        block = function.block
        blobs: dict[str, Value | None] = {}
        for feature, argument in zip(self.interface.inputs, function.arguments, strict=True):
            location = InModel("input", None, feature.name)
            value = self.inputs.blob(feature, argument)
            adopt([value], block, location=location)
            blobs[feature.name] = value
        outputs = Outputs(self.network, self.interface, self.inputs)
        scope = Scope(self.walk, block, blobs, live=outputs.blobs())
        Walker(LAYERS, WEIGHTS).run(scope, self.network.layers, "layers")
        if self.walk.problems:
            raise CompileError(self.walk.problems)
        name_values(block, {**blobs, **self.walk.layers, **blobs})  # a blob's name counts first
        values = outputs.values(blobs)
        for output, value in zip(outputs.names, values, strict=True):
            adopt([value], block, location=InModel("output", None, output))
        block.insert(Return(tuple(values)))
        function.result_names = list(outputs.names)
        function.outputs = outputs.described(values)
        function.classifier = classifier_of(self.interface, self.interface.class_labels)
        module = Module(name, [function])
        module.attributes = module_facts(self.network, self.interface)
        if self.inputs.rank5:
            module.attributes["array_mapping"] = "rank5"
        return module
