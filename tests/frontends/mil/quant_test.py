"""Quantised activations and compressed constants: hand-worked cases."""

import numpy as np
import pytest
from cmlc.compiler.frontends.mil.constants import unpacked
from cmlc.ir.diagnostics import CompileError
from support.mil.programs import FP32, assert_refused, op, program, result
from support.mil.programs import fill_value as filled

U8, I8 = 31, 21


def test_quantize():
    """Halves go to even; what is beyond the range is limited."""
    model = program(
        op("quantize", "q", (2, 3), I8, input="x", scale=np.float32([2, 4]), axis=0,
           zero_point=np.int8([0, 1]), output_dtype="int8"),
        op("dequantize", "y", (2, 3), FP32, input="q", scale=np.float32([2, 4]), axis=-2,
           zero_point=np.int8([0, 1])),
        x=(2, 3), opset=17,
    )  # fmt: skip
    x = [[1, 3, 999], [8, -12, -999]]
    assert result(model, x).tolist() == [[0, 4, 254], [8, -12, -516]]


def test_quantize_without_a_zero_point():
    model = program(
        op("quantize", "q", (3,), U8, input="x", scale=np.float32(0.5), output_dtype="uint8"),
        op("dequantize", "y", (3,), FP32, input="q", scale=np.float32(0.5)),
        x=(3,),
        opset=17,
    )
    assert result(model, [-1, 1.3, 200]).tolist() == [0, 1.5, 127.5]


CASES = {
    "affine": (
        *("constexpr_affine_dequantize", (2, 2), 16),
        {"quantized_data": np.uint8([[1, 2], [3, 4]]), "zero_point": np.uint8(1),
         "scale": np.float32([2, 3]), "axis": 0},
        [[0, 2], [6, 9]],
    ),
    "packed table": (
        *("constexpr_lut_to_dense", (5,), 16),
        {"indices": np.uint8([0b01101100, 0b11]), "lut": np.float32([1, 5, 9, 13]),
         "shape": np.int32([5])},
        [1, 13, 9, 5, 13],
    ),
    "packed mask": (
        *("constexpr_sparse_to_dense", (5,), 16),
        {"nonzero_data": np.float32([7, 8]), "mask": np.uint8([0b01100]), "shape": np.int32([5])},
        [0, 0, 7, 8, 0],
    ),
    "blocks": (
        *("constexpr_blockwise_shift_scale", (2, 4), 18),
        {"data": np.int8([[1, 2, 3, 4], [5, 6, 7, 8]]), "scale": np.float32([[1, 10]]),
         "offset": np.int8([[1, 0]])},
        [[0, 1, 30, 40], [4, 5, 70, 80]],
    ),
    "tables": (
        *("constexpr_lut_to_dense", (6, 2), 18),
        {"indices": np.uint8([[2, 3], [3, 0], [1, 0], [3, 0], [2, 1], [0, 3]]),
         "lut": np.float32([1, 5, 9, 13, 2, 10, 18, 26]).reshape(2, 1, 4, 1)},
        [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]],
    ),
    "vectors": (
        *("constexpr_lut_to_dense", (1, 4, 2), 18),
        {"indices": np.uint8([[[0, 0], [1, 0]]]), "vector_axis": -2,
         "lut": np.float32([1, 2, 3, 4]).reshape(1, 1, 1, 2, 2)},
        [[[1, 1], [2, 2], [3, 1], [4, 2]]],
    ),
    "mask": (
        *("constexpr_sparse_to_dense", (2, 2), 18),
        {"nonzero_data": np.float32([7, 8]), "mask": np.uint8([[0, 1], [1, 0]])},
        [[0, 7], [8, 0]],
    ),
}  # fmt: skip


def constant_of(kind, shape, opset, parameters, attributes=False):
    model = program(
        op(kind, "w", shape, **parameters), op("add", "y", shape, x="w", y="x"),
        x=shape, opset=opset,
    )  # fmt: skip
    if attributes:
        function = model.mlProgram.functions["main"]
        operation = function.block_specializations[function.opset].operations[0]
        operation.inputs.clear()
        for name, value in parameters.items():
            filled(operation.attributes[name], value)
        filled(operation.attributes["name"], "w")
    return model


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_compressed_constants(case, attributes):
    kind, shape, opset, parameters, expected = CASES[case]
    model = constant_of(kind, shape, opset, parameters, attributes)
    assert result(model, np.zeros(shape)).tolist() == expected


MASK = np.uint8([[1, 0], [0, 1]])


def sparse(kind, shape, **parameters):
    rows = [("mask", shape, U8), ("values", (int(np.prod(shape)) // 2,), FP32)]
    return program(
        op(kind, rows, **parameters),
        op("constexpr_sparse_to_dense", "w", shape, nonzero_data="values", mask="mask"),
        op("add", "y", shape, x="w", y="x"),
        x=shape,
        opset=18,
    )


def test_sparse_blocks():
    model = sparse(
        *("constexpr_sparse_blockwise_shift_scale", (2, 2)),
        data_mask=MASK, nonzero_data=np.int8([3, 4]), scale=np.float32([[2, 10]]),
        offset=np.int8([[1, 1]]),
    )  # fmt: skip
    assert result(model, np.zeros((2, 2))).tolist() == [[4, 0], [0, 30]]


def test_sparse_tables_of_vectors():
    model = sparse(
        *("constexpr_lut_to_sparse", (4, 2)),
        indices_mask=MASK, indices_nonzero_data=np.uint8([1, 0]), vector_axis=0,
        lut=np.float32([1, 2, 3, 4]).reshape(1, 1, 2, 2),
    )  # fmt: skip
    assert result(model, np.zeros((4, 2))).tolist() == [[3, 0], [4, 0], [0, 1], [0, 2]]


def test_constexpr_cast():
    model = program(
        op("constexpr_cast", "w", (1,), source_val=np.float16([0.5]), output_dtype="fp32"),
        op("add", "y", (1,), x="w", y="x"),
        x=(1,),
        opset=16,
    )
    for precision in ("float32", "keep"):
        assert result(model, [1], precision=precision).tolist() == [1.5]


def test_what_does_not_fit_is_refused():
    kind, shape, opset, parameters, _ = CASES["blocks"]
    bad = parameters | {"scale": np.float32([[1, 2, 3]])}
    message = "has f32[1,3] for blocks of [2, 4]"
    assert_refused(constant_of(kind, shape, opset, bad), f"{kind} {message}")
    kind, shape, opset, parameters, _ = CASES["mask"]
    bad = constant_of(kind, shape, opset, parameters | {"nonzero_data": np.float32([1])})
    with pytest.raises(CompileError, match="for 2 ones of its mask"):
        result(bad, np.zeros((2, 2)))


def test_narrow_integers_are_packed():
    """The least significant bits come first; int4 has a sign."""
    assert unpacked(bytes([0xF1, 0x07]), 25, 3).tolist() == [1, -1, 7]
    assert unpacked(bytes([0b10_001_101, 0b1]), 39, 3).tolist() == [5, 1, 6]
    with pytest.raises(CompileError, match="holds 2 bytes for 5 elements of 4 bits"):
        unpacked(bytes(2), 35, 5)
