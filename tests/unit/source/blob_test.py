"""Weight files: every type of elements, and what is said of files that are damaged."""

import gc
import struct

import numpy as np
import pytest
from cmlc.compiler.source.blob import KINDS, BlobError, BlobFile, FileRange
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.bits import signed, unpack
from cmlc.ir.weights.resources import ArrayResource
from support.mil.files import CODES, packed, weight_bin, write

NUMBERS = {k.name: k.number for k in KINDS.values() if not k.name.startswith("fp8")}
LIMITS = {
    kind.name: (-(1 << kind.bits - 1), (1 << kind.bits - 1) - 1)
    if kind.dtype.value[0] == "i"
    else (0, (1 << kind.bits) - 1)
    for kind in KINDS.values()
    if not kind.dtype.is_float
}
FLOATS = {"fp16": np.float16, "fp32": np.float32, "bf16": np.float32}


def numbers(dtype, count):
    """Numbers of a type: extreme ones first."""
    rng = np.random.default_rng(count)
    if dtype in FLOATS:
        special = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 2.0**-14, 2.0**-20]
        return (special * (count // len(special) + 1))[:count]
    low, high = LIMITS[dtype]
    return [low, high, *rng.integers(low, high, count, endpoint=True).tolist()][:count]


def opened(folder, *blobs, change=None, **options):
    """(the file, the places of its blobs); `change` edits its bytes."""
    data, places = weight_bin(*blobs, **options)
    made = bytearray(data)
    if change:
        change(made, places)
    return BlobFile(FileRange(write(folder / "weight.bin", bytes(made)))), places


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 5, 7, 8, 9, 64, 1001])
@pytest.mark.parametrize("dtype", list(NUMBERS))
def test_every_type(tmp_path, dtype, count):
    given = numbers(dtype, count)
    file, (first, second) = opened(tmp_path, ("fp32", [1.0]), (dtype, given))
    resource = file.resource(second, NUMBERS[dtype], (count,), "w")
    assert resource.name == "w"
    assert resource.kind.name == dtype
    assert resource.type.shape == (count,)
    np.testing.assert_array_equal(resource.array(), np.array(given, resource.type.dtype.numpy))
    assert resource.array().dtype == resource.type.dtype.numpy
    assert bytes(resource.packed()) == packed(dtype, given)
    assert file.resource(first, NUMBERS["fp32"], (), "one").array() == 1


def test_what_types_become():
    found = {kind.name: kind.dtype for kind in KINDS.values()}
    assert found["int4"] is DType.I8
    assert found["bf16"] is DType.F32
    assert {found[f"uint{bits}"] for bits in (1, 2, 3, 4, 6, 8)} == {DType.U8}
    assert {(name, CODES[name]) for name in found} == {
        (kind.name, code) for code, kind in KINDS.items()
    }


# By their bits: 1, -2.5, the largest, the smallest normal and the smallest number, what is none.
EIGHT_BIT_FLOATS = {
    "fp8e4m3fn": (40, {0x38: 1, 0xC2: -2.5, 0x7E: 448, 0x08: 2**-6, 0x01: 2**-9, 0x7F: np.nan}),
    "fp8e5m2": (41, {0x3C: 1, 0xC1: -2.5, 0x7B: 57344, 0x04: 2**-14, 0x01: 2**-16, 0x7C: np.inf}),
}


@pytest.mark.parametrize("dtype", EIGHT_BIT_FLOATS)
def test_floats_of_eight_bits(tmp_path, dtype):
    number, known = EIGHT_BIT_FLOATS[dtype]
    file, (place,) = opened(tmp_path, (dtype, range(256)))
    resource = file.resource(place, number, (2, 128), "w")
    found = resource.array()
    assert str(resource.type) == "f32[2,128]"
    assert resource.stored().stored_bytes < 2048
    np.testing.assert_array_equal(found.reshape(-1)[list(known)], list(known.values()))
    np.testing.assert_array_equal(found[1], -found[0])
    assert np.signbit(found[1, 0])
    types = pytest.importorskip("ml_dtypes")  # another library's opinion
    other = getattr(types, f"float8_{dtype.removeprefix('fp8')}")
    np.testing.assert_array_equal(
        found.reshape(-1), np.arange(256, dtype=np.uint8).view(other).astype(np.float32)
    )


@pytest.mark.parametrize("shape", [(2, 3, 4), (24,), (1, 24, 1)])
def test_shapes(tmp_path, shape):
    file, (place,) = opened(tmp_path, ("uint3", range(8)), ("uint3", [*range(8)] * 3))[0], (192,)
    array = file.resource(place, NUMBERS["uint3"], shape, "w").array()
    np.testing.assert_array_equal(array, np.array([*range(8)] * 3).reshape(shape))


