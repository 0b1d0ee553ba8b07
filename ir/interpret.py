"""Runs any module with numpy: the reference that every other execution is compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .diagnostics import CompileError, Diagnostic
from .dialects.builtin import Call
from .dims import bare_symbol, substitute
from .failures import FAILURES, failure
from .hooks import hook_of
from .ssa import Block, Function, Module, Op, Region, Value, walk
from .types import Array, DType, Tensor, type_of


class InterpretError(CompileError):
    """An input doesn't fit the function, or an op's result doesn't have the op's type."""


class Interpreter:
    """Executes the functions of one module.

    Symbolic dimensions are bound by the arguments and by the ops that introduce them; every result
    is checked against its type under these bindings.

    Attributes:
        observe: called with every op and its results, for probes and comparisons.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.observe: Any = None

    def run(self, function: Function, arguments: Sequence[Array]) -> tuple[Array, ...]:
        """The function's results.

        Raises:
            InterpretError: an argument's dtype or shape doesn't fit.
        """
        if len(arguments) != len(function.arguments):
            expected = len(function.arguments)
            raise _error(f"@{function.name} takes {expected} arguments, got {len(arguments)}")
        frame = _Frame(self)
        for value, array in zip(function.arguments, arguments, strict=True):
            frame.bind(value, np.asarray(array), f"argument '{value.name}'")
        with np.errstate(all="ignore"):
            return frame.block(function.block)


class _Frame:
    """Values and symbols of one function call; regions share it."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.values: dict[Value, Array] = {}
        self.symbols: dict[str, int] = {}

    def block(self, block: Block) -> tuple[Array, ...]:
        remaining = _use_counts(block)
        for op in block:
            if op.is_terminator:
                return tuple(self.values[v] for v in op.operands)
            results = self.evaluate(op)
            for value, array in zip(op.results, results, strict=True):
                self.bind(value, array, f"'{op.name}'", op)
            if self.interpreter.observe is not None:
                self.interpreter.observe(op, results)
            # Arrays are freed as soon as their last user has run, to keep peak memory low.
            for value in op.operands:
                remaining[value] = remaining.get(value, 0) - 1
                if remaining[value] == 0 and value.op is not None and value.op.parent is block:
                    self.values.pop(value, None)
        raise _error("a block has no terminator")

    def evaluate(self, op: Op) -> tuple[Array, ...]:
        if isinstance(op, Call):
            callee = self.interpreter.module.functions.get(op.callee)
            if callee is None:
                raise _error(f"there is no function @{op.callee}", op)
            return self.interpreter.run(callee, [self.values[v] for v in op.operands])
        evaluate = hook_of(op, "evaluate")
        if evaluate is None:
            raise _error(f"'{op.name}' has no reference semantics", op)
        arrays = op.grouped([self.values[v] for v in op.operands]).values()
        regions = map(self.callable, op.all_regions())
        try:
            results: Array | tuple[Array, ...] = evaluate(*arrays, *regions)
        except FAILURES as error:
            raise InterpretError(failure(op, error)) from error
        return results if isinstance(results, tuple) else (results,)

    def callable(self, body: Region) -> Any:
        def call(*arrays: Array) -> tuple[Array, ...]:
            # Symbols that a region binds are local: the next iteration of a loop binds them again.
            outer = dict(self.symbols)
            for value, array in zip(body.block.arguments, arrays, strict=True):
                self.bind(value, np.asarray(array), f"argument '{value.name}' of a region")
            results = self.block(body.block)
            self.symbols = outer
            return results

        return call

    def bind(self, value: Value, array: Array, what: str, op: Op | None = None) -> None:
        expected, got = value.type, type_of(np.asarray(array))
        for dim, size in zip(expected.shape, got.shape, strict=False):
            name = bare_symbol(dim)
            if name is not None and isinstance(size, int):
                self.symbols.setdefault(name, size)
        bound = expected.with_shape(substitute(dim, self.symbols) for dim in expected.shape)
        if not _fits(bound, got):
            raise _error(f"{what} is {got}, expected {expected}", op)
        self.values[value] = np.asarray(array)


def _fits(expected: Tensor, got: Tensor) -> bool:
    if expected.dtype is not got.dtype or expected.rank != got.rank:
        return False
    pairs = zip(expected.shape, got.shape, strict=True)
    return all(not isinstance(a, int) or a == b for a, b in pairs)


def _use_counts(block: Block) -> dict[Value, int]:
    counts: dict[Value, int] = {}
    for op in block:
        for value in op.operands:
            counts[value] = counts.get(value, 0) + 1
        for body in op.all_regions():
            # Values that regions use live as long as the block: loops read them repeatedly.
            for inner in walk(body):
                for value in inner.operands:
                    counts[value] = counts.get(value, 0) + (1 << 30)
    return counts


def _error(message: str, op: Op | None = None) -> InterpretError:
    if op is None:
        return InterpretError(Diagnostic(message))
    return InterpretError(Diagnostic(message, location=op.location, subject=op.name))


def run(
    module: Module, inputs: Mapping[str, Array] | Sequence[Array], function: str = ""
) -> dict[str, Array]:
    """Run a function on named (or ordered) inputs; results by name.

    Results without a name are called "0", "1", ….

    Raises:
        InterpretError: an input is missing or doesn't fit.
    """
    callee = module.functions.get(function) if function else module.main
    if callee is None:
        raise _error(f"there is no function @{function}")
    names = [value.name for value in callee.arguments]
    if isinstance(inputs, Mapping):
        missing = [name for name in names if name not in inputs]
        if missing:
            raise _error(f"inputs are missing: {', '.join(missing)}")
        arguments = [inputs[name] for name in names]
    else:
        arguments = list(inputs)
    results = Interpreter(module).run(callee, arguments)
    result_names = callee.result_names or [str(i) for i in range(len(results))]
    return dict(zip(result_names, results, strict=True))


def of_one_example(function: Function, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The function's arguments by name, from those of the function that passes made it of.

    Args:
        function: what passes may have given arguments of other dtypes, or with a batch before their
            dimensions.
        arrays: what the original takes: one example.
    """
    found: dict[str, Array] = {}
    for value in function.arguments:
        array = arrays[value.name].astype(value.type.dtype.numpy, copy=False)
        found[value.name] = array if array.ndim == value.type.rank else array[None]
    return found


def random_inputs(function: Function, seed: int = 0, **symbols: int) -> dict[str, Array]:
    """Reproducible inputs for a function; symbolic dimensions are 2 unless given by name.

    Floats are standard normal, integers in [0, 256) for u8 and [0, 4) otherwise.
    """
    generator = np.random.default_rng(seed)
    inputs: dict[str, Array] = {}
    for value in function.arguments:
        sizes = [_extent(dim, symbols) for dim in value.type.shape]
        dtype = value.type.dtype
        if dtype.is_float:
            array = generator.standard_normal(sizes)
        elif dtype is DType.STR:
            array = np.full(sizes, "text", object)
        else:
            limit = 2 if dtype is DType.BOOL else 256 if dtype is DType.U8 else 4
            array = generator.integers(0, limit, sizes)
        inputs[value.name] = np.asarray(array).astype(dtype.numpy)
    return inputs


def _extent(dim: Any, symbols: Mapping[str, int]) -> int:
    from .dims import symbols as names_of

    if isinstance(dim, int):
        return dim
    bound = substitute(dim, {name: symbols.get(name, 2) for name in names_of(dim)})
    assert isinstance(bound, int)
    return max(bound, 1)
