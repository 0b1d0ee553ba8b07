"""Slices, and positions that are taken in order."""

import numpy as np

from ....ir.dialects.builtin import array_of
from ....ir.dims import is_static
from ....ir.rewrite import replace
from ....ir.ssa import Value
from ....passes.patterns import Rewrite, no, pattern
from ..dialect import layers, ops
from .views import sliced


@pattern(ops.Take)
def rotated(op: ops.Take) -> Rewrite:
    """take(x, [3, 4, …, 0, 1, 2]) → roll(x, -3)."""
    positions, extent = array_of(op.indices), op.x.type.shape[op.axis]
    if positions is None or positions.ndim != 1 or not isinstance(extent, int):
        return None
    if positions.size != extent:
        return None
    first = int(positions[0]) % extent
    if not first or not (positions % extent == (np.arange(extent) + first) % extent).all():
        return None
    return _rolled(op.x, first, op.axis)


@pattern(layers.Concatenate, ops.Concatenate)
def rotated_by_slices(op: layers.Concatenate | ops.Concatenate) -> Rewrite:
    """concat(x[3:], x[:3]) → roll(x, -3)."""
    parts = op.inputs if isinstance(op, layers.Concatenate) else op.xs
    match [part.op for part in parts]:
        case [ops.Getitem(x, last), ops.Getitem(same, first)] if x is same:
            pass
        case _:
            return None
    axis = op.axis % x.type.rank
    extent = x.type.shape[axis]
    if x.type != op.result.type or not isinstance(extent, int):
        return None
    shape = [dim if isinstance(dim, int) else 1 for dim in x.type.shape]
    cut = sliced(last, shape)[axis][0]
    whole = [(0, size, 1) for size in shape]
    for key, part in ((last, (cut, extent, 1)), (first, (0, cut, 1))):
        whole[axis] = part
        if sliced(key, shape) != whole:
            return no("the parts are not the end and the beginning")
    return _rolled(x, cut, axis)


def _rolled(x: Value, first: int, axis: int) -> Value:
    """With the element `first` in front."""
    extent = x.type.shape[axis]
    assert isinstance(extent, int)
    shift = -first if 2 * first <= extent else extent - first
    return ops.Roll(x, (shift,), (axis,), result_types=x.type).result


@pattern(ops.Roll)
def rolled_between_parts(op: ops.Roll) -> Rewrite:
    """roll(concat(a, b, c), …) → concat(b, c, a), where the cut is between two of them."""
    match op.x.op:
        case layers.Concatenate(parts, axis) as joined:
            pass
        case _:
            return None
    along = axis % op.x.type.rank
    if op.axis != (along,):
        return None
    extent = op.x.type.shape[along]
    sizes = [size for part in parts if isinstance(size := part.type.shape[along], int)]
    if not isinstance(extent, int) or len(sizes) != len(parts):
        return None
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    first = -op.shift[0] % extent
    if first not in starts:
        return no("the cut is inside of a part")
    if not op.x.has_one_use:
        return no("what is joined has another user")
    place = starts.index(first)
    return replace(joined, inputs=(*parts[place:], *parts[:place])).result


@pattern(ops.Roll)
def rolled_twice(op: ops.Roll) -> Rewrite:
    """roll(roll(x)) → one roll along both dimensions."""
    match op.x.op:
        case ops.Roll(x, shift, axis) if not set(axis) & set(op.axis):
            if not op.x.has_one_use:
                return no("the first roll has another user")
            both = (*shift, *op.shift), (*axis, *op.axis)
            return ops.Roll(x, *both, result_types=op.result.type).result
        case _:
            return None


@pattern(ops.Getitem)
def sliced_twice(op: ops.Getitem) -> Rewrite:
    """x[:, ::2][:, :, ::2] → x[:, ::2, ::2], where each dimension is cut once."""
    match op.x.op:
        case ops.Getitem(x, inner):
            pass
        case _:
            return None
    rank = x.type.rank
    pairs = list(zip(keys_of(inner, rank), keys_of(op.key, rank), strict=True))
    if any(":" not in pair for pair in pairs):
        return no("a dimension is cut twice")
    keys = [first if second == ":" else second for first, second in pairs]
    while len(keys) > 1 and keys[-1] == ":":
        keys.pop()
    return ops.Getitem(x, ", ".join(keys), result_types=op.result.type).result


def keys_of(key: str, rank: int) -> list[str]:
    """The text of each dimension's slice."""
    keys = key.split(", ")
    if keys[0] == "...":
        return [":"] * (rank - len(keys) + 1) + keys[1:]
    return keys + [":"] * (rank - len(keys))


@pattern(ops.Squeeze)
def unstacked(op: ops.Squeeze) -> Rewrite:
    """squeeze(x[:, 0:1]), squeeze(x[:, 1:2]), … → unstack(x), if x is used for nothing else.

    Each part makes a call of its own, of which `cse` makes one.
    """
    match op.x.op:
        case ops.Getitem(x) as part:
            pass
        case _:
            return None
    place = _place(part)
    if place is None or op.axis != (place[0],):
        return None
    axis, index = place
    count = x.type.shape[axis]
    assert isinstance(count, int)
    users = dict.fromkeys(x.users)
    others = [_place(user) for user in users if isinstance(user, ops.Getitem)]
    done = any(isinstance(user, ops.Unstack) and user.axis == axis for user in users)
    if not done and {*others} != {(axis, i) for i in range(count)}:
        return None
    if any(not isinstance(user, ops.Getitem | ops.Unstack) for user in users):
        return no("the whole is used, too")
    parts = tuple(op.result.type for _ in range(count))
    return ops.Unstack(x, axis, result_types=parts).results[index]


def _place(part: ops.Getitem) -> tuple[int, int] | None:
    """(axis, index) if one element of one known dimension is left, not of the first."""
    shape = part.x.type.shape
    keys = keys_of(part.key, len(shape))
    cut = [axis for axis, key in enumerate(keys) if key != ":"]
    if len(cut) != 1 or cut == [0] or not is_static(shape[1:]):
        return None
    (axis,) = cut
    first, last, _ = sliced(part.key, [dim if isinstance(dim, int) else 1 for dim in shape])[axis]
    return (axis, first) if last - first == 1 else None


PATTERNS = (
    rotated,
    rotated_by_slices,
    rolled_between_parts,
    rolled_twice,
    sliced_twice,
    unstacked,
)
