"""The walk over a network's layers: blobs by name in, ops in a block out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core import elementwise
from ....ir.location import InModel
from ....ir.ssa import Value
from ..rules import Assigned
from . import declared
from .context import LayerContext, LayerRule
from .declared import Declaration
from .nested import STOP, assigned, jumps, nested_networks, read
from .scope import Scope, Walk


@dataclass(frozen=True)
class Walker:
    """Lowers layers.

    Attributes:
        table: the rules by layer type.
        weights: the declarations of weights by layer type; layers without one have none.
    """

    table: Mapping[str, LayerRule]
    weights: Mapping[str, Declaration]

    def run(self, scope: Scope, layers: Sequence[Any], kind: str) -> None:
        """Lower layers in order; users of a blob whose layer failed are skipped.

        Layers after a branch that may leave the loop's body run conditionally.

        Args:
            scope: takes the ops.
            layers: their messages.
            kind: what locations call them.
        """
        tag = f"{scope.walk.scopes}_" if scope.walk.scopes else ""
        scope.walk.scopes += 1
        live = _live_after(layers, scope.live)
        for position, layer in enumerate(layers):
            location = InModel(kind, position, layer.name, layer.WhichOneof("layer") or "")
            here = replace(scope, live=live.get(position, scope.live), tag=tag)
            scope.assign(assigned([layer]), self._lowered(layer, location, here), location)
            scope.made_by(layer)
            if jumps(layer):
                stop, rest = scope.blobs.get(STOP), layers[position + 1 :]
                if stop is not None and rest and layer.WhichOneof("layer") == "branch":
                    go_on = elementwise.LogicalNot(stop).result
                    made = here.either(go_on, ((rest, kind), ((), "")), location, self.run)
                    scope.assign(assigned(rest), made, location)
                return

    def _lowered(self, layer: Any, location: InModel, scope: Scope) -> Assigned:
        """The values that the layer assigns; all None if it, or one that it depends on, fails."""
        try:
            return self._layer(layer, location, scope)
        except CompileError as error:
            scope.walk.problems += [
                d if isinstance(d.location, InModel) else _located(d, location, scope.walk)
                for d in error.diagnostics
            ]
        return dict.fromkeys(assigned([layer]))

    def _layer(self, layer: Any, location: InModel, scope: Scope) -> Assigned:
        kind = layer.WhichOneof("layer")
        inputs: list[Value] = []
        for name in layer.input:
            value = scope.blob(name, kind, location)
            if value is None:
                return dict.fromkeys(assigned([layer]))
            inputs.append(value)
        declaration = self.weights.get(kind, declared.none)
        cx = LayerContext(layer, kind, location, tuple(inputs), scope, self.run, declaration)
        result = self.table[kind](cx, getattr(layer, kind))
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


def _located(problem: Diagnostic, location: InModel, walk: Walk) -> Diagnostic:
    """Report an op's error as the layer's: its inputs' shapes don't fit its parameters."""
    remedy = ""
    if walk.rank5 and walk.sequences:
        names = ", ".join(walk.sequences)
        remedy = f"if one of {names} is a sequence, give its full shape (--shape NAME=S,B,C,H,W)"
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
