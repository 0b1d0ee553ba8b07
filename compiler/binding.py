"""Converts between Core ML's values and arrays: images, labels, dictionaries, batches."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..ir.diagnostics import CompileError, Diagnostic, unknown_function
from ..ir.dialects.core.asserting import shapes_text
from ..ir.dims import Shape, differs, is_static
from ..ir.interface import Argument, Color, Part, Result
from ..ir.ssa import Function, Module, Value
from ..ir.types import Array, DType
from .columns import (
    check_matrix,
    column_of,
    is_cell,
    is_whole,
    matrix_of,
    names_text,
)

# Full shapes of inputs by name, hashable.
ShapesByName = tuple[tuple[str, tuple[int, ...]], ...]

_PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


def function_called(module: Module, name: str) -> Function:
    """A public function by name; the default one if the name is empty.

    Raises:
        CompileError: there is no such function.
    """
    if not name:
        return module.main
    if name not in module.public_functions:
        raise unknown_function(name, module.public_functions)
    return module.functions[name]


def inputs_of(function: Function) -> Iterator[tuple[Value, Argument]]:
    """The arguments that callers pass, with their interface attributes: all except states."""
    rows = zip(function.arguments, function.inputs, strict=True)
    return ((value, known) for value, known in rows if known.kind != "state")


def features_of(function: Function) -> dict[str, list[tuple[Value, Argument]]]:
    """The same by the names that callers use: a dictionary is two arguments, keys and values."""
    found: dict[str, list[tuple[Value, Argument]]] = {}
    for value, known in inputs_of(function):
        found.setdefault(known.feature or value.name, []).append((value, known))
    return found


def states_of(function: Function) -> Iterator[tuple[Value, Argument]]:
    """The arguments that are states."""
    rows = zip(function.arguments, function.inputs, strict=True)
    return ((value, known) for value, known in rows if known.kind == "state")


def outputs_of(function: Function) -> Iterator[tuple[str, Value, Result]]:
    """The results that callers get, with names and interface attributes: all except states."""
    rows = zip(function.result_names, function.results, function.outputs, strict=True)
    return (row for row in rows if row[2].kind != "state")


def full_shapes(function: Function, inputs: Mapping[str, Any]) -> ShapesByName:
    """`shapes_given` for inputs of the rank-5 mapping, compiled without sequence and batch."""
    declared: dict[str, tuple[int, ...]] = {}
    for value, known in inputs_of(function):
        if known.axes and known.batch is None and value.type.rank == len(known.shape):
            declared[value.name] = known.shape
    return shapes_given(declared, inputs)


def shapes_given(
    declared: Mapping[str, tuple[int, ...]], inputs: Mapping[str, Any]
) -> ShapesByName:
    """Shapes [sequence, batch, C, H, W] of inputs that have more than the declared [C, H, W].

    For a declared [C], callers may leave H and W out, as coremltools' documentation of recurrent
    networks does: [sequence, batch, C].

    Args:
        declared: declared shapes of the inputs that may have more, by name.
        inputs: arrays and other values.
    """
    found: dict[str, tuple[int, ...]] = {}
    for name, sizes in declared.items():
        shape = np.shape(inputs.get(name, 0))
        if len(shape) == 3 and len(sizes) == 1:
            shape = (*shape, 1, 1)
        if shape[2:] == (*sizes, 1, 1)[:3] and shape[:2] != (1, 1):
            found[name] = shape
    return tuple(found.items())


def other_shapes(function: Function, inputs: Mapping[str, Any]) -> ShapesByName:
    """The shapes of flexible inputs, if the model allows them and the function has another one.

    They are as `Options.shapes` takes them. Empty if the function fits, or the model doesn't allow
    a shape: `bind_inputs` says so.
    """
    found: dict[str, tuple[int, ...]] = {}
    is_other = False
    for value, known in inputs_of(function):
        given = inputs.get(value.name)
        if given is None or not known.is_flexible:
            continue
        sizes, own = _given_sizes(value, known, given), _own_sizes(value, known)
        if not known.allows(sizes):
            return ()
        found[value.name] = sizes
        is_other |= any(map(differs, own, sizes))
    return tuple(found.items()) if is_other else ()


def _own_sizes(value: Value, known: Argument) -> Shape:
    """The dimensions of an argument in Core ML's order; (height, width) of images."""
    dims = value.type.shape
    if known.kind == "image":
        return dims[1:3]
    return known.in_order_of_model(dims[1:] if known.batch == "added" else dims)


def _given_sizes(value: Value, known: Argument, given: Any) -> tuple[int, ...]:
    """The same of what a caller gives; a batch counts as one entry."""
    if known.kind == "image":
        if hasattr(given, "convert"):  # a PIL image
            return given.size[1], given.size[0]
        sizes = np.shape(given)
        gray = value.type.shape[3] == 1 and (len(sizes) == 2 or sizes[-1] != 1)
        return sizes[-2:] if gray else sizes[-3:-1]
    sizes = np.shape(given)
    if known.batch == "added" and len(sizes) == value.type.rank:
        sizes = sizes[1:]
    elif known.batch == "opened" and sizes:
        sizes = (1, *sizes[1:])
    return known.in_order_of_model(sizes)


