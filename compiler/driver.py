"""The driver: load → frontend → passes → target. The only module that names every stage."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.builtin import Call, Constant
from ..ir.interface import Result
from ..ir.rewrite import clone_module
from ..ir.ssa import Module
from ..ir.verify import verify
from ..ir.weights.encodings import decoded, is_worth_keeping
from ..ir.weights.resources import MissingResourceError, Resource
from ..passes.manager import Instrumentation, Pipeline, parse_pipeline
from ..passes.measure import ops_by_kind
from ..passes.reproducer import reproducing
from .binding import Shapes, unknown_function
from .frontends.stored_weights import StoredWeight
from .options import Options
from .runtime import CompiledModel
from .source.interface import Interface
from .watch import Watch

KEPT_SHAPES = 4  # models compiled for shapes other than the declared ones, each with its weights


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
    file = str(source) if isinstance(source, str | Path) else ""
    try:
        if file.endswith(".cmir"):
            _check_text(options)
            module = _load_text(Path(file), watch)
        else:
            module = _import(source, options, watch)
            _keep_weights(module, options)
        verify(module)
        return watch.show("imported", _only(module, options.function))
    except CompileError as error:
        raise error.in_file(file) from None


def _only(module: Module, name: str) -> Module:
    """The module with one function and those that it calls; the whole module without a name."""
    if not name:
        return module
    if name not in module.functions:
        raise unknown_function(name, module.functions)
    wanted = [name]
    for called in wanted:  # grows meanwhile
        ops = module.functions[called].walk()
        found = {op.callee for op in ops if isinstance(op, Call)}
        wanted += sorted(found - set(wanted))
    if len(wanted) == len(module.functions):
        return module
    made = Module(module.name, [module.functions[called] for called in wanted])
    made.attributes = {**module.attributes, "default_function": name}
    return made


def _check_text(options: Options) -> None:
    if options.weights == "compressed":
        remedy = "compile the model that it was made from"
        message = "IR text holds decoded weights, which can't stay compressed"
        raise CompileError(Diagnostic(message, "usage", remedy=remedy))


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

    module = parse(text, file, _op_table())
    check_files(module)
    verify(module)
    return module


def _load_text(path: Path, watch: Watch) -> Module:
    from ..ir.text.archive import read_archive

    with watch.stage("read"):
        return read_archive(path, _op_table())


def _op_table() -> dict[str, Any]:
    """All ops that text may name, of every dialect."""
    from ..backends.target import TARGETS, load_target
    from ..ir.dialects import check, op_table
    from ..ir.dialects.core import TABLE

    lowered = {key: op for name in TARGETS for key, op in load_target(name).ops.items()}
    return {**lowered, **TABLE, **op_table(check.OPS)}


def _import(source: Any, options: Options, watch: Watch) -> Module:
    from .frontends.mil import ProgramOptions, import_program
    from .frontends.nn import ImportOptions, import_network
    from .source.interface import read_interface, read_interfaces
    from .source.reading import read_model
    from .source.spec import network_of
    from .source.survey import survey

    with watch.stage("read"):
        read = read_model(source)
        spec = read.spec
        watch.survey = survey(spec)
    with watch.stage("import"):
        name = Path(source).stem if isinstance(source, str | Path) else "model"
        if spec.WhichOneof("Type") == "mlProgram":
            chosen = ProgramOptions(options.fixed_shapes, options.precision)
            interfaces = _chosen(read_interfaces(spec), options.function)
            return import_program(spec.mlProgram, interfaces, read.weights, name, chosen)
        network = network_of(spec)
        interface = read_interface(spec)
        wanted = ImportOptions(options.batch, options.fixed_shapes, options.dims())
        return import_network(network, interface, name, wanted)


def _chosen(interfaces: tuple[Interface, ...], function: str) -> tuple[Interface, ...]:
    """The interface of the requested function; all if none is requested."""
    named = [i for i in interfaces if (i.function or "main") == function]
    if function and not named:
        raise unknown_function(function, (i.function or "main" for i in interfaces))
    return tuple(named) if function else interfaces


def write_message(source: Any, path: Path, watch: Watch | None = None) -> Any:
    """Write a model's specification, from its compiled form or any other.

    Args:
        source: as in `load`, except IR.
        path: a `.mlpackage` folder, with the weight files of ML Programs, if it has that suffix;
            else a `.mlmodel` file. It appears whole or not at all.
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
    file = str(source) if isinstance(source, str | Path) else ""
    try:
        with watch.stage("read"):
            read = read_model(source)
            watch.survey = survey(read.spec)
        with watch.stage("write"):
            if path.suffix == ".mlpackage":
                return write_package(read, path)
            write_spec(read.spec, path)
    except CompileError as error:
        raise error.in_file(file) from None
    return read.spec