def test_no_elements(tmp_path):
    file, (place,) = opened(tmp_path, ("int4", []))
    assert file.resource(place, NUMBERS["int4"], (0, 3), "w").array().shape == (0, 3)


def test_arrays_are_mapped_and_read_only(tmp_path):
    file, (place,) = opened(tmp_path, ("fp32", numbers("fp32", 100)))
    resource = file.resource(place, NUMBERS["fp32"], (100,), "w")
    array = resource.array()
    assert not array.flags.owndata
    assert not array.flags.writeable
    resource.release()
    assert resource.array() is not array


def test_arrays_outlive_everything(tmp_path):
    file, (place,) = opened(tmp_path, ("int32", [7] * 1000))
    array = file.resource(place, NUMBERS["int32"], (1000,), "w").array()
    del file
    (tmp_path / "weight.bin").unlink()
    gc.collect()
    assert (array == 7).all()


def test_equal_contents_are_equal(tmp_path):
    file, (one, two) = opened(tmp_path, ("uint4", [1, 2, 3]), ("uint8", [1, 2, 3]))
    narrow, wide = (
        file.resource(place, NUMBERS[kind], (3,), kind)
        for place, kind in ((one, "uint4"), (two, "uint8"))
    )
    assert narrow == wide == ArrayResource(np.array([1, 2, 3], np.uint8))
    assert narrow.type == Tensor(DType.U8, (3,))


def test_old_writers_left_anything_behind_the_offset(tmp_path):
    garbage = bytes(range(200, 240))
    file, (place, _) = opened(tmp_path, ("fp16", [1.0, 2.0, 3.0]), ("int8", [1]), garbage=garbage)
    assert file.blob(place).padding == int.from_bytes(garbage[:8], "little")
    array = file.resource(place, NUMBERS["fp16"], (3,), "w").array()
    np.testing.assert_array_equal(array, [1, 2, 3])


def test_a_part_of_a_file(tmp_path):
    data, (place,) = weight_bin(("fp32", [1.5, -2.0]))
    path = write(tmp_path / "all", b"xyz" + data + b"more")
    file = BlobFile(FileRange(path, 3, len(data)))
    array = file.resource(place, NUMBERS["fp32"], (2,), "w").array()
    np.testing.assert_array_equal(array, [1.5, -2])
    assert array.flags.aligned
    with pytest.raises(BlobError, match="is cut short"):
        BlobFile(FileRange(path, 3, len(data) + 5))


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("lowest_first", [True, False])
def test_unpacking(bits, lowest_first):
    given = np.random.default_rng(bits).integers(0, 1 << bits, 1003)
    each = np.unpackbits(given.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :]
    order = each[:, ::-1] if lowest_first else each
    data = np.packbits(order.reshape(-1), bitorder="little" if lowest_first else "big")
    found = unpack(data, bits, 1003, lowest_first=lowest_first)
    np.testing.assert_array_equal(found, given)


def test_unpacking_in_parts(monkeypatch):
    monkeypatch.setattr("cmlc.ir.weights.bits._PART", 3)
    given = [n % 64 for n in range(101)]
    data = np.frombuffer(packed("uint6", given), np.uint8)
    np.testing.assert_array_equal(unpack(data, 6, 101, lowest_first=True), given)


def test_signs():
    np.testing.assert_array_equal(
        signed(np.arange(16, dtype=np.uint8), 4), [*range(8), *range(-8, 0)]
    )


@pytest.mark.slow
def test_agrees_with_the_library_that_coremltools_uses(tmp_path):
    from coremltools.converters.mil.mil.types import type_int
    from coremltools.libmilstoragepython import _BlobStorageReader, _BlobStorageWriter

    path, placed = str(tmp_path / "weight.bin"), []
    writer = _BlobStorageWriter(path)
    for dtype in NUMBERS:
        if dtype == "bf16":
            continue
        kind = {"fp32": "float"}.get(dtype, dtype)
        stored = getattr(type_int, f"np_{dtype}_dtype", FLOATS.get(dtype, dtype))
        for count in (1, 3, 8, 17, 250):
            array = np.array(numbers(dtype, count)).astype(stored)
            given = array.view(np.uint16) if dtype == "fp16" else array
            placed.append((kind, dtype, getattr(writer, f"write_{kind}_data")(given), given))
    del writer
    file, reader = BlobFile(FileRange(tmp_path / "weight.bin")), _BlobStorageReader(path)
    for kind, dtype, place, given in placed:
        mine = file.resource(place, NUMBERS[dtype], given.shape, "w").array()
        theirs = getattr(reader, f"read_{kind}_data")(place)
        np.testing.assert_array_equal(mine.view(given.dtype), given)
        np.testing.assert_array_equal(mine.view(given.dtype), theirs)


