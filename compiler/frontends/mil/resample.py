"""Images sampled at arbitrary positions: given ones, or those of an affine map."""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core import shape
from ....ir.dims import differs
from ....ir.ssa import Value
from ....ir.types import DType
from ..rules import Result
from ..values import cast
from .context import MilContext, MilRules
from .sampling import add, extent, folded, mul, sample, sub

rules = MilRules("resample")

_PADDINGS = ("constant", "border", "reflection", "symmetric")
_COORDINATES = ("unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one")


@rules("resample")
def resample(cx: MilContext) -> Result:
    """x [N, C, H, W] at [N, h, w] positions (column, row); computed in f32."""
    x, given = _images(cx), cx.value("coordinates")
    fits = given.type.rank == 4 and given.type.shape[3] == 2
    fits = fits and not differs(given.type.shape[0], x.type.shape[0])
    cx.require(fits, f"takes coordinates [N, h, w, 2] for {x.type}, got {given.type}")
    mode = _choice(cx, "sampling_mode", ("bilinear", "nearest"))
    padding = _choice(cx, "padding_mode", _PADDINGS)
    scale, aligned = _choice(cx, "coordinates_mode", _COORDINATES), cx.flag("align_corners")
    outside = cx.number("padding_value")
    columns, rows = _apart(cast(given, DType.F32), 3)
    places = [
        _in_pixels(value, cast(extent(x, axis), DType.F32), scale, aligned)
        for value, axis in ((columns, 3), (rows, 2))
    ]
    if padding != "constant":
        places = [
            folded(value, cast(sub(extent(x, axis), 1), DType.F32), padding)
            for value, axis in zip(places, (3, 2), strict=True)
        ]
    return sample(x, places[0], places[1], mode, outside if padding == "constant" else None)


def _in_pixels(value: Value, size: Value, scale: str, aligned: bool) -> Value:
    """Positions from the first pixel's centre; 0 and 1 are centres or edges of outer pixels."""
    if scale == "unnormalized":
        return value
    if scale == "normalized_minus_one_to_one":
        value = mul(add(value, 1), 0.5)
    return mul(value, sub(size, 1)) if aligned else sub(mul(value, size), 0.5)


@rules("affine")
def affine(cx: MilContext) -> Result:
    """x at positions that are linear in those of the result; all from -1 to 1, at pixel centres.

    As in Core ML: bilinear, zeros around x, corners aligned.
    """
    x, matrix = _images(cx), cast(cx.value("transform_matrix"), DType.F32)
    _choice(cx, "sampling_mode", ("bilinear",))
    _choice(cx, "padding_mode", ("constant",))
    _choice(cx, "coordinates_mode", ("normalized_minus_one_to_one",))
    if not cx.flag("align_corners") or cx.number("padding_value") != 0:
        raise cx.unsupported("has corners that are not aligned, or a padding value")
    height, width = cx.integer("output_height"), cx.integer("output_width")
    if min(height, width) < 2:
        raise cx.unsupported(f"makes {height} x {width} pixels; a single one has no position")
    count, numbers = matrix.type.shape if matrix.type.rank == 2 else (0, 0)
    fits = numbers == 6 and (count == 1 or not differs(count, x.type.shape[0]))
    cx.require(fits, f"takes matrices [N, 6] or [1, 6] for {x.type}, got {matrix.type}")
    across = constant(np.linspace(-1, 1, width, dtype=np.float32).reshape(1, 1, width))
    down = constant(np.linspace(-1, 1, height, dtype=np.float32).reshape(1, height, 1))
    a, b, c, d, e, f = (shape.ExpandDims(value, (1, 2)).result for value in _apart(matrix, 1))
    columns = add(add(mul(a, across), mul(b, down)), c)
    rows = add(add(mul(d, across), mul(e, down)), f)
    column, row = (
        _in_pixels(value, cast(extent(x, axis), DType.F32), "normalized_minus_one_to_one", True)
        for value, axis in ((columns, 3), (rows, 2))
    )
    return sample(x, column, row, "bilinear", 0.0)


def _images(cx: MilContext) -> Value:
    x = cx.value("x")
    cx.require(x.type.rank == 4, f"takes four dimensions, got {x.type}")
    return x


def _choice(cx: MilContext, name: str, known: tuple[str, ...]) -> str:
    found = cx.text(name).lower()
    if found not in known:
        raise cx.unsupported(f"has the {name} '{found}', which is not understood")
    return found


def _apart(value: Value, axis: int) -> tuple[Value, ...]:
    """The entries along one dimension, with the dimension removed."""
    count = value.type.shape[axis]
    assert isinstance(count, int)
    parts = shape.Split(value, (1,) * count, axis).results
    return tuple(shape.Squeeze(part, (axis,)).result for part in parts)
