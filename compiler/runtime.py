"""A compiled model: the interface of coremltools.models.MLModel, on any machine."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, overload

from ..backends.executable import Executable
from ..backends.few_rows import few_rows
from ..backends.form import OfTarget
from ..ir.diagnostics import usage_error
from ..ir.interpret import Interpreter
from ..ir.ssa import Function, Module
from ..ir.types import Array
from .artefacts.forms import OfSource
from .artefacts.meant import form_for, sorted_out
from .artefacts.write import write as write_artefact
from .binding import (
    ShapesByName,
    bind_inputs,
    full_shapes,
    function_called,
    other_shapes,
)
from .entries import Run, listed
from .options import Options
from .presenting import present_outputs
from .stages import Stages
from .state import ModelState, states_for
from .watch import Watch

KEPT_SHAPES = 4  # models compiled for other shapes than the declared ones, each with its weights


def compile(
    source: Any, options: Options | None = None, *, watch: Watch | None = None, **choices: Any
) -> "CompiledModel":
    """Compile a model.

    Args:
        source: what `load` takes.
        options: see `Options`.
        watch: told about stages and passes.
        **choices: fields of `Options`, in place of `options`.

    Raises:
        CompileError: all problems at once.
    """
    model = CompiledModel(Stages(source, _options(options, choices), watch))
    _ = model.lowered
    return model


def write(
    source: Any,
    path: str | Path,
    form: str = "",
    options: Options | None = None,
    *,
    watch: Watch | None = None,
    **choices: Any,
) -> Path:
    """Write a model in any form that the commands write.

    Args:
        source: what `load` takes.
        path: where to. What is there is replaced, if it is of the same form.
        form: one of those of `cmlc --emit`; by default what the path is called, else what the
            target writes first (of "tf", a SavedModel).
        options: see `Options`.
        watch: told about stages and passes.
        **choices: the form's own choices, such as `quantize` of "tflite"; and fields of `Options`,
            in place of `options`.

    Returns:
        the path.

    Raises:
        CompileError: the model can't be compiled or written in this form, a choice means nothing
            for it, or something else is at the path. Nothing is written then.
    """
    wanted = form_for(path, form, str(choices.get("target", options.target if options else "")))
    given = {} if options is None else options.chosen()
    compiling, own = sorted_out(wanted, {**given, **choices})
    chosen = {name: value for name, value in choices.items() if name in compiling}
    stages = Stages(source, _options(options, chosen), watch)
    return write_artefact(stages, wanted, Path(path), own).path


class CompiledModel:
    """A model that predicts and can be written.

    Attributes:
        stages: the model at every stage of its compilation.
    """

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self._reshaped = functools.lru_cache(KEPT_SHAPES)(self._for_shapes)
        self._few_rows = functools.cache(few_rows)

    @property
    def options(self) -> Options:
        """How it was compiled."""
        return self.stages.options

    @property
    def module(self) -> Module:
        """The IR as imported."""
        return self.stages.named

    @property
    def optimized(self) -> Module:
        """The IR after the target's passes."""
        return self.stages.optimized

    @property
    def lowered(self) -> Module:
        """The IR in the target's dialect."""
        return self.stages.lowered

    @property
    def executable(self) -> Executable:
        """What the target runs, made on first use (this imports the target's library)."""
        return self.stages.executable

    @property
    def function(self) -> Function:
        """The default function."""
        return self.optimized.main

    def make_state(self, function: str = "") -> ModelState:
        """Fresh states, all zero, for a series of predictions.

        Args:
            function: one of several functions; the default one without it. Functions share the
                states that have the same name and type.
        """
        return ModelState(function_called(self.module, function))

    @overload
    def predict(
        self, inputs: Mapping[str, Any], state: ModelState | None = None, *, function: str = ""
    ) -> dict[str, Any]: ...

    @overload
    def predict(
        self, inputs: Sequence[Mapping[str, Any]], state: None = None, *, function: str = ""
    ) -> list[dict[str, Any]]: ...

    def predict(
        self,
        inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        state: ModelState | None = None,
        *,
        function: str = "",
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Run the model.

        Args:
            inputs: arrays, numbers, or images (PIL, or arrays [H, W, C] with colours in the order
                red, green, blue) by Core ML's names. Optional inputs may be left out. Or a list of
                such dictionaries, which run as batches if the model has a batch dimension. Models
                of numbers and strings take a table: a column [N] of each, or the matrix of
                `features="matrix"`. A cell that is None or NaN is missing: it has its default, or
                is NaN for a model that knows missing values.
            state: the result of `make_state`, for models with states; it is updated.
            function: one of several functions; the default one without it.

        Returns:
            arrays, images (PIL), labels and {label: probability} dictionaries by Core ML's names.
            For a batch of images, these have a leading dimension, or are lists of labels and of
            dictionaries. A list of dictionaries for a list.

        Raises:
            CompileError: an input or the state is missing, unknown, or of the wrong shape; of a
                list, the message names the entry. Or a list is given with a state, as in Core ML.
        """
        _check_inputs(inputs, state)
        if not isinstance(inputs, Mapping):
            callee = function_called(self.optimized, function)
            return listed(
                callee, list(inputs), self._run, lambda one: self.predict(one, function=function)
            )
        if (other := self._for_shapes_of(self.optimized, inputs, function)) is not None:
            return other.predict(inputs, state, function=function)
        callee = function_called(self.optimized, function)
        held = states_for(callee, state)
        if held is None:
            return _predicted(callee, inputs, self._run)
        return _predicted(callee, inputs, lambda f, arrays: held.run_on(self.executable, arrays, f))

    def _run(self, callee: Function, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
        few = self._few_rows(callee)
        if few is not None and few.fits(arrays):
            return few.run(arrays)
        return self.executable.run(arrays, callee.name)

    @overload
    def interpret(
        self, inputs: Mapping[str, Any], state: ModelState | None = None, *, function: str = ""
    ) -> dict[str, Any]: ...

    @overload
    def interpret(
        self, inputs: Sequence[Mapping[str, Any]], state: None = None, *, function: str = ""
    ) -> list[dict[str, Any]]: ...

    def interpret(
        self,
        inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        state: ModelState | None = None,
        *,
        function: str = "",
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """The same as `predict`, by the numpy interpreter on the imported IR."""
        _check_inputs(inputs, state)
        module = self.stages.batched

        def run(callee: Function, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
            ordered = [arrays[value.name] for value in callee.arguments]
            results = Interpreter(module).run(callee, ordered)
            return dict(zip(callee.result_names, results, strict=True))

        callee = function_called(module, function)
        if not isinstance(inputs, Mapping):
            entries = list(inputs)
            return listed(callee, entries, run, lambda e: self.interpret(e, function=function))
        if (other := self._for_shapes_of(module, inputs, function)) is not None:
            return other.interpret(inputs, state, function=function)
        held = states_for(callee, state)
        if held is None:
            return _predicted(callee, inputs, run)

        def run_held(callee: Function, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
            return held.run_interpreted(lambda states: run(callee, {**arrays, **states}), callee)

        return _predicted(callee, inputs, run_held)

    def _for_shapes_of(
        self, module: Module, inputs: Mapping[str, Any], function: str
    ) -> "CompiledModel | None":
        """The model for the shapes of the inputs, if this one is for others.

        Those are the sequence and batch of old networks, and, of flexible models that compile for
        one shape only, what the model allows.
        """
        if self.stages.watch.survey is None:
            return None  # IR is as it is
        callee = function_called(module, function)
        shapes = full_shapes(callee, inputs)
        if "fixed_shapes" in module.attributes:
            shapes += other_shapes(callee, inputs)
        return self._reshaped(shapes, function) if shapes else None

    def _for_shapes(self, shapes: ShapesByName, function: str) -> "CompiledModel":
        options = replace(
            self.options,
            shapes={**self.options.shapes, **dict(shapes)},
            function=function or self.options.function,
        )
        return CompiledModel(Stages(self.stages.stored(), options))

    def save(self, folder: str | Path) -> Path:
        """Write a SavedModel: `write` in the form that needs no name, as coremltools' `save`."""
        return self.write(folder, "savedmodel")

    def write(self, path: str | Path, form: str = "", **choices: Any) -> Path:
        """Write the model in any form that the commands write.

        Args:
            path: where to. What is there is replaced, if it is of the same form.
            form: one of those of `cmlc --emit`; by default what the path is called, else what the
                model's target writes first (of "tf", a SavedModel).
            **choices: the form's own, such as `quantize` of "tflite". How the model is compiled is
                known from it; for a form of another target it is compiled again.

        Returns:
            the path.

        Raises:
            CompileError: the model can't be written in this form, a choice means nothing for it, or
                something else is at the path. Nothing is written then.
        """
        wanted = form_for(path, form, self.options.target)
        if named := sorted(choices.keys() & {item.name for item in fields(Options)}):
            message = f"the model is compiled already: {named[0]} can't be chosen any more"
            raise usage_error(message, f"give {named[0]} to cmlc.compile, or to cmlc.write")
        compiled = self.options.chosen()
        if isinstance(wanted.made_of, OfSource):
            compiled = {}  # the model as it is stored, however it was compiled
        elif isinstance(wanted.made_of, OfTarget):
            compiled.pop("target", None)
        _, own = sorted_out(wanted, {**compiled, **choices})
        return write_artefact(self.stages, wanted, Path(path), own).path


def _options(options: Options | None, choices: Mapping[str, Any]) -> Options:
    if options is not None and choices:
        message = f"{next(iter(choices))} is chosen beside options"
        raise usage_error(message, "choose everything in one way")
    try:
        return options or Options(**choices)
    except TypeError as error:
        raise usage_error(str(error)) from None


def _check_inputs(inputs: object, state: ModelState | None) -> None:
    """Refuse what callers without a type checker may pass.

    Raises:
        CompileError: of kind "usage".
    """
    if isinstance(inputs, Mapping):
        return
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        entries: Sequence[object] = inputs
        if all(isinstance(entry, Mapping) for entry in entries):
            if state is not None:
                raise usage_error("a list of inputs takes no state", "predict one after the other")
            return
    message = f"inputs are dictionaries by name, not {type(inputs).__name__}"
    raise usage_error(message, "give {NAME: VALUE}, or a list of such")


def _predicted(function: Function, inputs: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Core ML's outputs for Core ML's inputs."""
    arrays, batched = bind_inputs(function, inputs)
    return present_outputs(function, run(function, arrays), batched)
