"""The text of compiled ML Programs: what it means, and what is said of text that means nothing."""

import time

import numpy as np
import pytest
from cmlc.compiler.source.mil_text import OPSETS, parse_program, read_program
from cmlc.ir.diagnostics import CompileError
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

BLOB = 'BLOBFILE(path = string("a"), offset = uint64(1))'
INFO = "[buildInfo = dict<string, string>({})]"
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


def text_of(body, head=f"program(1.3)\n{INFO}\n"):
    """A program with a function of these statements, which start in the fifth line."""
    return f"{head}{{\nfunc main<ios17>(fp32 x) {{\n{body}\n}} -> (y);\n}}"


def val(text):
    """The Value that text spells."""
    made = parse_program(text_of(f"fp32 y = const()[val = {text}];"))
    return made.functions["main"].block_specializations["CoreML7"].operations[0].attributes["val"]


def problem(text):
    with pytest.raises(CompileError) as caught:
        parse_program(text, "m.mil")
    (found,) = caught.value.diagnostics
    assert found.location.file == "m.mil"
    assert found.excerpt.splitlines()[1].endswith("^")
    assert found.remedy
    return found


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


# -- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int32(1.5)", "an element is not a number of this type"),
        ("int32(2147483648)", "an element is not a number of this type"),
        ("uint8(-1)", "an element is not a number of this type"),
        ("int4(8)", "an element is not a number of this type"),
        ("uint3(8)", "an element is not a number of this type"),
        ("int32(true)", "an element is not a number of this type"),
        ("bool(1)", "an element is not a number of this type"),
        ("fp32(true)", "an element is not a number of this type"),
        ("fp32(1e999)", "an element is not a number of this type"),
        ("fp32(0x1p+99999)", "an element is not a number of this type"),
        ("fp32(0x1p+128)", "an element is not a number of this type"),
        ("fp32(0x)", "an element is not a number of this type"),
        ("fp16(0x1p+16)", "an element is not a number of this type"),
        ("bf16(0x1.01p+0)", "an element is not a number of this type"),
        ("bf16(0x1p-1000)", "an element is not a number of this type"),
        ('fp32("1")', "an element is not a number of this type"),
        ("tensor<int32, [2]>([1, 2, 3])", "2 elements are expected here, but there are 3"),
        ("tensor<int32, [2]>([])", "2 elements are expected here, but there are 0"),
        ("tensor<int32, [2, 2]>([[1, 2], [3]])", "2 elements are expected here, but there are 1"),
        ("tensor<int32, [1, 2]>([[1, 2], [3, 4]])", "1 elements are expected here"),
        ("tensor<int32, [2, 2]>([1, 2])", "a list is expected here"),
        ("tensor<int32, [2]>(1)", "a list is expected here"),
        ("tensor<int32, [2]>([1,, 2])", "2 elements are expected here, but there are 3"),
        ("tensor<int32, [3]>([1,, 2])", "an element is not a number of this type"),
        ("int32([1])", "one element is expected here"),
        ('int32({{"a", 1}})', "one element is expected here"),
        ("string(1)", "a string is expected here"),
        ("tensor<string, [1]>([1])", "a string is expected here"),
        ("tensor<int32, [1,]>([1])", "this is not a shape"),
        ("tensor<int32, [99999999999999999999999]>([1])", "this is not a shape"),
        (f"tensor<int32, [{', '.join('1' * 17)}]>([])", "this is not a shape"),
        ("list<int32, 2>([1])", "2 elements are expected here, but there are 1"),
        ("tuple<int32, int32>((1))", "2 elements are expected here, but there are 1"),
        ("dict<string, int32>((1))", "this is not a value of its type"),
        ("dict<string, int32>({{1, 1}})", "a string is expected here"),
        ("state<int32>(1)", "this is not a value of its type"),
        ("list<int32, ?>(1)", "a list is expected here"),
        (f"list<int32, 1>({BLOB})", "a list is expected here"),
        ("int32(BLOBFILE(path = int32(1), offset = uint64(1)))", "a file's name and an offset"),
        (f"int32({BLOB.replace('uint64', 'int32')})", "a file's name and an offset"),
        (f"int32({BLOB.replace('64(1', '64(9223372036854775808')})", "a file's name and an offset"),
    ],
)
def test_values_that_are_wrong(text, message):
    found = problem(text_of(f"fp32 y = const()[val = {text}];"))
    assert message in found.message
    assert found.kind == "malformed"
    assert found.location.line == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fp8e5m2(0x1p+0)", "the type 'fp8e5m2' is not known"),
        ("tensor<fp8, [1]>([0x1p+0])", "the element type 'fp8' is not known"),
        ('string("a\\qb")', "the escape '\\q' is not known"),
        ("complex64(1)", "the type 'complex64' is not known"),
    ],
)
def test_values_that_are_not_supported(text, message):
    found = problem(text_of(f"fp32 y = const()[val = {text}];"))
    assert found.message == message
    assert found.kind == "unsupported"


