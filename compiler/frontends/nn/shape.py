"""Layers that move data: flatten, reshape, permute, concat, slice, pad and their relatives."""

from typing import Any

from ....ir.dialects.builtin import scalar
from ....ir.dialects.core import shape as core
from ....ir.dialects.core.elementwise import Maximum, Sub
from ....ir.dim_values import known_dims
from ....ir.dims import Dim, Expr, product
from ....ir.dims import floor_div as divide
from ....ir.ssa import Value
from ..rules import Result
from ..slices import reshape_divided, slice_axes
from ..values import integers
from .context import LayerContext, LayerRules, append_units, flatten_tail, floats
from .conv import borders
from .declared import shaped
from .reduce import at_least_rank_1

rules = LayerRules("shape")

_TO_CHANNEL_LAST = (-2, -1, -3)  # [C, H, W] → [H, W, C]
_FROM_CHANNEL_LAST = (-1, -3, -2)


def _permute_tail(value: Value, tail: tuple[int, ...]) -> Value:
    lead = value.type.rank - len(tail)
    rest = (lead + axis % len(tail) for axis in tail)
    return core.Transpose(value, (*range(lead), *rest)).result


@rules("flatten")
def flatten(cx: LayerContext, p: Any) -> Result:
    """[..., C, H, W] → [..., C * H * W, 1, 1]; channel-last order transposes first."""
    x = cx.rank_at_least(cx.input, 3)
    if p.mode == 1:
        x = _permute_tail(x, _TO_CHANNEL_LAST)
    return append_units(flatten_tail(x, 3), 2)


@rules("reshape")
def reshape(cx: LayerContext, p: Any) -> Result:
    """Reshape to [C, H, W], or to [Seq, C, H, W], in channel-first or channel-last order."""
    target = tuple(int(size) for size in p.targetShape)
    cx.require(len(target) in (3, 4), f"has a target shape of {len(target)} entries")
    x = cx.rank_at_least(cx.input, 3)
    if len(target) == 4 and target[0] == 1 and cx.rank5 and x.type.rank == 4:
        target = target[1:]  # a sequence of one stays one
    if len(target) == 4 or x.type.rank == 5:
        x = cx.sequence_input()
        batch = x.type.shape[1]
        cx.require(batch == 1, f"changes the sequence length of a batch of {batch}")
        lead: tuple[Dim, ...] = (x.type.shape[0] if len(target) == 3 else target[0], batch)
    else:
        lead = x.type.shape[:-3]
    channels, height, width = target[-3:]
    if p.mode == 0:
        return cx.without_unit_sequence(reshape_to(cx, x, (*lead, channels, height, width)))
    pixels = reshape_to(cx, _permute_tail(x, _TO_CHANNEL_LAST), (*lead, height, width, channels))
    return cx.without_unit_sequence(_permute_tail(pixels, _FROM_CHANNEL_LAST))


def reshape_to(cx: LayerContext, x: Value, target: tuple[Dim, ...]) -> Value:
    """Reshape; -1 follows from the other dimensions."""
    total = product(x.type.shape)
    if -1 in target:
        rest = product(dim for dim in target if dim != -1)
        cx.require(rest != 0, f"can't infer a dimension of {list(target)}")
        inferred = divide(total, rest)
        target = tuple(inferred if dim == -1 else dim for dim in target)
    cx.require(
        product(target) == total,
        f"turns {x.type} into {list(map(str, target))}, which has another number of elements",
    )
    return core.Reshape(x, target).result


@rules("permute")
def permute(cx: LayerContext, p: Any) -> Result:
    """Reorder sequence, channel, height and width; the batch stays where it is."""
    axes = tuple(int(axis) for axis in p.axis) or (0, 1, 2, 3)
    cx.require(sorted(axes) == [0, 1, 2, 3], f"has axes {list(axes)}")
    if axes[0] == 0 and cx.input.type.rank == 4:
        return core.Transpose(cx.input, (0, *axes[1:])).result
    x = cx.sequence_input()
    sequence, *others = ((0, 2, 3, 4)[axis] for axis in axes)
    return cx.without_unit_sequence(core.Transpose(x, (sequence, 1, *others)).result)


