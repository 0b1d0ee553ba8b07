"""Where a value has the batch.

An *entry* is what a value is for a batch of one: its shape has no batch. With a batch of N entries
the value has N times as many elements, and a `Place` says where N went.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ..dims import Dim, Shape, floor_div, product


@dataclass(frozen=True)
class Place:
    """Where N is in the shape of a value.

    Inside dimension `axis` of an entry, after `outer` of its positions: of an extent A * B, A being
    `outer`, A * N * B is left, with A slowest. An extent of 1 simply becomes N. Or, if `own`, as a
    dimension that entries don't have, before their dimension `axis`; there may be extents of 1
    between the two: -2 is N before two of them. `origin` is the dimension of 1 that N was taken out
    of, as long as it is known: what works along it mixes entries. A place is `loose` if a reshape
    made several dimensions of 1 out of the batch: nothing says which of them it is.
    """

    axis: int
    outer: Dim = 1
    own: bool = False
    origin: int | None = field(default=None, compare=False)
    loose: bool = field(default=False, compare=False)

    def opened(self, entry: Shape, size: Dim) -> Shape:
        """The shape of `size` entries of this shape."""
        if self.own:
            units = (1,) * max(-self.axis, 0)
            axis = max(self.axis, 0)
            return (*entry[:axis], size, *units, *entry[axis:])
        return (*entry[: self.axis], entry[self.axis] * size, *entry[self.axis + 1 :])

    def is_dimension(self, entry: Shape) -> bool:
        """Whether N takes the place of an entry's extent of 1: that dimension is the batch."""
        return not self.own and entry[self.axis] == 1

    def beside(self, entry: Shape, taken: Collection[int]) -> "Place | None":
        """A dimension of 1 that is the batch as well, if this place is loose, and isn't taken."""
        before = self.elements_before(entry)
        free = [axis for axis in units_after(before, entry) if self.loose and axis not in taken]
        return Place(free[0]) if free else None

    def elements_before(self, entry: Shape) -> Dim:
        """How many elements of one entry lie between those of two neighbours, and before.

        It is all that counts for a reshape: that keeps the order of elements.
        """
        return product(entry[: max(self.axis, 0)]) * self.outer

    def cut(self, entry: Shape) -> tuple[int, int]:
        """The dimension that N is in or before, and after how many positions: 0 to its extent."""
        outer = self.outer if not self.own else 1
        assert isinstance(outer, int)  # only such a dimension is chosen to hold the batch
        if outer != 1 and outer == entry[self.axis]:
            return self.axis + 1, 1
        return max(self.axis, 0), outer

    def moved(self, by: int) -> "Place":
        """The place in a shape that has so many more dimensions in front."""
        origin = None if self.origin is None else self.origin + by
        return replace(self, axis=self.axis + by, origin=origin)

    def apart(self, entry: Shape) -> "Place":
        """A dimension of its own: here, or in front where N is in the middle of a dimension."""
        if self.own or self.outer == 1:
            return Place(self.axis, own=True)
        at_the_end = self.outer == entry[self.axis]
        return Place(self.axis + 1 if at_the_end else 0, own=True)


FRONT = Place(0, own=True)


def units_after(before: Dim, entry: Shape) -> list[int]:
    """The dimensions of 1 with so many elements before them: the batch can be any of them."""
    return [
        axis for axis, extent in enumerate(entry) if extent == 1 and product(entry[:axis]) == before
    ]


def settled(place: Place, before: Dim, entry: Shape) -> Place | None:
    """The best place with so many elements before it; None if there is none without a transpose.

    That is an extent of 1, or a dimension of its own. But batches of more than matrices go into a
    dimension that entries have anyway, unless they have been apart before: so what people fold into
    one, as windows of images, stays there. That is not the last one, whose positions seldom are
    alike.
    """
    reached: Dim = 1
    folds = len(entry) > 2 and not place.own
    for axis, extent in enumerate(entry):
        if reached == before:
            if extent == 1 or (folds and axis < len(entry) - 1 and isinstance(extent, int)):
                return Place(axis)
            previous = entry[axis - 1] if folds and axis else None
            if isinstance(previous, int):
                return Place(axis - 1, outer=previous)
            return Place(axis, own=True)
        if cut := _cut(reached, before, extent):
            return Place(axis, outer=cut)
        reached = reached * extent
    return Place(len(entry), own=True) if reached == before else None


def _cut(reached: Dim, before: Dim, extent: Dim) -> int:
    """After how many positions of the next dimension there are so many elements; 0 for none."""
    if reached == 0:
        return 0
    outer = floor_div(before, reached)
    if not isinstance(outer, int) or not isinstance(extent, int) or outer * reached != before:
        return 0
    return outer if 1 < outer < extent and extent % outer == 0 else 0
