"""A compiled model: the interface of coremltools.models.MLModel, on any machine."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..backends.target import load_target
from ..ir.interface import Description
from ..ir.interpret import Interpreter
from ..ir.ssa import Function, Module, Value
from ..ir.types import Array
from ..ir.writing import check_replaceable
from .binding import (
    Shapes,
    bind_inputs,
    full_shapes,
    function_called,
    inputs_of,
    outputs_of,
    present_outputs,
    states_of,
)
from .options import Options
from .state import ModelState, held_arrays


class CompiledModel:
    """A model that predicts and can be saved.

    Attributes:
        module: the IR as imported.
        optimized: after the target's passes.
        lowered: in the target's dialect.
        options: how it was compiled.
        reshaped: the same model for other full shapes of its inputs (`Options.shapes`); None if
            there is nothing to compile again.
    """

    def __init__(
        self,
        module: Module,
        optimized: Module,
        lowered: Module,
        options: Options,
        reshaped: "Callable[[Shapes], CompiledModel] | None" = None,
    ) -> None:
        self.module = module
        self.optimized = optimized
        self.lowered = lowered
        self.options = options
        self.reshaped = reshaped

    @functools.cached_property
    def executable(self) -> Any:
        """The target's executable form, made on first use (this imports the target's library)."""
        return load_target(self.options.target).executable(self.lowered)

    @property
    def function(self) -> Function:
        """The default function."""
        return self.optimized.main

    def make_state(self, function: str = "") -> ModelState:
        """Fresh states for a series of predictions: zeros.

        Args:
            function: one of several functions; the default one without it. Functions share the
                states that have the same name and type.
        """
        return ModelState(function_called(self.optimized, function))

    def predict(
        self, inputs: Mapping[str, Any], state: ModelState | None = None, *, function: str = ""
    ) -> dict[str, Any]:
        """Run the model.

        Args:
            inputs: arrays, numbers, or images (PIL, or arrays [H, W, C] with colours in the order
                red, green, blue) by Core ML's names. Optional inputs may be left out.
            state: of `make_state`, for models that have states; it holds the new ones afterwards.
            function: one of several functions; the default one without it.

        Returns:
            arrays, images (PIL), labels and {label: probability} dictionaries by Core ML's names.
            A batch of images gives a leading dimension, lists of labels and of dictionaries.

        Raises:
            CompileError: an input or the state is missing, unknown, or of the wrong shape.
        """
        if (other := self._for_shapes_of(inputs)) is not None:
            return other.predict(inputs)

        def run(callee: Function, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
            return self.executable.run(arrays, callee.name)

        return _predicted(function_called(self.optimized, function), inputs, state, run)

    def interpret(
        self, inputs: Mapping[str, Any], state: ModelState | None = None, *, function: str = ""
    ) -> dict[str, Any]:
        """The same as `predict`, by the numpy interpreter on the imported IR."""
        if (other := self._for_shapes_of(inputs)) is not None:
            return other.interpret(inputs)

        def run(callee: Function, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
            ordered = [arrays[value.name] for value in callee.arguments]
            results = Interpreter(self.module).run(callee, ordered)
            return dict(zip(callee.result_names, results, strict=True))

        return _predicted(function_called(self.module, function), inputs, state, run)

    def _for_shapes_of(self, inputs: Mapping[str, Any]) -> "CompiledModel | None":
        """The model for the sequence or batch that inputs have, if this one isn't made for it."""
        shapes = full_shapes(self.function, inputs)
        return self.reshaped(shapes) if shapes and self.reshaped is not None else None

    def save(self, folder: str | Path) -> Path:
        """Write a SavedModel; an older one in the same place is replaced.

        Raises:
            CompileError: the folder holds something else.
        """
        path = Path(folder)
        check_replaceable(path, "SavedModel", is_saved_model)
        self.executable.save(path, describe(self.lowered))
        return path


def _predicted(
    function: Function,
    inputs: Mapping[str, Any],
    state: ModelState | None,
    run: Callable[[Function, Mapping[str, Array]], Mapping[str, Array]],
) -> dict[str, Any]:
    """Core ML's outputs for Core ML's inputs."""
    arrays, batched = bind_inputs(function, inputs)
    results = run(function, {**arrays, **held_arrays(function, state)})
    if state is not None:
        state.update(function, results)
    return present_outputs(function, results, batched)


def is_saved_model(folder: Path) -> bool:
    """Whether the folder holds a SavedModel."""
    return (folder / "saved_model.pb").exists()


def describe(module: Module) -> dict[str, Any]:
    """The interface for people and programs that read a SavedModel: `assets.extra/cmlc.json`."""
    found = {"model": module.name, **module.attributes, **_described(module.main)}
    if len(module.public_functions) > 1:
        found["functions"] = {name: _described(f) for name, f in module.public_functions.items()}
    return found


def _described(function: Function) -> dict[str, Any]:
    def entry(name: str, value: Value, known: Description) -> dict[str, Any]:
        return {"name": name, "type": str(value.type), **known.entries()}

    found: dict[str, Any] = {
        "inputs": [entry(value.name, value, known) for value, known in inputs_of(function)],
        "outputs": [entry(*row) for row in outputs_of(function)],
    }
    if states := [entry(value.name, value, known) for value, known in states_of(function)]:
        found["states"] = states
    for key, fact in function.classifier.entries().items():
        found[key] = list(fact) if isinstance(fact, tuple) else fact
    return found
