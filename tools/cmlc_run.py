"""`cmlc-run`: run a Core ML model on any machine; inputs from files, answers on the terminal."""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ir.diagnostics import usage_error
from ..ir.writing import failures_told
from .cli import console, printing
from .cli.choices import COMPILING, add_choices
from .cli.given import options_of
from .cli.many import command as many

if TYPE_CHECKING:
    from ..compiler.runtime import CompiledModel
    from ..ir.ssa import Function
    from .cli.boxes import Detection

EXAMPLES = """\
  cmlc-run MobileNet.mlmodel --input cat.jpg         one input needs no name
  cmlc-run model.mlmodel --input image=cat.jpg --input threshold=0.5
  cmlc-run model.mlmodel --input inputs.npz -o outputs.npz
  cmlc-run yolo.mlpackage --input image=street.jpg   a detector: street_boxes.png, and a list
  cmlc-run model.mlmodel --input table.csv -o predictions.csv
  cmlc-run MobileNet.mlmodel --input photos/ -o labels.parquet
  cmlc-run model.mlmodel --random 7 --interpret      without TensorFlow
  cmlc-run model.mlmodel --random 7 --plugin my_pass.py --passes='canonicalize, my-pass'
  cmlc-run model.mlmodel --random 7 --compare        numpy and TensorFlow, op by op, worst first
  cmlc-run model.mlmodel --random 7 --bisect-passes  which rewrite changed the numbers
  cmlc-run model.mlmodel --random 7 --probe conv1    a value in the middle; conv1=conv1.npy saves it
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc-run`."""
    parser = console.CommandParser("cmlc-run", "MODEL", "Run a Core ML model.", EXAMPLES)
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="a .mlmodel, .mlpackage, .mlmodelc, .zip or .cmir"
    )
    add_choices(parser, [name for name in COMPILING if name != "verify_each"])
    add = parser.group("model").add_argument
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an image, a .npy, a .npz with all inputs, or numbers, text and dictionaries: x=1.5, "
        'x=[1,2,3], x=word, x=\'["a","b"]\', x=\'{"a":1.5}\'; a table with a column for each '
        "input: .csv, .tsv, .parquet; a folder of images, or a .txt file that lists them",
    )
    add("--random", type=int, metavar="SEED", help="random numbers for inputs that are not given")
    add("--interpret", action="store_true", help="compute with numpy, without TensorFlow")
    many.add_options(add)
    _add_debugging(parser.group("debugging").add_argument)
    add = parser.group("output").add_argument
    add("--top", type=int, default=5, metavar="K", help="how many classes or ops to print (5)")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="write the outputs: a .npz file, or a folder (images become .png); of many inputs, "
        "a .csv, .tsv, .parquet or .jsonl file; of a detector, a .png file, the picture with its "
        "boxes",
    )
    add("--json", action="store_true", help="print one JSON object")
    return parser


def _add_debugging(add: Any) -> None:
    """Modes that look into the model; exit status 1 if numbers differ too much."""
    add("--compare", action="store_true", help="the interpreter and TensorFlow, op by op")
    add("--bisect-passes", action="store_true", help="which pass and rewrite changed the numbers")
    add(
        "--tolerance",
        type=float,
        metavar="T",
        help="what counts as rounding, relative to a value's largest number "
        "(--compare: 1e-3, --bisect-passes: 1e-4)",
    )
    add(
        "--probe",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help="print a value by its name, op or Core ML layer (* for any), or save it: .npy, .npz",
    )


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    from .cli.boxes import detection, draw_boxes, print_boxes
    from .cli.outputs import as_facts, print_outputs, save_outputs
    from .cli.run_inputs import read_inputs

    if given.top < 1:
        raise usage_error(f"--top is {given.top}, expected 1 or more")
    mode = _mode(given)
    if mode is not None:
        return _debug(given, mode)
    if (source := many.source_of(given)) is not None:
        return many.run(given, source)
    with console.progress(enabled=not given.json) as started:
        model = _model(given, started)
        function = model.module.main
        inputs = read_inputs(function, given.input, given.random)
        _check_complete(function, inputs.values)
        begun = time.perf_counter()
        outputs = _outputs(model, inputs.values, given)
        seconds = time.perf_counter() - begun
    found = detection(function, inputs, outputs)
    drawing = _drawing(given, found)
    if found is not None and drawing is not None:
        with failures_told(drawing):
            draw_boxes(found, drawing)
    elif given.output is not None:
        with failures_told(given.output):
            save_outputs(outputs, given.output)
    if given.json:
        facts = {name: as_facts(value, given.top) for name, value in outputs.items()}
        boxes = {} if found is None else {"boxes": [box.facts() for box in found.boxes]}
        printing.print_json({"ok": True, "outputs": facts, **boxes, "seconds": seconds})
        return 0
    if found is not None:
        print_boxes(found)
        outputs = {name: value for name, value in outputs.items() if name not in found.outputs}
    print_outputs(outputs, given.top)
    if drawing is not None:
        print(f"written: {drawing}")
    return 0


