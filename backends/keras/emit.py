"""Keras code for a lowered module, and the model that it builds."""

import functools
import tempfile
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.builtin import array_of
from ...ir.ssa import Module, Op, Value
from ...ir.types import Array
from ..executable import Executable, failed_run
from ..names import Renamed, changed, one_line_each
from .definitions import registered
from .program import expanded, files_beside, has_label_file, labels_of, program_text
from .repetition import outline
from .scopes import unbound_names
from .shared import copies, weights_of
from .steps import input_layers, steps_of
from .vocabulary import needing_tensorflow


class KerasModule(Executable):
    """The code of a lowered module, and the Keras model that it builds.

    Attributes:
        text: the source of `model.py`.
        files: what else the code needs: the texts of files beside it, by their names.
        inputs: the names of the layers that the inputs are, in order.
        blocks: how many functions the code has for repeated structure.
        weights: layer's name → the constants that it holds, in the order of its `weights`.
        copies: weights that the model has once and several layers hold, as Keras can't share them
            there → the layers' names.
        needs_tensorflow: what no other backend of Keras has; empty if it runs on all of them.
        custom_objects: definitions in the code that a `.keras` file names; loading it needs them.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module)
        body = steps_of(module.main)
        self.inputs = input_layers(module.main, body.steps)
        calls = [step.op for step in body.steps]
        made = [step.op for step in body.steps if step.makes_layer and step.has_weights]
        blocks = outline(body, self.inputs)
        self.blocks = len(blocks)
        steps, names = zip(*expanded(body), strict=True) if body.steps else ((), ())
        self.custom_objects = registered(steps)
        labels: dict[Op, str] = dict(zip(calls, names, strict=True))
        self.weights: dict[str, tuple[Value, ...]] = {labels[op]: weights_of(op) for op in made}
        assert len(self.weights) == len(made)
        self.copies = copies(calls, labels)
        self.text = program_text(module, body, self.inputs, blocks, self.copies)
        self.files = files_beside(module)
        self.needs_tensorflow = needing_tensorflow(module)
        unbound = unbound_names(self.text)
        assert not unbound, f"the code reads names that mean nothing there: {unbound}"

    @property
    def renamed(self) -> tuple[Renamed, ...]:
        """Inputs and labels that are called otherwise than in the model.

        Layers have names that people would give them, see `steps`.
        """
        function = self.module.main
        found = [*changed("input", (value.name for value in function.arguments), self.inputs)]
        if has_label_file(function):
            labels = labels_of(function)
            found += changed("label", labels, one_line_each(labels))
        return tuple(found)

    @functools.cached_property
    def model(self) -> Any:
        """The Keras model with its weights, built by running the code.

        Raises:
            CompileError: Keras runs on another backend than the model does.
        """
        _check_backend(self.needs_tensorflow)
        with tempfile.TemporaryDirectory() as folder:
            for name, text in self.files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            code = types.ModuleType("model")
            code.__dict__["__file__"] = str(Path(folder) / "model.py")
            exec(compile(self.text, "model.py", "exec"), code.__dict__)
        model = code.__dict__["build"]()
        for name, values in self.weights.items():
            model.get_layer(name).set_weights([array_of(value) for value in values])
        return model

    def run(self, inputs: Mapping[str, Array], function: str = "") -> dict[str, Array]:
        from keras import ops

        callee = self.called(function, inputs)
        given = [inputs[value.name] for value in callee.arguments]
        model = self.model
        try:
            found = model(given if given[1:] else given[0])
        except Exception as error:  # each backend of Keras has its own
            raise failed_run("the Keras model", error) from error
        if not isinstance(found, dict):  # for a model with one result
            found = {callee.result_names[0]: found}
        return {n: np.asarray(ops.convert_to_numpy(found[n])) for n in callee.result_names}


def _check_backend(needing: Sequence[str]) -> None:
    from keras import config

    if needing and (backend := config.backend()) != "tensorflow":
        message = f"Keras runs on {backend} here, and {' and '.join(needing)} on TensorFlow only"
        remedy = "set KERAS_BACKEND=tensorflow"
        raise CompileError(Diagnostic(message, "unsupported", remedy=remedy))
