"""What the debugging modes of `cmlc-run` share: a model, its inputs, intermediate values."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..cli import console, printing
from ..cli.given import options_of

if TYPE_CHECKING:
    from ...compiler.options import Options
    from ...compiler.watch import Watch
    from ...ir.location import Location
    from ...ir.ssa import Function, Module, Op
    from ...ir.types import Array

_SHOWN_ORIGINS = 3


@dataclass(frozen=True)
class Experiment:
    """A model and its inputs.

    Attributes:
        module: the IR as imported.
        options: how it is compiled; only the main function is.
        arrays: the inputs by argument of the main function; states are zeros.
    """

    module: "Module"
    options: "Options"
    arrays: "dict[str, Array]"


def read_experiment(
    given: argparse.Namespace, watch: "Watch", complete: "Callable[[Function, Any], None]"
) -> Experiment:
    """The model and the inputs that the command line names; `complete` checks these.

    Raises:
        CompileError: the model or an input can't be read, or does not fit.
    """
    from ...compiler import driver
    from ...compiler.binding import bind_inputs, full_shapes
    from ...compiler.state import initial_states
    from ..cli.run_inputs import read_inputs

    options = options_of(given)
    module = driver.load(given.model, options, watch)
    inputs = read_inputs(module.main, given.input, given.random).values
    complete(module.main, inputs)
    shapes = full_shapes(module.main, inputs)  # a sequence or batch, for old networks
    if shapes and watch.survey is not None:  # IR is as it is
        options = replace(options, shapes=dict(shapes))
        module = driver.load(given.model, options, watch)
    arrays, _ = bind_inputs(module.main, inputs)
    arrays |= initial_states(module.main)
    return Experiment(module, options, arrays)


def keep_results(module: "Module", ops: "Sequence[Op]") -> "tuple[Module, list[list[str]]]":
    """A copy whose main function also returns the results of these ops.

    Args:
        module: the module, which is not changed.
        ops: ops in the main function's block, not in regions.

    Returns:
        (the copy, for each op the names of its results among the function's).
    """
    from ...ir.dialects.builtin import Return
    from ...ir.interface import Result
    from ...ir.rewrite import clone_module

    copy = clone_module(module)
    function = copy.main
    twins = dict(zip(module.main.block, function.block, strict=True))
    end = function.block.terminator
    assert end is not None
    values, names = list(end.operands), list[list[str]]()
    for op in ops:
        names.append([])
        for value in twins[op].results:
            names[-1].append(f"probe.{len(values)}")
            values.append(value)
    end.erase()
    function.block.insert(Return(tuple(values)))
    function.result_names += [name for row in names for name in row]
    function.outputs += [Result() for row in names for _ in row]
    return copy, names


def run_lowered(experiment: Experiment, module: "Module") -> "dict[str, Array]":
    """The target's results for an optimized module, by name."""
    from ...backends.table import load_target
    from ...compiler import driver
    from ...ir.interpret import of_one_example

    target = load_target(experiment.options.target)
    lowered = driver.lower(module, experiment.options)
    console.start_library(target.library)
    arrays = of_one_example(lowered.main, experiment.arrays)
    return target.executable(lowered).run(arrays, module.main.name)


def interpret(
    module: "Module", arrays: "dict[str, Array]", observe: Any = None
) -> "dict[str, Array]":
    """The interpreter's results of the main function by name; `observe` is called for every op."""
    from ...ir.interpret import Interpreter, of_one_example
    from ...passes.bisect import names_of

    interpreter = Interpreter(module)
    interpreter.observe = observe
    ordered = [*of_one_example(module.main, arrays).values()]
    return dict(zip(names_of(module.main), interpreter.run(module.main, ordered), strict=True))


def computing_ops(function: "Function") -> "list[Op]":
    """The ops of the function's block that compute something."""
    from ...ir.dialects.builtin import Constant

    ops = [op for op in function.block if op.results and not isinstance(op, Constant)]
    return [op for op in ops if not op.is_terminator]


def origins(location: "Location") -> list[str]:
    """The elements of the model that an op comes from."""
    from ...ir.location import Unknown, leaves

    return [str(part) for part in leaves(location) if not isinstance(part, Unknown)]


def origins_text(location: "Location") -> str:
    """The same in a few words."""
    found = origins(location)
    more = len(found) - _SHOWN_ORIGINS
    return ", ".join(found[:_SHOWN_ORIGINS]) + (f" and {more} more" if more > 0 else "")


def number_text(number: float) -> str:
    """An error in three digits."""
    return f"{number:.2e}" if number else "0"


def print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Aligned columns under their titles."""
    printing.print_rows([head, *rows])
