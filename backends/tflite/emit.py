"""TensorFlow's graphs → a TFLite file, by TensorFlow's own converter."""

import functools
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import Constant
from ...ir.ssa import Function, Module
from ...ir.types import Array
from ..executable import Executable, failed_run
from ..tf.emit import TensorFlowModule
from ..tf.states import state_arguments
from .contents import Contents
from .metadata import with_metadata

Quantization = Literal["", "float16", "dynamic", "int8"]
Samples = Callable[[], Iterator[Mapping[str, Array]]]
# Offsets in flatbuffers are signed and have 32 bits.
LARGEST_FILE = 2**31 - 1
_ELSEWHERE = "write a SavedModel, which has all of TensorFlow's operations"
# What the converter says of an operation that only TensorFlow's own runtime would have.
_NO_BUILTIN = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")


class TFLiteModule(Executable):
    """A lowered module that can be converted, and runs by TFLite's own interpreter.

    Raises:
        CompileError: it has what TFLite can't express; all of that at once.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        problems = [*_state_problems(module), *_size_problems(module)]
        if problems:
            raise CompileError(problems)
        self._tensorflow = TensorFlowModule(module)

    def convert(self, quantization: Quantization = "", samples: Samples | None = None) -> bytes:
        """A TFLite file: a signature for each function, with the model's own names.

        Args:
            quantization: "float16": weights are stored so; "dynamic": weights in 8 bits, computed
                with 8-bit integers where the runtime can; "int8": everything in 8-bit integers
                that has such an operation. Inputs and outputs keep their types.
            samples: for "int8", typical inputs of the default function, by name.

        Raises:
            CompileError: TFLite has no operation for something; all of that at once.
        """
        import tensorflow as tf

        assert quantization in get_args(Quantization)
        assert (samples is not None) == (quantization == "int8")
        with tempfile.TemporaryDirectory(prefix="cmlc-") as scratch:
            folder = Path(scratch) / "model"
            self._tensorflow.save(folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(folder), signature_keys=self._signatures()
            )
            if quantization:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantization == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if samples is not None:
                converter.representative_dataset = samples
            made = self._converted(converter)
        made = with_metadata(made, self.module)
        foreign = Contents(made).foreign()
        if foreign:
            problem = f"the converter wrote operations that are no builtins: {', '.join(foreign)}"
            raise CompileError(Diagnostic(problem, "internal"))
        return made

    @functools.cached_property
    def _contents(self) -> Contents:
        """The file that is run: nothing in it is quantized."""
        return Contents(self.convert())

    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        callee = self.called(function, inputs)
        given = {value.name: inputs[value.name] for value in callee.arguments}
        try:
            found = self._contents.run(given, self._signature(callee))
        except (RuntimeError, ValueError) as error:
            raise failed_run("the TFLite file", error) from error
        return {name: np.asarray(found[name]) for name in callee.result_names}

    def _signature(self, function: Function) -> str:
        return "serving_default" if function is self.module.main else function.name

    def _signatures(self) -> list[str]:
        return [self._signature(function) for function in self.module.public_functions.values()]

    def _converted(self, converter: Any) -> bytes:
        from tensorflow.lite.python.convert_phase import ConverterError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its calibrator's interpreter is to move
                return converter.convert()
        except ConverterError as error:
            raise CompileError(list(self._explained(error))) from None
        except (RuntimeError, ValueError) as error:  # its calibrator's
            raise CompileError(_failed(error)) from error

    def _explained(self, error: Any) -> Iterator[Diagnostic]:
        """What the converter complains of, by the layers that it comes from."""
        seen: set[tuple[str, Any]] = set()
        for entry in error.errors:
            kind = entry.operator.name.removeprefix("tf.")
            node = entry.location.call[0].name.partition("@")[0] if entry.location.call else ""
            location = self._tensorflow.scopes.location(node)
            if not kind or (kind, location) in seen:
                continue
            seen.add((kind, location))
            if _NO_BUILTIN.search(entry.error_message):
                message = f"TFLite has no builtin operation for TensorFlow's {kind}"
            else:
                first = entry.error_message.partition("\n")[0]
                message = f"TFLite can't have TensorFlow's {kind}: {first}"
            yield Diagnostic(message, "unsupported", location, subject=kind, remedy=_ELSEWHERE)
        if not seen:
            yield _failed(error)


def _failed(error: Exception) -> Diagnostic:
    lines = [line for line in str(error).splitlines() if "error:" in line] or [str(error)]
    said = lines[0].rpartition("error:")[2].strip()[:300]
    message = f"the TFLite converter failed: {said}"
    return Diagnostic(message, "unsupported", remedy=_ELSEWHERE)


def _state_problems(module: Module) -> Iterator[Diagnostic]:
    for function in module.public_functions.values():
        names = [value.name for value in state_arguments(function).values()]
        if names:
            message = f"TFLite files keep no states between runs: {', '.join(names)}"
            yield Diagnostic(message, "unsupported", subject="state", remedy=_ELSEWHERE)
            return


def _size_problems(module: Module) -> Iterator[Diagnostic]:
    held = {op.value for op in module.walk() if isinstance(op, Constant)}
    size = sum(item.size * item.type.dtype.bytes for item in held)
    if size > LARGEST_FILE:
        message = f"the weights take {size / 1e9:.1f} GB, more than the 2 GiB of a TFLite file"
        yield Diagnostic(message, "unsupported", remedy=_ELSEWHERE)