def test_types_that_are_nested_too_deeply():
    kind = "list<" * 17 + "int32" + ", 1>" * 17
    assert "this is nested too deeply" in problem(text_of(f"{kind} y = f(x = x);")).message


def test_values_that_are_nested_deeply():
    deep = "(" * 20_000 + ")" * 20_000
    assert "one element is expected" in problem(text_of(f"fp32 y = f(x = int32({deep}));")).message


@pytest.mark.parametrize(
    ("body", "message", "column"),
    [
        ("fp32 y = relu(x = x)", "unexpected '}'", 1),
        ("fp32 y = relu(x = x, x = x);", "'x' is given twice", 22),
        ("fp32 y = relu()[a = int32(1), a = int32(2)];", "the attribute 'a' is given twice", 31),
        ("fp32 = relu(x = x);", "unexpected '='", 6),
        ("fp32 y = relu(x);", "unexpected ')'", 16),
        ("fp32 y = relu(x = 1);", "unexpected '1'", 19),
        ("fp32 y = relu(x = x); # comment", "unexpected '#'", 23),
        ("// comment", "unexpected '/'", 1),
        ("fp32 y z = relu(x = x);", "unexpected 'z'", 8),
        ('fp32 y = relu(x = x)[name = "y"];', "unexpected '\"y\"'", 29),
        ("fp32 y = const()[val = int32(two)];", "unexpected 'two'", 30),
        ("tensor<fp32, *> y = relu(x = x);", "unexpected '<'", 7),
        ('fp32 "a\nb" y;', "unexpected '\"a…'", 6),
    ],
)
def test_statements_that_are_wrong(body, message, column):
    found = problem(text_of(body))
    assert found.message == message
    assert found.kind == "malformed"
    assert found.location.column == column
    line = text_of(body).splitlines()[found.location.line - 1]
    assert found.excerpt.startswith(f"{found.location.line:>5} | {line}\n")


@pytest.mark.parametrize("kind", ["cond", "while_loop"])
@pytest.mark.parametrize(
    "rest",
    ["", " { fp32 z = relu(x = x); } -> (z)", '[name = string("y")] (a) -> { }', " block0() {"],
)
def test_nested_blocks(kind, rest):
    """Nobody knows how compilers print them."""
    found = problem(text_of(f"fp32 y = {kind}(p = x){rest};"))
    assert found.kind == "unsupported"
    assert found.message.startswith(f"'{kind}' has nested blocks; how compiled programs write them")
    assert ".mlpackage" in found.remedy


def test_the_statement_behind_a_nested_block_is_another_one():
    body = 'string cond = const()[val = string("cond(")];\nfp32 y = relu(x = );'
    assert "unexpected ')'" in problem(text_of(body)).message


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "unexpected end of the text", 1, 1),
        ("program(1.3)\n", "unexpected end of the text", 2, 1),
        (text_of("fp32 y = relu(x = x);")[:-3], "unexpected end of the text", 6, 9),
        ("program(1.3){}}", "unexpected '}'", 1, 15),
        ("\x00" * 10, "unexpected '\x00'", 1, 1),
        ("{" * 100, "unexpected '{'", 1, 1),
        (f"program(1.3) {{ {'func f<ios17>() { } -> (); ' * 2}}}", "'f' is defined twice", 1, 48),
    ],
)
def test_programs_that_are_wrong(text, message, line, column):
    found = problem(text)
    assert message in found.message
    assert found.kind == "malformed"
    assert (found.location.line, found.location.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("program(2.0) {}", "version 2.0 of the text is not known"),
        ("program(1.4) {}", "only 1.0, 1.1, 1.2, 1.3"),
        ("program(1.3) { func f<ios19>() { } -> (); }", "the operation set 'ios19' is not known"),
        ("program(1.3) { func f<CoreML7>() { } -> (); }", "operation set 'CoreML7' is not known"),
    ],
)
def test_programs_that_are_not_supported(text, message):
    found = problem(text)
    assert message in found.message
    assert found.kind == "unsupported"


def test_long_lines_are_shown_in_part():
    found = problem(text_of(f'fp32 y = relu(x = x)[a = string("{"é" * 5000}")]!{" " * 500};'))
    first, second = found.excerpt.splitlines()
    assert len(first) < 200
    assert first.index("!") == second.index("^")


def test_files_that_are_wrong(tmp_path, monkeypatch):
    def said(path):
        with pytest.raises(CompileError) as caught:
            read_program(path)
        (found,) = caught.value.diagnostics
        assert found.kind == "malformed"
        assert found.file == str(path)
        return found.message

    path = tmp_path / "model.mil"
    assert said(path) == "the file is missing"
    path.write_bytes(b"program(1.3)\xff")
    assert said(path) == "this is not the text of a program: byte 12 is not UTF-8"
    monkeypatch.setattr("cmlc.compiler.source.mil_text._LARGEST", 5)
    assert said(path) == "the file is larger than the text of any program"
    path.unlink()
    path.mkdir()
    monkeypatch.undo()
    assert said(path).startswith("the file can't be read: ")
