"""What the TFLite target writes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ...ir.choices import Choice, Chosen
from ..form import Form, OfTarget
from .quantization import Quantization

if TYPE_CHECKING:
    from ...ir.diagnostics import Diagnostic
    from ..artefact import Artefact, Request
    from .contents import Contents
    from .emit import TFLiteModule


def _check(chosen: Chosen) -> "Iterator[Diagnostic]":
    from ...ir.diagnostics import Diagnostic

    quantize, samples = chosen.get("quantize"), chosen.get("representative")
    if quantize == "int8" and samples is None:
        message = "--quantize=int8 needs typical inputs, from which it takes ranges of numbers"
        remedy = "add --representative DATA, or take --quantize=dynamic"
        yield Diagnostic(message, "usage", remedy=remedy)
    if quantize != "int8" and samples is not None:
        message = "--representative means nothing without --quantize=int8"
        yield Diagnostic(message, "usage", remedy="leave it out")


def _tflite(made: "TFLiteModule", request: "Request") -> "Artefact":
    from ...ir.diagnostics import usage_error
    from ..artefact import Artefact
    from ..names import facts_of, rows_of
    from .contents import Contents

    quantize, samples = request.chosen.get("quantize"), request.chosen.get("representative")
    if samples is not None and len(made.functions) > 1:
        message = f"--quantize=int8 takes one function, the model has {len(made.functions)}"
        raise usage_error(message, "add --function NAME")
    file = made.convert(quantize, samples)
    content = Contents(file)
    facts = {
        "quantize": quantize,
        "samples": 0 if samples is None else len(samples),
        "operations": dict(content.operations().most_common()),
        "in_floating_point": dict(content.floating().most_common()),
    }
    return Artefact(
        lambda path: _write(file, path),
        {"tflite": facts, **facts_of(made.renamed)},
        (*_rows(facts), *rows_of(made.renamed, "--json")),
        _running(made, content),
    )


def _running(made: "TFLiteModule", content: "Contents") -> Any:
    return lambda inputs: made.computed(content, inputs)


def _write(file: bytes, path: Path) -> None:
    from ...ir.writing import writing_whole

    with writing_whole(path) as new:
        new.write_bytes(file)


def _rows(facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    kinds = [f"{count} {kind}" for kind, count in facts["operations"].items()]
    rows = [
        ("TFLite", ", ".join(kinds) or "no operation"),
        ("", "inputs and outputs are known by name, of a signature: their order is another"),
    ]
    if facts["quantize"] == "int8":
        floating = ", ".join(facts["in_floating_point"]) or "nothing"
        rows.append(("", f"computed in floating point: {floating}"))
    return tuple(rows)


FORMS = (
    Form(
        name="tflite",
        title="TFLite file",
        suffix=".tflite",
        default=".tflite",
        choices=(
            Choice(
                "quantize",
                "of tflite: weights in float16 or 8 bits, or everything in 8-bit integers",
                get_args(Quantization),
                group="numbers",
            ),
            Choice(
                "representative",
                "typical inputs for --quantize=int8: a folder of images, "
                "or a .npz with an array [n, …] for each input",
                group="numbers",
                spelling="samples",
                metavar="DATA",
            ),
        ),
        check=_check,
        made_of=OfTarget(_tflite),
        loading="from ai_edge_litert.interpreter import Interpreter  # or tf.lite.Interpreter\n"
        'predict = Interpreter({path}).get_signature_runner("serving_default")',
    ),
)
