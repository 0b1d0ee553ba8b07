"""`cmlc-run`: run a Core ML model on any machine; inputs from files, answers on the terminal."""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import console

if TYPE_CHECKING:
    from ..compiler.runtime import CompiledModel
    from ..ir.ssa import Function

EXAMPLES = """\
  cmlc-run MobileNet.mlmodel --input cat.jpg         one input needs no name
  cmlc-run model.mlmodel --input image=cat.jpg --input threshold=0.5
  cmlc-run model.mlmodel --input inputs.npz -o outputs.npz
  cmlc-run model.mlmodel --random 7 --interpret      without TensorFlow
  cmlc-run model.mlmodel --random 7 --plugin my_pass.py --passes='canonicalize, my-pass'
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc-run`."""
    parser = console.CommandParser("cmlc-run", "Run a Core ML model.", EXAMPLES)
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="a .mlmodel, .mlpackage, .mlmodelc or .cmir")
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an image, a .npy, a .npz with all inputs, or numbers: x=1.5, x=[1,2,3]",
    )
    add("--random", type=int, metavar="SEED", help="random numbers for inputs that are not given")
    add("--function", default="", metavar="NAME", help="one of several functions")
    add("--passes", default="", metavar="PIPELINE", help="passes to run before the target's own")
    add("--interpret", action="store_true", help="compute with numpy, without TensorFlow")
    add("--top", type=int, default=5, metavar="K", help="how many classes to print (5)")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="write the outputs: a .npz file, or a folder (images become .png)",
    )
    add("--json", action="store_true", help="print one JSON object")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    from .outputs import as_facts, print_outputs, save_outputs
    from .run_inputs import read_inputs

    if given.top < 1:
        raise console.usage_error(f"--top is {given.top}, expected 1 or more")
    with console.progress(enabled=not given.json) as started:
        model = _model(given, started)
        function = model.module.main
        inputs = read_inputs(function, given.input, given.random)
        _check_complete(function, inputs)
        begun = time.perf_counter()
        outputs = _outputs(model, inputs, given)
        seconds = time.perf_counter() - begun
    if given.output is not None:
        with console.writing(given.output):
            save_outputs(outputs, given.output)
    if given.json:
        facts = {name: as_facts(value, given.top) for name, value in outputs.items()}
        console.print_json({"ok": True, "outputs": facts, "seconds": seconds})
    else:
        print_outputs(outputs, given.top)
    return 0


def _model(given: argparse.Namespace, started: Any) -> "CompiledModel":
    from ..compiler import driver
    from ..compiler.options import Options
    from ..compiler.runtime import CompiledModel
    from ..passes.manager import parse_pipeline

    watch = driver.Watch(started=started)
    options = Options(function=given.function, passes=given.passes)
    pipeline = parse_pipeline(given.passes)
    if given.interpret:  # what TensorFlow can't express runs all the same
        module = driver.run_passes(driver.load(given.model, options, watch), pipeline, watch)
        return CompiledModel(module, module, module, options)
    return driver.compile(given.model, options, watch=watch)


def _check_complete(function: "Function", inputs: Mapping[str, Any]) -> None:
    """Say what is missing before TensorFlow starts, and how to give it."""
    from ..compiler.binding import inputs_of

    missing = [
        f"--input '{value.name}=…' ({value.type})"
        for value, facts in inputs_of(function)
        if value.name not in inputs and not facts.get("optional")
    ]
    if missing:
        raise console.usage_error(
            f"{console.plural(len(missing), 'input')} missing: {', '.join(missing)}",
            "or fill inputs with --random 0",
        )


def _outputs(
    model: "CompiledModel", inputs: Mapping[str, Any], given: argparse.Namespace
) -> dict[str, Any]:
    state = model.make_state()
    if given.interpret:
        return model.interpret(inputs, state)
    console.start_tensorflow()
    return model.predict(inputs, state)


if __name__ == "__main__":
    sys.exit(main())