# -- damage --------------------------------------------------------------------------------------


def patch(layout, offset, *content):
    """A change: write numbers into the description of the first blob."""
    return lambda data, places: struct.pack_into(layout, data, places[0] + offset, *content)


def header(layout, offset, *content):
    return lambda data, _: struct.pack_into(layout, data, offset, *content)


@pytest.mark.parametrize(
    ("change", "message", "unsupported"),
    [
        (lambda data, _: data.clear(), "is not a weight file: it has only 0 bytes", False),
        (lambda data, _: data.__delitem__(slice(63, None)), "it has only 63 bytes", False),
        (header("<I", 4, 1), "has version 1 where weight files have 2", True),
        (header("<I", 4, 3), "has version 3 where", True),
        (header("<I", 4, 1 << 30), "has version 1073741824 where", False),
        (header("<I", 0, 0), "says that it has 0 blobs, in 140 bytes", False),
        (header("<I", 0, 2), "says that it has 2 blobs, in 140 bytes", False),
        (header("<I", 0, 2**32 - 1), "says that it has 4,294,967,295 blobs", False),
    ],
)
def test_files_that_are_refused(tmp_path, change, message, unsupported):
    with pytest.raises(BlobError, match=message) as caught:
        opened(tmp_path, ("fp32", [1.0, 2.0, 3.0]), change=change)
    assert caught.value.unsupported is unsupported


@pytest.mark.parametrize(
    ("change", "message", "unsupported"),
    [
        (patch("<I", 0, 0xDEADBEEE), "has no blob at byte 64", False),
        (patch("<I", 4, 16), "holds fp8e4m3fn at byte 64, expected fp32", False),
        (patch("<I", 4, 0), "the unknown type 0 at byte 64", False),
        (patch("<I", 4, 18), "the unknown type 18 at byte 64", False),
        (patch("<I", 4, 14), "holds int32 at byte 64, expected fp32", False),
        (patch("<Q", 8, 13), "takes bytes 128 to 141", False),
        (patch("<Q", 8, 2**64 - 1), "ends at byte 140, before the blob described at 64", False),
        (patch("<Q", 8, 8), r"holds 8 bytes of fp32 at byte 64; shape \[3\] needs 12", False),
        (patch("<Q", 16, 132), "takes bytes 132 to 144", False),
        (patch("<Q", 16, 2**63), "ends at byte 140", False),
        (patch("<Q", 16, 0), "takes bytes 0 to 12", False),
    ],
)
def test_blobs_that_are_refused(tmp_path, change, message, unsupported):
    file, (place,) = opened(tmp_path, ("fp32", [1.0, 2.0, 3.0]), change=change)
    with pytest.raises(BlobError, match=message) as caught:
        file.resource(place, NUMBERS["fp32"], (3,), "w")
    assert caught.value.unsupported is unsupported


@pytest.mark.parametrize("offset", [0, 63, 65, 77, 128, 2**64 - 1])
def test_no_blob_there(tmp_path, offset):
    file, _ = opened(tmp_path, ("fp32", [1.0, 2.0, 3.0]))
    with pytest.raises(BlobError, match=f"has no blob at byte {offset:,}"):
        file.resource(offset, NUMBERS["fp32"], (3,), "w")


def test_cut_short(tmp_path):
    file, (place,) = opened(
        tmp_path, ("fp32", [1.0] * 50), change=lambda data, _: data.__delitem__(slice(300, None))
    )
    with pytest.raises(BlobError, match="ends at byte 300, before the blob described at 64 does"):
        file.resource(place, NUMBERS["fp32"], (50,), "w")


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (4, r"holds uint4 with 4 unused bits at byte 64; shape \[4\] leaves 0"),
        (5, r"holds 2 bytes of uint4 at byte 64; shape \[5\] needs 3"),
        (2**60, "needs 576,460,752,303,423,488"),
    ],
)
def test_bits_that_are_too_many_or_too_few(tmp_path, count, message):
    file, (place,) = opened(tmp_path, ("uint4", [1, 2, 3]))
    with pytest.raises(BlobError, match=message):
        file.resource(place, NUMBERS["uint4"], (count,), "w")


def test_unused_bits_that_nobody_counted(tmp_path):
    file, (place,) = opened(tmp_path, ("uint4", [1, 2, 3]), change=patch("<Q", 24, 0))
    with pytest.raises(BlobError, match="with 0 unused bits"):
        file.resource(place, NUMBERS["uint4"], (3,), "w")


def test_a_type_that_files_never_hold(tmp_path):
    file, (place,) = opened(tmp_path, ("fp32", [1.0]))
    with pytest.raises(BlobError, match="expected a type that weight files can't hold"):
        file.resource(place, 2, (1,), "w")
