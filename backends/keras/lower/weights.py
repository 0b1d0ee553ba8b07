"""Constants as weights of layers: views, never copies."""

from collections.abc import Hashable

from ....ir.dialects.builtin import Constant
from ....ir.ssa import Value
from ....ir.weights.resources import Origin
from ....passes.constant_fold import view
from ...refusals import require


def is_weight(value: Value) -> bool:
    """Whether a layer can hold the value."""
    return isinstance(value.op, Constant)


def require_weights(*values: Value | None) -> None:
    """Refuse values that a layer can't hold.

    Raises:
        RefusedError: one of the values is computed.
    """
    fits = all(value is None or is_weight(value) for value in values)
    require(fits, "a Keras layer can't have computed weights")


def origin_of(value: Value, *how: Hashable) -> Origin | None:
    """The origin of what is made of a weight in this way; None for numbers that are none."""
    return value.op.value.derived(*how) if isinstance(value.op, Constant) else None


def reshaped(value: Value, sizes: tuple[int, ...]) -> Value:
    """The same numbers in another shape."""
    return permuted(value, tuple(range(value.type.rank)), sizes)


def permuted(value: Value, perm: tuple[int, ...], sizes: tuple[int, ...] | None = None) -> Value:
    """The numbers transposed, then in another shape."""
    assert isinstance(value.op, Constant)
    moved = tuple(value.type.static_shape[axis] for axis in perm)
    return view(value.op.value, perm, moved if sizes is None else sizes)
