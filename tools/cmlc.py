"""`cmlc`: compile a Core ML model to a TensorFlow SavedModel, print its IR, or give it back."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import console

if TYPE_CHECKING:
    from ..compiler.driver import Watch
    from ..compiler.options import Options
    from ..compiler.runtime import CompiledModel
    from ..ir.ssa import Module

EXAMPLES = """\
  cmlc MobileNet.mlmodel                         write MobileNet_savedmodel/
  cmlc MobileNet.mlmodel -o out --timing         elsewhere, and say what took how long
  cmlc MobileNet.mlmodel --weights=compressed    weights stay as small as in the model
  cmlc MobileNet.mlmodel --emit=ir               print the IR as imported
  cmlc MobileNet.mlmodel --emit=ir --stage=tf    print what TensorFlow will run
  cmlc MobileNet.mlmodel -o MobileNet.cmir       write the IR, and its weights beside it
  cmlc MobileNet.cmir                            compile that
  cmlc MobileNet.mlmodelc -o MobileNet.mlmodel   get a model back from its compiled form
  cmlc Whisper.mlmodelc -o Whisper.mlpackage     the same with the weights of an ML Program
"""
STAGES = ("imported", "optimized", "tf")
EMITS = ("savedmodel", "ir", "mlmodel", "mlpackage")
_BY_SUFFIX = {".cmir": "ir", ".mlmodel": "mlmodel", ".mlpackage": "mlpackage"}
_MESSAGES = ("mlmodel", "mlpackage")


def make_parser() -> console.CommandParser:
    """The options of `cmlc`."""
    parser = console.CommandParser("cmlc", "Compile a Core ML model to TensorFlow.", EXAMPLES)
    add = parser.add_argument
    add(
        "model", type=Path, metavar="MODEL", help="a .mlmodel, .mlpackage, .mlmodelc, .zip or .cmir"
    )
    add("-o", "--output", metavar="OUT", help="where to write; MODEL_savedmodel by default")
    add("--emit", choices=EMITS, help="what to make; by default, what OUT's name says")
    add("--stage", choices=STAGES, help="which IR --emit=ir prints; by default, as imported")
    add(
        "--batch",
        choices=("auto", "dynamic", "static"),
        default="auto",
        help="auto: a varying batch where the model allows it; dynamic: or fail; static: none",
    )
    add(
        "--io-layout",
        choices=("coreml", "nhwc"),
        default="coreml",
        help="dimensions of arrays: Core ML's own, or channels last",
    )
    add(
        "--precision",
        choices=("float32", "keep"),
        default="float32",
        help="of ML Programs: compute float16 in float32, or as the program says",
    )
    add("--function", default="", metavar="NAME", help="one of several functions; all by default")
    add(
        "--weights",
        choices=("expanded", "compressed"),
        default="expanded",
        help="compressed: weights stored in a small form stay so, and are decoded at run time",
    )
    add("--fixed-shapes", action="store_true", help="only the default shapes of flexible inputs")
    add(
        "--shape",
        metavar="NAME=S,B,C,H,W",
        action="append",
        default=[],
        help="full shape of an array input of an old network; names stay open",
    )
    add_watching(parser)
    add("--locations", action="store_true", help="print where in the model each op comes from")
    add("--json", action="store_true", help="print one JSON object instead of a summary")
    return parser


def add_watching(parser: argparse.ArgumentParser) -> None:
    """Options about what happens in passes, the same for several commands."""
    add = parser.add_argument
    add(
        "--print-after",
        metavar="PASS",
        action="append",
        default=[],
        help="print the IR after this pass (or: all, changed) on standard error",
    )
    add("--verify-each", action="store_true", help="verify the IR after every pass")
    add("--timing", action="store_true", help="print the time of every pass")


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    emit = given.emit or _BY_SUFFIX.get(Path(given.output or "").suffix, "savedmodel")
    _check_usage(given, emit)
    with console.progress(enabled=not (given.json or given.print_after)) as started:
        watch = make_watch(given, started)
        if emit == "ir":
            module = _module(given, watch)
            facts = _write_ir(module, given, watch) if _file(given) else None
        elif emit in _MESSAGES:
            facts = _write_message(given, watch)
        else:
            facts = _write_savedmodel(given, watch)
    if given.timing and not given.json:
        print_timing(watch)
    if facts is None:
        from ..ir.text.printer import PrintOptions, print_module

        sys.stdout.write(print_module(module, PrintOptions(locations=given.locations)))
    elif given.json:
        console.print_json(facts)
    else:
        from .summary import print_summary

        print_summary(facts)
    return 0


def _check_usage(given: argparse.Namespace, emit: str) -> None:
    """Refuse options that don't go together, before any work."""
    if emit != "ir" and (given.stage or given.locations):
        name = "--stage" if given.stage else "--locations"
        raise console.usage_error(f"{name} is about IR", "add --emit=ir")
    if emit in _MESSAGES:
        _check_message(given, emit)
    if emit == "ir":
        file = _file(given)
        if given.json and not file:
            raise console.usage_error("--json and the IR can't share standard output", "add -o")
        if file and file.suffix != ".cmir":
            raise console.usage_error(f"IR goes to a file called .cmir, not '{file}'")
    from .pass_list import check_names

    check_names(print_after(given), ("all", "changed"))


