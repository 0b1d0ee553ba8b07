"""The text of compiled ML Programs: what it means."""

import time

import numpy as np
import pytest
from cmlc.compiler.source.mil_text import OPSETS, parse_program, read_program
from hypothesis import given
from hypothesis import strategies as st
from support.mil.files import (
    DTYPES,
    FLOATS,
    MIL,
    const,
    function,
    op,
    program,
    program_text,
    tensor,
    value,
)
from support.mil.main_text import text_of

SECONDS = 4  # of processor time for half a megabyte; less than one, where nothing else runs


def compound(**fields):
    """A ValueType that is not a tensor."""
    made = MIL.ValueType()
    match fields:
        case {"list": kind, "length": length}:
            made.listType.type.CopyFrom(kind)
            dimension = made.listType.length
            if length is None:
                dimension.unknown.variadic = False
            else:
                dimension.constant.size = length
        case {"tuple": kinds}:
            made.tupleType.types.extend(kinds)
        case {"key": key, "value": item}:
            made.dictionaryType.keyType.CopyFrom(key)
            made.dictionaryType.valueType.CopyFrom(item)
        case {"state": kind}:
            made.stateType.wrappedType.CopyFrom(kind)
    return made


STRING, NUMBER = tensor("string"), tensor("int32", 2)


def val(text):
    """The Value that text spells."""
    made = parse_program(text_of(f"fp32 y = const()[val = {text}];"))
    return made.functions["main"].block_specializations["CoreML7"].operations[0].attributes["val"]


def assert_round_trip(message):
    for version in ("1.0", "1.3"):
        assert parse_program(program_text(message, version)) == message


# -- what is meant -------------------------------------------------------------------------------


def test_a_program_by_hand():
    found = parse_program(
        """program(1.0)
        [buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"a", "1"}, {"b", "2"}})]
        {
            func main<ios16>(tensor<fp16, [1, ?]> x, tensor<int32, []> n) {
                tensor<fp16, [2]> w = const()[val = tensor<fp16, [2]>([0x1.8p+0, -0x1p-24])];
                tensor<fp16, [1, ?]> s, tensor<bool, [1, ?]> t = two(a = (x, w), b = n, c = ())[];
                write(input = s);
            } -> (t, x);
        }"""
    )
    open_row = {"s": tensor("fp16", 1, None), "t": tensor("bool", 1, None)}
    wanted = program(
        op(
            "const", {"w": tensor("fp16", 2)}, {"val": value(tensor("fp16", 2), [1.5, -(2.0**-24)])}
        ),
        op("two", open_row, a=["x", "w"], b="n", c=[]),
        op("write", {}, input="s"),
        outputs=["t", "x"],
        opset="CoreML6",
        x=tensor("fp16", 1, None),
        n=tensor("int32"),
    ).mlProgram
    pairs = compound(key=STRING, value=STRING)
    wanted.attributes["buildInfo"].CopyFrom(value(pairs, {"a": "1", "b": "2"}))
    assert found == wanted


def test_scalars_of_newer_text_are_tensors_of_rank_0():
    assert val('string("é")') == value(STRING, ["é"])
    assert val("bool(true)") == value(tensor("bool"), [True])
    assert val("fp16(0x1p+1)") == value(tensor("fp16"), [2.0]) == val("tensor<fp16, []>(0x1p+1)")


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(), (1,), (0,), (5,), (2, 3), (2, 0), (1, 2, 1, 3)])
def test_every_type_and_shape(dtype, shape):
    rng = np.random.default_rng(len(shape))
    count = int(np.prod(shape))
    if dtype == "bool":
        leaves = rng.integers(0, 2, count).astype(bool).tolist()
    elif dtype == "string":
        leaves = ["a", "", 'b"c', "d\\e", "f\ng", "hé"][:count]
    elif dtype in (*FLOATS, "bf16"):
        leaves = [0.0, -0.0, 1.5, -(2.0**-14), float("inf"), float("-inf")][:count]
    else:
        bits = int(dtype.lstrip("uint"))
        half = 2 ** (bits - 1)
        low, high = (0, 2 * half - 1) if dtype[0] == "u" else (-half, half - 1)
        leaves = [low, high, *map(int, rng.integers(low, min(high, 2**62), count))][:count]
    data = leaves if shape else leaves[:1]
    assert_round_trip(program(const("w", tensor(dtype, *shape), data)).mlProgram)


@given(st.lists(st.floats(width=16, allow_nan=False)))
def test_half_precision(numbers):
    assert_round_trip(program(const("w", tensor("fp16", len(numbers)), numbers)).mlProgram)


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_single_precision(numbers):
    assert_round_trip(program(const("w", tensor("fp32", len(numbers)), numbers)).mlProgram)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings(texts):
    assert_round_trip(program(const("w", tensor("string", len(texts)), texts)).mlProgram)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("fp32(0x1.fffffep+127)", 3.4028234663852886e38),
        ("fp32(0x1p-149)", 1.401298464324817e-45),
        ("fp32(1)", 1.0),
        ("fp32(-2.5)", -2.5),
        ("fp32(1e-3)", np.float32(1e-3)),
        ("fp32(inf)", np.inf),
        ("fp32(-inf)", -np.inf),
        ("fp64(0x1.23456789abcdep+3)", float.fromhex("0x1.23456789abcdep+3")),
    ],
)
def test_numbers(text, number):
    tensor_value = val(text).immediateValue.tensor
    held = tensor_value.floats.values or tensor_value.doubles.values
    assert list(held) == [number]


