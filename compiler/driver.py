"""The driver: load → frontend → passes → target. The only module that names every stage."""

import functools
import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.table import TARGETS, load_target
from ..ir.calls import reached
from ..ir.collecting import rarely_collected
from ..ir.diagnostics import (
    CompileError,
    CompileWarning,
    Diagnostic,
    problems_in,
    unknown_function,
    usage_error,
)
from ..ir.dialects.builtin import Constant
from ..ir.interface import Result
from ..ir.rewrite import clone_module
from ..ir.ssa import Function, Module, Op
from ..ir.verify import nesting_told, verify
from ..ir.weights.resources import MissingResourceError, Resource, decoded, is_worth_keeping
from ..passes import INLINE, SINGLES
from ..passes.manager import Instrumentation, Pipeline, parse_pipeline
from ..passes.measure import ops_by_kind
from ..passes.options import option_text
from ..passes.reproducer import reproducing
from .choices import choices
from .options import Options
from .watch import Watch

if TYPE_CHECKING:
    from .source.reading import ModelSource


@rarely_collected()
def load(source: Any, options: Options | None = None, watch: Watch | None = None) -> Module:
    """The core IR of a model, as imported: nothing optimized, no TensorFlow imported.

    Args:
        source: a path (.mlmodel, .mlpackage, .mlmodelc, a zip archive with one of them, .cmir), a
            specification message, a coremltools MLModel, or a Module, which is returned as it is.
        options: see `Options`; how weights are kept is decided here.
        watch: told about the stages.

    Raises:
        CompileError: the model can't be read or has unsupported layers; all problems at once.
    """
    options, watch = options or Options(), watch or Watch()
    if isinstance(source, Module):
        return _with_interface(_only(source, options.function), options, is_known=True)
    file = file_of(source)
    with problems_in(file):
        if file.endswith(".cmir"):
            _check_text(options)
            module = _load_text(Path(file), watch)
        else:
            module = _import(source, options, watch)
            _keep_weights(module, options)
        verify(module)
        whole = _only(module, options.function)
        return watch.show("imported", _with_interface(whole, options))


def file_of(source: Any) -> str:
    """What users call the model; empty if it is in memory."""
    return str(source) if isinstance(source, str | Path) else ""


def _only(module: Module, name: str) -> Module:
    """The module with one public function and those that it calls; unchanged without a name."""
    if not name or [*module.public_functions] == [name]:
        return module
    if name not in module.public_functions:
        raise unknown_function(name, module.public_functions)
    made, wanted = clone_module(module), reached(module, [name])
    made.functions = {called: made.functions[called] for called in wanted}
    for function in made.functions.values():
        function.public = function.name == name
    made.attributes["default_function"] = name
    return made


def _with_interface(module: Module, options: Options, *, is_known: bool = False) -> Module:
    """The module with the arguments and results that are chosen, a copy if they are others.

    Part of importing: whoever calls, runs or compares the model sees the same interface.

    Args:
        module: as imported.
        options: what is chosen.
        is_known: it was imported before, perhaps with these options, and users were told of it.

    Raises:
        CompileError: of kind "usage": an input can't be left out, or a value can't be cut at.
    """
    names, starts, ends = (
        option_text(tuple(each)) for each in (options.omit, options.inputs, options.outputs)
    )
    cutting = options.inputs or options.outputs
    stages = (
        "expose-states" if options.states == "arguments" else "",
        f"{INLINE}, omit-inputs{{names={names}}}" if options.omit else "",
        f"{INLINE}, cut{{inputs={starts} outputs={ends}}}" if cutting else "",
        f"{INLINE}, feature-matrix" if options.features == "matrix" else "",
    )
    if not any(stages):
        return module
    copy = clone_module(module)
    changed = parse_pipeline(", ".join(filter(None, stages))).run(copy)
    if options.inputs and (changed or not is_known):
        _tell_others(copy.main, options.inputs)
    return copy


