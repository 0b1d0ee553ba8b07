"""Leaves optional inputs out of a function's interface."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.builtin import constant
from ..ir.rewrite import adopt
from ..ir.ssa import Function, Module
from ..ir.verify import Legal
from .manager import Instrumentation, Pass
from .options import near


@dataclass(frozen=True)
class OmitInputs(Pass):
    """Replace optional arguments by what they are for callers that don't give them.

    That is the model's default, or zeros (`Argument.absent`). An argument is left out of every
    public function that has it; the module's `omitted` lists those that were. What isn't optional,
    or has a shape that is only known at run time, is refused.

    Options:
        names: of the arguments; none by default.
    """

    name = "omit-inputs"

    names: tuple[str, ...] = ()

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        before = module.attributes.get("omitted", ())
        names = [name for name in dict.fromkeys(self.names) if name not in before]
        functions = list(module.public_functions.values())
        if problems := [told for name in names for told in _problems(functions, name)]:
            raise CompileError(problems)
        if not names:
            return False
        for function in functions:
            _omit(function, frozenset(names))
        module.attributes["omitted"] = (*before, *names)
        return True


def _problems(functions: list[Function], name: str) -> Iterator[Diagnostic]:
    """Why an argument can't be left out of the functions that have it."""
    rows = [
        (value, known)
        for function in functions
        for value, known in zip(function.arguments, function.inputs, strict=True)
    ]
    optional = dict.fromkeys(value.name for value, known in rows if known.optional)
    found = [(value, known) for value, known in rows if value.name == name]
    if not found:
        remedy = near(name, optional, "the optional ones are")
        yield Diagnostic(f"there is no input '{name}' to leave out", "usage", remedy=remedy)
    elif not all(known.optional for _, known in found):
        remedy = f"those that are: {', '.join(optional) or 'none'}"
        message = f"input '{name}' can't be left out: it is not optional"
        yield Diagnostic(message, "usage", remedy=remedy)
    elif open_ones := [value for value, _ in found if not value.type.is_static]:
        message = f"input '{name}' can't be left out: its shape {open_ones[0].type} varies"
        yield Diagnostic(message, "usage", remedy="compile the default shapes (--fixed-shapes)")


def _omit(function: Function, names: frozenset[str]) -> None:
    kept: list[int] = []
    for position, value in enumerate(function.arguments):
        if value.name not in names:
            kept.append(position)
        elif value.use_count:
            default = constant(function.inputs[position].absent(value.type))
            adopt([default], function.block, function.block.first)
            value.replace_all_uses_with(default)
    function.inputs = [function.inputs[position] for position in kept]
    function.block.arguments = [function.arguments[position] for position in kept]
    for index, value in enumerate(function.arguments):
        value.index = index
