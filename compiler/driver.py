"""The driver: load → frontend → passes → target. The only module that names every stage."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..ir.calls import reached
from ..ir.diagnostics import CompileError, Diagnostic, problems_in, unknown_function
from ..ir.dialects.builtin import Constant
from ..ir.interface import Result
from ..ir.rewrite import clone_module
from ..ir.ssa import Module, Op
from ..ir.verify import verify
from ..ir.weights.encodings import decoded, is_worth_keeping
from ..ir.weights.resources import MissingResourceError, Resource
from ..passes import INLINE
from ..passes.manager import Instrumentation, Pipeline, parse_pipeline
from ..passes.measure import ops_by_kind
from ..passes.reproducer import reproducing
from .binding import Shapes
from .frontends.stored_weights import StoredWeight
from .options import Options
from .runtime import CompiledModel
from .watch import Watch

KEPT_SHAPES = 4  # models compiled for other shapes than the declared ones, each with its weights


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
        return _only(source, options.function)
    file = _file_of(source)
    with problems_in(file):
        if file.endswith(".cmir"):
            _check_text(options)
            module = _load_text(Path(file), watch)
        else:
            module = _import(source, options, watch)
            _keep_weights(module, options)
        verify(module)
        return watch.show("imported", _only(module, options.function))


def _file_of(source: Any) -> str:
    """What users call the model; empty if it is in memory."""
    return str(source) if isinstance(source, str | Path) else ""


def _only(module: Module, name: str) -> Module:
    """The module with one public function, and those that it calls; itself without a name."""
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


def _check_text(options: Options) -> None:
    if options.weights == "compressed":
        remedy = "compile the model that it was made of"
        message = "IR text holds weights decoded: they can't stay compressed"
        raise CompileError(Diagnostic(message, "usage", remedy=remedy))


def _keep_weights(module: Module, options: Options) -> None:
    """Leave only those weights encoded that shall be; vectors are for passes to fold."""
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


@functools.cache
def all_ops() -> Mapping[str, type[Op]]:
    """All ops that text may name: every dialect there is."""
    from ..backends.target import TARGETS, load_target
    from ..ir.dialects import check, op_table
    from ..ir.dialects.core import TABLE

    lowered = {key: op for name in TARGETS for key, op in load_target(name).ops.items()}
    return {**lowered, **TABLE, **op_table(check.OPS)}


def _import(source: Any, options: Options, watch: Watch) -> Module:
    from .frontends.table import import_model
    from .source.reading import read_model
    from .source.survey import survey

    with watch.stage("read"):
        read = read_model(source)
        watch.survey = survey(read.spec)
    with watch.stage("import"):
        return import_model(read, options)


def write_message(source: Any, path: Path, watch: Watch | None = None) -> Any:
    """Write a model's specification: what was compiled becomes layers and operations again.

    Args:
        source: what `load` takes, except IR.
        path: a `.mlpackage` folder, with the weight files of ML Programs, if it is called so; else
            a `.mlmodel` file. It appears whole or not at all.
        watch: told about the stages.

    Returns:
        the Model message.

    Raises:
        CompileError: the model can't be read, or no such file can hold it.
        OSError: the file can't be written.
    """
    from .source.package_writer import write_package
    from .source.reading import read_model
    from .source.spec import write_spec
    from .source.survey import survey

    watch = watch or Watch()
    with problems_in(_file_of(source)):
        with watch.stage("read"):
            read = read_model(source)
            watch.survey = survey(read.spec)
        with watch.stage("write"):
            if path.suffix == ".mlpackage":
                return write_package(read, path)
            write_spec(read.spec, path)
    return read.spec


def read_weights(source: Any, watch: Watch | None = None) -> tuple[Any, list[StoredWeight]]:
    """(specification, every weight of a model as it is stored), those of a pipeline's models too.

    Nothing is imported, so layers may be unsupported; numbers are read when they are asked for.

    Raises:
        CompileError: the model can't be read, has no weights, or damaged ones.
    """
    from .frontends.weights import weights_of
    from .source.reading import read_model
    from .source.survey import survey

    watch = watch or Watch()
    with problems_in(_file_of(source)), watch.stage("read"):
        read = read_model(source)
        watch.survey = survey(read.spec)
        return read.spec, weights_of(read)


def optimize(
    module: Module,
    options: Options,
    instrumentation: Instrumentation | None = None,
    watch: Watch | None = None,
) -> Module:
    """A copy of the module after `pipeline_of` the options."""
    watch = watch or Watch()
    given = instrumentation or watch.instrumentation
    watch.instrumentation = given or Instrumentation(verify_each=options.verify_each)
    return run_passes(module, pipeline_of(options), watch)


_BATCH = {"auto": "dynamic-batch{of=images}", "dynamic": "dynamic-batch", "static": ""}


def pipeline_of(options: Options) -> Pipeline:
    """The passes that the options ask for, and the target's pipeline."""
    from ..backends.target import load_target

    stages = (
        INLINE,
        _BATCH[options.batch],
        "io-layout" if options.io_layout == "nhwc" else "",
        parse_pipeline(options.passes).spec,  # on its own: what is wrong with it is the user's
        load_target(options.target).pipeline,
    )
    return parse_pipeline(", ".join(filter(None, stages)))


