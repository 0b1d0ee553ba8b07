"""Structured control flow: ops with regions, and assertions."""

from collections.abc import Callable

from ...attributes import Symbols
from ...batch.place import Place
from ...batch.rule import Given, Inner, RefusalError, Taken
from ...declare import attr, operand, region
from ...dims import Dim, bare_symbol, differs, symbol, symbols
from ...failures import FailedCheckError
from ...ssa import Op, Region, Value
from ...types import BOOL, Array, Tensor, Type
from ..builtin import Yield, array_of, shapes_may_agree

Run = Callable[..., tuple[Array, ...]]


def yielded(body: Region) -> tuple[Type, ...]:
    """Types of the values that a region yields."""
    end = body.block.terminator
    return tuple(v.type for v in end.operands) if isinstance(end, Yield) else ()


class Cond(Op):
    """The results of `then` if the predicate is true, else those of `orelse`.

    Only the chosen region runs. Regions can use the values around them. Where the yielded shapes
    differ, axis a of result i is the symbol `<symbol>_<i>_<a>`, which is known only at run time.

    (C1) the predicate is a scalar.
    (C2) both regions yield the same number of values, of the same dtypes and ranks; without
    `symbol`, of shapes that can be equal.
    """

    name = "ctl.cond"

    pred: Value = operand(BOOL)
    then: Region = region()
    orelse: Region = region()
    symbol: Symbols = attr(default="")

    def infer(self) -> tuple[Type, ...]:
        self.require(
            "C1", self.pred.type.rank == 0, f"predicate is {self.pred.type}, expected a scalar"
        )
        ours, theirs = yielded(self.then), yielded(self.orelse)
        self.require(
            "C2", len(ours) == len(theirs), f"regions yield {len(ours)} and {len(theirs)} values"
        )
        return tuple(
            self._joined(i, a, b) for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
        )

    def _joined(self, index: int, a: Type, b: Type) -> Type:
        """The type of one result."""
        open_ended = bool(self.symbol) and a.dtype is b.dtype and a.rank == b.rank
        self.require("C2", open_ended or shapes_may_agree(a, b), f"regions yield {a} and {b}")
        if not self.symbol:
            return a
        return a.with_shape(
            x if x == y else symbol(f"{self.symbol}_{index}_{axis}")
            for axis, (x, y) in enumerate(zip(a.shape, b.shape, strict=True))
        )

    def evaluate(self, pred: Array, then: Run, orelse: Run) -> tuple[Array, ...]:
        return then() if bool(pred) else orelse()

    def batch(self, given: Given) -> Taken:
        """If one condition holds for all entries."""
        if given.places[0] is not None:
            raise RefusalError("chooses one branch for the whole batch")
        sides = given.inside(self.then, ()), given.inside(self.orelse, ())
        found = tuple(a or b for a, b in zip(*sides, strict=True))
        return Taken(found, regions=dict.fromkeys(("then", "orelse"), Inner((), found)))


def cond(pred: Value, then: Region, orelse: Region, symbol: str) -> Cond:
    """A condition with symbols for what its branches' shapes don't have in common.

    Args:
        pred: whether `then` runs.
        then: one branch.
        orelse: the other branch; it yields values of the same ranks.
        symbol: what new symbols begin with.
    """
    pairs = zip(yielded(then), yielded(orelse), strict=True)
    same = all(ours.shape == theirs.shape for ours, theirs in pairs)
    return Cond(pred, then, orelse, symbol="" if same else symbol)


class WhileLoop(Op):
    """Runs `body` on the loop values as long as `condition` on them yields true.

    Both regions take the loop values as arguments; `condition` yields one scalar bool, `body` the
    next loop values. The results are the last ones. A dimension that changes from step to step is a
    symbol of the loop alone: it stands alone in an argument's type, and in no initial value's type.

    (C1) both regions have one argument for each initial value, of its type, and of equal types.
    (C2) the condition yields one scalar bool.
    (C3) the body yields values of the arguments' types.
    """

    name = "ctl.while_loop"

    initial: tuple[Value, ...] = operand()
    condition: Region = region()
    body: Region = region()

    def infer(self) -> tuple[Type, ...]:
        types = tuple(v.type for v in self.initial)
        outside = {name for item in types for dim in item.shape for name in symbols(dim)}
        arguments = tuple(v.type for v in self.body.block.arguments)
        for body in (self.condition, self.body):
            inside = tuple(v.type for v in body.block.arguments)
            fits = inside == arguments and _may_become(types, inside, outside)
            message = f"a region takes {list(map(str, inside))}, not the initial values' types"
            self.require("C1", fits, message)
        test = yielded(self.condition)
        scalar = len(test) == 1 and test[0] == Tensor(next(iter(BOOL)), ())
        self.require(
            "C2", scalar, f"the condition yields {list(map(str, test))}, not one scalar bool"
        )
        following = yielded(self.body)
        fits = _may_become(following, arguments, outside)
        message = f"the body yields {list(map(str, following))}, not the arguments' types"
        self.require("C3", fits, message)
        return arguments

    def evaluate(self, initial: tuple[Array, ...], condition: Run, body: Run) -> tuple[Array, ...]:
        values = initial
        while bool(condition(*values)[0]):
            values = body(*values)
        return values

    def batch(self, given: Given) -> Taken:
        """If all entries run equally often. What the body mixes into a value stays in it."""
        found: list[Place | None] = list(given.places)
        known = -1
        while sum(place is not None for place in found) > known:
            known = sum(place is not None for place in found)
            if any(given.inside(self.condition, found)):
                raise RefusalError("runs equally often for the whole batch")
            following = given.inside(self.body, found)
            found = [place or new for place, new in zip(found, following, strict=True)]
        places = tuple(found)
        regions = {"condition": Inner(places, (None,)), "body": Inner(places, places)}
        return Taken(places, places, regions=regions)


class Assert(Op):
    """The values themselves, if all of the condition is true; else the run stops with the message.

    It stands for a branch that can't run, which fails by itself, so that what follows is the other
    one; or for what a model refuses.

    Example:
        %y = ctl.assert(%condition, [%x]) {message = "x is not sorted"} : f32[3]
    """

    name = "ctl.assert"

    condition: Value = operand(BOOL)
    values: tuple[Value, ...] = operand()
    message: str = attr()

    def infer(self) -> tuple[Type, ...]:
        return tuple(value.type for value in self.values)

    def evaluate(self, condition: Array, values: tuple[Array, ...]) -> tuple[Array, ...]:
        if not condition.all():
            raise FailedCheckError(self.message)
        return values

    def effects(self) -> bool:
        """Unless it certainly holds."""
        return not self.holds

    @property
    def holds(self) -> bool:
        """Whether the condition is the constant true."""
        known = array_of(self.condition)
        return known is not None and bool(known.all())

    def batch(self, given: Given) -> Taken:
        """The run stops if the condition is false for an entry."""
        return Taken(given.places[1:])


def _may_become(given: tuple[Type, ...], expected: tuple[Type, ...], outside: set[str]) -> bool:
    """Whether values can be loop values of these types; `outside` are symbols that don't change."""

    def fits(dim: Dim, wanted: Dim) -> bool:
        changes = bare_symbol(wanted) not in {None, *outside}
        return changes or not differs(dim, wanted)

    return len(given) == len(expected) and all(
        a.dtype is b.dtype and a.rank == b.rank and all(map(fits, a.shape, b.shape))
        for a, b in zip(given, expected, strict=True)
    )


OPS = (Cond, WhileLoop, Assert)