def _tell_others(function: Function, chosen: Collection[str]) -> None:
    """Warn of inputs that a model needs besides those that it shall begin with."""
    rows = zip(function.arguments, function.inputs, strict=True)
    others = [v.name for v, known in rows if known.kind != "state" and v.name not in chosen]
    if others:
        shown = ", ".join(f"'{name}'" for name in others)
        message = f"the outputs also need {shown}, not only {', '.join(chosen)}"
        remedy = "choose more inputs, or fewer outputs"
        warnings.warn(CompileWarning(Diagnostic(message, "usage", remedy=remedy)), stacklevel=3)


# Choices that frontends carry out, and why there is nothing to choose when text is read.
OF_IMPORT = {
    "fixed_shapes": "its shapes are as it says",
    "shapes": "its shapes are as it says",
    "precision": "it is computed as it says",
    "weights": "its weights are decoded",
}


def _check_text(options: Options) -> None:
    """Refuse choices that would have no effect.

    Raises:
        CompileError: of kind "usage".
    """
    for choice in choices():
        if choice.name in OF_IMPORT and choice.name in options.chosen():
            message = f"{choice.spelled} means nothing for IR text: {OF_IMPORT[choice.name]}"
            remedy = f"give {choice.spelled} when the text is made of its model"
            raise usage_error(message, remedy)


def _keep_weights(module: Module, options: Options) -> None:
    """Decode all weights except those that stay compressed; passes may fold vectors."""
    dense: dict[int, Resource] = {}
    kept = 0
    for op in module.walk():
        if not isinstance(op, Constant) or not op.value.compressed:
            continue
        wanted = options.weights == "compressed" and op.value.type.dtype.is_float
        if wanted and op.value.type.rank > 1 and is_worth_keeping(op.value):
            kept += 1
            continue
        op.attributes["value"] = dense.setdefault(id(op.value), decoded(op.value))
    if kept:
        module.attributes["weights"] = options.weights


def load_text(text: str, file: str = "<text>") -> Module:
    """The module that IR text describes; weights that it names are relative to `file`.

    Raises:
        CompileError: the text is malformed, or weights are missing.
    """
    from ..ir.text.archive import check_files
    from ..ir.text.parser import parse

    module = parse(text, file, all_ops())
    check_files(module)
    verify(module)
    return module


def _load_text(path: Path, watch: Watch) -> Module:
    from ..ir.text.archive import read_archive

    with watch.stage("read"):
        return read_archive(path, all_ops())


def all_ops() -> Mapping[str, type[Op]]:
    """All ops that text may name: every dialect there is."""
    return _ops_with(tuple(TARGETS))


@functools.cache
def _ops_with(targets: tuple[str, ...]) -> Mapping[str, type[Op]]:
    from ..ir.dialects import check, op_table
    from ..ir.dialects.core import TABLE

    lowered = {key: op for name in targets for key, op in load_target(name).ops.items()}
    return {**lowered, **TABLE, **op_table(check.OPS)}


def _import(source: Any, options: Options, watch: Watch) -> Module:
    from .frontends.table import import_model

    found = read(source, watch)
    with watch.stage("import"), nesting_told():
        return import_model(found, settled(options))


def read(source: Any, watch: Watch | None = None) -> "ModelSource":
    """A model as it is stored: nothing of it is imported, so layers may be unsupported.

    Args:
        source: what `load` takes, except IR.
        watch: told about the stage.

    Raises:
        CompileError: the model can't be read.
    """
    from .source.reading import read_model
    from .source.survey import survey

    watch = watch or Watch()
    with problems_in(file_of(source)), watch.stage("read"):
        found = read_model(source)
        watch.survey = survey(found.spec)
        return found


def settled(options: Options) -> Options:
    """The options with what a batch of "auto" means for their target."""
    return (
        replace(options, batch=TARGETS[options.target].batch)
        if options.batch == "auto"
        else options
    )


