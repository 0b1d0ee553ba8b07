"""What options choose for models of any type: functions, and how general shapes are."""

from collections.abc import Callable, Iterable

from ...ir.diagnostics import CompileError, unknown_function
from ...ir.ssa import Module
from ..options import Options
from ..source.interface import Interface, read_interfaces
from ..source.reading import ModelSource
from .features import is_flexible
from .shapes import with_chosen_shapes


def chosen_interfaces(source: ModelSource, options: Options) -> tuple[Interface, ...]:
    """The interface of the function that the options name; of all functions if they name none.

    Flexible inputs whose shape the options choose have only that.

    Raises:
        CompileError: the model has no such function, its description is wrong, or it doesn't allow
            a shape.
    """
    interfaces = read_interfaces(source.spec)
    if options.function:
        named = [each for each in interfaces if name_of(each) == options.function]
        if not named:
            raise unknown_function(options.function, map(name_of, interfaces))
        interfaces = tuple(named)
    shapes = options.dims()
    return tuple(with_chosen_shapes(each, shapes) for each in interfaces)


def name_of(interface: Interface) -> str:
    """The name of an interface's function."""
    return interface.function or "main"


def most_general(
    interfaces: Iterable[Interface], options: Options, imported: Callable[[bool], Module]
) -> Module:
    """The module with flexible shapes, or only with the default ones and the reason for that.

    The problems of a model are those that it has with its default shapes.

    Args:
        interfaces: the interfaces of the model.
        options: may request the default shapes.
        imported: makes the module, with or without flexible shapes.

    Raises:
        CompileError: the error of `imported` without flexible shapes.
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
    """The first problem, by which summaries say why a module is less general than its model."""
    first = error.diagnostics[0]
    return f"{first.location}: {first.message}"