def read_weights(source: Any, watch: Watch | None = None) -> tuple[Any, list[StoredWeight]]:
    """(specification, every weight as it is stored), including those of a pipeline's models.

    Nothing is imported, so layers may be unsupported; numbers are read on demand.

    Raises:
        CompileError: the model can't be read, has no weights, or damaged ones.
    """
    from .frontends.weights import weights_of
    from .source.reading import read_model
    from .source.survey import survey

    watch = watch or Watch()
    file = str(source) if isinstance(source, str | Path) else ""
    try:
        with watch.stage("read"):
            read = read_model(source)
            watch.survey = survey(read.spec)
            return read.spec, weights_of(read.spec, read.weights)
    except CompileError as error:
        raise error.in_file(file) from None


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


_BATCH = {"auto": "dynamic-batch{of=images}", "dynamic": "dynamic-batch", "static": ""}


def pipeline_of(options: Options) -> Pipeline:
    """The passes that the options request, and the target's pipeline."""
    from ..backends.target import load_target

    stages = (
        _BATCH[options.batch],
        "io-layout" if options.io_layout == "nhwc" else "",
        parse_pipeline(options.passes).spec,  # parsed separately, because its errors are the user's
        load_target(options.target).pipeline,
    )
    return parse_pipeline(", ".join(filter(None, stages)))


def run_passes(module: Module, pipeline: Pipeline, watch: Watch) -> Module:
    """A copy of the module after the passes.

    Raises:
        CompileError: a pass fails.
    """
    given = watch.instrumentation or Instrumentation()
    copy, first = clone_module(module), len(given.runs)

    def progress(name: str) -> None:
        if watch.started is not None:
            watch.started("optimize", name)
        if given.progress is not None:
            given.progress(name)

    try:
        with watch.stage("optimize"):
            # `replace` shares the lists: runs and trace arrive in the given one.
            pipeline.run(copy, replace(given, progress=progress))
    except CompileError as error:
        if isinstance(error.__cause__, MissingResourceError):
            raise CompileError(Diagnostic(str(error.__cause__), "malformed")) from None
        raise
    for op in module.walk():
        if isinstance(op, Constant):
            op.value.release()  # weights of the original that passes read can be read again
    watch.runs += given.runs[first:]
    return copy


def count_ops(module: Module) -> int:
    """How many ops compute something."""
    return ops_by_kind(module).total()


def lower(module: Module, options: Options, watch: Watch | None = None) -> Module:
    """A copy of an optimized module in the target's dialect.

    Raises:
        CompileError: the target can't express it, or its passes didn't run; or lowering fails (then
            a reproducer is written, if asked for).
    """
    from ..backends.target import load_target

    watch = watch or Watch()
    target = load_target(options.target)
    if problems := list(target.requires.violations(module)):
        remedy = f"{target.title} needs these passes first: {target.pipeline}"
        raise CompileError(replace(problem, remedy=remedy) for problem in problems)
    command = f"cmlc-opt {{}} --lower={options.target}"
    with watch.stage("lower"), reproducing(module, watch.reproducers, "lower", command):
        copy = clone_module(module)
        target.lower(copy)
    return watch.show(options.target, copy)


def lower_source(
    source: Any, options: Options, watch: Watch | None = None
) -> tuple[Module, Module, Module]:
    """A model as imported, optimized and in the target's dialect.

    Raises:
        CompileError: all problems at once, with the name of the file.
    """
    file = str(source) if isinstance(source, str | Path) else ""
    watch = watch or Watch()
    module = load(source, options, watch)
    if any(not function.result_names for function in module.functions.values()):
        module = _named(module)
    try:
        optimized = optimize(module, options, watch=watch)
        return module, optimized, lower(optimized, options, watch)
    except CompileError as error:
        raise error.in_file(file) from error.__cause__


def compile(
    source: Any, options: Options | None = None, *, watch: Watch | None = None, **choices: Any
) -> CompiledModel:
    """Compile a model for TensorFlow.

    Args:
        source: as in `load`.
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


def _named(module: Module) -> Module:
    """A copy in which results without a name, which IR text may have, are numbered."""
    copy = clone_module(module)
    for function in copy.functions.values():
        if not function.result_names:
            function.result_names = [str(i) for i in range(len(function.results))]
            function.outputs = [Result() for _ in function.results]
    return copy


def _options(choices: dict[str, Any]) -> Options:
    try:
        return Options(**choices)
    except TypeError as error:
        raise CompileError(Diagnostic(str(error), "usage")) from None
