"""Builders of random instances for ops whose operands and attributes depend on each other."""

from typing import Any

from cmlc.ir.attributes import Layout, PadType
from cmlc.ir.dialects.builtin import Yield
from cmlc.ir.dialects.core import activation, elementwise, image
from cmlc.ir.dims import Dim
from cmlc.ir.ssa import Block, Op, Region, Value
from cmlc.ir.types import ANY, FLOAT, NUMERIC, DType
from support.modules import index_builders, shape_builders, tree_builders
from support.modules.maker import Builder, Maker, UnsuitableError
from support.networks import drawing_builders

# -- elementwise and activation -------------------------------------------------------------------


def power(maker: Maker, cls: type[Op]) -> Op:
    """Integers to negative powers are not numbers: floats only."""
    x = maker.pick(FLOAT)
    return cls(x, maker.broadcast(x))


def clip(maker: Maker, cls: type[Op]) -> Op:
    low = maker.choice((-1.0, 0.0, -0.5))
    return cls(maker.pick(FLOAT), alpha=low, beta=low + maker.choice((0.0, 1.0, 2.5)))


def select(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY)
    return cls(maker.broadcast(x, DType.BOOL), x, maker.broadcast(x))


def per_channel(maker: Maker, cls: type[Op]) -> Op:
    """x and rank-1 parameters along `axis`."""
    x = maker.pick(FLOAT, (1, 2, 3, 4))
    axis = maker.number(-x.type.rank, x.type.rank - 1)
    names = [item.name for item in cls.spec.operands[1:]]
    extent = x.type.shape[axis]
    parameters = {name: maker.operand(x, (extent,)) for name in names}
    return cls(x, **parameters, **maker.attributes(cls, x.type.rank, axis=axis))


def gelu(maker: Maker, cls: type[Op]) -> Op:
    modes = ("exact", "tanh_approximation", "sigmoid_approximation")
    return cls(maker.pick(FLOAT), mode=maker.choice(modes))


# -- windows --------------------------------------------------------------------------------------


