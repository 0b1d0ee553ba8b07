"""Constant data: types at once, bytes late, equality by content."""

import numpy as np
import pytest
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.resources import (
    ArrayResource,
    FileResource,
    HashResource,
    LazyResource,
    MissingResourceError,
    RandomResource,
    Resource,
    SplatResource,
    ViewResource,
    as_resource,
)

F23 = Tensor(DType.F32, (2, 3))
DATA = np.arange(6, dtype=np.float32).reshape(2, 3)


def in_file(tmp_path, dtype=DType.F32):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\0" * 8 + DATA.astype(dtype.numpy).tobytes())
    return FileResource(Tensor(dtype, (2, 3)), path, 8, "w")


def test_equal_contents_are_equal_resources(tmp_path):
    resources = [
        ArrayResource(DATA),
        LazyResource(F23, lambda: DATA.copy()),
        in_file(tmp_path),
        ViewResource(ArrayResource(DATA.T), (1, 0), (2, 3)),
        HashResource(F23, ArrayResource(DATA).digest),
    ]
    for one in resources:
        for other in resources:
            assert one == other
            assert hash(one) == hash(other)
            assert one.digest == other.digest
    assert ArrayResource(DATA) != ArrayResource(DATA + 1)
    assert ArrayResource(DATA) != ArrayResource(DATA.reshape(3, 2))
    assert ArrayResource(DATA) != DATA.tolist()


@pytest.mark.parametrize("dtype", DType)
def test_digest_of_every_dtype(dtype):
    data = np.array([["a", "b"]], object) if dtype is DType.STR else np.ones((1, 2), dtype.numpy)
    assert len(ArrayResource(data).digest) == 32


def test_strings_are_objects():
    fixed = ArrayResource(np.array(["one", "two"]))
    assert fixed.array().dtype == object
    assert fixed == ArrayResource(np.array(["one", "two"], object))


def test_arrays_are_read_only():
    resource = ArrayResource(DATA.copy())
    with pytest.raises(ValueError, match="read-only"):
        resource.array()[0, 0] = 1
    lazy = LazyResource(F23, lambda: DATA.copy())
    with pytest.raises(ValueError, match="read-only"):
        lazy.array()[0, 0] = 1


def test_lazy_data_are_read_once():
    reads = []
    lazy = LazyResource(F23, lambda: reads.append(1) or DATA)
    assert not reads
    assert lazy.size == 6
    lazy.array()
    lazy.array()
    assert len(reads) == 1


@pytest.mark.parametrize("wrong", [DATA.T, DATA.astype(np.float64)])
def test_contents_must_have_the_declared_type(wrong):
    with pytest.raises(ValueError, match=r"'w' is declared f32\[2,3\] but holds"):
        LazyResource(F23, lambda: wrong, "w").array()


@pytest.mark.parametrize("dtype", [DType.F16, DType.F32, DType.I8, DType.U16, DType.BOOL])
def test_file_range(tmp_path, dtype):
    resource = in_file(tmp_path, dtype)
    np.testing.assert_array_equal(resource.array(), DATA.astype(dtype.numpy))


def test_release_reads_again(tmp_path):
    resource = in_file(tmp_path)
    first = resource.array()
    assert resource.array() is first
    resource.release()
    assert resource.array() is not first
    np.testing.assert_array_equal(resource.array(), first)


def test_empty_file_range(tmp_path):
    resource = FileResource(Tensor(DType.F32, (0, 3)), tmp_path / "missing", 0)
    assert resource.array().shape == (0, 3)


def test_splat_takes_no_memory():
    resource = SplatResource(Tensor(DType.F16, (1000, 1000)), 0.5)
    assert resource.array().strides == (0, 0)
    assert resource.array()[3, 4] == np.float16(0.5)
    assert SplatResource(F23, 1.0) == ArrayResource(np.ones((2, 3), np.float32))


@pytest.mark.parametrize("dtype", [DType.F32, DType.F16, DType.I32, DType.U8, DType.BOOL])
def test_random_is_reproducible(dtype):
    kind = Tensor(dtype, (8, 4))
    assert RandomResource(kind, 7) == RandomResource(kind, 7)
    assert RandomResource(kind, 7) != RandomResource(kind, 8)


def test_hash_has_no_contents():
    resource = HashResource(F23, "00" * 16, "conv.weight")
    assert resource.digest == "00" * 16
    with pytest.raises(MissingResourceError, match=r"conv\.weight"):
        resource.array()


def test_views_share_memory(tmp_path):
    base = ArrayResource(DATA)
    transposed = ViewResource(base, (1, 0), (3, 2))
    assert np.shares_memory(transposed.array(), base.array())
    np.testing.assert_array_equal(transposed.array(), DATA.T)
    reshaped = ViewResource(base, (0, 1), (6,))
    assert np.shares_memory(reshaped.array(), base.array())
    view = ViewResource(in_file(tmp_path), (1, 0), (3, 2))
    first = view.base.array()
    view.array()
    view.release()
    assert view.base.array() is not first


def test_as_resource():
    base = ArrayResource(DATA)
    assert as_resource(base) is base
    assert as_resource([1.0, 2.0], "n").type == Tensor(DType.F64, (2,))
    assert as_resource(DATA, "n").name == "n"


def test_a_resource_must_know_how_to_load():
    with pytest.raises(NotImplementedError):
        Resource(F23).array()
