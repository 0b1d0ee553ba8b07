"""Refuses what a Keras model can't be."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Constant
from ...ir.ssa import Function, Module
from ...ir.types import DType
from ...passes.manager import Instrumentation, Pass
from .dialect.base import KerasLayer
from .shared import written_of


@dataclass(frozen=True)
class CheckKeras(Pass):
    """Refuse what a Keras model can't be.

    These are several functions, states, layers in half precision, results that are strings, and
    strings of the model but for those that something is looked up among.

    All problems are reported at once.

    Example:
        cmlc model.mlmodel --emit=ir --stage=lowered --target=keras --print-after=check-keras
    """

    name = "check-keras"

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        problems = [*_interface(module), *_precision(module), *_constants(module)]
        if problems:
            raise CompileError(problems)
        return False


def _interface(module: Module) -> Iterator[Diagnostic]:
    if len(module.public_functions) > 1:
        names = ", ".join(module.public_functions)
        message = f"a Keras model is one function, and this program has several: {names}"
        yield Diagnostic(message, "unsupported", remedy="choose one (--function)")
    for function in module.public_functions.values():
        rows = zip(function.arguments, function.inputs, strict=True)
        states = [value.name for value, known in rows if known.kind == "state"]
        if states:
            message = f"states live between calls, which a Keras model can't keep: {states}"
            remedy = "a SavedModel keeps them (--emit=savedmodel), or --states=arguments"
            yield Diagnostic(message, "unsupported", remedy=remedy)
        yield from _texts(function)


def _texts(function: Function) -> Iterator[Diagnostic]:
    names = function.result_names or [str(i) for i, _ in enumerate(function.results)]
    rows = [*zip(names, function.results, strict=True)]
    texts = [name for name, value in rows if value.type.dtype is DType.STR]
    if texts:
        message = f"a Keras model returns numbers, and these results are strings: {texts}"
        remedy = "a SavedModel has strings (--emit=savedmodel)"
        if others := [name for name, _ in rows if name not in texts]:
            remedy = f"leave them out (--outputs={','.join(others)}); {remedy}"
        yield Diagnostic(message, "unsupported", remedy=remedy)


def _constants(module: Module) -> Iterator[Diagnostic]:
    """Strings of the model, unless results are strings: what they come from needs no telling."""
    results = (value for function in module.public_functions.values() for value in function.results)
    if any(value.type.dtype is DType.STR for value in results):
        return
    for op in module.walk():
        held = written_of(op)
        texts = [v for v in op.operands if isinstance(v.op, Constant) and v.type.dtype is DType.STR]
        if any(value not in held for value in texts):
            message = "Keras code has no strings but for those that something is looked up among"
            remedy = "a SavedModel has strings (--emit=savedmodel)"
            yield Diagnostic(
                message, "unsupported", location=op.location, subject=op.name, remedy=remedy
            )


def _precision(module: Module) -> Iterator[Diagnostic]:
    for op in module.walk():
        dtypes = {value.type.dtype for value in (*op.operands, *op.results)}
        if isinstance(op, KerasLayer) and dtypes & {DType.F16, DType.F64}:
            message = f"'{op.call}' computes in float32, and the model here doesn't"
            remedy = "a SavedModel computes in the model's own precision (--emit=savedmodel)"
            yield Diagnostic(message, "unsupported", location=op.location, remedy=remedy)
