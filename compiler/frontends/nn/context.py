"""What a layer's rule works with: inputs, weights, names, and Core ML's tensor conventions.

Core ML counts dimensions from the end: channel, height and width are axes -3, -2 and -1, batch is
-4, sequence -5, "for any rank". Networks of the old kind (rank-5 mapping) have five dimensions
everywhere; here the sequence dimension is left out while it is 1, so their values have the familiar
four. Rules that count from the end work unchanged; the others use `sequence_input`.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, Interval, product, symbol
from ....ir.location import InModel
from ....ir.names import SYMBOL
from ....ir.ssa import Value
from ....ir.types import DType
from ....ir.weights.resources import Origin, Resource
from ...source.weight_params import is_empty, weight_resource
from ..rules import Assigned, Result, Rules
from ..values import cast
from .declared import Declaration, Weights, output_axis, params_at
from .scope import Run, Scope

LayerRule = Callable[["LayerContext", Any], Result | Assigned]


@dataclass(frozen=True)
class LayerContext:
    """One layer being lowered.

    Attributes:
        layer: the NeuralNetworkLayer message.
        kind: the layer type's name in the `layer` oneof.
        location: where diagnostics point.
        inputs: its input blobs, f32.
        scope: the block that the layer is in, and its blobs.
        run: lowers nested layers in a scope; see `Walker.run`.
        declaration: of the weights of layers of its type.
    """

    layer: Any
    kind: str
    location: InModel
    inputs: tuple[Value, ...]
    scope: Scope
    run: Run
    declaration: Declaration

    @property
    def rank5(self) -> bool:
        """Whether the network uses the rank-5 mapping."""
        return self.scope.walk.rank5

    @property
    def input(self) -> Value:
        """The only input, or the first."""
        self.require(bool(self.inputs), "has no input")
        return self.inputs[0]

    def require(self, condition: bool, message: str, remedy: str = "") -> None:
        """Raise a diagnostic that names this layer unless the condition holds."""
        if not condition:
            raise self.error(message, remedy)

    def error(self, message: str, remedy: str = "") -> CompileError:
        return CompileError(
            Diagnostic(
                f"{self.kind} layer {message}",
                kind="malformed",
                location=self.location,
                subject=self.kind,
                remedy=remedy,
            )
        )

    def unsupported(self, message: str, remedy: str = "") -> CompileError:
        return CompileError(
            Diagnostic(
                f"{self.kind} layer {message}",
                kind="unsupported",
                location=self.location,
                subject=self.kind,
                remedy=remedy,
            )
        )

    def expect_inputs(self, *counts: int) -> None:
        """Raise a diagnostic unless the layer has one of these numbers of inputs."""
        allowed = " or ".join(map(str, counts))
        self.require(
            len(self.inputs) in counts, f"has {len(self.inputs)} inputs, expected {allowed}"
        )

    # -- parameters ----------------------------------------------------------------------------

    @functools.cached_property
    def declared(self) -> Weights:
        """The layer's weights, as its family declares them."""
        return self.declaration(getattr(self.layer, self.kind))

    def sizes(self, path: str) -> tuple[int, ...]:
        """The declared shape of a weight."""
        return tuple(self.declared[path].values())

    def is_empty(self, path: str) -> bool:
        """Whether the layer's message has no values for a declared weight."""
        return is_empty(params_at(getattr(self.layer, self.kind), path))

    def weight(self, path: str, role: str = "") -> Value:
        """A declared weight as a constant, named after the layer and its role.

        Args:
            path: where it is in the layer's message.
            role: what the IR calls it; the path by default.
        """
        resource = self.weight_data(path, role)
        return constant(resource, resource.name)

    def weight_data(self, path: str, role: str = "") -> Resource:
        """The data of a declared weight; see `weight`."""
        params, along = params_at(getattr(self.layer, self.kind), path), self.declared[path]
        name, origin = self.name_of(role or path), self.origin_of(path)
        return self._data(params, self.sizes(path), name, origin, output_axis(along))

    def weight_of(self, params: Any, path: str, sizes: Iterable[int], role: str = "") -> Value:
        """A weight whose shape only its use tells, as a constant.

        Args:
            params: its message.
            path: where that is in the layer's message.
            sizes: its shape.
            role: what the IR calls it; the path by default.
        """
        name, origin = self.name_of(role or path), self.origin_of(path)
        resource = self._data(params, tuple(sizes), name, origin, 0)
        return constant(resource, resource.name)

    def _data(
        self, params: Any, sizes: tuple[int, ...], name: str, origin: Origin, along: int
    ) -> Resource:
        try:
            return weight_resource(params, sizes, name, output_axis=along, origin=origin)
        except CompileError as error:
            raise CompileError(
                Diagnostic(d.message, d.kind, self.location, subject=self.kind, remedy=d.remedy)
                for d in error.diagnostics
            ) from None

    def origin_of(self, path: str) -> Origin:
        """Which weight of the model the one at this path in the layer's message is."""
        return self.scope.walk.origin.then(self.location.kind, self.location.index, path)

    def name_of(self, role: str) -> str:
        """The name of one of the layer's weights."""
        return f"{self.layer.name}.{role}" if self.layer.name else role

    def bias(self, present: bool, path: str = "bias") -> Value | None:
        """An optional bias vector, a declared weight."""
        if not present:
            return None
        self.require(not self.is_empty(path), "declares a bias but has none")
        return self.weight(path, "bias")

    def number(self, value: float, default: float | None = None) -> float:
        """A float32 parameter as the shortest decimal that rounds to it; 0 may mean a default."""
        if default is not None and value == 0:
            return default
        return float(str(np.float32(value)))

    @property
    def limits(self) -> Mapping[str, Interval]:
        """Between which sizes the open dimensions of inputs are, by symbol."""
        return self.scope.walk.limits

    # -- shapes --------------------------------------------------------------------------------

    def reads_image(self) -> bool:
        """Whether the first input is one of the network's images, [batch, C, H, W] or more."""
        return bool(self.layer.input) and self.layer.input[0] in self.scope.walk.images

    def rank_at_least(self, value: Value, rank: int) -> Value:
        self.require(
            value.type.rank >= rank, f"needs an input of rank {rank} or more, got {value.type}"
        )
        return value

    def sequence_input(self, index: int = 0) -> Value:
        """An input with its five dimensions [sequence, batch, channel, height, width]."""
        value = self.inputs[index]
        if self.rank5 and value.type.rank == 4:
            return shape.ExpandDims(value, (0,)).result
        self.require(value.type.rank == 5, f"needs an input of rank 5, got {value.type}")
        return value

    def without_unit_sequence(self, value: Value) -> Value:
        """In rank-5 networks, the value without a sequence dimension of 1."""
        if self.rank5 and value.type.rank == 5 and value.type.shape[0] == 1:
            return shape.Squeeze(value, (0,)).result
        return value

    def declared_dims(self, extents: Value, known: tuple[Dim, ...] | None) -> tuple[Dim, ...]:
        """The dims of a shape computed at run time: known numbers, and symbols of this layer."""
        (count,) = extents.type.shape
        self.require(isinstance(count, int), "takes a shape of unknown length")
        assert isinstance(count, int)
        dims = known or (None,) * count
        return tuple(
            self.fresh_symbol(axis) if dim is None or (isinstance(dim, int) and dim < 0) else dim
            for axis, dim in enumerate(dims)
        )

    def fresh_symbol(self, axis: int) -> Dim:
        """A dimension of the result that is known only at run time, with a unique symbol."""
        # The index is unique; the name is for people.
        name = SYMBOL.nearest(self.layer.name)
        return symbol(f"d{self.scope.tag}{self.location.index or 0}_{name}_{axis}")

    def as_images(self, value: Value) -> tuple[Value, Callable[[Value], Value]]:
        """(the value as [batch, C, H, W], a function that restores its leading dimensions).

        Leading dimensions are all treated as batch, as Core ML's spatial layers do.
        """
        self.rank_at_least(value, 3)
        lead = value.type.shape[:-3]
        if len(lead) == 1:
            return value, lambda result: result
        if not lead:  # without a reshape, so any dimension may be open
            images = shape.ExpandDims(value, (0,)).result
            return images, lambda result: shape.Squeeze(result, (0,)).result
        batch = product(lead)
        images = shape.Reshape(value, (batch, *value.type.shape[-3:])).result

        def restore(result: Value) -> Value:
            return shape.Reshape(result, (*lead, *result.type.shape[-3:])).result

        return images, restore