def _drawing(given: argparse.Namespace, found: "Detection | None") -> Path | None:
    """Where a picture with boxes goes: what -o says, else a new file in the current folder.

    Raises:
        CompileError: of kind "usage": a picture is asked for, and there are no boxes to draw.
    """
    if given.output is not None:
        is_picture = given.output.suffix.lower() == ".png"
        if is_picture and found is None:
            remedy = "-o takes a .npz file or a folder"
            raise usage_error("only boxes in one picture can be drawn into a .png", remedy)
        return given.output if is_picture else None
    if given.json or found is None or found.file is None:
        return None
    path = Path(f"{found.file.stem}_boxes.png")
    if not path.exists():
        return path
    printing.note(f"'{path}' is there already: -o {path} writes it anew")
    return None


def _mode(given: argparse.Namespace) -> str | None:
    """The debugging mode that is asked for, if any.

    Raises:
        CompileError: of kind "usage": two of them, or an option that means nothing for it.
    """
    modes = {"--compare": given.compare, "--bisect-passes": given.bisect_passes}
    modes["--probe"] = bool(given.probe)
    asked = [name for name, is_asked in modes.items() if is_asked]
    if len(asked) > 1:
        raise usage_error(f"{asked[0]} and {asked[1]} are two runs", "ask for one")
    mode = asked[0] if asked else None
    rows = (
        ("--tolerance", given.tolerance is not None, ("--bisect-passes", "--compare")),
        ("--interpret", given.interpret, (None, "--probe")),
        ("-o", given.output is not None, (None,)),
    )
    for option, is_given, takers in rows:
        if is_given and mode not in takers:
            names = " and ".join(taker or "a plain run" for taker in takers)
            raise usage_error(f"{option} is for {names}")
    if mode is not None and any(map(many.is_source, given.input)):
        raise usage_error(f"{mode} takes one entry, not many", "give a value for each input")
    if given.tolerance is not None and not given.tolerance >= 0:
        raise usage_error(f"--tolerance is {given.tolerance}, expected 0 or more")
    return mode


def _debug(given: argparse.Namespace, mode: str) -> int:
    from ..compiler.watch import Watch
    from .debug.bisect_passes import run_bisect
    from .debug.compare import run_compare
    from .debug.experiment import read_experiment
    from .debug.probe import run_probes

    runs = {"--compare": run_compare, "--bisect-passes": run_bisect, "--probe": run_probes}
    with console.progress(enabled=not given.json) as started:
        experiment = read_experiment(given, Watch(started=started), _check_complete)

        def progress(what: str) -> None:
            if started is not None:
                started("run", what)

        return runs[mode](given, experiment, progress)


def _model(given: argparse.Namespace, started: Any) -> "CompiledModel":
    from .cli.model import model_of

    model = model_of(given.model, options_of(given), interpret=given.interpret, started=started)
    if not given.interpret:
        _ = model.lowered
    return model


def _check_complete(function: "Function", inputs: Mapping[str, Any]) -> None:
    """Say what is missing before TensorFlow starts, and how to give it."""
    from ..compiler.binding import features_of

    missing = [
        f"--input '{name}=…' ({(known.part and 'a dictionary') or value.type})"
        for name, ((value, known), *_) in features_of(function).items()
        if name not in inputs and not known.optional
    ]
    if missing:
        raise usage_error(
            f"{printing.plural(len(missing), 'input')} missing: {', '.join(missing)}",
            "or fill inputs with --random 0",
        )


def _outputs(
    model: "CompiledModel", inputs: Mapping[str, Any], given: argparse.Namespace
) -> dict[str, Any]:
    state = model.make_state()
    if given.interpret:
        return model.interpret(inputs, state)
    console.start_library(model.stages.target.library)
    return model.predict(inputs, state)


if __name__ == "__main__":
    sys.exit(main())
