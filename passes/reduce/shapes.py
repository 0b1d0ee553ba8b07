"""Smaller shapes: a module is rebuilt with other types, and every op infers its own."""

import typing
from collections.abc import Callable, Sequence
from typing import Any, cast

from ...ir.dialects.builtin import Constant
from ...ir.dims import Dim, Expr, substitute, symbols
from ...ir.rewrite import clone
from ...ir.ssa import Block, Function, Module, Op, Region, Value
from ...ir.types import DType, Tensor, Type
from ...ir.weights.resources import ArrayResource, RandomResource, Resource, SplatResource
from .search import Reduction, Site

DimMap = Callable[[Dim], Dim]


def resized(module: Module, change: DimMap) -> None:
    """Map every dimension of arguments, constants, and attributes that are shapes; in place."""
    for name, function in list(module.functions.items()):
        module.functions[name] = _Resizing(change).function(function)


class _Resizing:
    def __init__(self, change: DimMap) -> None:
        self.change = change

    def function(self, function: Function) -> Function:
        types = (self.type(value.type) for value in function.arguments)
        twin = Function(function.name, types, (value.name for value in function.arguments))
        twin.result_names = function.result_names
        twin.inputs, twin.outputs = function.inputs, function.outputs
        twin.classifier = function.classifier
        twin.public = function.public
        values = dict(zip(function.arguments, twin.arguments, strict=True))
        self.fill(function.block, twin.block, values)
        return twin

    def fill(self, source: Block, target: Block, values: dict[Value, Value]) -> None:
        def region(body: Region) -> Region:
            arguments = body.block.arguments
            names = (value.name for value in arguments)
            inner = Region(Block((self.type(value.type) for value in arguments), names))
            visible = {**values, **dict(zip(arguments, inner.block.arguments, strict=True))}
            self.fill(body.block, inner.block, visible)
            return inner

        for op in source:
            self.resize(op)
            twin = clone(op, values, region)
            target.insert(twin)
            values.update(zip(op.results, twin.results, strict=True))

    def resize(self, op: Op) -> None:
        """Resize the op's own shapes in place; the old op is discarded anyway."""
        if isinstance(op, Constant):
            op.attributes["value"] = _resource(op.value, self.type(op.value.type))
            return
        for item in op.spec.attributes:
            value = op.attributes[item.name]
            op.attributes[item.name] = self.value(value, _is_shape(item.annotation))
        if op.given_types is not None:
            op.given_types = self.value(op.given_types, False)

    def type(self, type: Type) -> Type:
        return type.with_shape(map(self.change, type.shape))

    def value(self, value: Any, is_shape: bool) -> Any:
        if isinstance(value, tuple):
            return tuple(self.value(item, is_shape) for item in cast(tuple[Any, ...], value))
        if isinstance(value, Tensor):
            return self.type(value)
        is_dim = isinstance(value, Expr) or (is_shape and isinstance(value, int))
        return self.change(value) if is_dim and not isinstance(value, bool) else value


def _is_shape(annotation: Any) -> bool:
    """Whether an attribute is declared as a shape, which may be symbolic."""
    parts = [annotation, *typing.get_args(annotation)]
    return any(Expr in typing.get_args(part) for part in parts)


def _resource(resource: Resource, type: Type) -> Resource:
    """Data of another type: a corner of the old data."""
    if type == resource.type:
        return resource
    match resource:
        case SplatResource(value=number):
            return SplatResource(type, number, resource.name, resource.origin)
        case RandomResource(seed=seed):
            return RandomResource(type, seed, resource.name, resource.origin)
        case _:
            corner = tuple(slice(size) for size in type.static_shape)
            return ArrayResource(resource.array()[corner], resource.name, resource.origin)


# -- which dimensions ------------------------------------------------------------------------------


def _types(module: Module) -> list[Type]:
    arguments = [v.type for f in module.functions.values() for v in f.arguments]
    return arguments + [v.type for op in module.walk() for v in op.results]


