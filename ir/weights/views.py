"""Views of encoded weights as encodings of views: transposed once, not each time a graph runs.

Most encodings treat all elements alike, so their parts can be transposed instead of the whole.
Where they don't (the values of a sparse weight have an order), the view stays outside.
"""

from collections.abc import Callable, Mapping
from math import prod

from ..types import Array, DType, Tensor
from .bits import pack
from .encodings import Affine, Cast, EncodedResource, Encoding, Linear, Palette, Unpacked, UpperHalf
from .resources import LazyResource, Resource, ViewResource


def settled(resource: Resource) -> Resource:
    """The same data, with views moved inside encodings as far as possible.

    What is viewed back to its own layout is the weight itself, whose parts are stored already.
    """
    if not isinstance(resource, ViewResource) or not resource.compressed:
        return resource
    base, perm, shape = _merged(resource)
    if base.type.shape == shape and _keeps_order(base.type.static_shape, perm):
        return settled(base)
    return _view(settled(base), perm, shape)


def _merged(view: ViewResource) -> tuple[Resource, tuple[int, ...], tuple[int, ...]]:
    """(base, perm, shape) with as many views of views as one view can say.

    One can say two if the inner one doesn't merge or split dimensions, or the outer one does
    nothing else.
    """
    base, perm, shape = view.base, view.perm, view.type.static_shape
    while isinstance(base, ViewResource):
        sizes = base.base.type.static_shape
        if base.type.static_shape == tuple(sizes[axis] for axis in base.perm):
            perm = tuple(base.perm[axis] for axis in perm)
        elif _keeps_order(base.type.static_shape, perm):
            perm = base.perm
        else:
            break
        base = base.base
    return base, perm, shape


def _keeps_order(sizes: tuple[int, ...], perm: tuple[int, ...]) -> bool:
    """Whether elements stay in row-major order: only dimensions of 1 are moved."""
    moved = [axis for axis in perm if sizes[axis] != 1]
    return moved == sorted(moved)


def _view(resource: Resource, perm: tuple[int, ...], shape: tuple[int, ...]) -> Resource:
    if isinstance(resource, EncodedResource):
        rule = RULES.get(type(resource.encoding))
        moved = rule(resource.encoding, perm, shape) if rule else None
        if moved is not None:
            return EncodedResource(moved, resource.name, resource.location)
    return ViewResource(resource, perm, shape)


def _cast(item: Cast, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding:
    return Cast(_view(item.stored, perm, shape), item.dtype)


def _upper_half(item: UpperHalf, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding:
    return UpperHalf(_view(item.bits, perm, shape))


def _unpacked(item: Unpacked, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding:
    """The packed integers in the other order."""

    def load() -> Array:
        codes = item.decode().transpose(perm).reshape(-1)
        item.packed.release()
        return pack(codes, item.bits)

    kind = Tensor(DType.U8, (-(-prod(shape) * item.bits // 8),))
    origin = item.packed.derived("packed again", item.bits, item.lowest_first, perm, shape)
    packed = LazyResource(kind, load, origin=origin)
    return Unpacked(packed, item.bits, shape, item.signed)


def _affine(item: Affine, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding | None:
    parts = [item.scale] if item.offset is None else [item.scale, item.offset]
    moved = [_blocks(part, item.data, perm, shape) for part in parts]
    known = [part for part in moved if part is not None]
    if len(known) != len(parts):
        return None
    return Affine(_view(item.data, perm, shape), *known)


def _linear(item: Linear, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding | None:
    scale, bias = (_blocks(part, item.data, perm, shape) for part in (item.scale, item.bias))
    if scale is None or bias is None:
        return None
    return Linear(_view(item.data, perm, shape), scale, bias)


def _palette(item: Palette, perm: tuple[int, ...], shape: tuple[int, ...]) -> Encoding | None:
    lut = _blocks(item.lut, item.indices, perm, shape)
    if lut is None or item.lut.type.static_shape[-1] != 1:
        return None
    return Palette(_view(item.indices, perm, shape), lut)


def _blocks(
    part: Resource, data: Resource, perm: tuple[int, ...], shape: tuple[int, ...]
) -> Resource | None:
    """A part with entries for blocks of data, for its view; None if a reshape is in the way."""
    sizes, rank = part.type.static_shape, len(perm)
    counts, entry = sizes[:rank], sizes[rank:]
    if prod(counts) == 1:
        return _view(part, tuple(range(len(sizes))), ((1,) * len(shape)) + entry)
    if shape != tuple(data.type.static_shape[axis] for axis in perm):
        return None
    moved = (*perm, *range(rank, len(sizes)))
    return _view(part, moved, tuple(sizes[axis] for axis in moved))


RULES: Mapping[type[Encoding], Callable[..., Encoding | None]] = {
    Affine: _affine,
    Cast: _cast,
    Linear: _linear,
    Palette: _palette,
    Unpacked: _unpacked,
    UpperHalf: _upper_half,
}
