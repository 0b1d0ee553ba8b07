"""NeuralNetwork specifications → core IR: the table of all layers, and the walk over them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....ir.attributes import Dims
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.dims import symbol
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module, Value
from ...source.interface import Interface
from ..features import is_flexible, module_attributes
from ..rules import compose
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
from .batch_proof import batch_problem
from .context import LayerRule
from .inputs import Freedom, Inputs, can_batch
from .nested import walk_layers
from .outputs import Outputs
from .walk import Scope, Walk

FAMILIES = (
    *(activation, control, conv, custom, detection, elementwise, fill, image, index, linear),
    *(norm, pool, random, recurrent, reduce, shape, slicing, sort),
)
LAYERS: dict[str, LayerRule] = compose(*(family.rules for family in FAMILIES))


@dataclass(frozen=True)
class ImportOptions:
    """Choices of the import.

    Attributes:
        batch: "auto": images get a leading dynamic batch where every layer allows it, arrays keep
            Core ML's shape; "dynamic": arrays get one too, and a layer that doesn't allow it is an
            error; "static": a batch of one.
        fixed_shapes: take only the default shapes of flexible inputs.
        shapes: see `inputs.Freedom`.
    """

    batch: str = "auto"
    fixed_shapes: bool = False
    shapes: Mapping[str, Dims] = field(default_factory=dict[str, Dims])


def import_network(
    network: Any, interface: Interface, name: str, options: ImportOptions | None = None
) -> Module:
    """A NeuralNetwork(Classifier, Regressor) message as a module with one function, @main.

    Raises:
        CompileError: every unsupported layer at once, or every malformed one.
    """
    options = options or ImportOptions()
    _check_supported(network)
    _check_names(options.shapes, interface)
    wants_batch = options.batch == "dynamic"
    may_batch = (
        options.batch != "static" and not options.shapes and can_batch(interface, wants_batch)
    )
    if wants_batch and not may_batch:
        raise CompileError(
            Diagnostic(
                "the model's inputs have no batch dimension that could vary",
                kind="unsupported",
                remedy="leave out the option for a dynamic batch",
            )
        )
    # From the most general form to the default shapes, which decide what is wrong with a model.
    may_flex = is_flexible(interface) and not options.fixed_shapes
    lost: dict[str, str] = {}
    for flexible in (True, False) if may_flex else (False,):
        if may_batch:
            module, problems = _try_batched(network, interface, name, flexible)
            if module is not None:
                return _noting(module, lost)
            if wants_batch and not flexible:
                raise CompileError(problems)
            lost["fixed_batch"] = _reason(problems)
        if not wants_batch:
            try:
                freedom = Freedom(flexible=flexible, shapes=options.shapes)
                return _noting(_Importer(network, interface, freedom).module(name), lost)
            except CompileError as error:
                if not flexible:
                    raise
                lost["fixed_shapes"] = _reason(error.diagnostics)
    raise AssertionError("the last form returns or raises")


def _reason(problems: tuple[Diagnostic, ...]) -> str:
    """The first problem, as people read it."""
    return f"{problems[0].location}: {problems[0].message}"


def _noting(module: Module, lost: dict[str, str]) -> Module:
    """The module, saying why it has less freedom than the model's interface."""
    module.attributes |= lost
    return module


def _try_batched(
    network: Any, interface: Interface, name: str, flexible: bool
) -> tuple[Module | None, tuple[Diagnostic, ...]]:
    """The module with a batch of N, or None and why that can't be."""
    try:
        module = _Importer(network, interface, Freedom("N", flexible)).module(name)
    except CompileError as error:
        return None, error.diagnostics
    problem = batch_problem(module.main, symbol("N"))
    return (module, ()) if problem is None else (None, (problem,))


def _check_names(shapes: Mapping[str, Dims], interface: Interface) -> None:
    names = [feature.name for feature in interface.inputs]
    unknown = [name for name in shapes if name not in names]
    if unknown:
        remedy = f"the inputs are {', '.join(names)}"
        raise CompileError(Diagnostic(f"there is no input '{unknown[0]}'", "usage", remedy=remedy))
    for feature in interface.inputs:
        if feature.name in shapes and feature.kind != "array":
            message = f"input '{feature.name}' is no array, and takes no shape"
            raise CompileError(Diagnostic(message, "usage", remedy="leave its shape out"))


def _check_supported(network: Any) -> None:
    problems: list[Diagnostic] = []
    for location, layer in walk_layers(network):
        kind = layer.WhichOneof("layer") or ""
        if kind in LAYERS and (kind != "custom" or layer.custom.className in custom.RULES):
            continue
        message, remedy = f"{kind} layers are not supported", ""
        if not kind:
            message = "the layer has no type, or one newer than any that is known"
        elif kind == "custom":
            message = f"custom layer '{layer.custom.className}' has no definition"
            remedy = (
                "its meaning is in the app that ran the model: give it one "
                f"(cmlc.register_custom_layer('{layer.custom.className}', …), --plugin FILE.py)"
            )
        problems.append(Diagnostic(message, "unsupported", location, subject=kind, remedy=remedy))
    if problems:
        raise CompileError(problems)


class _Importer:
    """Walks one network."""

    def __init__(self, network: Any, interface: Interface, freedom: Freedom) -> None:
        self.network = network
        self.interface = interface
        self.inputs = Inputs(network, interface, freedom)
        named = {
            kind: [f.name for f in interface.inputs if f.kind == kind]
            for kind in ("array", "image")
        }
        self.walk = Walk(LAYERS, self.inputs.rank5, named["array"], named["image"])

    def module(self, name: str) -> Module:
        function = Function("main", *self.inputs.signature())
        function.argument_attributes = self.inputs.attributes()
        block = function.block
        blobs: dict[str, Value | None] = {}
        for feature, argument in zip(self.interface.inputs, function.arguments, strict=True):
            location = InModel("input", None, feature.name)
            value = self.inputs.blob(feature, argument)
            adopt([value], block, location=location)
            blobs[feature.name] = value
        outputs = Outputs(self.network, self.interface, self.inputs)
        scope = Scope(self.walk, block, blobs, live=outputs.blobs())
        scope.run(self.network.layers, "layers")
        if self.walk.problems:
            raise CompileError(self.walk.problems)
        values = outputs.values(blobs)
        for output, value in zip(outputs.names, values, strict=True):
            adopt([value], block, location=InModel("output", None, output))
        block.insert(Return(tuple(values)))
        function.result_names = list(outputs.names)
        function.result_attributes = outputs.attributes(values)
        function.attributes = outputs.function_attributes()
        module = Module(name, [function])
        module.attributes = module_attributes(self.network, self.interface)
        return module