def window(maker: Maker, x: Value, layout: Layout) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Kernel extents and attributes of a window that fits into x."""
    sizes = [maker.sizes(x)[axis] for axis in layout.spatial_axes(x.type.rank)]
    kernel = tuple(maker.number(1, min(3, size)) for size in sizes)
    pad_type = maker.choice(PadType)
    given: dict[str, Any] = {"pad_type": pad_type, "layout": layout}
    if maker.chance(0.6):
        given["strides"] = tuple(maker.number(1, 2) for _ in sizes)
    if pad_type is PadType.CUSTOM:
        given["pad"] = tuple(maker.number(0, k - 1) for k in kernel for _ in range(2))
    return kernel, given


def dilations(maker: Maker, kernel: tuple[int, ...]) -> dict[str, Any]:
    if all(k == 1 for k in kernel) or maker.chance(0.3):
        return {"dilations": tuple(2 if k == 1 else 1 for k in kernel)}
    return {}


def convolution(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT, (3, 4, 5), low=2)
    layout = maker.choice(Layout)
    channels = x.type.shape[layout.channel_axis(x.type.rank)]
    if not isinstance(channels, int):
        raise UnsuitableError
    groups = maker.choice(g for g in (1, 2, 3, 4) if channels % g == 0)
    kernel, given = window(maker, x, layout)
    group_out = maker.number(1, 2)
    ends = (group_out * groups, channels // groups)
    if cls.name == "nn.conv_transpose":
        ends = (channels, group_out)
        given.pop("pad", None)
    first = layout is Layout.CHANNELS_FIRST
    weight = maker.operand(x, (*ends, *kernel) if first else (*kernel, *ends[::-1]))
    bias = maker.operand(x, (group_out * groups,)) if maker.chance(0.5) else None
    return cls(x, weight, bias, groups=groups, **given, **dilations(maker, kernel))


def pool(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT, (3, 4, 5), low=2)
    layout = maker.choice(Layout)
    kernel, given = window(maker, x, layout)
    fixed = {"kernel_sizes": kernel, "strides": (), "pad": (), **given}
    return cls(x, **maker.attributes(cls, x.type.rank, **fixed))


# -- matrices -------------------------------------------------------------------------------------


def linear(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT, (1, 2, 3))
    out = maker.number(1, 4)
    bias = maker.operand(x, (out,)) if maker.chance(0.5) else None
    return cls(x, maker.operand(x, (out, x.type.shape[-1])), bias)


def matmul(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(NUMERIC, (2, 3, 4))
    given = maker.attributes(cls, x.type.rank)
    inner = x.type.shape[-2 if given.get("transpose_x") else -1]
    ends: tuple[Dim, Dim] = (inner, maker.number(1, 3))
    shape = (*x.type.shape[:-2], *(ends[::-1] if given.get("transpose_y") else ends))
    return cls(x, maker.operand(x, shape), **given)


def attention(maker: Maker, cls: type[Op]) -> Op:
    query = maker.pick(FLOAT, (2, 3, 4))
    *batch, rows, features = query.type.shape
    keys, values = maker.number(1, 4), maker.number(1, 3)
    key = maker.operand(query, (*batch, keys, features))
    value = maker.operand(query, (*batch, keys, values))
    mask = maker.operand(query, (rows, keys)) if maker.chance(0.5) else None
    return cls(query, key, value, mask, **maker.attributes(cls, query.type.rank))


def pairwise_coupling(maker: Maker, cls: type[Op]) -> Op:
    """A column for each pair of classes."""
    classes = maker.number(2, 4)
    rows = maker.number(1, 3)
    return cls(maker.argument(maker.dtype(FLOAT), (rows, classes * (classes - 1) // 2)))


# -- the others -----------------------------------------------------------------------------------


def recurrent(maker: Maker, cls: type[Op]) -> Op:
    """Any of the recurrent networks; every optional operand is there half of the time."""
    x = maker.pick(FLOAT, (3,))
    _, batch, features = x.type.shape
    hidden = maker.number(1, 3)
    gates = {"nn.lstm": 4, "nn.gru": 3}.get(cls.name, 1)
    sizes: dict[str, tuple[Dim, ...]] = {
        "weight_x": (gates * hidden, features),
        "weight_h": (gates * hidden, hidden),
        "bias": (gates * hidden,),
        "initial_h": (batch, hidden),
        "initial_c": (batch, hidden),
        "peephole": (3 * hidden,),
        "bias_h": (3 * hidden,),
    }
    given = {
        item.name: maker.operand(x, sizes[item.name])
        for item in cls.spec.operands[1:]
        if item.required or maker.chance(0.5)
    }
    names = maker.choice((("sigmoid", "tanh", "tanh"), ("sigmoid", "linear,0.5,0.0", "relu")))
    chosen: dict[str, Any] = {"activations": names[: 2 + (gates == 4)]}
    if cls.name == "nn.rnn":
        chosen = {"activation": names[1]}
    if "bias_h" in given:
        chosen["reset_after"] = True
    return cls(x, **given, **maker.attributes(cls, 3, **chosen))


def upsample(maker: Maker, cls: type[Op]) -> Op:
    return cls(
        maker.pick(NUMERIC, (4,)),
        scale=(maker.number(1, 3), maker.number(1, 3)),
        layout=maker.choice(Layout),
    )


def rearranged(maker: Maker, cls: type[Op]) -> Op:
    layout, block = maker.choice(Layout), maker.number(2, 3)
    given = {"block_size": block, "order": maker.choice(("DCR", "CRD")), "layout": layout}
    shape = [maker.number(1, 2)] * 4
    deep = cls is image.DepthToSpace
    for axis in (layout.channel_axis(4),) if deep else layout.spatial_axes(4):
        shape[axis] *= block * block if deep else block
    return cls(maker.operand(maker.pick(NUMERIC, (4,)), tuple(shape)), **given)


def resize(maker: Maker, cls: type[Op]) -> Op:
    return cls(
        maker.pick(FLOAT, (4,)),
        size=(maker.number(1, 6), maker.number(1, 6)),
        mode=maker.choice(("nearest", "bilinear")),
        coordinates=maker.choice(image.COORDINATES),
        layout=maker.choice(Layout),
    )


def crop_resize(maker: Maker, cls: type[Op]) -> Op:
    """Random numbers as boxes: many reach out of the image, some run backwards."""
    x = maker.pick(FLOAT, (4,))
    count = maker.number(1, 3)
    batch = x.type.shape[0]
    if not isinstance(batch, int):
        raise UnsuitableError
    picked = [maker.number(0, batch - 1) for _ in range(count)]
    indices = maker.constant(picked, maker.choice((DType.I32, DType.I64)))
    return cls(
        x,
        maker.operand(x, (count, 4), maker.dtype(FLOAT)),
        None if batch == 1 and maker.chance(0.5) else indices,
        size=(maker.number(1, 4), maker.number(1, 4)),
        normalized=maker.chance(0.5),
        spatial_scale=maker.choice((1.0, 0.5, 3.0)),
        box_mode=maker.choice(image.BOX_MODES),
        coordinates=maker.choice(image.BOX_COORDINATES),
        pad_value=maker.choice((0.0, -2.5)),
        layout=maker.choice(Layout),
    )


def body(results: list[Op], *yielded: Value, block: Block | None = None) -> Region:
    """A region of the given ops that yields the given values."""
    block = block or Block()
    for op in results:
        block.insert(op)
    block.insert(Yield(yielded))
    return Region(block)


def cond(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT)
    pred = maker.operand(x, (), DType.BOOL)
    relu, negated = activation.Relu(x), elementwise.Neg(x)
    twice = elementwise.Add(relu.result, x)
    then, orelse = body([relu, twice], twice.result), body([negated], negated.result)
    return cls(pred, then, orelse)


def asserted(maker: Maker, cls: type[Op]) -> Op:
    """One that holds: others can't be run."""
    values = tuple(maker.pick(ANY - {DType.STR}) for _ in range(maker.number(1, 3)))
    return cls(maker.constant(True, DType.BOOL), values, message="it doesn't hold")


