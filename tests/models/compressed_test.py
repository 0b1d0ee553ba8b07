"""Weights that stay compressed: saved, and run again in a fresh process, beside decoded ones."""

import json

import cmlc
import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.interpret import run
from cmlc.ir.weights.encodings import EncodedResource
from cmlc.tools import cmlc as command
from support.mil.files import op, package, program, tensor, value, weight_bin
from support.networks.builders import layer, network
from support.running.saved_models import assert_all_stages_print, inputs_of, run_saved, save

OUT, IN = 128, 96
FILE = "@model_path/weights/weight.bin"
RANDOM = np.random.default_rng(0)


class Builder:
    """Operations that make the weight w [OUT, IN], and the data of their weight file."""

    def __init__(self):
        self.blobs, self.ops = [], []

    def blob(self, dtype, *shape, numbers=None):
        """A constant in the file; small random numbers by default."""
        if numbers is None:
            numbers = RANDOM.standard_normal(shape)
            if "int" in dtype:
                bits = int(dtype.removeprefix("u").removeprefix("int"))
                low, high = (0, 1 << bits) if dtype[0] == "u" else (-(1 << bits - 1), 1 << bits - 1)
                numbers = RANDOM.integers(low, high, shape)
        self.blobs.append((dtype, np.ravel(numbers).tolist()))
        _, places = weight_bin(*self.blobs)
        return value(tensor(dtype, *shape), (FILE, places[-1]))

    def add(self, kind, outputs, attributes=False, **parameters):
        """A `constexpr` operation; its operands are attributes up to iOS 17."""
        if attributes:
            self.ops.append(op(kind, outputs, {"name": "w"} | parameters))
        else:
            self.ops.append(op(kind, outputs, **parameters))


W = tensor("fp32", OUT, IN)
ONES = int(OUT * IN * 0.3)


def mask(builder, rows=OUT):
    bits = np.zeros(rows * IN, int)
    bits[RANDOM.permutation(rows * IN)[: int(rows * IN * 0.3)]] = 1
    return builder.blob("uint1", rows, IN, numbers=bits)


def cast(b):
    b.add(
        *("constexpr_cast", {"w": W}, True),
        source_val=b.blob("fp16", OUT, IN),
        output_dtype=value(tensor("string"), ["fp32"]),
    )


def affine(b):
    b.add(
        *("constexpr_affine_dequantize", {"w": W}, True),
        quantized_data=b.blob("uint8", OUT, IN),
        scale=b.blob("fp32", OUT),
        zero_point=b.blob("uint8", OUT),
        axis=value(tensor("int32"), [0]),
    )


def affine_of_all(b):
    b.add(
        *("constexpr_affine_dequantize", {"w": W}, True),
        quantized_data=b.blob("int8", OUT, IN),
        scale=value(tensor("fp32"), [0.01]),
        zero_point=value(tensor("int8"), [3]),
        axis=value(tensor("int32"), [0]),
    )


