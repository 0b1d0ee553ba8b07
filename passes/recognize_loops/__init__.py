"""Raises loops that are recurrent networks, as exporters write them, to the op that they are."""

from dataclasses import dataclass

import numpy as np

from ...ir.dialects.builtin import Constant, constant
from ...ir.dialects.core import control, linear
from ...ir.dialects.core.shape import Concat, Reverse
from ...ir.ssa import Module, Value
from ..canonicalize.recurrent import last_of_sequence
from ..canonicalize.shape import reshape_to, slice_of_concat
from ..manager import Instrumentation, PatternPass
from ..patterns import Rewrite, no, pattern
from .cells import Cell, cell_of
from .scan import FIRST, SECOND, Carried, Scan, first_of, scan_of


@pattern(control.WhileLoop)
def recurrent_by_loop(op: control.WhileLoop) -> Rewrite:
    """while(step of a recurrent network) → lstm(x), gru(x) or rnn(x)."""
    scan = scan_of(op)
    if not isinstance(scan, Scan):
        return scan
    cell = cell_of(scan)
    if cell is None:
        return no("its step is not a recurrent network's")
    layers = (inner for inner in op.body.block if isinstance(inner, linear.Linear))
    if any(_is_compressed(layer.weight) for layer in layers):
        return no("the weights stay compressed")
    found = [_result(scan, cell, number) for number in range(len(op.results))]
    results = [value for value in found if value is not None]
    if len(results) != len(found):
        return no("what it carries besides states is used after it")
    return tuple(results)


def _is_compressed(value: Value) -> bool:
    return isinstance(value.op, Constant) and value.op.value.compressed


def _result(scan: Scan, cell: Cell, number: int) -> Value | None:
    """What a loop value is after the last step; anything, if nobody reads it."""
    result, initial = scan.op.results[number], scan.op.initial[number]
    if not result.users:
        return initial
    if number in scan.counters:
        steps, kind = scan.steps, result.type
        fits = isinstance(steps, int)
        return constant(np.full(kind.static_shape, steps, kind.dtype.numpy)) if fits else None
    carried = scan.carried[number]
    found = _after(scan, cell, carried)
    if found is None:
        return None
    if carried.written == SECOND:
        first = first_of(initial)
        rest = reshape_to(found, (found.type.shape[0], *first.type.shape[1:]))
        return rest and Concat((first, rest), 0).result
    return reshape_to(found, result.type.shape)


def _is_one_value(scan: Scan, state: Value) -> bool:
    """Whether what is carried of a state is the same after the loop, even if it takes no step."""
    initial = {
        carried.initial
        for carried in scan.carried.values()
        if carried.after is state and carried.written in (None, SECOND)
    }
    return isinstance(scan.steps, int) or len(initial) == 1


def _after(scan: Scan, cell: Cell, carried: Carried) -> Value | None:
    """The last state, or all of them in the order in which they are written."""
    sequence, *states = cell.op.results
    if carried.written is None:
        ends = dict(zip((cell.hidden, cell.memory), states, strict=False))
        return ends.get(carried.after) if _is_one_value(scan, carried.after) else None
    if carried.after is not cell.hidden:
        return None
    forward = carried.written in (FIRST, SECOND)
    return sequence if forward else Reverse(sequence, (0,)).result


@dataclass(frozen=True)
class RecognizeLoops(PatternPass):
    """Replace loops that are recurrent networks over a sequence by `nn.gru`, `nn.lstm`, `nn.rnn`.

    A loop is replaced if it provably counts from 0 to the length of what it reads, entry by entry,
    from the first or from the last one, carries the states, and collects hidden states in lists.
    """

    name = "recognize-loops"
    patterns = (recurrent_by_loop, slice_of_concat, last_of_sequence)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        """Modules without loops stay as they are: patterns would fold what is around, too."""
        if not any(isinstance(op, control.WhileLoop) for op in module.walk()):
            return False
        return super().apply(module, instrumentation)
