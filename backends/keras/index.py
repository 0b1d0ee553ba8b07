"""Takes one entry along a dimension by its index."""

from dataclasses import dataclass

from ...ir.verify import Legal
from ...passes.manager import PatternPass
from ...passes.patterns import Rewrite, no, pattern
from .dialect import ops
from .fuse.index import keys_of


@pattern(ops.Squeeze)
def entry(op: ops.Squeeze) -> Rewrite:
    """squeeze(x[:, 2:3], axis=1) → x[:, 2]."""
    match op.x.op:
        case ops.Getitem(x, key):
            pass
        case _:
            return None
    parts = keys_of(key, x.type.rank)
    for axis in op.axis:
        index = _only(parts[axis])
        if index is None:
            return no("a dimension of one entry isn't sliced")
        parts[axis] = index
    while parts[-1] == ":":
        parts.pop()
    return ops.Getitem(x, ", ".join(parts), result_types=op.result.type).result


def _only(part: str) -> str | None:
    """The index of the only entry in a slice; None if there may be others."""
    begin, colon, end = part.partition(":")
    if not colon or ":" in end:
        return None
    if part == "-1:":
        return "-1"
    first = int(begin or 0)
    return str(first) if end and first >= 0 and int(end) == first + 1 else None


@dataclass(frozen=True)
class IndexKeras(PatternPass):
    """Take one entry along a dimension by its index, not by a slice whose dimension is removed.

    It comes after `fuse-keras`, which finds parts of one tensor by their slices. Keras doesn't know
    that a slice of an open dimension has one entry, so it could not remove the dimension.

    Example:
        cmlc-opt m.cmir --passes='layout, constant-fold' --lower --target=keras --trace-rewrites
    """

    name = "index-keras"
    patterns = (entry,)

    @property
    def requires(self) -> Legal:
        return Legal(prefixes=("keras.",))
