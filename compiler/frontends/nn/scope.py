"""Blocks of a network being filled, and the values of names in them.

Core ML's blobs are names that layers assign; names that nested networks assign are visible around
them. Control flow (`control`) opens scopes for nested networks, and joins the names they assign.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Yield
from ....ir.dialects.core import control, shape
from ....ir.dim_values import known_dims
from ....ir.dims import Interval
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Region, Value
from ....ir.types import Tensor
from ....ir.weights.resources import Origin
from ..branches import asserted_other, side_that_fails
from ..rules import Assigned
from .nested import BREAK, STOP, assigned

ValuesByBlob = dict[str, Value | None]  # None: the layer that makes it failed

# Lowers layers in a scope; the text is the prefix of their locations.
Run: TypeAlias = Callable[["Scope", Sequence[Any], str], None]


@dataclass
class Walk:
    """The state that all scopes of one import share.

    Attributes:
        rank5: the network uses the rank-5 mapping.
        sequences: names of array inputs whose full shape may be given, for remedies.
        images: names of image inputs.
        limits: between which sizes the open dimensions of inputs are, by symbol.
        origin: what the layers' weights derive their origins from.
        problems: the problems of layers, in order.
        scopes: how many scopes were opened, to distinguish their symbols.
        layers: what layers with one output make, by the layers' names; None for a name of several.
    """

    rank5: bool
    sequences: Sequence[str] = ()
    images: Sequence[str] = ()
    limits: Mapping[str, Interval] = field(default_factory=dict[str, Interval])
    origin: Origin = field(default_factory=Origin)
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    scopes: int = 0
    layers: ValuesByBlob = field(default_factory=dict[str, Value | None])


@dataclass
class Scope:
    """One block being filled.

    Attributes:
        walk: the state that all scopes share.
        block: the block that ops are added to.
        blobs: the current values of names.
        live: names that are read after the layers of this scope.
        tag: distinguishes the symbols of this scope's layers from those of others.
        elsewhere: names that only one side of a branch assigned.
    """

    walk: Walk
    block: Block
    blobs: ValuesByBlob
    live: frozenset[str] = frozenset()
    tag: str = ""
    elsewhere: set[str] = field(default_factory=set[str])

    def nested(
        self, live: Iterable[str], names: Sequence[str] = (), types: Sequence[Tensor] = ()
    ) -> "Scope":
        """A nested scope, whose block has arguments for the names."""
        block = Block(types, (name.lstrip("\0") for name in names))
        blobs = {**self.blobs, **dict(zip(names, block.arguments, strict=True))}
        return replace(
            self, block=block, blobs=blobs, live=frozenset(live), elsewhere=set(self.elsewhere)
        )

    def put(self, value: Value, location: InModel) -> Value:
        """The value, after its ops have been added to this block."""
        adopt([value], self.block, location=location)
        return value

    def either(
        self,
        condition: Value,
        sides: Sequence[tuple[Sequence[Any], str]],
        location: InModel,
        run: Run,
    ) -> Assigned:
        """Run one of two lists of layers; names that only one of them assigns are dropped.

        A list that is certainly not run needn't fit: it is not looked at. Where that is not known,
        and one list doesn't fit, the other one runs, and the run stops if it was not to. It has to
        assign all that is read later.

        Args:
            condition: runs the first list if true.
            sides: the lists of layers, and the prefixes of their locations.
            location: the location of the op.
            run: lowers them.
        """
        written = assigned(layer for layers, _ in sides for layer in layers)
        chosen = known_dims(condition)
        if chosen is not None:
            run(self, *sides[0 if chosen[0] else 1])
            return {name: self.blobs[name] for name in written if name in self.blobs}
        live, problems = self.live | {STOP, BREAK}, self.walk.problems
        inner, found = [self.nested(live) for _ in sides], list[list[Diagnostic]]()
        for scope, (layers, kind) in zip(inner, sides, strict=True):
            known = len(problems)
            run(scope, layers, kind)
            found.append(problems[known:])
        unfit = side_that_fails(found)
        if unfit is not None and inner[1 - unfit].has(assigned(sides[unfit][0]), live):
            del problems[len(problems) - len(found[unfit]) :]
            run(self, *sides[1 - unfit])
            names = [name for name in written if name in self.blobs]
            return self._asserted(condition, names, unfit, found[unfit][0], location)
        names = [n for n in written if n in live and all(n in scope.blobs for scope in inner)]
        rows = {name: [scope.blobs[name] for scope in inner] for name in names}
        known = {n: [v for v in row if v is not None] for n, row in rows.items() if None not in row}
        ranks = [max(value.type.rank for value in row) for row in known.values()]
        for i, scope in enumerate(inner):
            row = (
                self.of_rank(row[i], rank) for row, rank in zip(known.values(), ranks, strict=True)
            )
            scope.finish(row, location)
        regions = [Region(scope.block) for scope in inner]
        op = control.cond(condition, *regions, symbol=f"d{self.tag}{location.index}_either")
        return {**dict.fromkeys(names), **dict(zip(known, op.results, strict=True))}

    def has(self, names: Iterable[str], live: frozenset[str]) -> bool:
        """Whether there are values of those of the names that are live."""
        return all(name in self.blobs for name in names if name in live)

    def _asserted(
        self,
        condition: Value,
        names: Sequence[str],
        unfit: int,
        problem: Diagnostic,
        location: InModel,
    ) -> Assigned:
        """The values of names, if the condition doesn't choose the side that doesn't fit."""
        values = {name: self.blobs[name] for name in names}
        known = {name: value for name, value in values.items() if value is not None}
        op = asserted_other(condition, tuple(known.values()), unfit, problem)
        adopt(op.operands, self.block, location=location)
        self.block.insert(op).location = location
        return {**values, **dict(zip(known, op.results, strict=True))}

    def of_rank(self, value: Value, rank: int) -> Value:
        """In rank-5 networks, a unit sequence may be left out on one path and not on the other."""
        out = value.type.with_shape((1,) * rank)
        missing = self.shows_sequence(value.type, out)
        return shape.ExpandDims(value, (0,)).result if missing else value

    def shows_sequence(self, a: Tensor, b: Tensor) -> bool:
        """Whether the second type has a sequence dimension that the first leaves out."""
        return self.walk.rank5 and (a.rank, b.rank) == (4, 5)

    def finish(self, values: Iterable[Value], location: InModel) -> None:
        """End the block, yielding the values."""
        values = tuple(self.put(value, location) for value in values)
        self.block.insert(Yield(values)).location = location

    def assign(self, names: Iterable[str], made: Assigned, location: InModel) -> None:
        """Assign the values that layers made to names; missing ones are made on only one path."""
        adopt([v for v in made.values() if v is not None], self.block, location=location)
        for name in names:
            if name not in made:
                self.blobs.pop(name, None)
                self.elsewhere.add(name)
        for name, value in made.items():
            if value is not None:
                value.name = value.name or name.lstrip("\0")
            self.blobs[name] = value
            self.elsewhere.discard(name)

    def made_by(self, layer: Any) -> None:
        """Note what a layer of one output has made, by the layer's name."""
        if layer.name and len(layer.output) == 1:
            known, value = self.walk.layers, self.blobs.get(layer.output[0])
            known[layer.name] = None if layer.name in known else value

    def blob(self, name: str, kind: str, location: InModel) -> Value | None:
        """The value of a name; None if the layer that makes it failed.

        Raises:
            CompileError: nothing makes it, or not on every path to here.
        """
        if name in self.blobs:
            return self.blobs[name]
        message = f"{kind} layer reads '{name}', which no earlier layer makes"
        if name in self.elsewhere:
            message = f"{kind} layer reads '{name}', which is made on only one path to it"
        raise CompileError(Diagnostic(message, "malformed", location, subject=kind))
