"""What `cmlc --emit` makes: one row for each form, with its writer."""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import console

if TYPE_CHECKING:
    from ...compiler.options import Options
    from ...compiler.runtime import CompiledModel
    from ...compiler.watch import Watch
    from ...ir.ssa import Module
    from ...ir.text.printer import PrintOptions

Facts = dict[str, Any]
TARGETS = ("tf", "keras")  # those of backends.target, which loads later


@dataclass(frozen=True)
class Emit:
    """A form that a model can be written in.

    Attributes:
        write: makes the file or folder; returns the facts of the summary.
        suffix: of what `-o` calls; a folder of several files has none.
        default: what comes after the model's name without `-o`; empty if `-o` is needed.
        takes: the options that mean something here, by the names of their attributes.
        loading: lines that load what was written, `{output}`.
        text: what standard output gets without `-o`.
    """

    write: "Callable[[argparse.Namespace, Path, Watch], Facts]"
    suffix: str = ""
    default: str = ""
    takes: frozenset[str] = frozenset()
    loading: str = ""
    text: "Callable[[argparse.Namespace, Watch], str] | None" = None


def options_of(given: argparse.Namespace) -> "Options":
    """How to compile, by the command line."""
    from ...compiler.options import Options

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
        passes=given.passes,
        shapes=shapes,
        verify_each=given.verify_each,
    )


def print_options(given: argparse.Namespace) -> "PrintOptions":
    """What IR text shows, by the command line."""
    from ...ir.text.printer import PrintOptions

    return PrintOptions(locations=given.locations, statistics=given.statistics)


def staged_module(given: argparse.Namespace, watch: "Watch") -> "Module":
    """The IR of the wanted stage; passes that shall be shown need to run."""
    options = options_of(given)
    watched = given.print_after or given.timing or given.timing_patterns or given.stats
    wanted = given.passes or watched or given.dump_dir
    stage = given.stage or ("optimized" if wanted else "imported")
    if given.passes and stage == "imported":
        remedy = "--stage=optimized prints what they make"
        raise console.usage_error("--passes run after the stage 'imported'", remedy)
    return module_at(given.model, stage, options, watch)


def module_at(source: Any, stage: str, options: "Options", watch: "Watch") -> "Module":
    """The IR of a model (or of a module as imported) at a stage."""
    from ...compiler import driver

    if stage in TARGETS:
        options = replace(options, target=stage)
    module = driver.load(source, options, watch)
    if stage == "imported":
        return module
    module = driver.optimize(module, options, watch=watch)
    return module if stage == "optimized" else driver.lower(module, options, watch)


def _ir_text(given: argparse.Namespace, watch: "Watch") -> str:
    from ...ir.text.printer import print_module

    return print_module(staged_module(given, watch), print_options(given))


def _dot_text(given: argparse.Namespace, watch: "Watch") -> str:
    from ..view.dot import dot

    return dot(staged_module(given, watch))


