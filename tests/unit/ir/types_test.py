"""Tensor types and element types."""

import numpy as np
import pytest
from cmlc.ir.dims import symbol
from cmlc.ir.types import DType, Tensor, type_of


@pytest.mark.parametrize("dtype", DType)
def test_numpy_and_back(dtype):
    array = np.zeros(2, dtype.numpy)
    assert DType.of(array) is dtype
    assert type_of(array) == Tensor(dtype, (2,))
    assert dtype.bytes == (0 if dtype is DType.STR else array.itemsize)


def test_dtypes_without_counterpart():
    with pytest.raises(TypeError, match="complex64"):
        DType.of(np.zeros(1, np.complex64))


def test_families_of_dtypes():
    assert [d.value for d in DType if d.is_float] == ["f16", "f32", "f64"]
    assert {d.value[0] for d in DType if d.is_integer} == {"i", "u"}
    assert not DType.BOOL.is_integer


def test_text():
    assert str(Tensor(DType.F32, (symbol("N"), 3, 224))) == "f32[N,3,224]"
    assert str(Tensor(DType.BOOL, ())) == "bool[]"


def test_shapes():
    fixed, open_ = Tensor(DType.F32, (2, 3)), Tensor(DType.F32, (symbol("N"), 3))
    assert fixed.is_static
    assert fixed.static_shape == (2, 3)
    assert not open_.is_static
    with pytest.raises(ValueError, match=r"f32\[N,3\] has symbolic dimensions"):
        _ = open_.static_shape
    assert open_.with_shape([1]).shape == (1,)
    assert open_.with_dtype(DType.I8).dtype is DType.I8
    assert open_.rank == 2