def bind_inputs(function: Function, inputs: Mapping[str, Any]) -> tuple[dict[str, Array], bool]:
    """(arrays of the function's exact types by name, whether they are a batch).

    Optional inputs that are left out get as many entries as the others have.

    Raises:
        CompileError: every missing, unknown or ill-shaped input, or the inputs are of different
            numbers of entries.
    """
    problems: list[Diagnostic] = []
    inputs = _with_matrix(function, inputs)
    names = features_of(function)
    unknown = [name for name in inputs if name not in names]
    if unknown:
        problems.append(
            _usage(f"there is no input '{unknown[0]}'", f"the inputs are {names_text(names)}")
        )
    arrays: dict[str, Array] = {}
    batched = False
    for value, known in inputs_of(function):
        name = known.feature or value.name
        given = inputs.get(name)
        if known.optional and _is_missing(known, given):
            continue
        if given is None:
            problems.append(_usage(f"input '{name}' is missing"))
            continue
        try:
            arrays[value.name], many = _bound(value, known, given)
            batched |= many
        except ValueError as error:
            problems.append(_usage(f"input '{name}' {error}"))
    if problems:
        raise CompileError(dict.fromkeys(problems))  # parts of a dictionary have the same ones
    return _with_absent(function, arrays, _entries(function, arrays)), batched


def _with_matrix(function: Function, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs, in which columns by name are the one matrix that the function takes.

    Raises:
        CompileError: columns don't fit.
    """
    rows = list(inputs_of(function))
    if len(rows) != 1 or not rows[0][1].columns or rows[0][0].name in inputs:
        return inputs
    ((value, known),) = rows
    given = {name: cells for name, cells in inputs.items() if cells is not None}
    single = all(np.ndim(cells) == 0 for cells in given.values())
    columns = {name: [cells] for name, cells in given.items()} if single else given
    try:
        matrix = matrix_of(value, known, columns)
    except (ValueError, TypeError) as error:
        raise CompileError(_usage(f"input '{value.name}' {error}")) from None
    return {value.name: matrix[0] if single else matrix}


def _bound(value: Value, known: Argument, given: Any) -> tuple[Array, bool]:
    """An input as the argument's type, and whether it is a batch.

    Raises:
        ValueError: it has another type or shape.
    """
    if known.part is not None:
        return _part_of(value, known.part, given), False
    if known.kind == "image":
        return _image(value, known, given)
    if is_cell(known) and isinstance(given, np.ndarray) and given.shape == (1,):
        given = given.item()  # as coremltools' callers give a number; a column of one is a list
    if is_cell(known) and np.ndim(given) == value.type.rank:
        return column_of(value, known, given), True
    if known.kind == "int64" and np.ndim(given) == 0 and not _is_exact(given):
        raise ValueError(f"is {given}, expected a whole number")
    if known.batch == "added" and np.ndim(given) < value.type.rank:
        return _array(value, known, np.asarray(given)[None]), False
    array = _array(value, known, given)
    if known.columns:
        check_matrix(known, array)
    return array, _are_several(known, array)


def _is_missing(known: Argument, given: Any) -> bool:
    """Whether a value stands for none: NaN among whole numbers, which have no NaN of their own."""
    if known.kind != "int64" or given is None:
        return given is None
    number = given.item() if isinstance(given, np.ndarray) and given.size == 1 else given
    return isinstance(number, float | np.floating) and bool(np.isnan(number))


def _is_exact(given: Any) -> bool:
    """Whether a number is whole; what is not a number is refused elsewhere."""
    return not isinstance(given, float | np.floating) or is_whole(given)


def _entries(function: Function, arrays: Mapping[str, Array]) -> int:
    """How many entries the inputs are of; 1 without a batch.

    Raises:
        CompileError: inputs are of different numbers.
    """
    first, problems = "", list[Diagnostic]()
    for value, known in inputs_of(function):
        if value.name not in arrays or not has_batch(value, known):
            continue
        first = first or value.name
        if (count := len(arrays[value.name])) != (wanted := len(arrays[first])):
            message = (
                f"input '{value.name}' has a batch of {count}, input '{first}' one of {wanted}"
            )
            problems.append(_usage(message, "give as many entries of each input"))
    if problems:
        raise CompileError(problems)
    return len(arrays[first]) if first else 1


def _with_absent(function: Function, arrays: Mapping[str, Array], entries: int) -> dict[str, Array]:
    """The arrays of all inputs, in order: those left out have their default values."""
    found: dict[str, Array] = {}
    for value, known in inputs_of(function):
        if value.name in arrays:
            found[value.name] = arrays[value.name]
        else:
            array = known.absent(value.type)
            many = has_batch(value, known)
            found[value.name] = np.repeat(array, entries, axis=0) if many else array
    return found


def _are_several(known: Argument, array: Array) -> bool:
    """Whether a whole array is a batch to its caller: a declared dimension of 1 is none."""
    return known.batch == "added" or (known.batch == "opened" and array.shape[0] != 1)


def has_batch(value: Value, known: Argument) -> bool:
    """Whether the first dimension is open, and a batch: not the length of a sequence."""
    opened = bool(value.type.rank) and not isinstance(value.type.shape[0], int)
    return opened and (known.kind == "image" or known.batch is not None)


def _part_of(value: Value, part: Part, given: Any) -> Array:
    """The keys or the values of a dictionary.

    Raises:
        ValueError: it is not a dictionary, or has keys or values of another type.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"is {type(given).__name__}, expected a dictionary")
    entries: Mapping[Any, Any] = given
    strings = value.type.dtype is DType.STR
    if part == "keys":
        wanted = "strings" if strings else "integers"
        if not all(isinstance(key, str if strings else int | np.integer) for key in entries):
            raise ValueError(f"is a dictionary whose keys are not {wanted}")
    found = np.array(list(entries if part == "keys" else entries.values()), value.type.dtype.numpy)
    if found.ndim != 1:
        raise ValueError("is a dictionary whose values are not numbers")
    return found


