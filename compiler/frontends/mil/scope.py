"""Blocks of a program being filled, and what names stand for in them.

MIL is in SSA form: each name has one value. Blocks of control flow can use the names around them.
States are the exception: the name of a state means the value written last. So writing has no side
effect in the IR; the new value of a state that a block writes is an additional result of the block.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....ir.diagnostics import Diagnostic
from ....ir.dialects.builtin import Yield, constant
from ....ir.dims import Interval
from ....ir.interface import Labels
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Value
from ....ir.types import DType, Tensor
from ....ir.weights.encodings import Cast, EncodedResource
from ....ir.weights.resources import ArrayResource, Origin, Resource, content_digest
from ...source.blob import BlobResource
from ...source.weight_files import WeightFiles
from .constants import about, immediate_array, is_blob, open_extent, tensor_type

Names = dict[str, Value | None]  # None: the operation that makes it failed


@dataclass
class Walk:
    """The state that all scopes of one import share.

    Attributes:
        opset: the opset of the function.
        weights: the source of constants in files.
        singles: float16 is computed in float32.
        problems: what is wrong with operations, in order.
        scopes: how many blocks were begun; tells their symbols apart.
        misnamed: those of the problems that are names given twice.
        labels: of the classes, if the program is a classifier.
        has_open_lists: extents of elements of a list were taken for 1.
        program: what weights are known by that the program's functions have in common.
        written: how often numbers were written so far, by their hash.
        limits: between which sizes the open dimensions of inputs are, by symbol.
    """

    opset: int
    weights: WeightFiles
    singles: bool
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    misnamed: list[Diagnostic] = field(default_factory=list[Diagnostic])
    scopes: int = 0
    labels: Labels = ()
    has_open_lists: bool = False
    program: Origin = field(default_factory=Origin)
    written: Counter[str] = field(default_factory=Counter[str])
    limits: Mapping[str, Interval] = field(default_factory=dict[str, Interval])


@dataclass
class Scope:
    """One block being filled.

    Attributes:
        walk: the state that all scopes share.
        block: the block that ops are added to.
        names: the values of names; for the name of a state, its current value.
        states: the names of the function's states.
        tag: distinguishes the symbols of this block's operations from those of others.
        own: the names of the block's arguments and operations, which may shadow names around it.
    """

    walk: Walk
    block: Block
    names: Names
    states: frozenset[str] = frozenset()
    tag: str = ""
    own: set[str] = field(default_factory=set[str])

    def nested(self, names: Iterable[str], types: Iterable[Tensor]) -> "Scope":
        """A nested scope, whose block has arguments of these names."""
        self.walk.scopes += 1
        names = list(names)
        block = Block(types, names)
        inner = {**self.names, **dict(zip(names, block.arguments, strict=True))}
        tag = f"{self.walk.scopes}_"
        return replace(self, block=block, names=inner, tag=tag, own=set(names))

    def alongside(self) -> "Scope":
        """A scope of names of its own, whose ops are added to this block."""
        self.walk.scopes += 1
        return replace(self, names=dict(self.names), tag=f"{self.walk.scopes}_", own=set())

    def put(self, value: Value, location: InModel) -> Value:
        """The value, after its ops have been added to this block."""
        adopt([value], self.block, location=location)
        return value

    def written_states(self, outer: "Scope") -> list[str]:
        """The states of the surrounding block that this block writes."""
        return sorted(name for name in self.states if self.names[name] is not outer.names[name])

    def finish(self, values: Iterable[Value], location: InModel) -> None:
        """End the block, yielding the values."""
        values = tuple(self.put(value, location) for value in values)
        self.block.insert(Yield(values)).location = location

    # -- constants -----------------------------------------------------------------------------

    def constant(self, value: Any, name: str) -> Value:
        """A constant of the program, in the type that its elements are computed in."""
        if is_blob(value):
            return self._stored(value, name)
        with about(f"the constant '{name}'"):
            array = immediate_array(value)
        # Functions of a program are variants of one model, but their constants have other names:
        # the first with these numbers is the same weight in all of them, and so is the second.
        digest = content_digest(array)
        self.walk.written[digest] += 1
        origin = self.walk.program.then(digest, self.walk.written[digest])
        return constant(self._computed(ArrayResource(array, name, origin)), name)

    def _stored(self, value: Any, name: str) -> Value:
        with about(f"the constant '{name}'"):
            tensor_type(value.type, open_extent)
        tensor = value.type.tensorType
        resource = self.walk.weights.resource(value.blobFileValue, tensor, name)
        return constant(self._computed(resource), name)

    def _computed(self, resource: Resource) -> Resource:
        """The stored data as an encoding in the dtype that they are computed in."""
        if isinstance(resource, BlobResource):
            resource = resource.stored()
        if self.walk.singles and resource.type.dtype is DType.F16:
            return EncodedResource(Cast(resource, DType.F32), resource.name)
        return resource
