"""TensorFlow's graphs → a TFLite file, by TensorFlow's own converter."""

import functools
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import held_by
from ...ir.ssa import Module
from ...ir.types import Array
from ..artefact import Samples
from ..executable import Executable
from ..names import LITE_INPUT, Renamed, changed, one_line_each
from ..tf.emit import TensorFlowModule
from ..tf.names import renamed_in, signatures_of
from ..tf.states import state_arguments
from .contents import Contents, with_inputs_called
from .metadata import is_labelled, with_metadata
from .quantization import Quantization

# Offsets in flatbuffers are signed and have 32 bits.
LARGEST_FILE = 2**31 - 1
_ELSEWHERE = "write a SavedModel, which has all of TensorFlow's operations"
# The converter's message for an operation that only TensorFlow's own runtime has.
_NO_BUILTIN = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")


class TFLiteModule(Executable):
    """A lowered module that can be converted, and runs by TFLite's own interpreter.

    Attributes:
        signatures: what functions, inputs and outputs are called in the file.

    Raises:
        CompileError: TFLite can't express something; all problems at once.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        problems = [*_state_problems(module), *_size_problems(module)]
        if problems:
            raise CompileError(problems)
        self._tensorflow = TensorFlowModule(module)
        self.signatures = signatures_of(module, LITE_INPUT)

    @property
    def renamed(self) -> tuple[Renamed, ...]:
        """What has another name in the file than in the model; signatures come first."""
        found = [*renamed_in(self.signatures), *self._tensorflow.graph_renamed]
        for name, item in self.signatures.items():
            if is_labelled(item.function):
                labels = [*map(str, item.function.classifier.class_labels)]
                where = name if len(self.signatures) > 1 else ""
                found += changed("label", labels, one_line_each(labels), where)
        return tuple(found)

    def convert(
        self, quantize: Quantization | None = None, samples: Samples | None = None
    ) -> bytes:
        """A TFLite file: a signature for each function, with the model's own names.

        Args:
            quantize: "float16": weights are stored so; "dynamic": weights in 8 bits,
                computed with 8-bit integers where the runtime can; "int8": 8-bit integers for
                everything that has such an operation. Inputs and outputs keep their types.
            samples: for "int8", typical inputs of the default function, by name.

        Raises:
            CompileError: TFLite has no operation for something; all problems at once.
        """
        import tensorflow as tf

        assert (samples is not None) == (quantize == "int8")
        with tempfile.TemporaryDirectory(prefix="cmlc-") as scratch:
            folder = Path(scratch) / "model"
            self._tensorflow.save(folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(folder), signature_keys=[item.key for item in self.signatures.values()]
            )
            if quantize is not None:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if quantize == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if samples is not None:
                converter.representative_dataset = lambda: map(self._given, samples)
            made = self._converted(converter)
        made = with_metadata(self._renamed(made), self.module, self.signatures)
        foreign = Contents(made).foreign()
        if foreign:
            problem = f"the converter wrote operations that are not builtins: {', '.join(foreign)}"
            raise CompileError(Diagnostic(problem, "internal"))
        return made

    @functools.cached_property
    def _contents(self) -> Contents:
        """The file that runs, in which nothing is quantized."""
        return Contents(self.convert())

    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        callee = self.called(function, inputs)
        return self.computed(self._contents, inputs, callee.name)

    def computed(
        self, content: Contents, inputs: Mapping[str, Array], function: str = ""
    ) -> dict[str, Array]:
        """Results of a file by the model's names, for inputs by the model's names."""
        signature = self.signatures[function or self.module.main.name]
        given = {written: inputs[name] for name, written in signature.inputs.items()}
        found = content.run(given, signature.key)
        return {name: np.asarray(found[key]) for name, key in signature.outputs.items()}

    def _given(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """A sample of the default function's inputs by the names that the converter knows."""
        keys = self._tensorflow.signatures[self.module.main.name].inputs
        return {keys[name]: array for name, array in sample.items()}

    def _renamed(self, file: bytes) -> bytes:
        """The file with the inputs' names of TFLite, where a SavedModel can't have them."""
        before = self._tensorflow.signatures
        names = {
            item.key: dict(zip(before[name].inputs.values(), item.inputs.values(), strict=True))
            for name, item in self.signatures.items()
        }
        return with_inputs_called(file, names)

    def _converted(self, converter: Any) -> bytes:
        from tensorflow.lite.python.convert_phase import ConverterError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # the interpreter of its calibrator is about to move
                return converter.convert()
        except ConverterError as error:
            places = {op.location: place for place, op in enumerate(self.module.walk())}
            problems = sorted(
                self._explained(error), key=lambda told: places.get(told.location, len(places))
            )
            raise CompileError(problems) from None
        except (RuntimeError, ValueError) as error:  # its calibrator's
            raise CompileError(_failed(error)) from error

    def _explained(self, error: Any) -> Iterator[Diagnostic]:
        """The converter's errors, by the layers that they come from."""
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
            remedy = "--states=arguments makes them inputs and outputs; a SavedModel keeps them"
            yield Diagnostic(message, "unsupported", subject="state", remedy=remedy)
            return


def _size_problems(module: Module) -> Iterator[Diagnostic]:
    size = sum(item.size * item.type.dtype.bytes for item in held_by(module))
    if size > LARGEST_FILE:
        message = f"the weights take {size / 1e9:.1f} GB, more than the 2 GiB of a TFLite file"
        yield Diagnostic(message, "unsupported", remedy=_ELSEWHERE)
