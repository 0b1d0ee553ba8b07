"""Builders of random instances for ops that change shapes."""

from cmlc.ir.dialects.core.shape import BroadcastTo, SliceByIndex
from cmlc.ir.dims import Dim, is_static, product
from cmlc.ir.ssa import Op
from cmlc.ir.types import ANY, FLOAT, NUMERIC, SIGNED, DType
from support.modules.maker import Builder, Maker, UnsuitableError


def reshape(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY)
    dims = x.type.shape
    shape: tuple[Dim, ...] = maker.choice(((product(dims),), (1, *dims), dims[::-1], (*dims, 1)))
    if cls.name == "tensor.reshape":
        return cls(x, shape=shape)
    if sum(not isinstance(dim, int) for dim in shape) > 1:
        raise UnsuitableError
    wanted = [dim if isinstance(dim, int) else -1 for dim in shape]
    return cls(x, maker.constant(wanted, maker.choice((DType.I32, DType.I64))), dims=shape)


def squeeze(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY)
    ones = [axis for axis, dim in enumerate(x.type.shape) if dim == 1]
    return cls(x, axes=tuple(maker.random.sample(ones, maker.number(0, len(ones)))))


def concat(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (1, 2, 3))
    axis = maker.number(0, x.type.rank - 1)
    values = [x]
    for _ in range(maker.number(0, 2)):
        shape = list(x.type.shape)
        shape[axis] = maker.number(1, 3)
        values.append(maker.operand(x, shape))
    return cls(tuple(values), axis=axis)


def stack(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (0, 1, 2, 3))
    others = [maker.operand(x, x.type.shape) for _ in range(maker.number(0, 2))]
    return cls((x, *others), axis=maker.number(-x.type.rank - 1, x.type.rank))


def split(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (1, 2, 3))
    axis = maker.fixed_axis(x)
    extent = maker.sizes(x)[axis]
    first = maker.number(1, extent)
    sizes = (first, extent - first) if first < extent else (extent,)
    return cls(x, sizes=sizes, axis=axis)


def slice_by_index(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (1, 2, 3))
    rows: list[tuple[int, int, int, int, int]] = []
    for dim, size in zip(x.type.shape, maker.sizes(x), strict=True):
        if isinstance(dim, int) and maker.chance(0.8):
            begin, step = maker.number(-size, size - 1), maker.choice((1, 1, 2, -1))
            # At least one element: what an empty tensor reduces to is not what is tested here.
            end = begin % size + (1 if step > 0 else -1)
            rows.append((begin, end, step, 0, int(step < 0 and end < 0)))
        else:
            rows.append((0, 0, 1, 1, 1))
    names = ("begin", "end", "stride", "begin_mask", "end_mask")
    return cls(x, **{name: tuple(r[i] for r in rows) for i, name in enumerate(names)})


def pad(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR})
    mode = maker.choice(("constant", "reflect", "replicate"))
    most = [min(2, size - 1) if mode == "reflect" else 2 for size in maker.sizes(x)]
    amounts = tuple(maker.number(0, limit) for limit in most for _ in range(2))
    return cls(x, pad=amounts, mode=mode, value=maker.choice((0.0, 1.0)))


def broadcast_to(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY, (0, 1, 2))
    if not is_static(x.type.shape):
        raise UnsuitableError
    wider = [maker.number(1, 3) if dim == 1 else dim for dim in x.type.shape]
    return cls(x, shape=(*[2] * maker.number(0, 1), *wider))


def dynamic_slice(maker: Maker, cls: type[Op]) -> Op:
    """`slice_by_index` with its positions as constants."""
    op = slice_by_index(maker, SliceByIndex)
    fields = op.fields()
    dtype = maker.choice((DType.I32, DType.I64))
    for name in ("begin", "end"):
        fields[name] = maker.constant(fields[name], dtype)
    return cls(**fields, dims=op.results[0].type.shape)


def slice_update(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR}, (1, 2, 3))
    if not is_static(x.type.shape):
        raise UnsuitableError
    counts, begins, strides = list[int](), list[int](), list[int]()
    for size in x.type.static_shape:
        counts.append(maker.number(1, size))
        strides.append(maker.choice((1, 2)) if 2 * (counts[-1] - 1) < size else 1)
        begins.append(maker.number(0, size - (counts[-1] - 1) * strides[-1] - 1))
    update = maker.operand(x, counts)
    begin = maker.constant(begins, maker.choice((DType.I32, DType.I64)))
    return cls(x, update, begin, stride=tuple(strides))


def dynamic_pad(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR})
    amounts = [maker.number(0, 2) for _ in range(2 * x.type.rank)]
    sums = map(sum, zip(x.type.shape, amounts[::2], amounts[1::2], strict=True))
    pad = maker.constant(amounts, maker.choice((DType.I32, DType.I64)))
    return cls(x, pad, dims=tuple(sums), value=maker.choice((0.0, 1.0)))


def dynamic_broadcast_to(maker: Maker, cls: type[Op]) -> Op:
    op = broadcast_to(maker, BroadcastTo)
    shape = op.results[0].type.static_shape
    dtype = maker.choice((DType.I32, DType.I64))
    return cls(op.operands[0], maker.constant(shape, dtype), dims=shape)


def broadcast_like(maker: Maker, cls: type[Op]) -> Op:
    op = broadcast_to(maker, BroadcastTo)
    x = op.operands[0]
    return cls(x, maker.operand(x, op.results[0].type.shape))


def dynamic_tile(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(ANY - {DType.STR})
    reps = [maker.number(1, 3) for _ in x.type.shape]
    dims = tuple(extent * count for extent, count in zip(x.type.shape, reps, strict=True))
    return cls(x, maker.constant(reps, maker.choice((DType.I32, DType.I64))), dims=dims)


def range_1d(maker: Maker, cls: type[Op]) -> Op:
    dtype = maker.dtype(FLOAT | SIGNED)
    start, step, count = maker.number(-3, 3), maker.choice((1, 2, -1, -3)), maker.number(0, 4)
    numbers = (start, start + step * count, step)
    return cls(*(maker.constant(number, dtype) for number in numbers), dims=(count,))


def band_part(maker: Maker, cls: type[Op]) -> Op:
    x = maker.pick(NUMERIC | {DType.BOOL}, (2, 3, 4))
    rows, columns = maker.random.sample(range(x.type.rank), 2)
    given = {name: maker.number(-2, 3) for name in ("lower", "upper") if maker.chance(0.7)}
    return cls(x, rows=rows, columns=columns, **given)


BUILDERS: dict[str, Builder] = {
    "tensor.reshape": reshape,
    "tensor.dynamic_reshape": reshape,
    "tensor.squeeze": squeeze,
    "tensor.concat": concat,
    "tensor.stack": stack,
    "tensor.split": split,
    "tensor.slice_by_index": slice_by_index,
    "tensor.pad": pad,
    "tensor.broadcast_to": broadcast_to,
    "tensor.dynamic_slice": dynamic_slice,
    "tensor.slice_update": slice_update,
    "tensor.dynamic_pad": dynamic_pad,
    "tensor.dynamic_broadcast_to": dynamic_broadcast_to,
    "tensor.broadcast_like": broadcast_like,
    "tensor.dynamic_tile": dynamic_tile,
    "tensor.range_1d": range_1d,
    "tensor.band_part": band_part,
}
