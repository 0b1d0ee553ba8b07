"""`cmlc`: compile a Core ML model and write it: for TensorFlow, as IR, or as it was."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.artefacts.forms import OfSource, OfStages
from ..compiler.artefacts.table import all_forms
from .cli import console, printing
from .cli.choices import COMPILING, add_choices, form_choices
from .cli.watching import add_watching, make_watch, measured_facts, print_after, print_measured

if TYPE_CHECKING:
    from ..backends.form import Form

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
  cmlc MobileNet.mlmodel --list-values           the names of layers' outputs, and their types
  cmlc MobileNet.mlmodel --outputs pool6         only the part that computes that value
  cmlc MobileNet.mlmodel --inputs pool6          only the part after it
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
    add(
        "--list-values",
        action="store_true",
        help="print the values that --inputs and --outputs can name, and write nothing",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), _run, argv)


def _run(given: argparse.Namespace) -> int:
    from ..compiler.artefacts.meant import form_for, sorted_out
    from ..compiler.artefacts.write import stage_text, write
    from ..compiler.stages import Stages
    from ..ir.diagnostics import usage_error
    from .cli.given import chosen, options_of
    from .cli.pass_list import check_names, check_pipeline

    choices = chosen(given)
    if given.list_values:
        return _list_values(given, choices)
    form = form_for(given.output, given.emit or "", choices.get("target", ""))
    _, own = sorted_out(form, _with_stage(given, form, choices))
    path = output_of(given, form)
    if path is None and given.json:
        message = f"--json and --emit={form.name} can't share standard output"
        raise usage_error(message, "add -o")
    options = options_of(given)
    check_names(print_after(given), ("all", "changed"))
    check_pipeline(options.passes)
    text, facts, rows = "", dict[str, Any](), ()
    with console.progress(enabled=not (given.json or given.print_after)) as started:
        watch = make_watch(given, started)
        stages = Stages(given.model, options, watch)
        if path is None:
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
        printing.print_json(facts)
    else:
        from .cli.summary import print_summary

        print_summary(facts, rows, form.loading)
    return 0


def _list_values(given: argparse.Namespace, choices: dict[str, Any]) -> int:
    """Print what values the model has.

    Raises:
        CompileError: of kind "usage": something is to be written, too.
    """
    from ..compiler import driver
    from ..ir.diagnostics import usage_error
    from .cli.given import options_of
    from .cli.values import list_values, print_values

    form = form_choices()
    others = [form[name].spelled for name in choices if name in form and name not in COMPILING]
    others += [option for option, value in (("-o", given.output), ("--emit", given.emit)) if value]
    if others:
        raise usage_error(f"{others[0]} means nothing for --list-values, which writes nothing")
    module = driver.with_result_names(driver.load(given.model, options_of(given)))
    print_values(list_values(module), as_json=given.json)
    return 0


def output_of(given: argparse.Namespace, form: "Form[Any]") -> Path | None:
    """Where to write; None for text on standard output.

    Raises:
        CompileError: of kind "usage": nothing says where, or that standard output gets what is
            not text.
    """
    from ..ir.diagnostics import usage_error

    made_of = form.made_of
    if isinstance(made_of, OfStages) and made_of.text is not None and given.output in (None, "-"):
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


def _with_stage(
    given: argparse.Namespace, form: "Form[Any]", choices: dict[str, Any]
) -> dict[str, Any]:
    """The choices; passes that shall be watched need to run, so what they make is shown.

    Raises:
        CompileError: of kind "usage": nothing runs that could be watched.
    """
    from ..ir.diagnostics import usage_error

    shown = {"print_after": given.print_after, "dump_dir": given.dump_dir}
    stored = choices.get("stage") == "stored"
    if isinstance(form.made_of, OfSource) or stored:
        counted = {"stats": given.stats, "timing_patterns": given.timing_patterns}
        for name in (name for name, value in (shown | counted).items() if value):
            option = f"--{name.replace('_', '-')}"
            what = "--stage=stored" if stored else f"--emit={form.name}"
            raise usage_error(f"{option} means nothing for {what}: no passes run")
    watched = any(shown.values()) or given.timing or given.timing_patterns or given.stats
    takes = any(choice.name == "stage" for choice in form.choices)
    return {"stage": "optimized", **choices} if takes and watched else choices


if __name__ == "__main__":
    sys.exit(main())
