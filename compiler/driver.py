"""The driver: load → frontend → passes → target. The only module that names every stage."""

from pathlib import Path
from typing import Any

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.rewrite import clone_module
from ..ir.ssa import Module
from ..ir.verify import verify
from ..passes.manager import Instrumentation, parse_pipeline
from .options import Options
from .runtime import CompiledModel


def load(source: Any, options: Options | None = None) -> Module:
    """The core IR of a model, as imported: nothing optimized, no TensorFlow imported.

    Args:
        source: a path (.mlmodel, .mlpackage, .cmir), a specification message, a coremltools MLModel,
            or a Module, which is returned as it is.
        options: see `Options`; `batch` and `function` matter here.

    Raises:
        CompileError: the model can't be read or has unsupported layers; all problems at once.
    """
    options = options or Options()
    if isinstance(source, Module):
        return source
    file = str(source) if isinstance(source, str | Path) else ""
    try:
        module = _load_text(Path(file)) if file.endswith(".cmir") else _import(source, options)
        verify(module)
    except CompileError as error:
        raise error.in_file(file) from None
    return module


def _load_text(path: Path) -> Module:
    from ..backends.target import load_target
    from ..ir.dialects.core import TABLE
    from ..ir.text.parser import parse

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CompileError(Diagnostic(f"can't be read: {error}", "malformed")) from None
    return parse(text, str(path), {**load_target("tf").ops, **TABLE})


def _import(source: Any, options: Options) -> Module:
    from .frontends.nn import ImportOptions, import_network
    from .source.interface import read_interface
    from .source.spec import network_of, read_spec

    spec = read_spec(source)
    network = network_of(spec)
    interface = read_interface(spec)
    name = Path(source).stem if isinstance(source, str | Path) else "model"
    return import_network(network, interface, name, ImportOptions(batch=options.batch))


def optimize(
    module: Module, options: Options, instrumentation: Instrumentation | None = None
) -> Module:
    """A copy of the module after the target's pipeline."""
    from ..backends.target import load_target

    instrumentation = instrumentation or Instrumentation(verify_each=options.verify_each)
    copy = clone_module(module)
    if options.io_layout == "nhwc":
        parse_pipeline("io-layout").run(copy, instrumentation)
    parse_pipeline(load_target(options.target).pipeline).run(copy, instrumentation)
    return copy


def lower(module: Module, options: Options) -> Module:
    """A copy of an optimized module in the target's dialect."""
    from ..backends.target import load_target

    copy = clone_module(module)
    load_target(options.target).lower(copy)
    return copy


def compile(  # noqa: A001  the name that users expect
    source: Any, options: Options | None = None, **choices: Any
) -> CompiledModel:
    """Compile a model for TensorFlow.

    Args:
        source: what `load` takes.
        options: see `Options`; or give its fields as keyword arguments.

    Raises:
        CompileError: all problems at once.
    """
    if options is None:
        options = _options(choices)
    file = str(source) if isinstance(source, str | Path) else ""
    module = load(source, options)
    try:
        optimized = optimize(module, options)
        lowered = lower(optimized, options)
    except CompileError as error:
        raise error.in_file(file) from None
    return CompiledModel(module, optimized, lowered, options)


def _options(choices: dict[str, Any]) -> Options:
    try:
        return Options(**choices)
    except TypeError as error:
        raise CompileError(Diagnostic(str(error), "usage")) from None
