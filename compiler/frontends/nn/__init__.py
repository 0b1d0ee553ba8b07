"""NeuralNetwork specifications → core IR: the table of all layers, and the walk over them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....ir.attributes import Dims
from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.dims import symbol
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Function, Module, Value
from ...source.interface import Interface
from ..rules import compose
from . import (
    activation,
    conv,
    detection,
    elementwise,
    features,
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
from .batch import batch_problem
from .context import LayerContext, LayerRule

FAMILIES = (
    *(activation, conv, detection, elementwise, fill, image, index, linear),
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
        shapes: see `features.Freedom`.
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
        options.batch != "static"
        and not options.shapes
        and features.can_batch(interface, wants_batch)
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
    may_flex = features.is_flexible(interface) and not options.fixed_shapes
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
                freedom = features.Freedom(flexible=flexible, shapes=options.shapes)
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
        module = _Importer(network, interface, features.Freedom("N", flexible)).module(name)
    except CompileError as error:
        return None, error.diagnostics
    problem = batch_problem(module.main, symbol("N"))
    return (module, ()) if problem is None else (None, (problem,))


def walk_layers(network: Any) -> Iterator[tuple[InModel, Any]]:
    """Location and message of every layer, nested networks included."""
    for position, layer in enumerate(network.layers):
        yield InModel("layers", position, layer.name), layer
        kind = layer.WhichOneof("layer")
        if kind == "branch":
            yield from walk_layers(layer.branch.ifBranch)
            yield from walk_layers(layer.branch.elseBranch)
        elif kind == "loop":
            yield from walk_layers(layer.loop.conditionNetwork)
            yield from walk_layers(layer.loop.bodyNetwork)


def _check_names(shapes: Mapping[str, Dims], interface: Interface) -> None:
    names = [feature.name for feature in interface.inputs]
    unknown = [name for name in shapes if name not in names]
    if unknown:
        remedy = f"the inputs are {', '.join(names)}"
        raise CompileError(Diagnostic(f"there is no input '{unknown[0]}'", "usage", remedy=remedy))


def _check_supported(network: Any) -> None:
    problems: list[Diagnostic] = []
    for location, layer in walk_layers(network):
        kind = layer.WhichOneof("layer") or ""
        if kind in LAYERS:
            continue
        message, remedy = f"{kind} layers are not supported", ""
        if not kind:
            message = "the layer has no type, or one newer than any that is known"
        elif kind == "custom":
            message = f"custom layer '{layer.custom.className}' has no definition"
            remedy = "its meaning is not in the model, but in the app that ran it"
        problems.append(Diagnostic(message, "unsupported", location, subject=kind, remedy=remedy))
    if problems:
        raise CompileError(problems)


class _Importer:
    """Walks one network."""

    def __init__(self, network: Any, interface: Interface, freedom: features.Freedom) -> None:
        self.network = network
        self.interface = interface
        self.inputs = features.Inputs(network, interface, freedom)
        self.problems: list[Diagnostic] = []

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
        self.layers(self.network.layers, block, blobs)
        if self.problems:
            raise CompileError(self.problems)
        outputs = features.Outputs(self.network, self.interface, self.inputs)
        values = outputs.values(blobs)
        for output, value in zip(outputs.names, values, strict=True):
            adopt([value], block, location=InModel("output", None, output))
        block.insert(Return(tuple(values)))
        function.result_names = list(outputs.names)
        function.result_attributes = outputs.attributes(values)
        function.attributes = outputs.function_attributes()
        module = Module(name, [function])
        module.attributes = features.module_attributes(self.interface)
        return module

    def layers(self, layers: Any, block: Block, blobs: dict[str, Value | None]) -> None:
        """Lower layers in order; blobs of a layer that failed are None, and their users skipped."""
        for position, layer in enumerate(layers):
            location = InModel("layers", position, layer.name)
            try:
                values = self.layer(layer, location, blobs)
            except CompileError as error:
                self.problems += [
                    d if isinstance(d.location, InModel) else self.located(d, location)
                    for d in error.diagnostics
                ]
                values = None
            if values is not None:
                adopt(values, block, location=location)
                for name, value in zip(layer.output, values, strict=True):
                    value.name = value.name or name
            for i, name in enumerate(layer.output):
                blobs[name] = None if values is None else values[i]

    def layer(
        self, layer: Any, location: InModel, blobs: dict[str, Value | None]
    ) -> tuple[Value, ...] | None:
        kind = layer.WhichOneof("layer")
        inputs: list[Value] = []
        for name in layer.input:
            if name not in blobs:
                message = f"{kind} layer reads '{name}', which no earlier layer makes"
                raise CompileError(Diagnostic(message, "malformed", location, subject=kind))
            value = blobs[name]
            if value is None:
                return None
            inputs.append(value)
        cx = LayerContext(layer, kind, location, tuple(inputs), self.inputs.rank5)
        result = LAYERS[kind](cx, getattr(layer, kind))
        values = result if isinstance(result, tuple) else (result,)
        cx.require(
            len(values) == len(layer.output),
            f"names {len(layer.output)} outputs, but has {len(values)}",
        )
        return values

    def located(self, problem: Diagnostic, location: InModel) -> Diagnostic:
        """An op's complaint as the layer's: the shapes that reach it do not fit its parameters."""
        arrays = [f.name for f in self.interface.inputs if f.kind == "array"]
        remedy = ""
        if self.inputs.rank5 and arrays:
            names = ", ".join(arrays)
            remedy = (
                f"if one of {names} is a sequence, give its full shape (--shape NAME=S,B,C,H,W)"
            )
        return replace(problem, location=location, kind="malformed", remedy=remedy)
