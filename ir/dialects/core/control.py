"""Structured control flow: ops with regions."""

from collections.abc import Callable

from ...declare import operand, region
from ...ssa import Op, Region, Value
from ...types import BOOL, Array, Tensor, Type
from ..builtin import Yield, shapes_may_agree

Run = Callable[..., tuple[Array, ...]]


def yielded(body: Region) -> tuple[Type, ...]:
    """Types of the values that a region yields."""
    end = body.block.terminator
    return tuple(v.type for v in end.operands) if isinstance(end, Yield) else ()


class Cond(Op):
    """The results of `then` where the predicate is true, else those of `orelse`.

    Only the chosen region runs. Regions see the values around them.

    (C1) the predicate is a scalar.
    (C2) both regions yield the same number of values, of shapes that can be equal.
    """

    name = "ctl.cond"

    pred: Value = operand(BOOL)
    then: Region = region()
    orelse: Region = region()

    def infer(self) -> tuple[Type, ...]:
        self.require("C1", self.pred.type.rank == 0, f"predicate is {self.pred.type}")
        ours, theirs = yielded(self.then), yielded(self.orelse)
        self.require("C2", len(ours) == len(theirs), f"yields {len(ours)} and {len(theirs)} values")
        for a, b in zip(ours, theirs, strict=True):
            self.require("C2", shapes_may_agree(a, b), f"yields {a} and {b}")
        return ours

    def evaluate(self, pred: Array, then: Run, orelse: Run) -> tuple[Array, ...]:
        return then() if bool(pred) else orelse()


class WhileLoop(Op):
    """Runs `body` on the loop values as long as `condition` on them yields true.

    Both regions take the loop values as arguments; `condition` yields one scalar bool, `body` the
    next loop values. The results are the last ones.

    (C1) both regions have one argument for each initial value, of its type.
    (C2) the condition yields one scalar bool.
    (C3) the body yields values of the arguments' types.
    """

    name = "ctl.while_loop"

    initial: tuple[Value, ...] = operand()
    condition: Region = region()
    body: Region = region()

    def infer(self) -> tuple[Type, ...]:
        types = tuple(v.type for v in self.initial)
        for body in (self.condition, self.body):
            inside = tuple(v.type for v in body.block.arguments)
            fits = len(inside) == len(types) and all(map(shapes_may_agree, inside, types))
            self.require("C1", fits, f"a region takes {list(map(str, inside))}")
        test = yielded(self.condition)
        scalar = len(test) == 1 and test[0] == Tensor(next(iter(BOOL)), ())
        self.require("C2", scalar, f"the condition yields {list(map(str, test))}")
        following = yielded(self.body)
        fits = len(following) == len(types) and all(map(shapes_may_agree, following, types))
        self.require("C3", fits, f"the body yields {list(map(str, following))}")
        return tuple(v.type for v in self.body.block.arguments)

    def evaluate(self, initial: tuple[Array, ...], condition: Run, body: Run) -> tuple[Array, ...]:
        values = initial
        while bool(condition(*values)[0]):
            values = body(*values)
        return values


OPS = (Cond, WhileLoop)
