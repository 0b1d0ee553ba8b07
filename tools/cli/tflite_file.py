"""`cmlc --emit=tflite`: typical inputs to quantize by, the file, and how far it is off."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ...compiler.binding import bind_inputs, inputs_of
from ...ir.deviation import deviation
from ...ir.diagnostics import CompileError
from ...ir.interpret import run
from ...ir.ssa import Function, Module
from ...ir.types import Array
from ...ir.writing import writing_whole
from . import console
from .run_inputs import read_archive, read_image, read_inputs

if TYPE_CHECKING:
    from ...backends.tflite.contents import Contents
    from ...backends.tflite.emit import Quantization
    from ...compiler.options import Options
    from ...compiler.watch import Watch

_MEASURED = 8  # samples that errors are taken from
_REMEDY = "give a folder of images, or a .npz with an array [n, …] for each input"


@dataclass(frozen=True)
class Samples:
    """Typical inputs of a function, read one by one.

    Attributes:
        function: whose inputs they are.
        arrays: [n, …] by the inputs' names.
        images: files of images, for the only input; in place of arrays.
    """

    function: Function
    arrays: Mapping[str, Array]
    images: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.images) or min(map(len, self.arrays.values()))

    def __getitem__(self, index: int) -> dict[str, Array]:
        """Inputs of exactly the function's types.

        Raises:
            CompileError: one is missing, unknown, unreadable or of another shape.
        """
        if self.images:
            ((value, _),) = inputs_of(self.function)
            given = {value.name: read_image(value, self.images[index])}
        else:
            given = {name: array[index] for name, array in self.arrays.items()}
        return bind_inputs(self.function, given)[0]


def read_samples(function: Function, source: Path) -> Samples:
    """The samples that a .npz or a folder of images holds.

    Raises:
        CompileError: there are none, or not for this function.
    """
    if source.suffix == ".npz":
        arrays = read_archive(function, source)
        counts = {name: len(array) if np.ndim(array) else 0 for name, array in arrays.items()}
        if not arrays or len(set(counts.values())) != 1 or 0 in counts.values():
            shown = ", ".join(f"{count} of '{name}'" for name, count in counts.items()) or "none"
            message = f"{source}: each input takes as many samples as the others; here are {shown}"
            raise console.usage_error(message)
        found = Samples(function, arrays)
    elif source.is_dir():
        kinds = [known.kind for _, known in inputs_of(function)]
        if kinds != ["image"]:
            message = f"a folder of images needs a model whose only input is an image: {source}"
            raise console.usage_error(message, _REMEDY)
        files = sorted(path for path in source.iterdir() if _is_image(path))
        if not files:
            raise console.usage_error(f"the folder '{source}' has no images", _REMEDY)
        found = Samples(function, {}, tuple(files))
    else:
        what = "is neither a folder nor a .npz" if source.exists() else "is not there"
        raise console.usage_error(f"'{source}' {what}", _REMEDY)
    _ = found[0]  # what fits no input is said before anything is converted
    return found


def _is_image(path: Path) -> bool:
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions() and path.is_file()


def check_quantization(quantize: str | None, representative: Path | None) -> None:
    """Refuse choices that don't go together.

    Raises:
        CompileError: of kind "usage".
    """
    if quantize == "int8" and representative is None:
        message = "--quantize=int8 needs typical inputs, from which it takes ranges of numbers"
        raise console.usage_error(message, "add --representative DATA, or take --quantize=dynamic")
    if representative is not None and quantize != "int8":
        message = "--representative means nothing without --quantize=int8"
        raise console.usage_error(message, "leave it out")


def write_tflite(
    source: Path,
    options: "Options",
    quantize: str | None,
    representative: Path | None,
    path: Path,
    watch: "Watch",
) -> dict[str, Any]:
    """Compile, convert, measure, write; returns the facts of the summary.

    Raises:
        CompileError: something can't be compiled or converted; nothing is written then.
    """
    from ...backends.tflite.contents import Contents
    from ...backends.tflite.emit import TFLiteModule
    from ...compiler.driver import lower_source
    from .summary import staged_facts

    check_quantization(quantize, representative)
    # A batch that varies costs phones time, and some operations need to know it.
    batch = "static" if options.batch == "auto" else options.batch
    options = replace(options, target="tflite", batch=batch)
    module, optimized, lowered = lower_source(source, options, watch)
    samples = read_samples(lowered.main, representative) if representative else None
    if samples is not None and (count := len(module.public_functions)) > 1:
        message = f"--quantize=int8 takes one function, the model has {count}"
        raise console.usage_error(message, "add --function NAME")
    with watch.stage("start TensorFlow"):
        console.start_tensorflow()
    with watch.stage("convert"), console.quiet_errors():
        made = TFLiteModule(lowered)
        ranges = None if samples is None else lambda: _shown(samples, watch)
        content = Contents(file := made.convert(cast("Quantization", quantize or ""), ranges))
    with watch.stage("measure"), console.quiet_errors():
        errors, measured_on = _errors(optimized, content, samples)
    with console.writing(path), watch.stage("write"), writing_whole(path) as made_file:
        made_file.write_bytes(file)
    stages = {"imported": module, "optimized": optimized, "tf": lowered}
    return staged_facts(stages, lowered, watch, source) | {
        "tflite": {
            "quantize": quantize,
            "samples": 0 if samples is None else len(samples),
            "operations": dict(content.operations().most_common()),
            "in_floating_point": dict(content.floating().most_common()),
            "errors": errors,
            "measured_on": measured_on,
        }
    }


def _shown(samples: Samples, watch: "Watch") -> Iterator[dict[str, Array]]:
    """The samples, with progress on a terminal."""
    for index in range(len(samples)):
        if watch.started is not None:
            watch.started("convert", console.bar(index, len(samples)))
        yield samples[index]


def _errors(
    module: Module, content: "Contents", samples: Samples | None
) -> tuple[dict[str, float], str]:
    """(the largest difference from the interpreter's numbers by output, on which inputs).

    Differences are relative to the largest of an output's numbers. A model may have no use for
    random inputs: indices beyond a table, shapes that don't fit each other.
    """
    function, found = module.main, dict[str, float]()
    try:
        for inputs in _given(function, samples):
            ours, theirs = run(module, inputs, function.name), content.run(inputs)
            for name, array in ours.items():
                if array.dtype.kind in "fiub":
                    apart = deviation(array, theirs[name]).relative
                    found[name] = max(found.get(name, 0.0), apart)
    except CompileError as error:
        if samples is not None:
            raise
        return {}, f"nothing: {error.diagnostics[0].message}"
    return found, "samples" if samples is not None else "random numbers"


def _given(function: Function, samples: Samples | None) -> Iterator[dict[str, Array]]:
    if samples is None:
        yield bind_inputs(function, read_inputs(function, [], 0))[0]
        return
    for index in range(min(len(samples), _MEASURED)):
        yield samples[index]