def _check_message(given: argparse.Namespace, emit: str) -> None:
    """The model is written as it is: nothing of it is chosen, and it has a name."""
    file = _file(given)
    if file is None or file.suffix != f".{emit}":
        where = "file" if emit == "mlmodel" else "folder"
        message = f"a model goes to a {where} called .{emit}"
        raise console.usage_error(message, f"add -o OUT.{emit}")
    if given.model.suffix == ".cmir":
        raise console.usage_error(f"IR can't become a .{emit}", "name the model it was made of")
    parser = make_parser()
    for option in (
        "batch",
        "io_layout",
        "precision",
        "function",
        "weights",
        "fixed_shapes",
        "shape",
        "print_after",
        "verify_each",
    ):
        if getattr(given, option) != parser.get_default(option):
            name = f"--{option.replace('_', '-')}"
            raise console.usage_error(f"{name} is about compiling, which --emit={emit} doesn't")


def _file(given: argparse.Namespace) -> Path | None:
    """Where `-o` says; None for standard output."""
    return Path(given.output) if given.output and given.output != "-" else None


def print_after(given: argparse.Namespace) -> frozenset[str]:
    """The names of all `--print-after`, which may also be separated by commas."""
    return frozenset(name for text in given.print_after for name in text.split(",") if name)


def make_watch(given: argparse.Namespace, started: Any = None) -> "Watch":
    """What the options say about watching passes."""
    from ..compiler.driver import Watch
    from ..passes.manager import Instrumentation

    def emit(name: str, text: str) -> None:
        print(f"// ----- after {name} -----\n{text}", file=sys.stderr)

    instrumentation = Instrumentation(
        verify_each=given.verify_each,
        print_after=print_after(given),
        emit=emit,
        reproducers=Path(),
    )
    return Watch(instrumentation, started)


def print_timing(watch: "Watch") -> None:
    """Stages and passes with their times, on standard error."""
    rows = [(name, f"{seconds * 1000:8.1f} ms", "") for name, seconds in watch.seconds.items()]
    rows.append(("", "", ""))
    rows += [
        (name, f"{seconds * 1000:8.1f} ms", console.plural(ops, "op"))
        for name, seconds, ops in watch.steps
    ]
    console.print_rows(rows, sys.stderr)


def _options(given: argparse.Namespace) -> "Options":
    from ..compiler.options import Options

    shapes: dict[str, list[str]] = {}
    for text in given.shape:
        name, equals, entries = text.rpartition("=")
        if not equals:
            raise console.usage_error(f"--shape {text}", "write NAME=S,B,C,H,W")
        shapes[name] = [entry.strip() for entry in entries.split(",")]
    return Options(
        batch=given.batch,
        io_layout=given.io_layout,
        fixed_shapes=given.fixed_shapes,
        precision=given.precision,
        function=given.function,
        weights=given.weights,
        shapes=shapes,
        verify_each=given.verify_each,
    )


def _module(given: argparse.Namespace, watch: "Watch") -> "Module":
    """The IR of the wanted stage; passes that shall be shown need to run."""
    from ..compiler import driver

    options = _options(given)
    module = driver.load(given.model, options, watch)
    stage = given.stage or ("optimized" if given.print_after or given.timing else "imported")
    if stage == "imported":
        return module
    module = driver.optimize(module, options, watch=watch)
    return module if stage == "optimized" else driver.lower(module, options, watch)


def _write_ir(module: "Module", given: argparse.Namespace, watch: "Watch") -> dict[str, Any]:
    from ..ir.text.archive import write_archive
    from .summary import module_facts

    path = Path(given.output)
    with console.writing(path), watch.stage("write"):
        weights = write_archive(module, path, locations=given.locations)
    return module_facts(module, watch, given.model) | {
        "output": str(path),
        "output_bytes": path.stat().st_size,
        "weights_file": str(weights) if weights.exists() else None,
    }


def _write_message(given: argparse.Namespace, watch: "Watch") -> dict[str, Any]:
    from ..compiler.driver import write_message
    from .summary import folder_size, message_facts

    path = Path(given.output)
    with console.writing(path):
        spec = write_message(given.model, path, watch)
    return message_facts(spec, watch, given.model) | {
        "output": str(path),
        "output_bytes": folder_size(path) if path.is_dir() else path.stat().st_size,
    }


def _write_savedmodel(given: argparse.Namespace, watch: "Watch") -> dict[str, Any]:
    from ..compiler.driver import compile as compile_model
    from ..compiler.runtime import check_replaceable
    from .summary import compiled_facts, folder_size

    folder = _file(given) or Path(f"{given.model.resolve().stem}_savedmodel")
    check_replaceable(folder)
    model = compile_model(given.model, _options(given), watch=watch)
    _save(model, folder, watch)
    return compiled_facts(model, watch, given.model) | {
        "output": str(folder),
        "output_bytes": folder_size(folder),
    }


def _save(model: "CompiledModel", folder: Path, watch: "Watch") -> None:
    with watch.stage("start TensorFlow"):
        console.start_tensorflow()
    with watch.stage("trace"):
        _ = model.executable
    with console.writing(folder), watch.stage("save"):
        model.save(folder)


if __name__ == "__main__":
    sys.exit(main())
