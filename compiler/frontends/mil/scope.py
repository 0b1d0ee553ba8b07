"""Blocks of a program being filled, and what names stand for in them.

MIL is in SSA form: names mean one thing each. Blocks of control flow see the names around them.
States are the exception: the name of one means what was written last. So writing has no effect in
the IR; what a block leaves of a state that it writes is one more of its results.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ....ir.diagnostics import Diagnostic
from ....ir.dialects.builtin import Yield, constant
from ....ir.interface import Labels
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Value
from ....ir.types import DType, Tensor
from ....ir.weights.encodings import Cast, EncodedResource
from ....ir.weights.resources import ArrayResource, Resource
from ...source.blob import BlobResource
from ...source.weight_files import WeightFiles
from .constants import about, immediate_array, is_blob, open_extent, tensor_type

Names = dict[str, Value | None]  # None: the operation that makes it failed


@dataclass
class Walk:
    """What all scopes of one import share.

    Attributes:
        opset: of the function.
        weights: for constants in files.
        singles: float16 is computed in float32.
        problems: what is wrong with operations, in order.
        scopes: how many blocks were begun; tells their symbols apart.
        labels: of the classes, if the program is a classifier.
        has_open_lists: extents of elements of a list were taken for 1.
    """

    opset: int
    weights: WeightFiles
    singles: bool
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    scopes: int = 0
    labels: Labels = ()
    has_open_lists: bool = False


@dataclass
class Scope:
    """One block being filled.

    Attributes:
        walk: what all scopes share.
        block: where ops go.
        names: what names stand for; a state's name, for what the state holds by now.
        states: the names of the function's states.
        tag: distinguishes the symbols of this block's operations from those of others.
        own: the names that the block's arguments and operations have; those around it may be
            the same.
    """

    walk: Walk
    block: Block
    names: Names
    states: frozenset[str] = frozenset()
    tag: str = ""
    own: set[str] = field(default_factory=set[str])

    def nested(self, names: Iterable[str], types: Iterable[Tensor]) -> "Scope":
        """A scope inside, whose block has arguments of these names."""
        self.walk.scopes += 1
        names = list(names)
        block = Block(types, names)
        inner = {**self.names, **dict(zip(names, block.arguments, strict=True))}
        tag = f"{self.walk.scopes}_"
        return replace(self, block=block, names=inner, tag=tag, own=set(names))

    def put(self, value: Value, location: InModel) -> Value:
        """The value, with all that it needs, in this block."""
        adopt([value], self.block, location=location)
        return value

    def written_states(self, outer: "Scope") -> list[str]:
        """The states that this block writes, seen from the block around it."""
        return sorted(name for name in self.states if self.names[name] is not outer.names[name])

    def finish(self, values: Iterable[Value], location: InModel) -> None:
        """Let the block yield the values."""
        values = tuple(self.put(value, location) for value in values)
        self.block.insert(Yield(values)).location = location

    # -- constants -----------------------------------------------------------------------------

    def constant(self, value: Any, name: str) -> Value:
        """A constant of the program, in the type that its elements are computed in."""
        if is_blob(value):
            return self._stored(value, name)
        with about(f"the constant '{name}'"):
            array = immediate_array(value)
        return constant(self._computed(ArrayResource(array, name)), name)

    def _stored(self, value: Any, name: str) -> Value:
        with about(f"the constant '{name}'"):
            tensor_type(value.type, open_extent)
        tensor = value.type.tensorType
        resource = self.walk.weights.resource(value.blobFileValue, tensor, name)
        return constant(self._computed(resource), name)

    def _computed(self, resource: Resource) -> Resource:
        """In the type that it is computed in, as an encoding of what is stored."""
        if isinstance(resource, BlobResource):
            resource = resource.stored()
        if self.walk.singles and resource.type.dtype is DType.F16:
            return EncodedResource(Cast(resource, DType.F32), resource.name)
        return resource