def packed_palette(bits):
    def build(b):
        b.add(
            *("constexpr_lut_to_dense", {"w": W}, True),
            indices=b.blob("uint8", OUT * IN * bits // 8),
            lut=b.blob("fp32", 1 << bits),
            shape=value(tensor("uint32", 2), [OUT, IN]),
        )

    return build


def packed_sparse(b):
    bits = np.arange(OUT * IN) % 3 == 0
    packed = np.packbits(bits, bitorder="little")
    b.add(
        *("constexpr_sparse_to_dense", {"w": W}, True),
        nonzero_data=b.blob("fp32", int(bits.sum())),
        mask=b.blob("uint8", packed.size, numbers=packed),
        shape=value(tensor("uint32", 2), [OUT, IN]),
    )


def blocks(dtype):
    def build(b):
        b.add(
            *("constexpr_blockwise_shift_scale", {"w": W}),
            data=b.blob(dtype, OUT, IN),
            scale=b.blob("fp32", OUT, 3),
            offset=b.blob(dtype, OUT, 3),
        )

    return build


def palettes(bits):
    def build(b):
        b.add(
            *("constexpr_lut_to_dense", {"w": W}),
            indices=b.blob(f"uint{bits}", OUT, IN),
            lut=b.blob("fp32", 4, 1, 1 << bits, 1),
        )

    return build


def vectors(b):
    b.add(
        *("constexpr_lut_to_dense", {"w": W}),
        indices=b.blob("uint4", OUT // 2, IN),
        lut=b.blob("fp32", 1, 1, 16, 2),
        vector_axis=value(tensor("int32"), [0]),
    )


def quantized_palette(b):
    table = tensor("fp32", 8, 1, 16, 1)
    b.add(
        *("constexpr_blockwise_shift_scale", {"lut": table}),
        data=b.blob("int8", 8, 1, 16, 1),
        scale=b.blob("fp32", 8, 1, 1, 1),
    )
    indices = b.blob("uint4", OUT, IN)
    b.add("constexpr_lut_to_dense", {"w": W}, indices=indices, lut="lut")


def sparse(b):
    b.add(
        *("constexpr_sparse_to_dense", {"w": W}),
        nonzero_data=b.blob("fp32", ONES),
        mask=mask(b),
    )


def sparse_palette(length):
    def build(b):
        rows, ones = OUT // length, int(OUT // length * IN * 0.3)
        axis = {"vector_axis": value(tensor("int32"), [0])} if length > 1 else {}
        b.add(
            "constexpr_lut_to_sparse",
            {"mask": tensor("uint1", OUT, IN), "values": tensor("fp32", ones * length)},
            indices_mask=mask(b, rows),
            indices_nonzero_data=b.blob("uint4", ones),
            lut=b.blob("fp32", 1, 1, 16, length),
            **axis,
        )
        b.add("constexpr_sparse_to_dense", {"w": W}, nonzero_data="values", mask="mask")

    return build


def sparse_blocks(b):
    b.add(
        "constexpr_sparse_blockwise_shift_scale",
        {"mask": tensor("uint1", OUT, IN), "values": tensor("fp32", ONES)},
        data_mask=mask(b),
        nonzero_data=b.blob("int4", ONES),
        scale=b.blob("fp32", OUT, 1),
    )
    b.add("constexpr_sparse_to_dense", {"w": W}, nonzero_data="values", mask="mask")


OPSET6 = {
    "cast": cast,
    "affine": affine,
    "affine_of_all": affine_of_all,
    **{f"packed_palette{bits}": packed_palette(bits) for bits in (1, 2, 4, 6, 8)},
    "packed_sparse": packed_sparse,
}
OPSET8 = {
    **{f"blocks_of_{dtype}": blocks(dtype) for dtype in ("int4", "uint4", "int8", "uint8")},
    **{f"palettes{bits}": palettes(bits) for bits in (1, 2, 3, 4, 6, 8)},
    "vectors": vectors,
    "quantized_palette": quantized_palette,
    "sparse": sparse,
    "sparse_palette": sparse_palette(1),
    "sparse_palette_of_vectors": sparse_palette(2),
    "sparse_blocks": sparse_blocks,
}


def program_package(folder, name):
    """linear(x, w), where w is a compressed constant."""
    builder, opset = Builder(), "CoreML6" if name in OPSET6 else "CoreML8"
    (OPSET6 | OPSET8)[name](builder)
    y = op("linear", {"y": tensor("fp32", 2, OUT)}, {"name": "y"}, x="x", weight="w")
    model = program(*builder.ops, y, opset=opset, version=9, x=tensor("fp32", 2, IN))
    return package(folder, model, weight_bin(*builder.blobs)[0], name=f"{name}.mlpackage")


def network_of(bits, kind):
    """innerProduct with quantized weights."""
    codes = RANDOM.integers(0, 256, OUT * IN * bits // 8).astype(np.uint8).tobytes()
    numbers = RANDOM.standard_normal(OUT).astype(np.float32)
    if kind == "lut":
        table = RANDOM.standard_normal(1 << bits).astype(np.float32)
        scheme = {"lookupTableQuantization": {"floatValue": table}}
    else:
        scheme = {"linearQuantization": {"scale": numbers, "bias": numbers[::-1]}}
    weights = {"rawValue": codes, "quantization": {"numberOfBits": bits, **scheme}}
    return product(weights)


def product(weights):
    fields = {"inputChannels": IN, "outputChannels": OUT, "weights": weights}
    return network(layer("innerProduct", **fields), x=(2, IN))


def halves(count):
    return RANDOM.standard_normal(count).astype("<f2").tobytes()


NETWORKS = {
    "half": lambda: product({"float16Value": halves(OUT * IN)}),
    **{f"linear{b}": lambda b=b: network_of(b, "linear") for b in (1, 3, 8)},
    **{f"lut{b}": lambda b=b: network_of(b, "lut") for b in (2, 5, 8)},
}


@pytest.mark.slow
def test_saved_models_are_small_and_say_the_same(tmp_path):
    """Without the weights, the file of variables has a few hundred bytes for each."""
    kept = {}
    for name in [*OPSET6, *OPSET8, *NETWORKS]:
        source = NETWORKS[name]() if name in NETWORKS else program_package(tmp_path, name)
        model = cmlc.compile(source)
        save(model, tmp_path, f"{name}-expanded")
        small = cmlc.compile(source, weights="compressed")
        save(small, tmp_path, f"{name}-compressed")
        (weight,) = (op.value for op in small.lowered.walk() if op.name == "const")
        assert weight.compressed, name
        kept[name] = weight.stored_bytes
        assert_all_stages_print(small)
    run_saved(tmp_path)
    for name, stored in kept.items():
        expanded, compressed = (f"{name}-{kind}" for kind in ("expanded", "compressed"))
        with np.load(tmp_path / f"{expanded}.outputs.npz") as outputs:
            (expected,) = outputs.values()
        with np.load(tmp_path / f"{compressed}.outputs.npz") as outputs:
            (found,) = outputs.values()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
        data = "variables/variables.data-00000-of-00001"
        assert (tmp_path / expanded / data).stat().st_size > OUT * IN * 4
        assert stored <= OUT * IN * 2, name
        assert (tmp_path / compressed / data).stat().st_size < stored + 3000, name
        facts = json.loads((tmp_path / compressed / "assets.extra/cmlc.json").read_text())
        assert facts["weights"] == "compressed"


@pytest.mark.slow
def test_every_form_stays_encoded(tmp_path):
    """The interpreter decodes the same; by default nothing is encoded after the import."""
    for name in [*OPSET6, *OPSET8]:
        path = program_package(tmp_path, name)
        dense, small = (
            cmlc.load(path, cmlc.Options(weights=w)) for w in ("expanded", "compressed")
        )
        kept = [op.value for op in small.walk() if op.name == "const" and op.value.size > 1024]
        assert any(isinstance(item, EncodedResource) for item in kept), name
        assert not any(op.value.compressed for op in dense.walk() if op.name == "const")
        assert_equal_results(dense, small)


def assert_equal_results(one, other):
    given = inputs_of(one)
    for ours, theirs in zip(run(one, given).values(), run(other, given).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_batch_normalization_stays(tmp_path):
    """Scaling the weights would expand them."""
    conv = layer(
        "convolution",
        kernelChannels=32,
        outputChannels=16,
        nGroups=1,
        kernelSize=[3, 3],
        weights={"float16Value": halves(16 * 32 * 9)},
        valid={},
    )
    ones = np.ones(16)
    norm = layer("batchnorm", channels=16, gamma=ones, beta=ones, mean=ones, variance=ones * 4)
    source = network(conv, norm, x=(1, 32, 8, 8))
    for weights, left in (("expanded", 0), ("compressed", 1)):
        module = cmlc.compile(source, weights=weights).optimized
        assert sum(op.name == "nn.batch_norm" for op in module.walk()) == left


def test_rows_of_half_precision_are_converted_when_gathered():
    fields = {"vocabSize": 100, "embeddingSize": 16, "weights": {"float16Value": halves(1600)}}
    source = network(layer("embeddingND", **fields), x=(2, 1))
    model = cmlc.compile(source, weights="compressed")
    (table,) = (op.value for op in model.optimized.walk() if op.name == "const" and op.value.name)
    assert (str(table.type), table.compressed) == ("f16[100,16]", False)
    given = {"x": np.float32([[3], [99]])}
    expected = run(cmlc.load(source), given)["y"]
    np.testing.assert_array_equal(run(model.optimized, given)["y"], expected)


def test_small_weights_and_vectors_are_decoded():
    source = network(
        layer("innerProduct", inputChannels=8, outputChannels=4,
              weights={"float16Value": np.ones(32, "<f2").tobytes()}),
        x=(2, 8),
    )  # fmt: skip
    module = cmlc.load(source, cmlc.Options(weights="compressed"))
    assert not any(op.value.compressed for op in module.walk() if op.name == "const")
    assert "weights" not in module.attributes


def test_what_can_not_stay_compressed_is_refused(tmp_path, capsys):
    path = program_package(tmp_path, "palettes4")
    text = tmp_path / "m.cmir"
    assert command.main([str(path), "--weights=compressed", "-o", str(text)]) == 0
    with pytest.raises(CompileError, match="--weights means nothing for IR text: its weights"):
        cmlc.compile(text, weights="compressed")
    assert_equal_results(cmlc.load(path), cmlc.load(text))
    with pytest.raises(CompileError, match="weights is 'small', expected one of expanded, comp"):
        cmlc.compile(path, weights="small")
    assert command.main([str(path), "--weights=compressed", "-o", "m.mlpackage"]) == 2
    assert "--weights means nothing for --emit=mlpackage" in capsys.readouterr().err
