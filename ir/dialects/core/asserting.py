"""Assertions about shapes, checked at run time."""

from collections.abc import Sequence

from ...batch.rule import Given, RefusalError, Taken
from ...declare import attr, operand
from ...failures import FailedCheckError
from ...ssa import Op, Value
from ...types import ANY, Array, Type

OPEN = -1


class AssertShape(Op):
    """x itself, whose shape is one of those allowed; any other stops the run.

    Each entry of `allowed` has the least and the greatest size of every dimension, flat; a
    greatest of -1 means no limit. `subject` is the name of x in messages. Core ML checks inputs of
    flexible shape against ranges and enumerations before it runs a model.

    (C1) there is an entry, and each has two numbers for every dimension of x.
    """

    name = "tensor.assert_shape"

    x: Value = operand(ANY)
    allowed: tuple[tuple[int, ...], ...] = attr()
    subject: str = attr(default="x")

    def infer(self) -> Type:
        rank = self.x.type.rank
        fits = bool(self.allowed) and all(len(entry) == 2 * rank for entry in self.allowed)
        self.require("C1", fits, f"allowed does not fit {self.x.type}")
        return self.x.type

    def evaluate(self, x: Array) -> Array:
        if not self.allows(x.shape):
            sizes = list(x.shape)
            raise FailedCheckError(f"{self.subject} has shape {sizes}, {self.expectation()}")
        return x

    def fold(self) -> Value | None:
        shape = self.x.type.shape
        known = tuple(dim for dim in shape if isinstance(dim, int))
        return self.x if len(known) == len(shape) and self.allows(known) else None

    def batch(self, given: Given) -> Taken:
        """As many entries as there are."""
        (place,) = given.places
        assert place is not None
        if place.own:
            axis = 2 * place.axis
            allowed = [(*entry[:axis], 0, OPEN, *entry[axis:]) for entry in self.allowed]
            return Taken((place,), changes={"allowed": tuple(allowed)})
        if not place.is_dimension(self.x.type.shape):
            raise RefusalError("limits a dimension that holds several positions of all entries")
        axis = 2 * place.axis
        fitting = [entry for entry in self.allowed if entry[axis] <= 1 and entry[axis + 1] != 0]
        allowed = [(*entry[:axis], 0, OPEN, *entry[axis + 2 :]) for entry in fitting]
        return Taken((place,), changes={"allowed": tuple(allowed)})

    def permute(
        self, perm: tuple[int, ...], operands: tuple[Value, ...]
    ) -> tuple[Op, tuple[int, ...]] | None:
        """Move the pairs of numbers with their dimensions."""
        moved: list[tuple[int, ...]] = []
        for entry in self.allowed:
            pairs = [(0, 0)] * len(perm)
            for axis, source in enumerate(perm):
                pairs[source] = (entry[2 * axis], entry[2 * axis + 1])
            moved.append(tuple(number for pair in pairs for number in pair))
        return AssertShape(operands[0], tuple(moved), self.subject), perm

    def allows(self, sizes: tuple[int, ...]) -> bool:
        """Whether the shape is allowed."""
        return any(
            all(
                low <= size and (high == OPEN or size <= high)
                for size, low, high in zip(sizes, entry[::2], entry[1::2], strict=True)
            )
            for entry in self.allowed
        )

    def expectation(self) -> str:
        """The allowed shapes, for messages: `expected [1..9, 3]`, or a list of such shapes."""
        return f"expected {shapes_text(self.allowed)}"


def shapes_text(allowed: Sequence[Sequence[int]]) -> str:
    """`[1..9, 3]`, or the first of several shapes; entries are those of `AssertShape.allowed`."""
    shown = [_text(entry) for entry in allowed]
    more = f" or {len(shown) - 6} others" if len(shown) > 6 else ""
    return f"one of {', '.join(shown[:6])}{more}" if len(shown) > 1 else shown[0]


def _text(entry: Sequence[int]) -> str:
    def extent(low: int, high: int) -> str:
        if low == high:
            return str(low)
        # A batch may have no entries, but nobody who asks what fits wants none.
        return f"{max(low, 1)}.." if high == OPEN else f"{low}..{high}"

    return f"[{', '.join(map(extent, entry[::2], entry[1::2]))}]"