def test_not_a_number():
    assert np.isnan(val("fp32(nan)").immediateValue.tensor.floats.values[0])
    half = val("tensor<fp16, [2]>([nan, 0x1p+0])").immediateValue.tensor.bytes.values
    np.testing.assert_array_equal(np.frombuffer(half, "<f2"), [np.nan, 1])


def test_weight_files():
    kind = tensor("int4", 3, 5)
    for path, offset in (
        ('tensor<string, []>("@model_path/w.bin")', "tensor<uint64, []>(64)"),
        ('string("@model_path/w.bin")', "uint64(64)"),
    ):
        found = val(f"tensor<int4, [3, 5]>(BLOBFILE(path = {path}, offset = {offset}))")
        assert found == value(kind, ("@model_path/w.bin", 64))


def test_compound_types():
    pair = compound(tuple=[STRING, compound(list=NUMBER, length=None)])
    numbers = compound(key=STRING, value=NUMBER)
    made = program(
        op("some", {"y": compound(list=STRING, length=2), "z": compound(list=NUMBER, length=None)}),
        op(
            "other",
            {"w": compound(tuple=[])},
            {
                "a": value(pair, ["k", [[1, 2], [3, 4]]]),
                "b": value(compound(list=STRING, length=2), ["cat", "dog"]),
                "c": value(compound(list=tensor("int64"), length=3), [1, 2, 3]),
                "d": value(compound(key=STRING, value=numbers), {"m": {}, "n": {"k": [1, 2]}}),
                "e": value(compound(tuple=[pair, pair]), [["x", []], ["y", [[5, 6]]]]),
                "f": value(compound(list=STRING, length=0), []),
            },
            x=[value(compound(list=NUMBER, length=1), [[1, 2]]), "y"],
        ),
        outputs=["y"],
    )
    assert_round_trip(made.mlProgram)


def test_flexible_shapes_and_several_functions():
    open_number, bounds = tensor("int32", None), tensor("int32", 2)
    defaults = compound(tuple=[STRING, compound(key=STRING, value=open_number)])
    ranges = compound(key=STRING, value=compound(list=bounds, length=None))
    named = compound(key=STRING, value=compound(key=STRING, value=open_number))
    relu = op("relu", {"y": tensor("fp32", None)}, x="x")
    functions = {name: function(relu, opset="CoreML8", x=tensor("fp32", None)) for name in "ab"}
    for name, kind, shapes in (
        ("a", ranges, ["RangeDims", {"x": [[1, 2048]]}]),
        ("b", named, ["EnumeratedShapes", {"1f": {"x": [1]}, "2e": {"x": [2]}}]),
    ):
        both = compound(tuple=[defaults, compound(tuple=[STRING, kind])])
        facts = value(both, [["DefaultShapes", {"x": [4]}], shapes])
        functions[name].attributes["FlexibleShapeInformation"].CopyFrom(facts)
    assert_round_trip(program(functions=functions).mlProgram)


def test_states():
    cache = compound(state=tensor("fp16", 1, 4))
    made = program(
        op("read_state", {"old": tensor("fp16", 1, 4)}, input="state"),
        op("add", {"new": tensor("fp16", 1, 4)}, x="old", y="x"),
        op("write_state", {}, data="new", input="state"),
        outputs=["new"],
        opset="CoreML8",
        x=tensor("fp16", 1, 4),
        state=cache,
    )
    assert_round_trip(made.mlProgram)


@pytest.mark.parametrize(("text", "opset"), OPSETS.items())
def test_operation_sets(text, opset):
    made = program(op("relu", {"y": tensor("fp32")}, x="x"), opset=opset, x=tensor("fp32"))
    assert f"<{text}>" in program_text(made.mlProgram)
    assert_round_trip(made.mlProgram)


WORDS = ["list", "tuple", "dict", "state", "tensor", "fp32", "func", "program", "path", "offset"]
WORDS += ["inf", "nan", "true", "BLOBFILE"]


@pytest.mark.parametrize("name", WORDS)
def test_names_that_mean_something_elsewhere(name):
    first = op("relu", {name: STRING}, x="x")
    made = program(first, op(name, {"y": STRING}, **{name: name}), x=STRING)
    assert_round_trip(made.mlProgram)


@pytest.mark.slow
def test_half_a_megabyte_takes_a_second():
    made, kind = [], tensor("fp16", 1, 64, 8, 8)
    for i in range(1500):
        name = {"name": f"operation_{i}_cast_fp16"}
        made.append(const(f"pad_{i}", tensor("int32", 4), [0, 0, 1, 1]))
        made.append(op("conv", {f"y_{i}": kind}, name, x="x", pad=f"pad_{i}", w="w"))
    table = np.random.default_rng(0).integers(0, 2, (375, 375)).astype(bool)
    made.append(const("y", tensor("bool", 375, 375), table.tolist()))
    message = program(*made).mlProgram
    text = program_text(message, "1.0")
    assert len(text) > 1e6
    begun = time.process_time()
    assert parse_program(text) == message
    assert time.process_time() - begun < SECONDS


def test_files(tmp_path):
    message = program(op("relu", {"y": tensor("fp32")}, x="x"), x=tensor("fp32")).mlProgram
    (tmp_path / "model.mil").write_text(program_text(message))
    assert read_program(tmp_path / "model.mil") == message
