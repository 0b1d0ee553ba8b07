"""Layers that move data, for networks of both kinds.

Where all blobs have five dimensions, letters name them: w, h, k, n and seq are axes 0 to 4, from
the inside out. Where blobs have ranks of their own, most layers count axes like numpy.
"""

from math import prod
from typing import Any

from .files import Dims
from .layer import EspressoLayer, RuleTable

_LETTERS = ("w", "h", "k", "n", "seq")  # axes 0 to 4, from the inside out
_MOST_AXES = 32


def flatten(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Merges channel, height and width into channels."""
    shape = cx.image()
    if cx.exact:
        raise cx.unsupported("has no known meaning for blobs with ranks of their own")
    cx.optional("nd_axis", 0)
    cx.add("flatten").mode = int(cx.expect("mode", 0, 1))
    return ((*shape[:-3], prod(shape[-3:]), 1, 1),)


def reshape(cx: EspressoLayer) -> tuple[Dims, ...]:
    """To fixed sizes; -1 follows from the others."""
    cx.arity(1)
    cx.optional_only({"version": 1, "dynamic_shape": 0})
    named = {letter: cx.integer(f"dst_{letter}") for letter in reversed(_LETTERS)}
    if cx.exact:
        rank = cx.size("dst_nd_rank")
        target = tuple(named.values())[-rank:]
        cx.require(rank <= len(named), f"has the rank {rank}")
        cx.expect("mode", 0)
        cx.add("reshapeStatic", since=4).targetShape.extend(target)
        return (_inferred(cx, target),)
    p = cx.add("reshape")
    p.mode = int(cx.expect("mode", 0, 1))
    batch = cx.shape()[1]
    if named.pop("n") not in (0, batch):
        raise cx.unsupported("changes the batch")
    sequence, *target = named.values()
    p.targetShape.extend(target if sequence == 1 == cx.shape()[0] else (sequence, *target))
    return (_inferred(cx, (sequence, batch, *target)),)


def _inferred(cx: EspressoLayer, target: Dims) -> Dims:
    """The sizes, with -1 replaced."""
    total, rest = prod(cx.shape()), prod(size for size in target if size != -1)
    fits = all(size > 0 or size == -1 for size in target) and target.count(-1) < 2
    cx.require(fits and total % rest == 0, f"can't reshape {list(cx.shape())} to {list(target)}")
    found = tuple(total // rest if size == -1 else size for size in target)
    cx.require(prod(found) == total, f"can't reshape {list(cx.shape())} to {list(target)}")
    return found


def transpose(cx: EspressoLayer) -> tuple[Dims, ...]:
    """`axis_h` is the axis that becomes the height, and so on."""
    cx.arity(1)
    sources = tuple(cx.integer(f"axis_{letter}") for letter in _LETTERS)
    cx.require(sorted(sources) == list(range(len(sources))), f"reorders axes to {list(sources)}")
    shape = cx.shape()
    rank = len(shape)
    # Axes from the inside out, of the result and of the source, become positions from the front.
    axes = tuple(rank - 1 - axis for axis in reversed(sources[:rank]))
    cx.require(min(axes) >= 0, f"reorders axes to {list(sources)}, beyond rank {rank}")
    if cx.exact:
        cx.add("transpose", since=4).axes.extend(axes)
    else:
        if axes[1] != 1:
            raise cx.unsupported("moves the batch")
        old = {0: 0, 2: 1, 3: 2, 4: 3}  # the specification doesn't count the batch
        cx.add("permute").axis.extend(old[axis] for axis in axes if axis != 1)
    return (tuple(shape[axis] for axis in axes),)


def concat(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Along the channels."""
    cx.add("concat")
    return (_joined(cx, -3),)


def sequence_concat(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Along the sequence."""
    if cx.exact:
        raise cx.unsupported("has no known meaning for blobs with ranks of their own")
    cx.expect("simple_concat", 1)
    cx.add("concat").sequenceConcat = True
    return (_joined(cx, -5),)


def general_concat(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Along any axis."""
    cx.only_exact()
    cx.expect("nd_mode", 1)
    axis = cx.integer("axis")
    cx.add("concatND", since=4).axis = axis
    return (_joined(cx, axis),)


def _joined(cx: EspressoLayer, axis: int) -> Dims:
    cx.arity(None)
    shapes = [cx.shape(i) for i in range(len(cx.inputs))]
    at = cx.axis(axis, len(shapes[0]), "axis")
    others = {(*shape[:at], *shape[at + 1 :]) for shape in shapes}
    fits = len({len(shape) for shape in shapes}) == len(others) == 1
    cx.require(fits, f"can't join {' and '.join(str(list(shape)) for shape in shapes)}")
    return (*shapes[0][:at], sum(shape[at] for shape in shapes), *shapes[0][at + 1 :])


def stack_nd(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Along a new axis."""
    cx.only_exact()
    cx.arity(None)
    shapes = {cx.shape(i) for i in range(len(cx.inputs))}
    cx.require(
        len(shapes) == 1, f"can't stack {' and '.join(str(list(s)) for s in sorted(shapes))}"
    )
    (shape,) = shapes
    axis = cx.integer("nd_axis")
    at = cx.axis(axis, len(shape) + 1, "nd_axis")
    cx.add("stack", since=4).axis = axis
    return ((*shape[:at], len(cx.inputs), *shape[at:]),)


def split_nd(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Into parts whose sizes come from their compiled shapes."""
    cx.only_exact()
    cx.arity(1, None)
    shape, axis = cx.shape(), cx.integer("nd_axis")
    at = cx.axis(axis, len(shape), "nd_axis")
    for key in [key for key in cx.keys if key.startswith("begin_")]:
        cx.expect(key, 0)
    results = [cx.result(i) for i in range(len(cx.outputs))]
    cx.require({len(r) for r in results} == {len(shape)}, "changes the rank of its input")
    sizes = [result[at] for result in results]
    cx.require(sum(sizes) == shape[at], f"can't split {shape[at]} into {sizes}")
    p = cx.add("splitND", since=4)
    p.axis, p.numSplits = axis, len(sizes)
    p.splitSizes.extend(sizes)
    return tuple((*shape[:at], size, *shape[at + 1 :]) for size in sizes)


def squeeze(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Removes some or all dimensions of 1."""
    cx.only_exact()
    cx.arity(1)
    cx.optional_only({"nd_axis": 0, "version": 1})
    shape, axes = cx.shape(), _axes(cx)
    p = cx.add("squeeze", since=4)
    if cx.flag("squeeze_all"):
        cx.require(not axes, "squeezes all axes and some")
        p.squeezeAll = True
        return (tuple(size for size in shape if size != 1) or (1,),)
    p.axes.extend(axes)
    removed = {cx.axis(axis, len(shape), "axes") for axis in axes}
    cx.require(
        all(shape[axis] == 1 for axis in removed), f"can't squeeze the axes {axes} of {list(shape)}"
    )
    return (tuple(size for at, size in enumerate(shape) if at not in removed) or (1,),)


def expand_dims(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Inserts dimensions of 1 at positions of the result."""
    cx.only_exact()
    cx.arity(1)
    cx.optional("nd_axis", 0)
    shape, axes = list(cx.shape()), _axes(cx)
    cx.add("expandDims", since=4).axes.extend(axes)
    rank = len(shape) + len(axes)
    places = sorted({cx.axis(axis, rank, "axes") for axis in axes})
    cx.require(len(places) == len(axes) > 0, f"adds the axes {axes}")
    for place in places:
        shape.insert(place, 1)
    return (tuple(shape),)


def _axes(cx: EspressoLayer) -> list[int]:
    """`axes_0`, `axes_1`, … as many as `size_of_axes` says."""
    count = cx.integer("size_of_axes")
    cx.require(0 <= count < _MOST_AXES, f"has {count} axes")
    return [cx.integer(f"axes_{i}") for i in range(count)]


def load_constant(cx: EspressoLayer) -> tuple[Dims, ...]:
    """A stored constant."""
    cx.arity(0)
    sizes = tuple(cx.size(letter, 1) for letter in ("n", "k", "h", "w"))
    rank = cx.integer("nd_rank", 0 if not cx.exact else None)
    if cx.exact:
        dims = (1, *sizes)[-rank:] if 0 < rank <= 5 else ()
        cx.require(prod(dims) == prod(sizes) and bool(dims), f"has rank {rank} for {list(sizes)}")
        p: Any = cx.add("loadConstantND", since=4)
    else:
        cx.require(rank == 0 and sizes[0] == 1, f"has rank {rank} and the batch {sizes[0]}")
        dims = sizes[1:]
        p = cx.add("loadConstant")
    p.shape.extend(dims)
    cx.floats("constant_blob", p.data, prod(dims))
    return (dims if cx.exact else (1, 1, *dims),)


def copy(cx: EspressoLayer) -> tuple[Dims, ...]:
    """The same under another name."""
    cx.arity(1)
    cx.add("copy", since=4)
    return (cx.shape(),)


RULES: RuleTable = {
    "flatten": flatten,
    "reshape": reshape,
    "transpose": transpose,
    "concat": concat,
    "sequence_concat": sequence_concat,
    "general_concat": general_concat,
    "stack_nd": stack_nd,
    "split_nd": split_nd,
    "squeeze": squeeze,
    "expand_dims": expand_dims,
    "load_constant": load_constant,
    "copy": copy,
}
