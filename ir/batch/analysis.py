"""The proof that a function treats the entries of a batch independently, op by op."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..diagnostics import CompileError, Diagnostic
from ..dims import Expr
from ..ssa import Block, Function, Op, Region, Value, walk
from .place import Place
from .rule import Given, Places, RefusalError, Taken

REMEDY = "leave out the option for a dynamic batch, and run examples one by one"


@dataclass
class Batched:
    """What a batch of N entries does to a function.

    Attributes:
        size: N.
        places: where values have the batch; the others are the same for all entries.
        taken: what each op that something of the batch reaches makes of it.
    """

    size: Expr
    places: dict[Value, Place]
    taken: dict[Op, Taken] = field(default_factory=dict[Op, Taken])

    def of(self, values: Sequence[Value]) -> Places:
        """Where values have the batch."""
        return tuple(self.places.get(value) for value in values)


def batched(function: Function, places: Mapping[Value, Place], size: Expr) -> Batched:
    """What becomes of a function whose arguments have a batch.

    Args:
        function: a function on one entry.
        places: where arguments have the batch; the others are the same for all entries.
        size: the extent of the batch.

    Raises:
        BatchError: an op mixes entries, or can't take a batch.
    """
    found = Batched(size, dict(places))
    _block(function.block, found)
    return found


class BatchError(CompileError):
    """A batch is not possible because of an op."""

    def __init__(self, op: Op, reason: str) -> None:
        self.op = op
        super().__init__(
            Diagnostic(
                f"a dynamic batch is not possible: '{op.name}' {reason}",
                kind="unsupported",
                location=op.location,
                subject=op.name,
                remedy=REMEDY,
            )
        )


def _block(block: Block, found: Batched) -> Places:
    """Ask all ops; where what the block ends with has the batch."""
    for op in block:
        if op.is_terminator:
            return found.of(op.operands)
        found.taken.pop(op, None)  # of an earlier round through a loop
        for value in op.results:
            found.places.pop(value, None)
        if op.effects() or any(value in found.places for value in _used(op)):
            _op(op, found)
    return ()


def _used(op: Op) -> Iterator[Value]:
    """What the op takes, and what its regions see of the values around them."""
    yield from op.operands
    for body in op.all_regions():
        for inner in walk(body):
            yield from inner.operands


def _op(op: Op, found: Batched) -> None:
    def inside(body: Region, places: Sequence[Place | None]) -> Places:
        for value, place in zip(body.block.arguments, places, strict=True):
            found.places.pop(value, None)
            if place is not None:
                found.places[value] = place
        return _block(body.block, found)

    try:
        taken = op.batch(Given(found.of(op.operands), found.size, inside))
    except RefusalError as error:
        raise BatchError(op, str(error)) from None
    found.taken[op] = taken
    for value, place in zip(op.results, taken.results, strict=True):
        if place is not None:
            found.places[value] = place
