"""Encoded weights: small parts, dense numbers, equality by content; views that go inside."""

import re

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.location import InModel
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights import bits
from cmlc.ir.weights.encodings import (
    Affine,
    Cast,
    EncodedResource,
    Linear,
    Palette,
    Repeated,
    Selected,
    Sparse,
    Unpacked,
    UpperHalf,
)
from cmlc.ir.weights.resources import (
    ArrayResource,
    LazyResource,
    ViewResource,
    decoded,
    is_worth_keeping,
)
from cmlc.ir.weights.views import settled
from support.modules.encoded import ENCODINGS, encoded


def stored(*numbers, dtype=np.uint8):
    return ArrayResource(np.array(numbers, dtype))


def array_of(encoding):
    return EncodedResource(encoding, "w").array()


def test_hand_worked():
    packed = stored(0b10_001_101, 0b1)
    assert array_of(Unpacked(packed, 3, (3,))).tolist() == [5, 1, 6]
    assert array_of(Unpacked(packed, 3, (3,), signed=True)).tolist() == [-3, 1, -2]
    assert array_of(Unpacked(packed, 3, (2,), lowest_first=False)).tolist() == [4, 3]
    assert array_of(UpperHalf(stored(0x3FC0, 0xC000, dtype=np.uint16))).tolist() == [1.5, -2]
    halves = Cast(stored(0.5, -3, dtype=np.float16), DType.F32)
    assert array_of(halves).tolist() == [0.5, -3]
    data = stored([1, 2, 3, 4], [5, 6, 7, 8])
    scale, offset = stored([1.0, 10.0], dtype=np.float32), stored([1, 0], dtype=np.int8)
    assert array_of(Affine(data, scale, offset)).tolist() == [[0, 1, 30, 40], [4, 5, 70, 80]]
    bias = stored([0.5], [1.5], dtype=np.float32)
    assert array_of(Linear(data, stored([2.0], dtype=np.float32), bias)).tolist() == [
        [2.5, 4.5, 6.5, 8.5],
        [11.5, 13.5, 15.5, 17.5],
    ]
    table = stored([[[1], [2]], [[3], [4]]], dtype=np.float32)
    assert array_of(Palette(stored([0, 1, 1, 0]), table)).tolist() == [[1, 2, 4, 3]]
    mask, values = stored([0, 1], [1, 0]), stored(7, 8, dtype=np.float32)
    assert array_of(Sparse(values, mask)).tolist() == [[0, 7], [8, 0]]
    assert array_of(Selected(stored([1, 2], [3, 4]), mask, 2)).tolist() == [2, 3]
    assert array_of(Repeated(mask, 1, 2)).tolist() == [[0, 0, 1, 1], [1, 1, 0, 0]]


def test_linear_is_rounded_once():
    """255 * 0.1 is 25.5 in float32, where adding 7e-7 changes nothing."""
    scale, bias = np.float32([0.1]), np.float32([7e-7])
    assert np.float32(255) * scale + bias == 25.5
    found = array_of(Linear(stored(255), ArrayResource(scale), ArrayResource(bias)))
    assert found[0] == np.float32(255 * float(scale[0]) + float(bias[0])) > 25.5


@pytest.mark.parametrize("name", ENCODINGS)
def test_type_size_and_equality(name):
    """Of the dense array, although less is stored."""
    resource, again = encoded(name), encoded(name)
    dense = ArrayResource(resource.array())
    assert resource.type == dense.type
    assert resource == again == dense
    assert hash(resource) == hash(dense)
    assert resource != encoded(name, seed=1)
    assert resource.stored_bytes * 1.9 < dense.stored_bytes == resource.array().nbytes
    assert resource.compressed
    assert not dense.compressed
    assert decoded(resource) == resource
    assert not decoded(resource).compressed


@pytest.mark.parametrize("name", ENCODINGS)
def test_views_go_inside(name):
    resource = encoded(name)
    perm = (2, 3, 1, 0)
    view = ViewResource(resource, perm, tuple(resource.type.static_shape[axis] for axis in perm))
    found = settled(view)
    np.testing.assert_array_equal(found.array(), view.array())
    assert found.stored_bytes <= view.stored_bytes
    assert view.compressed
    assert found.compressed
    outside = ("joined", "sparse", "palette of vectors", "palettes of vectors")
    assert isinstance(found, ViewResource) == name.startswith(outside)


def test_views_of_dense_data_stay():
    view = ViewResource(stored([1, 2]), (1, 0), (2, 1))
    assert settled(view) is view
    assert not view.compressed
    resource = encoded("cast")
    assert settled(resource) is resource


def test_parts_are_let_go():
    loads = []

    def load():
        loads.append(1)
        return np.ones(4, np.float16)

    resource = EncodedResource(Cast(LazyResource(Tensor(DType.F16, (4,)), load), DType.F32))
    for _ in range(3):
        assert resource.array().tolist() == [1] * 4
    assert len(loads) == 1
    resource.release()
    resource.array()
    assert len(loads) == 2
    dense = decoded(resource)
    dense.array(), dense.array(), dense.release(), dense.array()
    assert len(loads) == 3


def test_small_or_large_parts_are_not_worth_it():
    halves = Cast(ArrayResource(np.ones((32, 32), np.float16)), DType.F32)
    assert is_worth_keeping(EncodedResource(halves))
    assert not is_worth_keeping(decoded(EncodedResource(halves)))
    few = Cast(ArrayResource(np.ones((31, 33), np.float16)), DType.F32)
    assert not is_worth_keeping(EncodedResource(few))
    same = Cast(ArrayResource(np.ones((32, 32), np.float32)), DType.F32)
    assert not is_worth_keeping(EncodedResource(same))
    assert is_worth_keeping(ViewResource(EncodedResource(halves), (1, 0), (1024,)))


MASK = stored(0, 1, 1)
PROBLEMS = {
    "has values [1] for 2 ones of its mask": Sparse(stored(7), MASK),
    "has 3 values for 2 ones of its mask": Selected(stored(1, 2, 3), MASK, 3),
    "has indices beyond its 3 entries": Palette(
        stored(0, 3), ArrayResource(np.zeros((1, 3, 1), np.float32))
    ),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_parts_that_do_not_fit(problem):
    """Where they are decoded, also inside of others."""
    place = InModel("operations", 3, "w")
    inner = EncodedResource(PROBLEMS[problem], "w", place)
    for resource in (inner, EncodedResource(Cast(inner, DType.F32), "outer")):
        for action in (resource.array, resource.check):
            with pytest.raises(CompileError, match=re.escape(f"the weight 'w' {problem}")) as found:
                action()
            assert found.value.diagnostics[0].location == place


@pytest.mark.parametrize("count", [0, 1, 7, 100])
@pytest.mark.parametrize("width", range(1, 9))
def test_packing(width, count, monkeypatch):
    monkeypatch.setattr(bits, "_PART", 3)
    codes = np.random.default_rng(count).integers(0, 1 << width, count).astype(np.uint8)
    packed = bits.pack(codes, width)
    assert packed.size == -(-count * width // 8)
    assert bits.unpack(packed, width, count, lowest_first=True).tolist() == codes.tolist()
    signed = bits.signed(codes, width)
    assert bits.pack(signed, width).tolist() == packed.tolist()