@rules("transpose")
def transpose(cx: LayerContext, p: Any) -> Result:
    """Permute the axes; a permutation of three permutes [C, H, W] of an image input."""
    axes = tuple(int(axis) for axis in p.axes)
    if cx.reads_image() and sorted(axes) == [0, 1, 2]:
        # coremltools' make_image_input does this for a network that reads [H, W, C].
        return _permute_tail(cx.input, axes)
    return core.Transpose(cx.input, axes).result


@rules("concat")
def concat(cx: LayerContext, p: Any) -> Result:
    """Concatenate along the channels, or along the sequence."""
    cx.require(len(cx.inputs) > 0, "has no inputs")
    if p.sequenceConcat:
        values = tuple(cx.sequence_input(i) for i in range(len(cx.inputs)))
        return cx.without_unit_sequence(core.Concat(values, -5).result)
    rank = max(value.type.rank for value in cx.inputs)
    values = tuple(
        cx.sequence_input(i) if rank == 5 and cx.rank5 else value
        for i, value in enumerate(cx.inputs)
    )
    return core.Concat(values, -3).result


@rules("concatND")
def concat_nd(cx: LayerContext, p: Any) -> Result:
    """Concatenate along any axis; interleaved means element by element."""
    axis = int(p.axis)
    if not p.interleave:
        return core.Concat(cx.inputs, axis).result
    positive = axis % cx.input.type.rank
    stacked = core.Stack(cx.inputs, positive + 1).result
    dims = list(stacked.type.shape)
    dims[positive : positive + 2] = [dims[positive] * len(cx.inputs)]
    return core.Reshape(stacked, tuple(dims)).result


