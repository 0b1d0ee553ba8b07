"""Records what a model computes, by the interpreter, for inputs that are drawn here."""

from math import gcd, prod

import numpy as np

from ...backends.recorded import RecordedInput, RecordedOutput, Recording
from ...ir.diagnostics import CompileError
from ...ir.interface import Argument
from ...ir.interpret import run
from ...ir.ssa import Function, Module
from ...ir.types import Array, DType
from ..binding import bind_inputs
from ..input_files import random_values

MOST_OF_INPUT = 2**18  # numbers that are recorded of one input: a picture of 295 x 295
MOST_OF_OUTPUT = 2**13


def record(module: Module) -> Recording:
    """What a module's default function computes, in arrays of bounded size.

    A model may have no use for random inputs, as `measure` says. Then nothing is recorded.

    Args:
        module: in core IR, as it was lowered.
    """
    function = module.main
    try:
        inputs = _inputs(function)
        found = run(module, {row.name: row.array() for row in inputs}, function.name)
    except CompileError as error:
        return Recording(problem=error.diagnostics[0].message)
    outputs = tuple(_output(name, array) for name, array in found.items())
    if not any(row.numbers.size for row in outputs):
        return Recording(problem="the outputs have no elements on random numbers")
    return Recording(inputs, outputs)


def _inputs(function: Function) -> tuple[RecordedInput, ...]:
    drawn = bind_inputs(function, random_values(function, 0))[0]
    found: list[RecordedInput] = []
    for value, known in zip(function.arguments, function.inputs, strict=True):
        array, dtype = drawn[value.name], value.type.dtype
        found.append(RecordedInput(value.name, _numbers(array, known), array.shape, dtype))
    return tuple(found)


def _numbers(array: Array, known: Argument) -> Array:
    """The first numbers of an input, as few bytes as hold them exactly; float16 of any others."""
    flat = array.reshape(-1)[:MOST_OF_INPUT]
    if known.kind == "image":
        return np.random.default_rng(0).integers(0, 256, flat.shape, np.uint8)
    if flat.dtype.kind == "O":
        return flat.astype(np.str_)
    if flat.dtype.kind != "f" or np.any(np.abs(flat) > np.finfo(np.float16).max):
        return flat
    return flat.astype(np.float16)


def _output(name: str, array: Array) -> RecordedOutput:
    """At most so many of its numbers, of all places in its rows."""
    step = max(1, -(-array.size // MOST_OF_OUTPUT))
    while gcd(step, prod(array.shape)) > 1:
        step += 1
    numbers = array.reshape(-1)[::step]
    if array.dtype is DType.STR.numpy:
        numbers = numbers.astype(np.str_)
    return RecordedOutput(name, numbers, step, array.shape)