def run_passes(module: Module, pipeline: Pipeline, watch: Watch, stage: str = "optimize") -> Module:
    """A copy of the module after the passes, which run in this stage.

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
            op.value.release()  # what passes read of the original's weights can be read again
    watch.runs.setdefault(stage, []).extend(given.runs[first:])
    return copy


def count_ops(module: Module) -> int:
    """How many ops compute something."""
    return ops_by_kind(module).total()


def lower(module: Module, options: Options, watch: Watch | None = None) -> Module:
    """A copy of an optimized module in the target's dialect, after the target's own passes.

    Raises:
        CompileError: the target can't express it, or its passes didn't run; or lowering fails (then
            a reproducer is written, if asked for).
    """
    from ..backends.target import load_target

    watch = watch or Watch()
    target = load_target(options.target)
    if problems := list(target.requires.violations(module)):
        remedy = f"{target.title} needs other passes first: {target.preparation}"
        raise CompileError(replace(problem, remedy=remedy) for problem in problems)
    command = f"cmlc-opt {{}} --lower={options.target}"
    with watch.stage("lower"), reproducing(module, watch.reproducers, "lower", command):
        copy = clone_module(module)
        target.lower(copy)
    if target.after:
        copy = run_passes(copy, parse_pipeline(target.after), watch, "lower")
    return watch.show(options.target, copy)


def lower_source(
    source: Any, options: Options, watch: Watch | None = None
) -> tuple[Module, Module, Module]:
    """A model as imported, optimized and in the target's dialect.

    Raises:
        CompileError: all problems at once, with the name of the file.
    """
    watch = watch or Watch()
    module = with_result_names(load(source, options, watch))
    with problems_in(_file_of(source)):
        optimized = optimize(module, options, watch=watch)
        return module, optimized, lower(optimized, options, watch)


def compile(
    source: Any, options: Options | None = None, *, watch: Watch | None = None, **choices: Any
) -> CompiledModel:
    """Compile a model for TensorFlow.

    Args:
        source: what `load` takes.
        options: see `Options`.
        watch: told about stages and passes.
        **choices: fields of `Options`, in place of `options`.

    Raises:
        CompileError: all problems at once.
    """
    if options is None:
        options = _options(choices)
    watch = watch or Watch()
    module, optimized, lowered = lower_source(source, options, watch)
    again = None if watch.survey is None else functools.partial(_reshaped, source, options)
    reshaped = again and functools.lru_cache(KEPT_SHAPES)(again)
    return CompiledModel(module, optimized, lowered, options, reshaped)


def _reshaped(source: Any, options: Options, shapes: Shapes) -> CompiledModel:
    return compile(source, replace(options, shapes={**options.shapes, **dict(shapes)}))


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


def _options(choices: dict[str, Any]) -> Options:
    try:
        return Options(**choices)
    except TypeError as error:
        raise CompileError(Diagnostic(str(error), "usage")) from None
