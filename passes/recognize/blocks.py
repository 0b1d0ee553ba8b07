"""Raises a reshape, a transpose and a reshape to depth-to-space or space-to-depth."""

from ...ir.dialects.core import image as core
from ...ir.dialects.core.shape import Reshape, Transpose
from ...ir.dims import product
from ...ir.ssa import Value
from ..patterns import Rewrite, no, pattern
from .chains import if_private

# The permutation of the six dimensions, and where the split shape has [channel, block, block].
_TO_SPACE: dict[tuple[int, ...], tuple[str, tuple[int, int, int]]] = {
    (0, 3, 4, 1, 5, 2): ("DCR", (3, 1, 2)),
    (0, 1, 4, 2, 5, 3): ("CRD", (1, 2, 3)),
}
_TO_DEPTH: dict[tuple[int, ...], str] = {(0, 3, 5, 1, 2, 4): "DCR", (0, 1, 3, 5, 2, 4): "CRD"}


@pattern(Reshape)
def blocks_by_transpose(op: Reshape) -> Rewrite:
    """reshape(transpose(reshape(x))) → depth_to_space(x) or space_to_depth(x)."""
    match op.x.op:
        case Transpose(Value(op=Reshape(x)) as split, perm) if split.type.rank == 6:
            pass
        case _:
            return None
    if x.type.rank != 4 or op.result.type.rank != 4:
        return no("x or the result does not have 4 dimensions")
    apart = split.type.shape
    if perm in _TO_SPACE:
        order, (channel, down, right) = _TO_SPACE[perm]
        expected = (apart[0], product(apart[1:4]), *apart[4:])
        maker, block = core.DepthToSpace, apart[down]
        rows, columns = product((apart[4], block)), product((apart[5], apart[right]))
        result = (apart[0], apart[channel], rows, columns)
        square = block == apart[right]
    elif perm in _TO_DEPTH:
        order, maker, block = _TO_DEPTH[perm], core.SpaceToDepth, apart[3]
        rows, columns = product(apart[2:4]), product(apart[4:6])
        expected = (*apart[:2], rows, columns)
        result = (apart[0], product((apart[1], block, apart[5])), apart[2], apart[4])
        square = block == apart[5]
    else:
        return no("the dimensions are in another order")
    if x.type.shape != expected or op.result.type.shape != result:
        return no("dimensions other than channels and pixels are split or joined")
    if not square or not isinstance(block, int) or block == 1:
        return no("the blocks are not square, or single pixels")
    return if_private(op, [x], maker(x, block, order).result)


PATTERNS = (blocks_by_transpose,)
