"""A compiled model: the interface of coremltools.models.MLModel, on any machine."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..backends.target import load_target
from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.interpret import Interpreter
from ..ir.ssa import Function, Module, Value
from ..ir.types import Array, DType
from .options import Options

# Full shapes of inputs by name, hashable.
Shapes = tuple[tuple[str, tuple[int, ...]], ...]

_PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


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
        return self.optimized.main

    def predict(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model.

        Args:
            inputs: arrays, numbers, or images (PIL, or arrays [H, W, C] with colours in the order
                red, green, blue) by Core ML's names. Optional inputs may be left out.

        Returns:
            arrays, images (PIL), labels and {label: probability} dictionaries by Core ML's names.
            A batch of images gives a leading dimension, lists of labels and of dictionaries.

        Raises:
            CompileError: an input is missing, unknown, or of the wrong shape.
        """
        if (other := self._for_shapes_of(inputs)) is not None:
            return other.predict(inputs)
        arrays, batched = bind_inputs(self.function, inputs)
        return present_outputs(self.function, self.executable.run(arrays), batched)

    def interpret(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The same as `predict`, by the numpy interpreter on the imported IR."""
        if (other := self._for_shapes_of(inputs)) is not None:
            return other.interpret(inputs)
        function = self.module.main
        arrays, batched = bind_inputs(function, inputs)
        ordered = [arrays[value.name] for value in function.arguments]
        results = Interpreter(self.module).run(function, ordered)
        named = dict(zip(function.result_names, results, strict=True))
        return present_outputs(function, named, batched)

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
        check_replaceable(path)
        self.executable.save(path, describe(self.lowered))
        return path


def check_replaceable(folder: Path) -> None:
    """Refuse to replace what is no SavedModel: saving removes an existing folder.

    Raises:
        CompileError: of kind "usage".
    """
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        message = f"'{folder}' is the current folder, or around it"
    elif folder.is_dir():
        if not any(folder.iterdir()) or (folder / "saved_model.pb").exists():
            return
        message = f"the folder '{folder}' exists and holds no SavedModel"
    elif folder.exists() or folder.is_symlink():
        message = f"'{folder}' exists and is no folder"
    else:
        return
    raise CompileError(_usage(message, "name another folder, or remove it"))


def full_shapes(function: Function, inputs: Mapping[str, Any]) -> Shapes:
    """Shapes [sequence, batch, C, H, W] of the inputs that have more than the declared [C, H, W].

    Only of those that the rank-5 mapping lets vary, and that are compiled without the two.
    """
    found: dict[str, tuple[int, ...]] = {}
    for value, facts in zip(function.arguments, function.argument_attributes, strict=True):
        declared = facts.get("shape", ())
        if "axes" not in facts or facts.get("batched") or value.type.rank != len(declared):
            continue
        shape = np.shape(inputs.get(value.name, 0))
        if shape[2:] == (*declared, 1, 1)[:3] and shape[:2] != (1, 1):
            found[value.name] = shape
    return tuple(found.items())


def bind_inputs(function: Function, inputs: Mapping[str, Any]) -> tuple[dict[str, Array], bool]:
    """(arrays of the function's exact types by name, whether they came as a batch).

    Raises:
        CompileError: every missing, unknown or ill-shaped input.
    """
    problems: list[Diagnostic] = []
    names = [value.name for value in function.arguments]
    unknown = [name for name in inputs if name not in names]
    if unknown:
        problems.append(
            _usage(f"there is no input '{unknown[0]}'", f"the inputs are {', '.join(names)}")
        )
    arrays: dict[str, Array] = {}
    batched = False
    for value, facts in zip(function.arguments, function.argument_attributes, strict=True):
        given = inputs.get(value.name)
        if given is None and facts.get("optional"):
            given = _default(value, facts)
        if given is None:
            problems.append(_usage(f"input '{value.name}' is missing"))
            continue
        try:
            if facts.get("kind") == "image":
                arrays[value.name], many = _image(value, facts, given)
                batched |= many
            elif facts.get("batched") and np.ndim(given) < value.type.rank:
                arrays[value.name] = _array(value, np.asarray(given)[None])
            else:
                arrays[value.name] = _array(value, given)
                batched |= facts.get("batched", False)
        except ValueError as error:
            problems.append(_usage(f"input '{value.name}' {error}"))
    if problems:
        raise CompileError(problems)
    return arrays, batched


def _default(value: Value, facts: Mapping[str, Any]) -> Array:
    sizes = tuple(dim if isinstance(dim, int) else 1 for dim in value.type.shape)
    return np.full(sizes, facts.get("default", 0), value.type.dtype.numpy)


def _array(value: Value, given: Any) -> Array:
    array = np.asarray(given)
    expected = value.type
    if expected.dtype is not DType.STR:
        array = array.astype(expected.dtype.numpy)
    if _fits(array.shape, value):
        return array
    static = [dim for dim in expected.shape if isinstance(dim, int)]
    # Core ML takes an array with extra dimensions of 1, such as [1, 1, C, 1, 1] for [C].
    if len(static) == expected.rank and _squeezed(array.shape) == _squeezed(tuple(static)):
        return array.reshape(static)
    raise ValueError(f"has shape {list(array.shape)}, expected {expected}")


def _squeezed(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in sizes if size != 1)


def _fits(sizes: tuple[int, ...], value: Value) -> bool:
    dims = value.type.shape
    return len(sizes) == len(dims) and all(
        not isinstance(dim, int) or dim == size for dim, size in zip(dims, sizes, strict=True)
    )


def _image(value: Value, facts: Mapping[str, Any], given: Any) -> tuple[Array, bool]:
    """An image, or a batch, as [N, H, W, C] of the argument's dtype."""
    if hasattr(given, "convert"):  # a PIL image
        mode = _PIL_MODES[facts.get("color", "RGB")]
        given = given if given.mode == mode else given.convert(mode)
    array = np.asarray(given)
    channels = value.type.shape[3]
    if array.ndim == 2 and channels == 1:
        array = array[:, :, None]
    elif array.ndim == 3 and channels == 1 and array.shape[2] != 1:
        array = array[:, :, :, None]
    many = array.ndim == 4
    if not many:
        array = array[None]
    if not _fits(array.shape, value):
        raise ValueError(f"has shape {list(array.shape)}, expected {value.type}")
    if value.type.dtype is DType.U8 and array.dtype != np.uint8:
        array = np.clip(np.round(array), 0, 255)
    return array.astype(value.type.dtype.numpy), many


def present_outputs(
    function: Function, results: Mapping[str, Array], batched: bool
) -> dict[str, Any]:
    """Results as Core ML's predict gives them."""
    labels = function.attributes.get("class_labels", ())
    found: dict[str, Any] = {}
    for name, facts in zip(function.result_names, function.result_attributes, strict=True):
        array = results[name]
        kind = facts.get("kind", "array")
        if kind == "dictionary":
            rows = array.reshape(-1, len(labels))
            dictionaries = [dict(zip(labels, map(float, row), strict=True)) for row in rows]
            found[name] = dictionaries if batched else dictionaries[0]
        elif kind in ("string", "int64"):
            entries = [_label(entry) for entry in np.ravel(array).tolist()]
            found[name] = entries if batched else entries[0]
        elif kind == "image":
            found[name] = array if batched else _picture(array[0])
        else:
            found[name] = array[0] if facts.get("batched") and not batched else array
    return found


def _label(entry: Any) -> Any:
    return entry.decode() if isinstance(entry, bytes) else entry


def _picture(array: Array) -> Any:
    from PIL import Image

    if array.shape[-1] == 1:
        array = array[..., 0]
    return Image.fromarray(array if array.dtype == np.uint8 else array.astype(np.float32))


def describe(module: Module) -> dict[str, Any]:
    """The interface for people and programs that read a SavedModel: `assets.extra/cmlc.json`."""
    function = module.main
    return {
        "model": module.name,
        **module.attributes,
        "inputs": [
            {"name": value.name, "type": str(value.type), **facts}
            for value, facts in zip(function.arguments, function.argument_attributes, strict=True)
        ],
        "outputs": [
            {"name": name, "type": str(value.type), **facts}
            for name, value, facts in zip(
                function.result_names, function.results, function.result_attributes, strict=True
            )
        ],
        **{key: list(v) if isinstance(v, tuple) else v for key, v in function.attributes.items()},
    }


def _usage(message: str, remedy: str = "") -> Diagnostic:
    return Diagnostic(message, "usage", remedy=remedy)
