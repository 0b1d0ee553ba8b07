"""The text of compiled ML Programs: what is wrong is said, with its place."""

import pytest
from cmlc.compiler.source.mil_text import parse_program, read_program
from cmlc.ir.diagnostics import CompileError
from support.mil.main_text import text_of

BLOB = 'BLOBFILE(path = string("a"), offset = uint64(1))'


def problem(text):
    with pytest.raises(CompileError) as caught:
        parse_program(text, "m.mil")
    (found,) = caught.value.diagnostics
    assert found.location.file == "m.mil"
    assert found.excerpt.splitlines()[1].endswith("^")
    assert found.remedy
    return found


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
