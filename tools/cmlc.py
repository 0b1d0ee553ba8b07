"""`cmlc`: compile a Core ML model to a TensorFlow SavedModel, print its IR, or give it back."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import console
from .cli.emits import EMITS, TARGETS, check_options, emit_of, output_of, print_options

if TYPE_CHECKING:
    from ..compiler.watch import Watch

EXAMPLES = """\
  cmlc MobileNet.mlmodel                         write MobileNet_savedmodel/
  cmlc MobileNet.mlmodel -o out --timing         elsewhere, and say what took how long
  cmlc MobileNet.mlmodel --weights=compressed    weights stay as small as in the model
  cmlc MobileNet.mlmodel -o mobile.tflite        for phones; --quantize=float16 halves it
  cmlc MobileNet.mlmodel --emit=tflite --quantize=int8 --representative photos/
  cmlc MobileNet.mlmodel --emit=graphdef         a frozen MobileNet.pb, for tools that want one
  cmlc MobileNet.mlmodel --emit=weights          every weight as .npz and .safetensors
  cmlc MobileNet.mlmodel --emit=ir               print the IR as imported
  cmlc MobileNet.mlmodel --emit=ir --stage=tf    print what TensorFlow will run
  cmlc MobileNet.mlmodel --dump-dir=ir           the IR of every stage and pass, in files
  cmlc MobileNet.mlmodel --emit=html             a page to browse all stages
  cmlc MobileNet.mlmodel -o MobileNet.cmir       write the IR, and its weights beside it
  cmlc MobileNet.cmir                            compile that
  cmlc MobileNet.mlmodel --plugin my_pass.py --passes='my-pass{threshold=3}'
  cmlc MobileNet.mlmodelc -o MobileNet.mlmodel   get a model back from its compiled form
  cmlc Whisper.mlmodelc -o Whisper.mlpackage     the same with the weights of an ML Program
"""
STAGES = ("imported", "optimized", *TARGETS)


def make_parser() -> console.CommandParser:
    """The options of `cmlc`."""
    parser = console.CommandParser("cmlc", "Compile a Core ML model to TensorFlow.", EXAMPLES)
    add = parser.add_argument
    add(
        "model", type=Path, metavar="MODEL", help="a .mlmodel, .mlpackage, .mlmodelc, .zip or .cmir"
    )
    add("-o", "--output", metavar="OUT", help="where to write; MODEL_savedmodel by default")
    add("--emit", choices=tuple(EMITS), help="what to make; by default, what OUT's name says")
    add("--stage", choices=STAGES, help="which IR ir and dot show; by default, as imported")
    add(
        "--batch",
        choices=("auto", "dynamic", "static"),
        default="auto",
        help="auto: a varying batch where the model allows it (for tflite: none); "
        "dynamic: or fail; static: none",
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
    add("--passes", default="", metavar="PIPELINE", help="more passes, before the target's own")
    add(
        "--quantize",
        choices=("float16", "dynamic", "int8"),
        help="of tflite: weights in float16 or 8 bits, or everything in 8-bit integers",
    )
    add(
        "--representative",
        type=Path,
        metavar="DATA",
        help="typical inputs for --quantize=int8: a folder of images, "
        "or a .npz with an array [n, …] for each input",
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
    add(
        "--dump-dir",
        type=Path,
        metavar="DIR",
        help="write the IR of all stages and passes (or of --print-after's) into numbered files",
    )
    add("--locations", action="store_true", help="print where in the model each op comes from")
    add(
        "--statistics",
        action="store_true",
        help="print what weights hold, in comments: least, largest, mean, deviation, zeros",
    )
    add("--verify-each", action="store_true", help="verify the IR after every pass")
    add("--timing", action="store_true", help="print where the time goes: stages, passes, groups")
    add("--timing-patterns", action="store_true", help="the same, with the patterns of passes")
    add("--stats", action="store_true", help="print what passes and patterns did to which ops")


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    emit = emit_of(given)
    check_options(given, emit, make_parser())
    path = output_of(given, emit)
    if path is None and given.json:
        message = f"--json and --emit={emit} can't share standard output"
        raise console.usage_error(message, "add -o")
    from .cli.pass_list import check_names, check_pipeline

    check_names(print_after(given), ("all", "changed"))
    check_pipeline(given.passes)
    with console.progress(enabled=not (given.json or given.print_after)) as started:
        watch = make_watch(given, started)
        text, facts = "", dict[str, Any]()
        if path is None:
            to_text = EMITS[emit].text
            text = to_text(given, watch) if to_text is not None else ""
        else:
            facts = EMITS[emit].write(given, path, watch) | _written(path)
            facts["seconds"] = dict(watch.seconds)
            facts |= measured_facts(given, watch)
    if not given.json:
        print_measured(given, watch)
    if path is None:
        sys.stdout.write(text)
    elif given.json:
        console.print_json(facts)
    else:
        from .cli.summary import print_summary

        print_summary(facts, EMITS[emit].loading)
    return 0


def _written(path: Path) -> dict[str, Any]:
    from .cli.summary import folder_size

    size = folder_size(path) if path.is_dir() else path.stat().st_size
    return {"output": str(path), "output_bytes": size}


def print_after(given: argparse.Namespace) -> frozenset[str]:
    """The names of all `--print-after`, which may also be separated by commas."""
    return frozenset(name for text in given.print_after for name in text.split(",") if name)


def make_watch(given: argparse.Namespace, started: Any = None) -> "Watch":
    """What the options say about watching passes."""
    from ..compiler.watch import Watch
    from ..passes.manager import Instrumentation

    def emit(name: str, text: str) -> None:
        print(f"// ----- after {name} -----\n{text}", file=sys.stderr)

    options = print_options(given)
    wanted, dump = print_after(given), None
    if given.dump_dir is not None:
        from .cli.dump import Dump

        options = replace(options, data=False)
        dump = Dump(given.dump_dir, options)
        wanted = wanted or frozenset(("all",))
    instrumentation = Instrumentation(
        verify_each=given.verify_each,
        print_after=wanted,
        emit=dump.text if dump else emit,
        print_options=options,
        reproducers=Path(),
        patterns={} if given.timing_patterns or given.stats else None,
    )
    return Watch(instrumentation, started, made=dump.module if dump else None)


def print_measured(given: argparse.Namespace, watch: "Watch") -> None:
    """What `--timing` and `--stats` ask for, on standard error."""
    from .cli.measured import print_stats, print_timing

    if given.timing or given.timing_patterns:
        print_timing(watch, given.timing_patterns)
    if given.stats:
        print_stats(watch)


def measured_facts(given: argparse.Namespace, watch: "Watch") -> dict[str, Any]:
    """The same for `--json`."""
    from .cli.measured import stats_facts, timing_facts

    facts: dict[str, Any] = {}
    if given.timing or given.timing_patterns:
        facts["timing"] = timing_facts(watch, given.timing_patterns)
    if given.stats:
        facts["stats"] = stats_facts(watch)
    return facts


if __name__ == "__main__":
    sys.exit(main())