def _extents(module: Module) -> list[int]:
    found = {d for t in _types(module) for d in t.shape if isinstance(d, int) and d > 1}
    return sorted(found)


def _smaller(size: int) -> list[int]:
    """Smaller sizes of a dimension, the preferred one last: sites are tried from the end."""
    return [n for n in (size - 1, size // 2, 4, 3, 2, 1) if 0 < n < size]


def _extent_sites(module: Module) -> list[Site]:
    return [(size, n) for size in _extents(module) for n in _smaller(size)]


def _shrink(module: Module, sites: Sequence[Site]) -> None:
    """One size, wherever it occurs."""
    ((size, smaller),) = cast(Sequence[tuple[int, int]], sites)
    resized(module, lambda dim: smaller if dim == size else dim)


def _shrink_multiples(module: Module, sites: Sequence[Site]) -> None:
    """One size and its multiples: a reshape may have made a product."""
    ((size, smaller),) = cast(Sequence[tuple[int, int]], sites)

    def change(dim: Dim) -> Dim:
        return dim // size * smaller if isinstance(dim, int) and dim % size == 0 else dim

    resized(module, change)


def _shrink_powers(module: Module, sites: Sequence[Site]) -> None:
    """One size, and products that have it as a factor several times."""
    ((size, smaller),) = cast(Sequence[tuple[int, int]], sites)

    def change(dim: Dim) -> Dim:
        rest, made = dim, 1
        while isinstance(rest, int) and rest > 0 and rest % size == 0:
            rest, made = rest // size, made * smaller
        return rest * made

    resized(module, change)


def _symbol_sites(module: Module) -> list[Site]:
    names = {name for t in _types(module) for dim in t.shape for name in symbols(dim)}
    return [(name, number) for name in sorted(names) for number in (2, 1)]


def _bind(module: Module, sites: Sequence[Site]) -> None:
    """A number for a symbol."""
    ((name, number),) = cast(Sequence[tuple[str, int]], sites)
    resized(module, lambda dim: substitute(dim, {name: number}))


def _argument_sites(module: Module) -> list[Site]:
    """Single dimensions of arguments and constants."""
    main = module.main
    found: list[Site] = []
    for index, value in enumerate(main.arguments):
        for axis, size in enumerate(value.type.shape):
            if isinstance(size, int):
                found += [(index, axis, n) for n in _smaller(size)]
    return found


def _shrink_argument(module: Module, sites: Sequence[Site]) -> None:
    ((index, axis, smaller),) = cast(Sequence[tuple[int, int, int]], sites)
    value = module.main.arguments[index]
    shape = list(value.type.shape)
    shape[axis] = smaller
    value.type = value.type.with_shape(shape)
    resized(module, lambda dim: dim)


def _constant_sites(module: Module) -> list[Site]:
    found: list[Site] = []
    for position, op in enumerate(module.walk()):
        if isinstance(op, Constant) and op.value.type.dtype is not DType.STR:
            for axis, size in enumerate(op.value.type.static_shape):
                found += [(position, axis, n) for n in _smaller(size)]
    return found


def _shrink_constant(module: Module, sites: Sequence[Site]) -> None:
    ((position, axis, smaller),) = cast(Sequence[tuple[int, int, int]], sites)
    op = list(module.walk())[position]
    assert isinstance(op, Constant)
    shape = list(op.value.type.shape)
    shape[axis] = smaller
    op.attributes["value"] = _resource(op.value, op.value.type.with_shape(shape))
    resized(module, lambda dim: dim)


SHAPE_REDUCTIONS: tuple[Reduction, ...] = (
    Reduction("symbols to numbers", _symbol_sites, _bind, together=False),
    Reduction("sizes and products", _extent_sites, _shrink_multiples, together=False),
    Reduction("sizes and powers", _extent_sites, _shrink_powers, together=False),
    Reduction("extents", _extent_sites, _shrink, together=False),
    Reduction("dimensions of arguments", _argument_sites, _shrink_argument, together=False),
    Reduction("dimensions of constants", _constant_sites, _shrink_constant, together=False),
)