def _array(value: Value, known: Argument, given: Any) -> Array:
    expected = value.type
    if expected.dtype is DType.STR:
        array = _strings(given)
    else:
        array = _numbers(np.asarray(given), expected.dtype)
    if _fits(array.shape, value):
        return array
    static = [dim for dim in expected.shape if isinstance(dim, int)]
    # Core ML accepts an array with extra dimensions of 1, such as [1, 1, C, 1, 1] for [C].
    if len(static) == expected.rank and _squeezed(array.shape) == _squeezed(tuple(static)):
        return array.reshape(static)
    raise ValueError(f"has shape {list(array.shape)}, expected {expected}{_longer(value, known)}")


def _strings(given: Any) -> Array:
    """Strings as an array of Python's `str`.

    Raises:
        ValueError: something in it is not a string, or not one that UTF-8 has.
    """
    array = np.asarray(given, None if isinstance(given, np.ndarray) else object).astype(object)
    for item in array.flat:
        if not isinstance(item, str):
            raise ValueError(f"has {type(item).__name__}, expected strings")
        try:
            item.encode()
        except UnicodeEncodeError:
            raise ValueError("has half of a surrogate pair, which is not a character") from None
    return array


def _numbers(array: Array, dtype: DType) -> Array:
    """The array in this dtype.

    Raises:
        ValueError: it holds something else than numbers, or integers that the dtype doesn't have.
    """
    if array.dtype.kind in "OUScmM":
        raise ValueError(f"is {array.dtype.name}, expected numbers")
    if dtype.is_integer and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype.numpy)
        for number in (int(array.min()), int(array.max())):
            if not limits.min <= number <= limits.max:
                raise ValueError(f"has {number}, beyond {dtype.value}")
    return array.astype(dtype.numpy)


def _longer(value: Value, known: Argument) -> str:
    """What else a model takes: other shapes, or a sequence and a batch before those declared."""
    if known.is_flexible and is_static(_own_sizes(value, known)):
        return f"; the model allows {shapes_text(known.limits)}"
    sizes = ", ".join(map(str, known.shape))
    if not (known.axes and known.batch is None and value.type.rank == len(known.shape)):
        return ""
    if len(known.shape) == 1:
        return f", [sequence, batch, {sizes}] or [sequence, batch, {sizes}, 1, 1]"
    return f" or [sequence, batch, {sizes}]"


def _squeezed(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in sizes if size != 1)


def _fits(sizes: tuple[int, ...], value: Value) -> bool:
    dims = value.type.shape
    return len(sizes) == len(dims) and all(
        not isinstance(dim, int) or dim == size for dim, size in zip(dims, sizes, strict=True)
    )


def _image(value: Value, known: Argument, given: Any) -> tuple[Array, bool]:
    """An image, or a batch, as [N, H, W, C] of the argument's dtype."""
    color: Color = known.color or "RGB"
    if hasattr(given, "convert"):  # a PIL image
        mode = _PIL_MODES[color]
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
        more = _longer(value, known)
        raise ValueError(f"has shape {list(array.shape)}, expected {value.type}{more}")
    if value.type.dtype is DType.U8 and array.dtype != np.uint8:
        array = np.clip(np.round(array), 0, 255)
    return array.astype(value.type.dtype.numpy), many


def _usage(message: str, remedy: str = "") -> Diagnostic:
    return Diagnostic(message, "usage", remedy=remedy)
