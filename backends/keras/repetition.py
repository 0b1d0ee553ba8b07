"""Repeated structure as functions: runs of steps that are the same code except for some numbers.

A candidate is a run of consecutive steps with one result that the rest needs, and one or two
inputs. Runs are compared exactly: their kinds and how they are wired. The run that saves most lines
becomes a block, its repetitions become calls, and the search continues in the remaining steps and
inside blocks, until nothing saves lines any more.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any

from ...ir.names import unique
from ...ir.ssa import Value
from ..names import VARIABLE
from .block_names import UPSAMPLING, block_name, instance_names, numbered, settle_names, suffixes_of
from .blocks import (
    Block,
    Run,
    body_of,
    columns_of,
    extents_of,
    function_of,
    input_names,
    is_residual,
)
from .definitions import DEFINITIONS
from .dialect import layers
from .signature import Column, Signature
from .steps import Body, Reference, Step

_LONGEST = 64  # steps of a block
_MOST_INPUTS = 4
_MOST_VARYING = 2  # inputs that aren't the same in all repetitions
_OVERHEAD = 5  # lines of a function around its body: def, docstring, return, two empty ones
_LEAST = 4  # lines that a function must save to be worth reading
_LEAST_INSIDE = 12  # lines that it must save to take a part out of another function
_LONG = 5  # lines of a call with weights, roughly
_FEW_PARAMETERS = 4  # with more, calls are hard to read
_MOST_PARAMETERS = 6


def outline(main: Body, inputs: Collection[str]) -> list[Block]:
    """Replace repetitions in `main` by calls of blocks; blocks come before those that call them.

    Args:
        main: the steps of the whole function.
        inputs: the names of its inputs, which no layer may have.
    """
    bodies, blocks = [main], list[Block]()
    labels = {value: step.label for step in main.steps for value in step.outputs if step.label}
    taken = {"build", "load", "main", *DEFINITIONS}
    while True:
        found = _best(bodies)
        if found is None:
            break
        for block in _called_only_in(found, bodies):
            found = _unfolded(found, block)
            blocks.remove(block)
            bodies.remove(block.body)
            taken.discard(block.name)
        block = _make_block(found, taken, main, labels)
        blocks.append(block)
        bodies.append(block.body)
    settle_names(main, blocks, inputs)
    return _callees_first(main, blocks)


def _called_only_in(runs: list[Run], bodies: Sequence[Body]) -> list[Block]:
    """The blocks that nothing would call but the function of these runs, at one place."""
    steps = (step for body in bodies for step in body.steps)
    calls = Counter(step.source for step in steps if isinstance(step.source, Block))
    inside = Counter(s.source for s in runs[0].steps if isinstance(s.source, Block))
    return [block for block, n in inside.items() if n == 1 and calls[block] == len(runs)]


def _unfolded(runs: list[Run], block: Block) -> list[Run]:
    """The runs with the steps that calls of the block stand for."""
    found: list[Run] = []
    moved: Counter[int] = Counter()
    for run in runs:
        steps, before = run.body.steps, moved[id(run.body)]
        start, stop = run.start + before, run.stop + before
        position = next(i for i in range(start, stop) if steps[i].source is block)
        inner = steps[position].stands_for
        steps[position : position + 1] = inner
        moved[id(run.body)] += len(inner) - 1
        found.append(Run(run.body, start, stop + len(inner) - 1))
    return found


def _callees_first(main: Body, blocks: list[Block]) -> list[Block]:
    order: list[Block] = []

    def visit(body: Body) -> None:
        for step in body.steps:
            if isinstance(step.source, Block) and step.source not in order:
                visit(step.source.body)
                order.append(step.source)

    visit(main)
    assert len(order) == len(blocks)
    return order


def _best(bodies: Sequence[Body]) -> list[Run] | None:
    """The repetitions that save most lines; None if none saves enough."""
    groups: dict[Hashable, list[Run]] = defaultdict(list)
    for body in bodies:
        for key, run in _runs(body):
            groups[key].append(run)
    best, most = None, _LEAST - 1.0
    for runs in sorted(groups.values(), key=_bound, reverse=True):
        if _bound(runs) <= most:
            break
        apart = _apart([run for run in runs if _exactly(run) == _exactly(runs[0])])
        saved = _saved(apart, bodies)
        if len(apart) > 1 and saved > most:
            best, most = apart, saved
    return best


def _bound(runs: list[Run]) -> float:
    """An upper bound of the lines that a group saves."""
    return 1.2 * ((len(runs) - 1) * _lines(runs[0]) - _OVERHEAD + 2)


def _lines(run: Run) -> int:
    """The rough length of a run's code: layers with weights take a line per argument."""
    return sum(_LONG if step.label and step.has_weights else 1 for step in run.steps)


def _saved(runs: list[Run], bodies: Sequence[Body]) -> float:
    """Lines that a function saves; names that fit and few parameters count too."""
    varying = len(_varying_inputs(runs))
    if varying > _MOST_VARYING or _is_periodic(runs[0]):
        return 0
    count, length = len(runs), _lines(runs[0])
    lines = (count - 1) * length - _OVERHEAD - count + 2
    parameters = len(Draft(runs, {}).signature.parameters)
    if parameters > _MOST_PARAMETERS:
        return 0
    lines -= 0.5 * count * max(0, parameters - _FEW_PARAMETERS)
    if suffixes_of(runs) is not None:
        lines *= 1.15
    first, last = runs[0].steps[0].source, runs[0].steps[-1].source
    if varying > 1 and not isinstance(first, UPSAMPLING):
        lines *= 0.7  # blocks of one input are easier to read
    if isinstance(last, UPSAMPLING):
        lines *= 0.5  # a decoder's next block begins there
    if any(run.body is not bodies[0] for run in runs) and lines < _LEAST_INSIDE:
        return 0
    begins = not isinstance(first, layers.BatchNormalization | layers.ReLU)
    return lines + 0.5 * begins