def while_loop(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(FLOAT)
    start = maker.constant(0, DType.I32)
    types, names = (start.type, x.type), ("i", "carried")
    test, step = Block(types, names), Block(types, names)
    limit = maker.constant(maker.number(0, 3), DType.I32)
    less = elementwise.Less(test.arguments[0], limit)
    one = maker.constant(1, DType.I32)
    following = elementwise.Add(step.arguments[0], one)
    negated = elementwise.Neg(step.arguments[1])
    condition = body([limit.op, less], less.result, block=test)
    loop = body([one.op, following, negated], following.result, negated.result, block=step)
    return cls((start, x), condition, loop)


def assert_shape(maker: Maker, cls: type[Op]) -> Op:
    """A shape between the operand's extents and larger ones, or an open one."""
    x = maker.pick(ANY)
    pairs = [(size - maker.number(0, 1), maker.choice((-1, size + 1))) for size in maker.sizes(x)]
    allowed = tuple(number for pair in pairs for number in pair)
    return cls(x, ((0,) * len(allowed), allowed) if allowed else ((),))


def custom_call(maker: Maker, cls: type[Op]) -> Op:
    """The sum of two operands, one of them called a weight, times a parameter."""
    x = maker.pick((DType.F32,))
    given = (x, maker.operand(x, x.type.shape))
    parameters = (("factor", 2.0),)
    return cls(given, "ScaledSum", (x.type,), parameters, weights=1)


BUILDERS: dict[str, Builder] = {
    **index_builders.BUILDERS,
    **shape_builders.BUILDERS,
    **drawing_builders.BUILDERS,
    **tree_builders.BUILDERS,
    "tensor.pow": power,
    "tensor.clip": clip,
    "tensor.select": select,
    "nn.prelu": per_channel,
    "nn.softplus_parametric": per_channel,
    "nn.batch_norm": per_channel,
    "nn.gelu": gelu,
    "nn.conv": convolution,
    "nn.conv_transpose": convolution,
    "nn.max_pool": pool,
    "nn.avg_pool": pool,
    "nn.l2_pool": pool,
    "nn.linear": linear,
    "nn.attention": attention,
    "nn.matmul": matmul,
    "nn.pairwise_coupling": pairwise_coupling,
    "tensor.assert_shape": assert_shape,
    "custom.call": custom_call,
    "nn.lstm": recurrent,
    "nn.gru": recurrent,
    "nn.rnn": recurrent,
    "ctl.cond": cond,
    "ctl.assert": asserted,
    "ctl.while_loop": while_loop,
    "image.upsample_nearest": upsample,
    "image.depth_to_space": rearranged,
    "image.space_to_depth": rearranged,
    "image.resize": resize,
    "image.crop_resize": crop_resize,
}