def optimize(
    module: Module,
    options: Options,
    instrumentation: Instrumentation | None = None,
    watch: Watch | None = None,
) -> Module:
    """A copy of the module after the passes of `pipeline_of`."""
    watch = watch or Watch()
    given = instrumentation or watch.instrumentation
    watch.instrumentation = given or Instrumentation(verify_each=options.verify_each)
    return run_passes(module, pipeline_of(options), watch)


# A recurrent layer has a rule for batches; as a loop it is harder to see through.
_BATCH = {
    "auto": "recognize-loops, dynamic-batch{of=entries}",
    "dynamic": "recognize-loops, dynamic-batch",
    "static": "",
}


def pipeline_of(options: Options) -> Pipeline:
    """The passes that the options request, and the target's pipeline."""
    stages = (
        *passes_of(options),
        parse_pipeline(options.passes).spec,  # parsed separately, because its errors are the user's
        load_target(options.target).pipeline,
    )
    return parse_pipeline(", ".join(filter(None, stages)))


def passes_of(options: Options) -> list[str]:
    """The passes that carry out the choices of a batch and of a layout, on whole functions."""
    layout = "io-layout" if options.io_layout == "nhwc" else ""
    singles = SINGLES if options.precision == "float32" else ""
    return [INLINE, *filter(None, (singles, _BATCH[settled(options).batch], layout))]


def with_batch(module: Module, options: Options) -> Module:
    """A copy of the imported module whose batch is as the options choose it."""
    copy = clone_module(module)
    parse_pipeline(", ".join(filter(None, (INLINE, _BATCH[settled(options).batch])))).run(copy)
    return copy


@rarely_collected()
def run_passes(module: Module, pipeline: Pipeline, watch: Watch, stage: str = "optimize") -> Module:
    """A copy of the module after the passes, which are part of this stage.

    Raises:
        CompileError: a pass fails.
    """
    given = watch.instrumentation or Instrumentation()
    copy, first = clone_module(module), len(given.runs)

    def progress(name: str) -> None:
        if watch.started is not None:
            watch.started(stage, name)
        if given.progress is not None:
            given.progress(name)

    try:
        with watch.stage(stage):
            # `replace` shares the lists: runs and trace arrive in the given one.
            pipeline.run(copy, replace(given, progress=progress))
    except CompileError as error:
        if isinstance(error.__cause__, MissingResourceError):
            raise CompileError(Diagnostic(str(error.__cause__), "malformed")) from None
        raise
    for op in module.walk():
        if isinstance(op, Constant):
            op.value.release()  # weights of the original that passes read can be read again
    watch.runs.setdefault(stage, []).extend(given.runs[first:])
    return copy


def count_ops(module: Module) -> int:
    """How many ops compute something."""
    return ops_by_kind(module).total()


@rarely_collected()
def lower(module: Module, options: Options, watch: Watch | None = None) -> Module:
    """A copy of an optimized module in the target's dialect, after the target's own passes.

    Raises:
        CompileError: the target can't express it, or its passes didn't run; or lowering fails (then
            a reproducer is written, if asked for).
    """
    watch = watch or Watch()
    target = load_target(options.target)
    if target.requires is not None and (problems := list(target.requires.violations(module))):
        remedy = f"{target.title} needs these passes first: {target.preparation}"
        raise CompileError(replace(problem, remedy=remedy) for problem in problems)
    command = f"cmlc-opt {{}} --lower{options.command_line(['target'])}"
    with watch.stage("lower"), reproducing(module, watch.reproducers, "lower", command):
        copy = clone_module(module)
        target.lower(copy)
    if target.after:
        copy = run_passes(copy, parse_pipeline(target.after), watch, "lower")
    return watch.show("lowered", copy)


def with_result_names(module: Module) -> Module:
    """The module, or a copy in which results without a name, as IR text has them, are numbered."""
    if all(function.result_names for function in module.public_functions.values()):
        return module
    copy = clone_module(module)
    for function in copy.public_functions.values():
        if not function.result_names:
            function.result_names = [str(i) for i in range(len(function.results))]
            function.outputs = [Result() for _ in function.results]
    return copy
