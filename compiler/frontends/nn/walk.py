"""The walk over a network's layers: blobs by name in, ops in a block out.

Core ML's blobs are names that layers assign; names that nested networks assign are visible around
them. A `Scope` is one block being filled, with the values of names in it. Control flow (`control`)
opens scopes for nested networks, and joins the names that they assign.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import Yield
from ....ir.dialects.core import control, elementwise, shape
from ....ir.location import InModel
from ....ir.rewrite import adopt
from ....ir.ssa import Block, Region, Value
from ....ir.types import Tensor
from ..rules import Result
from .context import LayerContext, LayerRule
from .nested import BREAK, STOP, assigned, jumps, nested_networks, read

Blobs = dict[str, Value | None]  # None: the layer that makes it failed


@dataclass
class Walk:
    """The state that all scopes of one import share.

    Attributes:
        table: the rules by layer type.
        rank5: the network uses the rank-5 mapping.
        sequences: names of array inputs whose full shape may be given, for remedies.
        images: names of image inputs.
        problems: the problems of layers, in order.
        scopes: how many scopes were opened, to distinguish their symbols.
    """

    table: Mapping[str, LayerRule]
    rank5: bool
    sequences: Sequence[str] = ()
    images: Sequence[str] = ()
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    scopes: int = 0


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
    blobs: Blobs
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

    def run(self, layers: Sequence[Any], kind: str) -> None:
        """Lower layers in order; users of a blob whose layer failed are skipped.

        Layers after a branch that may leave the loop's body run conditionally.
        """
        tag = f"{self.walk.scopes}_" if self.walk.scopes else ""
        self.walk.scopes += 1
        live = _live_after(layers, self.live)
        for position, layer in enumerate(layers):
            location = InModel(kind, position, layer.name)
            scope = replace(self, live=live.get(position, self.live), tag=tag)
            self._assign(layer, self._lowered(layer, location, scope), location)
            if jumps(layer):
                stop, rest = self.blobs.get(STOP), layers[position + 1 :]
                if stop is not None and rest and layer.WhichOneof("layer") == "branch":
                    go_on = elementwise.LogicalNot(stop).result
                    made = scope.either(go_on, ((rest, kind), ((), "")), location)
                    self._assign_all(assigned(rest), made, location)
                return

    def either(
        self,
        condition: Value,
        sides: Sequence[tuple[Sequence[Any], str]],
        location: InModel,
    ) -> Mapping[str, Value | None]:
        """Run one of two lists of layers; names that only one of them assigns are dropped.

        Args:
            condition: runs the first list if true.
            sides: the lists of layers, and the prefixes of their locations.
            location: the location of the op.
        """
        live = self.live | {STOP, BREAK}
        inner = [self.nested(live) for _ in sides]
        for scope, (layers, kind) in zip(inner, sides, strict=True):
            scope.run(layers, kind)
        written = assigned(layer for layers, _ in sides for layer in layers)
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
        op = control.Cond(condition, *regions, symbol=f"d{self.tag}{location.index}_either")
        return {**dict.fromkeys(names), **dict(zip(known, op.results, strict=True))}

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

    def _lowered(self, layer: Any, location: InModel, scope: "Scope") -> Mapping[str, Value | None]:
        """The values that the layer assigns; all None if it, or one that it depends on, fails."""
        try:
            return self._layer(layer, location, scope)
        except CompileError as error:
            self.walk.problems += [
                d if isinstance(d.location, InModel) else self._located(d, location)
                for d in error.diagnostics
            ]
        return dict.fromkeys(assigned([layer]))

    def _assign(self, layer: Any, made: Mapping[str, Value | None], location: InModel) -> None:
        self._assign_all(assigned([layer]), made, location)

    def _assign_all(
        self, names: Iterable[str], made: Mapping[str, Value | None], location: InModel
    ) -> None:
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

    def _layer(self, layer: Any, location: InModel, scope: "Scope") -> Mapping[str, Value | None]:
        kind = layer.WhichOneof("layer")
        inputs: list[Value] = []
        for name in layer.input:
            value = self.blob(name, kind, location)
            if value is None:
                return dict.fromkeys(assigned([layer]))
            inputs.append(value)
        cx = LayerContext(layer, kind, location, tuple(inputs), self.walk.rank5, scope)
        result: Result = self.walk.table[kind](cx, getattr(layer, kind))
        if isinstance(result, Mapping):
            return result
        values = result if isinstance(result, tuple) else (result,)
        cx.require(
            len(values) == len(layer.output),
            f"names {len(layer.output)} outputs, but has {len(values)}",
        )
        for value in values:
            fits = all(not isinstance(dim, int) or dim < 2**31 for dim in value.type.shape)
            cx.require(fits, f"makes {value.type}, which is too large for any runtime")
        return dict(zip(layer.output, values, strict=True))

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

    def _located(self, problem: Diagnostic, location: InModel) -> Diagnostic:
        """Report an op's error as the layer's: its inputs' shapes don't fit its parameters."""
        remedy = ""
        if self.walk.rank5 and self.walk.sequences:
            names = ", ".join(self.walk.sequences)
            remedy = (
                f"if one of {names} is a sequence, give its full shape (--shape NAME=S,B,C,H,W)"
            )
        return replace(problem, location=location, kind="malformed", remedy=remedy)


def _live_after(layers: Sequence[Any], live: frozenset[str]) -> dict[int, frozenset[str]]:
    """For each layer with nested networks, by position: the names that are read after it."""
    found: dict[int, frozenset[str]] = {}
    if not any(nested_networks(layer) for layer in layers):
        return found
    wanted = set(live)
    for position in range(len(layers) - 1, -1, -1):
        if nested_networks(layers[position]):
            found[position] = frozenset(wanted)
        wanted |= read([layers[position]])
    return found
