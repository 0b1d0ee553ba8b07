"""What options choose of a model, whatever its type: functions, and how general shapes are."""

from collections.abc import Callable, Iterable

from ...ir.diagnostics import CompileError, unknown_function
from ...ir.ssa import Module
from ..options import Options
from ..source.interface import Interface, read_interfaces
from ..source.reading import ModelSource
from .features import is_flexible


def chosen_interfaces(source: ModelSource, options: Options) -> tuple[Interface, ...]:
    """The interface of the function that the options name; those of all functions if none is.

    Raises:
        CompileError: the model has no such function, or describes itself wrongly.
    """
    interfaces = read_interfaces(source.spec)
    if not options.function:
        return interfaces
    named = [each for each in interfaces if name_of(each) == options.function]
    if not named:
        raise unknown_function(options.function, map(name_of, interfaces))
    return tuple(named)


def name_of(interface: Interface) -> str:
    """The name of the function that an interface is of."""
    return interface.function or "main"


def most_general(
    interfaces: Iterable[Interface], options: Options, imported: Callable[[bool], Module]
) -> Module:
    """The module with flexible shapes, or with the default ones only, which then says why.

    What is wrong with a model is what is wrong with it in its default shapes.

    Args:
        interfaces: of the model.
        options: may ask for the default shapes.
        imported: makes the module, with flexible shapes or without.

    Raises:
        CompileError: of `imported` without flexible shapes.
    """
    if options.fixed_shapes or not any(map(is_flexible, interfaces)):
        return imported(False)
    try:
        return imported(True)
    except CompileError as error:
        reason = reason_of(error)
    module = imported(False)
    module.attributes["fixed_shapes"] = reason
    return module


def reason_of(error: CompileError) -> str:
    """The first problem, as summaries tell why a module is less general than its model."""
    first = error.diagnostics[0]
    return f"{first.location}: {first.message}"
