"""ML Programs → core IR: the table of all operations, and functions with their interfaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Return
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Function, Module
from ...source.interface import Interface
from ..features import classifier_of, is_flexible
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
from .context import MilRule, compose
from .inputs import Inputs
from .outputs import Outputs
from .walk import Names, Scope, Walk, Weights

FAMILIES = (
    *(activation, classify, control, conv, detection, elementwise, fill, image),
    *(index, linear, lists, norm, padding, pool, quant, random),
    *(recurrent, reduce, resample, shape, slicing, sort, space, states),
)
OPERATIONS: dict[str, dict[int, MilRule]] = compose(*(family.rules for family in FAMILIES))
# Operations that the walk itself lowers.
BUILTIN = frozenset({"const"})

_OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18} | {
    f"ios{version}": version for version in range(15, 19)
}


@dataclass(frozen=True)
class ProgramOptions:
    """Choices of the import.

    Attributes:
        fixed_shapes: use only the default shapes of flexible inputs.
        precision: "float32" computes float16 in float32, "keep" as the program says.
    """

    fixed_shapes: bool = False
    precision: str = "float32"


def import_program(
    program: Any,
    interfaces: Sequence[Interface],
    weights: Weights | None,
    name: str,
    options: ProgramOptions | None = None,
) -> Module:
    """An ML Program as a module, with a function for each interface; the first is the default.

    Functions keep their names if the model describes several; otherwise the only one is @main. If
    flexible shapes can't be compiled, the default ones are, and their problems are reported.

    Raises:
        CompileError: every unsupported operation at once, or every malformed one.
    """
    options = options or ProgramOptions()
    may_flex = any(map(is_flexible, interfaces)) and not options.fixed_shapes
    try:
        return _module(program, interfaces, weights, name, options)
    except CompileError as error:
        if not may_flex:
            raise
        first = error.diagnostics[0]
    fixed = replace(options, fixed_shapes=True)
    module = _module(program, interfaces, weights, name, fixed)
    module.attributes["fixed_shapes"] = f"{first.location}: {first.message}"
    return module


def _module(
    program: Any,
    interfaces: Sequence[Interface],
    weights: Weights | None,
    name: str,
    options: ProgramOptions,
) -> Module:
    problems: list[Diagnostic] = []
    functions: list[Function] = []
    for interface in interfaces:
        place = f"functions[{interface.function}]." if len(interfaces) > 1 else ""
        try:
            source = _source(program, interface.function)
            functions.append(_function(source, interface, weights, options, place))
        except CompileError as error:
            problems += [d for d in error.diagnostics if d not in problems]
    if problems:
        raise CompileError(problems)
    module = Module(name, functions)
    module.attributes = {
        "source": interfaces[0].kind,
        "spec_version": interfaces[0].spec_version,
        "precision": options.precision,
    }
    if len(functions) > 1:
        module.attributes["default_function"] = functions[0].name
    return module


def _function(
    source: Any,
    interface: Interface,
    weights: Weights | None,
    options: ProgramOptions,
    place: str,
) -> Function:
    """One function of the program, as its interface describes it."""
    opset = program_opset(source)
    block = source.block_specializations[source.opset]
    operations = f"{place}operations"
    _check_supported(block, operations)
    walk = Walk(OPERATIONS, opset, weights, options.precision == "float32")
    inputs = Inputs(source, interface, walk.singles, flexible=not options.fixed_shapes)
    made = Function(interface.function or "main", *inputs.signature())
    made.inputs = inputs.described()
    names: Names = {}
    for feature, argument in zip(inputs.features, made.arguments, strict=True):
        value = inputs.operand(feature, argument)
        adopt([value], made.block, location=InModel("input", None, feature.name))
        names[feature.name] = value
    states = frozenset(feature.name for feature in interface.states)
    scope = Scope(walk, made.block, names, states, own=set(names))
    scope.run(block, operations)
    if walk.problems:
        raise CompileError(walk.problems)
    outputs = Outputs(interface, walk.labels)
    values = outputs.values(names)
    for feature, value in zip(outputs.features, values, strict=True):
        adopt([value], made.block, location=InModel("output", None, feature.name))
    made.block.insert(Return(tuple(values)))
    made.result_names = [feature.name for feature in outputs.features]
    made.outputs = outputs.described()
    made.classifier = classifier_of(interface, walk.labels)
    return made


def _source(program: Any, name: str) -> Any:
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
