"""`cmlc`: compile a Core ML model and write it: for TensorFlow, as IR, or as it was."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.form import Form
from ..compiler.artefacts.forms import SourceForm, StageForm
from ..compiler.artefacts.table import all_forms, form_for, sorted_out
from ..ir.diagnostics import usage_error
from .cli import console
from .cli.choices import COMPILING, add_choices, chosen, form_choices, options_of, print_options

if TYPE_CHECKING:
    from ..compiler.watch import Watch

EXAMPLES = """\
  cmlc MobileNet.mlmodel                         write MobileNet_savedmodel/
  cmlc MobileNet.mlmodel -o out --timing         elsewhere, and say what took how long
  cmlc MobileNet.mlmodel --weights=compressed    weights stay as small as in the model
  cmlc MobileNet.mlmodel -o mobile.tflite        for phones; --quantize=float16 halves it
  cmlc MobileNet.mlmodel --emit=tflite --quantize=int8 --representative photos/
  cmlc MobileNet.mlmodel --target=keras          Keras code that trains, in MobileNet_keras/
  cmlc MobileNet.mlmodel --emit=graphdef         a frozen MobileNet.pb, for tools that want one
  cmlc MobileNet.mlmodel --emit=weights          every weight as .npz and .safetensors
  cmlc MobileNet.mlmodel --emit=ir               print the IR as imported
  cmlc MobileNet.mlmodel --emit=ir --stage=lowered   print what TensorFlow will run
  cmlc MobileNet.mlmodel --dump-dir=ir           the IR of every stage and pass, in files
  cmlc MobileNet.mlmodel --emit=html             a page to browse all stages
  cmlc MobileNet.mlmodel -o MobileNet.cmir       write the IR, and its weights beside it
  cmlc MobileNet.cmir                            compile that
  cmlc MobileNet.mlmodel --plugin my_pass.py --passes='my-pass{threshold=3}'
  cmlc MobileNet.mlmodelc -o MobileNet.mlmodel   get a model back from its compiled form
  cmlc Whisper.mlmodelc -o Whisper.mlpackage     the same with the weights of an ML Program
"""


def make_parser() -> console.CommandParser:
    """The options of `cmlc`."""
    description = "Compile a Core ML model, to TensorFlow by default."
    parser = console.CommandParser("cmlc", "MODEL", description, EXAMPLES)
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="a .mlmodel, .mlpackage, .mlmodelc, .zip or .cmir"
    )
    add = parser.group("output").add_argument
    add("-o", "--output", metavar="OUT", help="where to write; MODEL_savedmodel by default")
    add(
        "--emit",
        choices=tuple(all_forms()),
        help="what to make; by default what OUT's name says, else what the target makes first",
    )
    add_choices(parser, (*COMPILING, *form_choices()))
    add_watching(parser)
    add("--json", action="store_true", help="print one JSON object instead of a summary")
    return parser


def add_watching(parser: console.CommandParser) -> None:
    """Options about what happens in passes, the same for several commands."""
    add = parser.group("debugging").add_argument
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
    add("--timing", action="store_true", help="print where the time goes: stages, passes, groups")
    add("--timing-patterns", action="store_true", help="the same, with the patterns of passes")
    add("--stats", action="store_true", help="print what passes and patterns did to which ops")


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    choices = chosen(given)
    form = form_for(given.output, given.emit or "", choices.get("target", ""))
    _, own = sorted_out(form, _with_stage(given, form, choices))
    path = output_of(given, form)
    if path is None and given.json:
        message = f"--json and --emit={form.name} can't share standard output"
        raise usage_error(message, "add -o")
    options = options_of(given)
    from ..compiler.artefacts.write import stage_text, write
    from ..compiler.stages import Stages
    from .cli.pass_list import check_names, check_pipeline

    check_names(print_after(given), ("all", "changed"))
    check_pipeline(options.passes)
    text, facts, rows = "", dict[str, Any](), ()
    with console.progress(enabled=not (given.json or given.print_after)) as started:
        watch = make_watch(given, started)
        stages = Stages(given.model, options, watch)
        if path is None:
            assert isinstance(form, StageForm)
            text = stage_text(stages, form, own)
        else:
            from .cli.summary import written_facts

            written = write(stages, form, path, own)
            facts, rows = written_facts(written, watch, given.model), written.rows
            facts |= measured_facts(given, watch)
    if not given.json:
        print_measured(given, watch)
    if path is None:
        sys.stdout.write(text)
    elif given.json:
        console.print_json(facts)
    else:
        from .cli.summary import print_summary

        print_summary(facts, rows, form.loading)
    return 0


def output_of(given: argparse.Namespace, form: Form) -> Path | None:
    """Where to write; None for text on standard output.

    Raises:
        CompileError: of kind "usage": nothing says where, or that standard output gets what is
            not text.
    """
    if isinstance(form, StageForm) and form.text is not None and given.output in (None, "-"):
        return None
    if given.output == "-":
        message = f"--emit={form.name} can't be written to standard output"
        raise usage_error(message, "name a file or folder with -o")
    if given.output is not None:
        return Path(given.output)
    if not form.default:
        message = f"--emit={form.name} writes what is called {form.suffix}"
        raise usage_error(message, f"add -o OUT{form.suffix}")
    return Path(given.model.resolve().stem + form.default)


def _with_stage(given: argparse.Namespace, form: Form, choices: dict[str, Any]) -> dict[str, Any]:
    """The choices; passes that shall be watched need to run, so what they make is shown.

    Raises:
        CompileError: of kind "usage": nothing runs that could be watched.
    """
    shown = {"print_after": given.print_after, "dump_dir": given.dump_dir}
    if isinstance(form, SourceForm):
        for name in (name for name, value in shown.items() if value):
            option = f"--{name.replace('_', '-')}"
            raise usage_error(f"{option} means nothing for --emit={form.name}: no passes run")
    watched = any(shown.values()) or given.timing or given.timing_patterns or given.stats
    takes = any(choice.name == "stage" for choice in form.choices)
    return {"stage": "optimized", **choices} if takes and watched else choices


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
        verify_each=getattr(given, "verify_each", False),
        print_after=wanted,
        emit=dump.text if dump else emit,
        print_options=options,
        reproducers=Path(),
        patterns={} if given.timing_patterns or given.stats else None,
    )
    made = dump.module if dump else None
    return Watch(instrumentation, started, made=made, quiet=console.quiet_errors)


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
