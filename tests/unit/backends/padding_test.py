"""Windows meet borders alike, wherever the channels are."""

import pytest
from cmlc.backends.padding import resolve_padding, same_amounts
from cmlc.backends.refusals import RefusedError
from cmlc.ir.attributes import Layout, PadType
from cmlc.ir.dialects.core.pool import MaxPool
from cmlc.ir.dims import symbol
from cmlc.ir.ssa import Value
from cmlc.ir.types import DType, Tensor

LAYOUTS = list(Layout)


def pool(layout, sizes, pad_type, pad=()):
    shape = (2, 3, *sizes) if layout is Layout.CHANNELS_FIRST else (2, *sizes, 3)
    x = Value(Tensor(DType.F32, shape), 0)
    return MaxPool(x, (3, 2), strides=(2, 2), pad_type=pad_type, pad=pad, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("pad_type", "pad", "expected"),
    [
        (PadType.SAME, (), "SAME"),
        (PadType.VALID, (), "VALID"),
        (PadType.SAME_LOWER, (), ((1, 1), (1, 0))),
        (PadType.CUSTOM, (1, 1, 0, 1), "SAME"),
        (PadType.CUSTOM, (0, 2, 0, 0), ((0, 2), (0, 0))),
        (PadType.CUSTOM, (0, 1, 0, 0), "VALID"),
        (PadType.CUSTOM, (1, 2, 0, 2), "SAME"),
        (PadType.CUSTOM, (0, 3, 0, 1), ((0, 3), (0, 1))),
    ],
)
def test_amounts(layout, pad_type, pad, expected):
    op = pool(layout, (5, 7), pad_type, pad)
    assert resolve_padding(op, (3, 2), (2, 2), (1, 1)) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_open_extents_have_no_amounts(layout):
    op = pool(layout, (5, symbol("W")), PadType.SAME)
    with pytest.raises(RefusedError, match="this padding needs fixed spatial dimensions"):
        same_amounts(op, "same", (3, 2), (2, 2), (1, 1))
