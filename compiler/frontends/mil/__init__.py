"""ML Programs → core IR: the table of all operations, and functions with their interfaces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module
from ....ir.weights.resources import Origin
from ...options import Options
from ...source.interface import Interface
from ...source.reading import ModelSource, Program, program_of
from ..choices import chosen_interfaces, most_general, name_of
from ..features import classifier_of, limits_of
from ..rules import compose
from ..shapes import left_over
from ..values import name_values
from . import (
    activation,
    classify,
    control,
    conv,
    detection,
    elementwise,
    fill,
    image,
    index,
    linear,
    lists,
    norm,
    padding,
    pool,
    quant,
    random,
    recurrent,
    reduce,
    resample,
    shape,
    slicing,
    sort,
    space,
    states,
)
from .context import by_opset
from .inputs import Inputs
from .outputs import Outputs
from .scope import Names, Scope, Walk
from .walk import Walker

FAMILIES = (
    *(activation, classify, control, conv, detection, elementwise, fill, image),
    *(index, linear, lists, norm, padding, pool, quant, random),
    *(recurrent, reduce, resample, shape, slicing, sort, space, states),
)
OPERATIONS = by_opset(compose(*(family.rules for family in FAMILIES)))
# Operations that the walk itself lowers.
BUILTIN = frozenset({"const"})

_OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18} | {
    f"ios{version}": version for version in range(15, 19)
}


def import_model(source: ModelSource, options: Options) -> Module:
    """An ML Program as a module, with a function for each chosen one; the first is the default.

    Functions keep their names if the model describes several; otherwise the only one is @main.

    Raises:
        CompileError: every unsupported operation at once, or every malformed one; or the model has
            another type.
    """
    program, interfaces = program_of(source), chosen_interfaces(source, options)
    for name in left_over(interfaces, options.dims()):
        message = f"the input '{name}' has one shape only"
        raise CompileError(Diagnostic(message, "usage", remedy="leave its shape out"))
    importer = _Importer(source.name, program, interfaces, options, source.origin)
    return most_general(interfaces, options, importer.module)


@dataclass(frozen=True)
class _Importer:
    """Imports the functions of one program."""

    name: str
    program: Program
    interfaces: tuple[Interface, ...]
    options: Options
    origin: Origin

    @property
    def singles(self) -> bool:
        """Whether float16 is computed in float32."""
        return self.options.precision != "keep"

    def module(self, flexible: bool) -> Module:
        """All functions, with flexible shapes or only with the default ones."""
        problems: list[Diagnostic] = []
        functions: list[Function] = []
        shared = self.origin
        for interface in self.interfaces:
            try:
                functions.append(self._function(interface, shared, flexible=flexible))
            except CompileError as error:
                problems += [d for d in error.diagnostics if d not in problems]
        if problems:
            raise CompileError(problems)
        first = self.interfaces[0]
        module = Module(self.name, functions)
        module.attributes = {
            "source": first.kind,
            "spec_version": first.spec_version,
            "precision": "float32" if self.singles else "keep",
        }
        if len(functions) > 1:
            module.attributes["default_function"] = functions[0].name
        return module

    def _function(self, interface: Interface, shared: Origin, *, flexible: bool) -> Function:
        """One function of the program, as its interface describes it."""
        place = f"functions[{interface.function}]." if len(self.interfaces) > 1 else ""
        message = _message(self.program.message, interface.function)
        opset, operations = program_opset(message), f"{place}operations"
        block = message.block_specializations[message.opset]
        _check_supported(block, operations)
        limits = limits_of(interface.inputs)
        walk = Walk(opset, self.program.weights, self.singles, program=shared, limits=limits)
        inputs = Inputs(message, interface, self.singles, flexible=flexible)
        made = Function(name_of(interface), *inputs.signature())
        made.inputs = inputs.described()
        names: Names = {}
        for feature, argument in zip(inputs.features, made.arguments, strict=True):
            value = inputs.operand(feature, argument)
            adopt([value], made.block, location=InModel("input", None, feature.name))
            names[feature.name] = value
        states = frozenset(feature.name for feature in interface.states)
        scope = Scope(walk, made.block, names, states, own=set(names))
        Walker(OPERATIONS).run(scope, block, operations)
        if walk.problems:
            raise CompileError(walk.problems)
        name_values(made.block, names)
        outputs = Outputs(interface, walk.labels)
        values = outputs.values(names)
        for feature, value in zip(outputs.features, values, strict=True):
            adopt([value], made.block, location=InModel("output", None, feature.name))
        made.block.insert(Return(tuple(values)))
        made.result_names = [feature.name for feature in outputs.features]
        made.outputs = outputs.described()
        made.classifier = classifier_of(interface, walk.labels)
        return made


def _message(program: Any, name: str) -> Any:
    """A function's message; of the only function, or @main, if no name is given."""
    functions: Mapping[str, Any] = program.functions
    if name:
        if name in functions:
            return functions[name]
        message = f"the program has no function '{name}', which its description names"
        raise CompileError(Diagnostic(message, "malformed", subject=name))
    if "main" in functions:
        return functions["main"]
    if len(functions) == 1:
        return next(iter(functions.values()))
    message = f"the program has {len(functions)} functions, but no main"
    raise CompileError(Diagnostic(message, "unsupported"))


def program_opset(function: Any) -> int:
    """The opset that a function is written for: 15 for iOS 15, and so on.

    Raises:
        CompileError: the opset is unknown.
    """
    if function.opset not in _OPSETS or function.opset not in function.block_specializations:
        message = f"the program is written for the opset '{function.opset}'"
        raise CompileError(Diagnostic(message, "unsupported", subject=function.opset))
    return _OPSETS[function.opset]


def walk_operations(block: Any, kind: str = "operations") -> Iterator[tuple[InModel, Any]]:
    """Location and message of every operation, including nested blocks."""
    for position, operation in enumerate(block.operations):
        outputs = operation.outputs
        name = outputs[0].name if outputs else operation.type
        yield InModel(kind, position, name), operation
        for nth, inner in enumerate(operation.blocks):
            yield from walk_operations(inner, f"{kind}[{position}].blocks[{nth}].operations")


def _check_supported(block: Any, kind: str) -> None:
    problems = [
        Diagnostic(
            f"{operation.type or 'nameless'} operations are not supported",
            "unsupported",
            location,
            subject=operation.type,
        )
        for location, operation in walk_operations(block, kind)
        if operation.type not in OPERATIONS and operation.type not in BUILTIN
    ]
    if problems:
        raise CompileError(problems)