def flatten_tail(value: Value, count: int) -> Value:
    """Merge the last `count` dimensions into one (a squeeze when all but the first are 1)."""
    dims = value.type.shape
    if all(dim == 1 for dim in dims[len(dims) - count + 1 :]):
        axes = tuple(range(len(dims) - count + 1, len(dims)))
        return shape.Squeeze(value, axes).result if axes else value
    merged: Dim = product(dims[len(dims) - count :])
    return shape.Reshape(value, (*dims[: len(dims) - count], merged)).result


def append_units(value: Value, count: int) -> Value:
    """Append `count` dimensions of 1."""
    rank = value.type.rank
    return shape.ExpandDims(value, tuple(range(rank, rank + count))).result


def floats(value: Value) -> Value:
    """Convert back to f32, the dtype of blobs."""
    return cast(value, DType.F32)


def truth(value: Value) -> Value:
    """A blob as booleans; everything except 0 is true."""
    return cast(value, DType.BOOL)


def known_dim(value: Value) -> Dim | None:
    """The whole number in a blob of one element; None if it is known only at run time."""
    known = known_dims(value)
    return known[0] if known and len(known) == 1 else None


def extent_of(cx: LayerContext, count: Value) -> Dim:
    """The dimension for a computed number: the number if it is known, else a new symbol."""
    known = known_dim(count)
    return cx.fresh_symbol(0) if known is None else known


def scalar_of(cx: LayerContext, value: Value) -> Value:
    """A blob of one element, of any rank, as a scalar."""
    cx.require(product(value.type.shape) == 1, f"takes a number of type {value.type}")
    if value.type.rank == 0:
        return value
    return shape.Squeeze(value, tuple(range(value.type.rank))).result


class LayerRules(Rules[str, LayerRule]):
    """One family's rules, by layer type.

    Use as a decorator: `@rules("scale", weights=…)`; layers without weights declare none.
    """

    def __init__(self, family: str) -> None:
        super().__init__(family)
        self.declarations: dict[str, Declaration] = {}

    def __call__(
        self, *names: str, weights: Declaration | None = None
    ) -> Callable[[LayerRule], LayerRule]:
        def register(rule: LayerRule) -> LayerRule:
            for name in names:
                self.add(name, rule)
                if weights is not None:
                    self.declarations[name] = weights
            return rule

        return register


def pair(values: Iterable[int], default: int) -> tuple[int, int]:
    """A repeated [H, W] field; both entries are `default` if it is empty."""
    found = tuple(int(v) for v in values)
    return (found[0], found[1]) if len(found) == 2 else (default, default)


def size_of(sizes: Iterable[int]) -> int:
    """Number of elements."""
    return math.prod(sizes)