def _is_periodic(run: Run) -> bool:
    """Whether it is itself a repetition, of what is long enough to be a function."""
    kinds = [step.kind for step in run.steps]
    periods = (n for n in range(_LEAST, len(kinds) // 2 + 1) if len(kinds) % n == 0)
    return any(kinds == kinds[:n] * (len(kinds) // n) for n in periods)


def _varying_inputs(runs: list[Run]) -> list[tuple[Value, ...]]:
    """The inputs that aren't the same value in all runs."""
    rows = zip(*(body_of(run).inputs for run in runs), strict=True)
    return [row for row in rows if len(set(row)) > 1]


def _runs(body: Body) -> Iterator[tuple[Hashable, Run]]:
    """All candidates of a body, with a key that is equal for the same code."""
    last, steps = body.last_uses(), body.steps
    for start in range(len(steps)):
        known: dict[Value, Hashable] = {}
        outside: list[Value] = []
        called: set[Block] = set()
        needed_until, key = 0, 0
        for stop in range(start + 1, min(start + _LONGEST, len(steps)) + 1):
            step = steps[stop - 1]
            if isinstance(step.source, Block):
                # A stage of several blocks would hide them.
                if step.source in called or is_residual(step.source.body):
                    break
                called.add(step.source)
            wiring: list[Hashable] = []
            for value in step.inputs:
                if value not in known:
                    known[value] = ("outside", len(outside))
                    outside.append(value)
                wiring.append(known[value])
            if len(outside) > _MOST_INPUTS:
                break
            for number, value in enumerate(step.outputs):
                known[value] = (stop - start, number)
            # Hashes find candidates quickly; `_exactly` compares them.
            key = hash((key, step.kind, tuple(wiring)))
            if stop - start > 1 and needed_until < stop and len(step.outputs) == 1 and outside:
                yield (stop - start, key), Run(body, start, stop)
            needed_until = max(needed_until, *(last.get(value, -1) for value in step.outputs))


def _exactly(run: Run) -> Hashable:
    """The exact form of a run, which its hash is made from."""
    known: dict[Value, Hashable] = {}
    rows: list[Hashable] = []
    for position, step in enumerate(run.steps):
        for value in step.inputs:
            known.setdefault(value, ("outside", len(known)))
        rows.append((step.kind, tuple(known[value] for value in step.inputs)))
        known |= {value: (position, number) for number, value in enumerate(step.outputs)}
    return tuple(rows)


def _apart(runs: list[Run]) -> list[Run]:
    """Runs that don't overlap, from the first on."""
    found: list[Run] = []
    for run in runs:
        if not found or found[-1].body is not run.body or found[-1].stop <= run.start:
            found.append(run)
    return found


def _make_block(runs: list[Run], taken: set[str], main: Body, labels: Mapping[Value, str]) -> Block:
    """Make the function of these runs, which become calls of it."""
    name = unique(block_name(runs), taken, VARIABLE)
    taken.add(name)
    draft = Draft(runs, labels)
    body = draft.filled()
    block = Block(name, body, draft.signature.parameters, draft.names)
    instances = instance_names(runs, name, main)
    for run, instance, i in zip(runs, instances, range(len(runs)), strict=True):
        bound = body_of(run)
        slots = {p.name: p.values[i] for p in block.parameters}
        kind, stands_for = ("block", id(block)), tuple(run.steps)
        call = Step(kind, bound.inputs, bound.results, slots, instance, block, None, stands_for)
        run.body.steps[run.start : run.stop] = [call, *[_GONE] * (run.stop - run.start - 1)]
    for run in runs:
        run.body.steps[:] = [step for step in run.body.steps if step is not _GONE]
    return block


class Draft:
    """The function that runs would become.

    Attributes:
        body: its steps, as the first run has them.
        names: the variables of its inputs.
        signature: its parameters.
    """

    def __init__(self, runs: list[Run], labels: Mapping[Value, str]) -> None:
        """Draft the function.

        Args:
            runs: all of them.
            labels: the names of layers, by what they make, which may become names of inputs.
        """
        self.body = function_of(runs)
        self.names = input_names(self.body, labels)
        self._labels = suffixes_of(runs) or numbered(runs[0].steps)
        self._rows = [
            [Column(step, slot, label, values) for slot, values in row.items()]
            for step, label, row in zip(
                self.body.steps, self._labels, columns_of(runs), strict=True
            )
        ]
        self._extents = extents_of(runs)
        self.signature = self._sign()

    def _sign(self) -> Signature:
        """The signature; the input has a name of its own if something reads its sizes later."""
        columns = [column for row in self._rows for column in row]
        made = Signature(columns, self._extents, self.names)
        if self.names[0] == "x" and any(
            "x.shape" in _text(made.expression(column)) for row in self._rows[1:] for column in row
        ):
            self.names[0] = "inputs"  # by then, `x` may be what a step has made of it
            return Signature(columns, self._extents, self.names)
        return made

    def filled(self) -> Body:
        """The body with expressions in the place of what varies."""
        for step, label, row in zip(self.body.steps, self._labels, self._rows, strict=True):
            step.slots = {column.slot: self.signature.expression(column) for column in row}
            step.label = label
        return self.body


def _text(expression: Any) -> str:
    items = expression if isinstance(expression, tuple) else (expression,)
    return ", ".join(item.text for item in items if isinstance(item, Reference))


_GONE = Step((), (), (), {}, "", None)