@rules("split")
def split(cx: LayerContext, p: Any) -> Result:
    """Split the channels into equal parts."""
    x = cx.rank_at_least(cx.input, 3)
    channels, parts = x.type.shape[-3], int(p.nOutputs)
    fits = isinstance(channels, int) and parts > 0 and channels % parts == 0
    cx.require(fits, f"can't split {channels} channels into {parts}")
    assert isinstance(channels, int)
    return core.Split(x, (channels // parts,) * parts, -3).results


@rules("slice")
def slice_layer(cx: LayerContext, p: Any) -> Result:
    """Take [start:end:stride] of channel, height or width."""
    cx.require(0 <= p.axis < 3, f"has an unknown axis {p.axis}")
    axis = (-3, -2, -1)[p.axis]
    x = cx.rank_at_least(cx.input, -axis)
    stride = int(p.stride) or 1
    sliced = slice_axes(x, {axis: (int(p.startIndex), int(p.endIndex), stride)})
    cx.require(sliced.type.shape[axis] != 0, f"leaves nothing of {x.type}")
    return sliced


@rules("crop")
def crop(cx: LayerContext, p: Any) -> Result:
    """Crop explicitly, or to the size of a second input at an offset."""
    cx.expect_inputs(1, 2)
    x = cx.rank_at_least(cx.input, 3)
    if len(cx.inputs) == 1:
        top, bottom, left, right = borders(cx, p.cropAmounts)
        return slice_axes(x, {-2: (top, -bottom or None, 1), -1: (left, -right or None, 1)})
    offset = [int(n) for n in p.offset] or [0, 0]
    sizes = cx.inputs[1].type.shape[-2:]
    cx.require(len(offset) == 2, f"has {len(offset)} offsets")
    fixed = [size for size in sizes if isinstance(size, int)]
    cx.require(len(fixed) == 2, "takes a flexible size from its second input")
    rows = {axis: (n, n + size, 1) for axis, n, size in zip((-2, -1), offset, fixed, strict=True)}
    return slice_axes(x, dict(rows))


@rules("padding")
def padding(cx: LayerContext, p: Any) -> Result:
    """Pad height and width."""
    x = cx.rank_at_least(cx.input, 2)
    kind = p.WhichOneof("PaddingType")
    amounts = (0,) * 2 * (x.type.rank - 2) + borders(cx, p.paddingAmounts)
    if kind == "reflection":
        return core.Pad(x, amounts, "reflect").result
    if kind == "replication":
        return core.Pad(x, amounts, "replicate").result
    return core.Pad(x, amounts, value=cx.number(p.constant.value)).result


@rules("constantPad")
def constant_pad(cx: LayerContext, p: Any) -> Result:
    """Pad any dimension explicitly or up to a size; an input may give the padding."""
    cx.expect_inputs(1, 2)
    x, amounts = cx.input, tuple(int(n) for n in p.padAmounts)
    if len(cx.inputs) == 2:
        known = known_dims(cx.inputs[1])
        if known is None or not all(isinstance(n, int) for n in known):
            return _pad_computed(cx, x, integers(cx.inputs[1]), p)
        amounts = tuple(n for n in known if isinstance(n, int))
    rank = x.type.rank
    cx.require(len(amounts) == 2 * rank, f"has {len(amounts)} numbers of padding for rank {rank}")
    if p.padToGivenOutputSizeMode:
        amounts = _to_size(cx, x, amounts)
    return core.Pad(x, amounts, value=cx.number(p.value)).result


def _pad_computed(cx: LayerContext, x: Value, amounts: Value, p: Any) -> Value:
    """Pad by numbers known only at run time."""
    rank = x.type.rank
    cx.require(amounts.type.shape == (2 * rank,), f"has padding of type {amounts.type}")
    if p.padToGivenOutputSizeMode:
        sizes = core.ShapeOf(x).result
        twice = core.Reshape(core.Stack((sizes, sizes), 1).result, (2 * rank,)).result
        missing = Sub(amounts, twice).result
        amounts = Maximum(missing, scalar(0, missing)).result
    dims = tuple(cx.fresh_symbol(axis) for axis in range(rank))
    return core.DynamicPad(x, amounts, dims, cx.number(p.value)).result


def _to_size(cx: LayerContext, x: Value, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The padding that reaches the given sizes, on one side of each dimension."""
    amounts: list[int] = []
    for dim, low, high in zip(x.type.shape, sizes[::2], sizes[1::2], strict=True):
        cx.require(not (low and high), "pads both sides of one dimension to a size")
        cx.require(isinstance(dim, int), "pads a flexible dimension to a size")
        assert isinstance(dim, int)
        amounts += [max(low - dim, 0) if low else 0, max(high - dim, 0) if high else 0]
    return tuple(amounts)


@rules("reorganizeData")
def reorganize_data(cx: LayerContext, p: Any) -> Result:
    """Space to depth, depth to space, and pixel shuffle (another channel order)."""
    x = cx.rank_at_least(cx.input, 3)
    block = int(p.blockSize)
    cx.require(block > 1, f"has a block size of {block}")
    lead, (channels, height, width) = x.type.shape[:-3], x.type.shape[-3:]
    rank = len(lead)
    if p.mode == 0:
        entries = ((rank + 1, block), block, (rank + 2, block), block)
        split_up = reshape_divided(cx, x, (*((i, 1) for i in range(rank + 1)), *entries))
        rows, columns = split_up.type.shape[-4], split_up.type.shape[-2]
        moved = _permute_tail(split_up, tuple(axis - 5 for axis in (2, 4, 0, 1, 3)))
        return reshape_to(cx, moved, (*lead, channels * block * block, rows, columns))
    cx.require(p.mode in (1, 2), f"has an unknown mode {p.mode}")
    out = divide(channels, block * block)
    split_shape = (block, block, out) if p.mode == 1 else (out, block, block)
    split_up = reshape_to(cx, x, (*lead, *split_shape, height, width))
    order = (2, 3, 0, 4, 1) if p.mode == 1 else (0, 3, 1, 4, 2)
    moved = _permute_tail(split_up, tuple(axis - 5 for axis in order))
    assert moved.type.rank == rank + 5
    return reshape_to(cx, moved, (*lead, out, height * block, width * block))


@rules("loadConstant", weights=shaped(data="shape"))
def load_constant(cx: LayerContext, p: Any) -> Result:
    """A constant [C, H, W], with leading dimensions of 1 in rank-5 networks."""
    sizes = cx.sizes("data")
    cx.require(len(sizes) == 3, f"has a shape of {len(sizes)} entries")
    data = cx.weight("data")
    return core.ExpandDims(data, (0,) if cx.rank5 else (0, 1)).result


@rules("loadConstantND", weights=shaped(data="shape"))
def load_constant_nd(cx: LayerContext, p: Any) -> Result:
    """A constant of any shape."""
    cx.require(bool(cx.sizes("data")), "has no shape")
    return cx.weight("data")


@rules("copy")
def copy(cx: LayerContext, p: Any) -> Result:
    """The input under another name."""
    return cx.input


@rules("getShape")
def get_shape(cx: LayerContext, p: Any) -> Result:
    """The shape as a rank-1 blob."""
    return floats(core.ShapeOf(cx.input).result)


@rules("squeeze")
def squeeze(cx: LayerContext, p: Any) -> Result:
    """Remove dimensions of 1; one dimension is kept."""
    x = cx.input
    axes = tuple(int(axis) for axis in p.axes)
    if p.squeezeAll:
        axes = tuple(axis for axis, dim in enumerate(x.type.shape) if dim == 1)
    return at_least_rank_1(core.Squeeze(x, axes).result)


@rules("expandDims")
def expand_dims(cx: LayerContext, p: Any) -> Result:
    """Insert dimensions of 1 at positions of the result."""
    return core.ExpandDims(cx.input, tuple(int(axis) for axis in p.axes)).result


@rules("flattenTo2D")
def flatten_to_2d(cx: LayerContext, p: Any) -> Result:
    """Merge the dimensions before `axis`, and those from `axis` on."""
    dims, axis = cx.input.type.shape, int(p.axis)
    axis = axis + len(dims) if axis < 0 else axis
    cx.require(0 <= axis <= len(dims), f"has axis {p.axis} for rank {len(dims)}")
    return reshape_to(cx, cx.input, (product(dims[:axis]), product(dims[axis:])))


@rules("reshapeStatic", "rankPreservingReshape")
def reshape_static(cx: LayerContext, p: Any) -> Result:
    """Reshape to a fixed shape; 0 (rank preserving) keeps a dimension, -1 follows from others."""
    target: tuple[Dim, ...] = tuple(int(size) for size in p.targetShape)
    if cx.kind == "rankPreservingReshape":
        cx.require(len(target) == cx.input.type.rank, f"changes the rank to {len(target)}")
        target = tuple(
            old if new == 0 else new for old, new in zip(cx.input.type.shape, target, strict=True)
        )
    return reshape_to(cx, cx.input, target)


@rules("reshapeLike")
def reshape_like(cx: LayerContext, p: Any) -> Result:
    """Reshape to the shape of the second input."""
    cx.expect_inputs(2)
    return reshape_to(cx, cx.input, cx.inputs[1].type.shape)


@rules("reshapeDynamic")
def reshape_dynamic(cx: LayerContext, p: Any) -> Result:
    """Reshape to a shape in the second input; statically if it is known at compile time."""
    cx.expect_inputs(2)
    x, target = cx.inputs
    known = known_dims(target)
    if known is not None and sum(isinstance(dim, Expr) for dim in known) <= 1:
        return reshape_to(cx, x, known)
    dims = cx.declared_dims(target, known)
    return core.DynamicReshape(x, integers(target), dims).result


@rules("stack")
def stack(cx: LayerContext, p: Any) -> Result:
    """Stack along a new axis."""
    return core.Stack(cx.inputs, int(p.axis)).result


@rules("reverse")
def reverse(cx: LayerContext, p: Any) -> Result:
    """Reverse some axes, given as one flag per axis."""
    flags = list(p.reverseDim)
    cx.require(len(flags) == cx.input.type.rank, f"has {len(flags)} flags")
    return core.Reverse(cx.input, tuple(i for i, flag in enumerate(flags) if flag)).result


@rules("sequenceRepeat")
def sequence_repeat(cx: LayerContext, p: Any) -> Result:
    """Repeat the whole sequence n times."""
    x = cx.sequence_input()
    count = max(int(p.nRepetitions), 1)
    tiled = core.Tile(x, (count, *(1,) * (x.type.rank - 1))).result
    return cx.without_unit_sequence(tiled)