def _write_dot(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ..view.dot import dot
    from .summary import module_facts

    module = staged_module(given, watch)
    with console.writing(path), watch.stage("write"):
        path.write_text(dot(module), encoding="utf-8")
    return module_facts(module, watch, given.model)


def _write_html(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...compiler.driver import lower_source
    from ..view.page import page
    from .summary import staged_facts

    options = options_of(given)
    imported, optimized, lowered = lower_source(given.model, options, watch)
    stages = {"imported": imported, "optimized": optimized, options.target: lowered}
    with console.writing(path), watch.stage("write"):
        path.write_text(page(stages), encoding="utf-8")
    return staged_facts({"imported": imported, "optimized": optimized}, lowered, watch, given.model)


def _write_ir(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...ir.text.archive import write_archive
    from .summary import module_facts

    module = staged_module(given, watch)
    with console.writing(path), watch.stage("write"):
        weights = write_archive(module, path, print_options(given))
    written = str(weights) if weights.exists() else None
    return module_facts(module, watch, given.model) | {"weights_file": written}


def _write_message(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...compiler.driver import write_message
    from .summary import message_facts

    if given.model.suffix == ".cmir":
        form = path.suffix or "model"
        raise console.usage_error(f"IR can't become a {form}", "name the model it was made of")
    with console.writing(path):
        spec = write_message(given.model, path, watch)
    return message_facts(spec, watch, given.model)


def _write_savedmodel(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...compiler.driver import compile as compile_model
    from ...compiler.runtime import is_saved_model
    from ...ir.writing import check_replaceable
    from .summary import compiled_facts

    check_replaceable(path, "SavedModel", is_saved_model)
    model = compile_model(given.model, options_of(given), watch=watch)
    with _reproducing(model.module, given, "savedmodel", watch):
        _save(model, path, watch)
    return compiled_facts(model, watch, given.model)


def _reproducing(
    module: "Module", given: argparse.Namespace, emit: str, watch: "Watch"
) -> "AbstractContextManager[None]":
    """Write the module as imported and the command, if the block fails by a fault of ours."""
    from ...passes.reproducer import reproducing

    chosen = ("batch", given.batch, "auto"), ("io-layout", given.io_layout, "coreml")
    options = "".join(f" --{name}={value}" for name, value, usual in chosen if value != usual)
    return reproducing(module, watch.reproducers, emit, f"cmlc {{}} --emit={emit}{options}")


def _save(model: "CompiledModel", folder: Path, watch: "Watch") -> None:
    with watch.stage("start TensorFlow"):
        console.start_tensorflow()
    with watch.stage("trace"):
        _ = model.executable
    with console.writing(folder), watch.stage("save"):
        model.save(folder)


def _write_keras_code(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...backends.keras.files import CODE, write_code
    from ...ir.writing import check_replaceable

    check_replaceable(path, "Keras code", lambda folder: (folder / CODE).exists())
    made, facts = _keras(given, watch)
    with console.writing(path), watch.stage("write"):
        write_code(made, path)
    return facts


def _write_keras(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...backends.keras.files import write_model

    made, facts = _keras(given, watch)
    with console.writing(path), watch.stage("write"):
        write_model(made, path)
    return facts | {"custom_objects": made.custom_objects}


def _keras(given: argparse.Namespace, watch: "Watch") -> tuple[Any, Facts]:
    """(the Keras code and model, facts)."""
    from ...backends.keras.emit import KerasModule
    from ...compiler.driver import lower_source
    from .summary import staged_facts

    options = replace(options_of(given), target="keras")
    module, optimized, lowered = lower_source(given.model, options, watch)
    facts = staged_facts({"imported": module, "optimized": optimized}, lowered, watch, given.model)
    with watch.stage("start Keras"):
        console.start_tensorflow()
    with _reproducing(module, given, "keras", watch):
        with watch.stage("write code"):
            made = KerasModule(lowered)
        with watch.stage("build"):
            _ = made.model
    return made, facts | {"code": {"lines": made.text.count("\n"), "functions": made.blocks}}


def _write_tflite(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from .tflite_file import write_tflite

    choices = given.quantize, given.representative
    return write_tflite(given.model, options_of(given), *choices, path, watch)


def _write_graphdef(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...backends.tf.frozen import frozen
    from ...compiler.driver import lower_source
    from .summary import staged_facts

    module, optimized, lowered = lower_source(given.model, options_of(given), watch)
    stages = {"imported": module, "optimized": optimized, "tf": lowered}
    facts = staged_facts(stages, lowered, watch, given.model)
    with watch.stage("start TensorFlow"):
        console.start_tensorflow()
    with watch.stage("freeze"), console.quiet_errors():
        graph = frozen(lowered)
    with console.writing(path), watch.stage("write"):
        graph.write(path)
    return facts | {"tensors": {"inputs": graph.inputs, "outputs": graph.outputs}}


def _write_weights(given: argparse.Namespace, path: Path, watch: "Watch") -> Facts:
    from ...compiler.driver import read_weights
    from ...ir.writing import check_replaceable
    from .summary import message_facts
    from .weights_folder import MANIFEST, write_weights

    if given.model.suffix == ".cmir":
        remedy = "name the model it was made of"
        raise console.usage_error("IR doesn't have Core ML's weights", remedy)
    check_replaceable(path, "weights", lambda folder: (folder / MANIFEST).exists())
    spec, weights = read_weights(given.model, watch)
    with console.writing(path), watch.stage("write"):
        entries = write_weights(weights, path, watch.started)
    stored = {"tensors": len(entries), "bytes": sum(entry["bytes"] for entry in entries)}
    facts = message_facts(spec, watch, given.model)
    return facts | {"weights": facts["weights"] | stored}


_COMPILING = frozenset(
    (
        *("batch", "io_layout", "precision", "function", "weights", "fixed_shapes", "shape"),
        *("passes", "print_after", "verify_each", "dump_dir"),
    )
)

_BY_COREMLTOOLS = 'import coremltools\nmodel = coremltools.models.MLModel("{output}")'
# A model is given back as it is (mlmodel, mlpackage): nothing of it is chosen.
EMITS = {
    "savedmodel": Emit(
        _write_savedmodel,
        default="_savedmodel",
        takes=_COMPILING,
        loading="import tensorflow as tf\n"
        'predict = tf.saved_model.load("{output}").signatures["serving_default"]',
    ),
    "keras-code": Emit(
        _write_keras_code,
        default="_keras",
        takes=_COMPILING - {"weights", "precision"},
        loading="from {module}.model import load\nmodel = load()  # a keras.Model",
    ),
    "keras": Emit(
        _write_keras,
        ".keras",
        default=".keras",
        takes=_COMPILING - {"weights", "precision"},
        loading='import keras\nmodel = keras.models.load_model("{output}")',
    ),
    "tflite": Emit(
        _write_tflite,
        ".tflite",
        default=".tflite",
        takes=(_COMPILING - {"weights", "precision"}) | {"quantize", "representative"},
        loading="from ai_edge_litert.interpreter import Interpreter  # or tf.lite.Interpreter\n"
        'predict = Interpreter("{output}").get_signature_runner("serving_default")',
    ),
    "graphdef": Emit(
        _write_graphdef,
        ".pb",
        default=".pb",
        takes=_COMPILING - {"weights"},
        loading="import tensorflow as tf\ngraph = tf.compat.v1.GraphDef.FromString("
        'open("{output}", "rb").read())\ntf.import_graph_def(graph, name="")',
    ),
    "weights": Emit(
        _write_weights,
        default="_weights",
        loading='import numpy as np\nweights = np.load("{output}/weights.npz")',
    ),
    "ir": Emit(
        _write_ir,
        ".cmir",
        takes=_COMPILING | {"stage", "locations", "statistics"},
        loading="cmlc-opt {output} --passes=canonicalize\ncmlc {output}",
        text=_ir_text,
    ),
    "dot": Emit(
        _write_dot,
        ".dot",
        takes=_COMPILING | {"stage"},
        loading="dot -Tsvg {output} -o graph.svg",
        text=_dot_text,
    ),
    "html": Emit(
        _write_html,
        ".html",
        default=".html",
        takes=_COMPILING,
        loading="open {output} in a browser",
    ),
    "mlmodel": Emit(_write_message, ".mlmodel", loading=_BY_COREMLTOOLS),
    "mlpackage": Emit(_write_message, ".mlpackage", loading=_BY_COREMLTOOLS),
}


def emit_of(given: argparse.Namespace) -> str:
    """What is asked for: by name, or by what OUT is called.

    Raises:
        CompileError: OUT's name is nearly one that says what to make; of kind "usage".
    """
    suffix = Path(given.output or "").suffix
    by_suffix = {row.suffix: name for name, row in EMITS.items() if row.suffix}
    if given.emit or suffix in by_suffix:
        return given.emit or by_suffix[suffix]
    if close := get_close_matches(suffix.lower(), by_suffix, 1, 0.75):
        message = f"'{given.output}' would be the folder of a SavedModel"
        raise console.usage_error(message, f"did you mean {close[0]}? else add --emit=savedmodel")
    return "savedmodel"


def output_of(given: argparse.Namespace, emit: str) -> Path | None:
    """Where to write; None for text on standard output.

    Raises:
        CompileError: of kind "usage".
    """
    row, said = EMITS[emit], given.output
    if row.text is not None and said in (None, "-"):
        return None
    if said is None and row.default:
        return Path(given.model.resolve().stem + row.default)
    path = Path(said or "")
    if row.suffix and path.suffix != row.suffix:
        message = f"--emit={emit} writes what is called {row.suffix}"
        message += f", not '{path}'" if said else ""
        raise console.usage_error(message, f"add -o OUT{row.suffix}")
    return path


def check_options(given: argparse.Namespace, emit: str, defaults: argparse.ArgumentParser) -> None:
    """Refuse options that mean nothing for this form.

    Raises:
        CompileError: of kind "usage".
    """
    known = sorted(frozenset().union(*(row.takes for row in EMITS.values())))
    for option in known:
        if option in EMITS[emit].takes or getattr(given, option) == defaults.get_default(option):
            continue
        name = f"--{option.replace('_', '-')}"
        takers = ", ".join(name for name, row in EMITS.items() if option in row.takes)
        message = f"{name} means nothing for --emit={emit}"
        raise console.usage_error(message, f"it is for --emit={takers}")
