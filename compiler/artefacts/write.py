"""Writing a model in any form: the one way that the API and the commands take."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from ...backends.artefact import Artefact, Request
from ...backends.form import Form, OfTarget
from ...ir.choices import Chosen
from ...ir.diagnostics import problems_in, usage_error
from ...ir.ssa import Function, Module
from ...ir.writing import check_replaceable, failures_told
from ...passes.known import plugin_options
from ...passes.manager import parse_pipeline
from ...passes.reproducer import reproducing
from .. import driver
from ..choices import Stage
from ..description import describe
from ..options import Options
from ..source.reading import ModelSource
from ..stages import Stages
from ..watch import Watch
from .forms import OfSource, OfStages, text_file
from .meant import check_path
from .measured import measure
from .recorded import record
from .samples import Samples, samples_of
from .signatures import with_every_shape
from .table import target_of

# Choices that passes carry out: of a model that was imported already, they still mean something.
_BY_PASSES = ("batch", "io_layout", "passes")


@dataclass(frozen=True)
class Written:
    """What was written, and of what.

    Attributes:
        form: in which form.
        path: where.
        modules: by the names of their stages, those that it was made of.
        source: the model as it is stored, if it was made of that.
        facts: what the form tells of it, as plain data.
        rows: the same for people, (title, text).
    """

    form: Form[Any]
    path: Path
    modules: Mapping[str, Module] = field(default_factory=dict[str, Module])
    source: ModelSource | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rows: tuple[tuple[str, str], ...] = ()


def write(stages: Stages, form: Form[Any], path: Path, chosen: Chosen) -> Written:
    """Write a model, whole or not at all.

    Args:
        stages: the model; compiled again if the form is made for another target.
        form: in which form.
        path: where to.
        chosen: the form's own choices, as `sorted_out` gives them.

    Raises:
        CompileError: the model can't be compiled or written in this form, the path is called
            otherwise, what is there is something else, or it can't be written.
    """
    check_path(form, path)
    if form.sign:
        check_replaceable(path, form.title, lambda folder: (folder / form.sign).exists())
    with problems_in(driver.file_of(stages.source)):
        match form.made_of:
            case OfTarget(signatures=every):
                own = stages.for_target(target_of(form))
                own = with_every_shape(own) if every else own
                return _write_of_target(own, form, path, chosen)
            case OfStages():
                return _write_of_stages(stages, form, path, chosen)
            case OfSource():
                return _write_of_source(stages, form, path)
            case _:
                raise AssertionError(form)


def stage_text(stages: Stages, form: Form[OfStages], chosen: Chosen) -> str:
    """What standard output gets of a form that is text.

    Raises:
        CompileError: the model can't be compiled.
    """
    if chosen.get("stage") == "stored":
        with problems_in(driver.file_of(stages.source)):
            return _stored_text(form, stages)[0]
    assert form.made_of.text is not None
    return form.made_of.text(stages.at(_stage(stages.options, chosen)), chosen)


def _write_of_target(stages: Stages, form: Form[OfTarget], path: Path, chosen: Chosen) -> Written:
    watch, lowered = stages.watch, stages.lowered
    values = {**chosen, **_samples(form, lowered.main, chosen, watch)}
    if stages.target.library:
        with watch.stage(f"start {stages.target.title}"), watch.quiet():
            importlib.import_module(stages.target.library)
    command = f"cmlc {{}} --emit={form.name}{_choices_text(stages.options, form, chosen)}"
    with reproducing(stages.imported, watch.reproducers, form.name, command):
        with watch.stage("make"), watch.quiet():
            request = Request(describe(lowered), values, Path(driver.file_of(stages.source)).name)
            artefact = form.made_of.make(stages.executable, request)
        if artefact.with_recording is not None:
            with watch.stage("record"):
                artefact = artefact.with_recording(record(stages.optimized))
        facts, rows = dict(artefact.facts), artefact.rows
        if artefact.computes is not None:
            with watch.stage("measure"), watch.quiet():
                samples = next((v for v in values.values() if isinstance(v, Samples)), None)
                errors = measure(stages.optimized, artefact.computes, samples)
            facts |= errors.facts()
            rows += errors.rows()
        facts |= _written(artefact, path, watch)
    modules = {"imported": stages.named, "optimized": stages.optimized, "lowered": lowered}
    return Written(form, path, modules, None, facts, rows)


def _write_of_stages(stages: Stages, form: Form[OfStages], path: Path, chosen: Chosen) -> Written:
    if chosen.get("stage") == "stored":
        text, read = _stored_text(form, stages)
        artefact = text_file(text)
        return Written(form, path, {}, read, _written(artefact, path, stages.watch))
    every = form.made_of.all_stages and "stage" not in chosen
    names = get_args(Stage) if every else (_stage(stages.options, chosen),)
    modules = {name: stages.at(name) for name in names}
    artefact = form.made_of.make(modules, chosen)
    facts = {**artefact.facts, **_written(artefact, path, stages.watch)}
    return Written(form, path, modules, None, facts, artefact.rows)


def _stored_text(form: Form[OfStages], stages: Stages) -> tuple[str, ModelSource]:
    """The text of the model as it is stored, and the model.

    Raises:
        CompileError: it can't be read, or something is chosen about compiling, which isn't done.
    """
    for name in stages.options.chosen():
        raise usage_error(f"--{name.replace('_', '-')} means nothing for the stage 'stored'")
    read = _read(stages, form)
    assert form.made_of.stored is not None
    return form.made_of.stored(read), read


def _write_of_source(stages: Stages, form: Form[OfSource], path: Path) -> Written:
    read = _read(stages, form)
    artefact = form.made_of.make(read, stages.watch)
    facts = {**artefact.facts, **_written(artefact, path, stages.watch)}
    return Written(form, path, {}, read, facts, artefact.rows)


def _read(stages: Stages, form: Form[Any]) -> ModelSource:
    """The model as it is stored.

    Raises:
        CompileError: there is none, or it can't be read.
    """
    source = stages.source
    if isinstance(source, Module) or driver.file_of(source).endswith(".cmir"):
        message = f"--emit={form.name} needs the model as it is stored, not IR"
        raise usage_error(message, "name the model that the IR was made of")
    return driver.read(stages.stored(), stages.watch)


def _written(artefact: Artefact, path: Path, watch: Watch) -> dict[str, Any]:
    """Write it; facts that are known only then."""
    with failures_told(path), watch.stage("write"), watch.quiet():
        beside = artefact.write(path)
    return {"weights_file": str(beside)} if beside is not None else {}


# Choices that passes carry out.
_OF_PASSES = ("passes", "batch", "io_layout", "target")


def _stage(options: Options, chosen: Chosen) -> Stage:
    """Which stage is asked for; what chosen passes make is to be seen."""
    late = [name for name in _OF_PASSES if name in options.chosen()]
    stage: Stage = chosen.get("stage") or ("optimized" if late else "imported")
    if late and stage == "imported":
        name = f"--{late[0].replace('_', '-')}"
        message = f"{name} means nothing for the stage 'imported', which is before all passes"
        raise usage_error(message, "--stage=optimized prints what passes make")
    return stage


def _samples(
    form: Form[Any], function: Function, chosen: Chosen, watch: Watch
) -> dict[str, Samples]:
    """The typical inputs among the choices, ready to be read."""

    def progress(index: int, count: int) -> None:
        if watch.started is not None:
            watch.started("make", f"{index + 1} of {count}")

    return {
        choice.name: samples_of(function, chosen[choice.name], progress)
        for choice in form.choices
        if choice.spelling == "samples" and choice.name in chosen
    }


def _choices_text(options: Options, form: Form[Any], chosen: Chosen) -> str:
    """What is chosen, as a command is told of it for a model that is imported already."""
    plugins = plugin_options(item.name for item in parse_pipeline(options.passes))
    own = [each.on_command_line(chosen[each.name]) for each in form.choices if each.name in chosen]
    return "".join((plugins, options.command_line(_BY_PASSES), *own))
