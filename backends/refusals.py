"""Why a target can't express an op, and what helps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..ir.diagnostics import Diagnostic
from ..ir.dims import symbols
from ..ir.location import fuse
from ..ir.ssa import Function, Op


def always(op: Op) -> bool:
    """Every op."""
    return True


def never(op: Op) -> bool:
    """No op."""
    return False


@dataclass(frozen=True)
class Refusal:
    """Why a target can't express an op.

    Attributes:
        reason: what users are told, after "… can't be expressed in …:".
        extents: whether open extents are the cause for this op, so that fixing them helps.
        remedy: what else helps this op; None, or an empty answer, if nothing does.
    """

    reason: str
    extents: Callable[[Any], bool] = never
    remedy: Callable[[Any], str] | None = None


class RefusedError(Exception):
    """A rule can't express its op; the driver of lowering knows which that is."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.reason)


def require(condition: bool, reason: str) -> None:
    """Refuse the op that is being lowered unless the condition holds.

    Raises:
        RefusedError: it doesn't.
    """
    if not condition:
        raise RefusedError(Refusal(reason))


def require_fixed(condition: bool, reason: str) -> None:
    """The same for a condition that holds as soon as the op's extents are numbers.

    Raises:
        RefusedError: it doesn't hold.
    """
    if not condition:
        raise RefusedError(Refusal(reason, extents=always))


class Refusals:
    """Collects what a target can't express: each reason once, with all the ops that it refuses."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._ops: dict[tuple[str, str], list[Op]] = {}

    def add(self, op: Op, refusal: Refusal, opened: Mapping[str, str]) -> None:
        """Note an op, before anything around it is lowered.

        Args:
            op: what can't be expressed.
            refusal: why.
            opened: see `openings`.
        """
        remedy = refusal.remedy(op) if refusal.remedy is not None else ""
        if not remedy and refusal.extents(op):
            remedy = _fixing(op, opened)
        self._ops.setdefault((refusal.reason, remedy), []).append(op)

    def diagnostics(self) -> Iterable[Diagnostic]:
        """One for each reason; its location has the places of all its ops."""
        for (reason, remedy), ops in self._ops.items():
            names = " and ".join(f"'{name}'" for name in dict.fromkeys(op.name for op in ops))
            yield Diagnostic(
                f"{names} can't be expressed in {self.target}: {reason}",
                kind="unsupported",
                location=fuse("lower", (op.location for op in ops)),
                subject=ops[0].name,
                remedy=remedy,
            )


_BATCH = "compile for a batch of one (--batch=static)"
_SHAPES = "compile the default shapes only (--fixed-shapes)"


def openings(function: Function) -> dict[str, str]:
    """What makes each open extent of a function's arguments a number, by its symbol."""
    found: dict[str, str] = {}
    for value, known in zip(function.arguments, function.inputs, strict=True):
        flexible = known.shape_ranges or known.enumerated_shapes
        elsewhere = _SHAPES if flexible else f"give '{value.name}' a shape of numbers"
        for axis, dim in enumerate(value.type.shape):
            remedy = _BATCH if axis == 0 and known.batch is not None else elsewhere
            found |= {name: remedy for name in symbols(dim) if name not in found}
    return found


def _fixing(op: Op, opened: Mapping[str, str]) -> str:
    """What makes the extents around an op numbers; empty if nothing does.

    An extent that an argument doesn't have is computed from those that arguments have.
    """
    values = (*op.operands, *op.results)
    names = {name for value in values for dim in value.type.shape for name in symbols(dim)}
    known = [name for name in opened if name in names]
    found = known if names <= opened.keys() else [*opened]
    return " and ".join(dict.fromkeys(opened[name] for name in found))
