"""What malformed text is told: line, column, the line with a caret, what would fit."""

import pytest
from cmlc.compiler.driver import all_ops
from cmlc.ir.text.parser import parse
from cmlc.ir.text.syntax import ParseError

HEAD = "func @f(%x: f32[2,3]) -> f32[2,3] {"


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("%y = nn.rleu(%x) : f32[2,3]\nreturn %y", 2, 6, "there is no op called 'nn.rleu'"),
        ("%y = nn.relu(%z) : f32[2,3]\nreturn %y", 2, 14, "%z is not defined"),
        ("%x = nn.relu(%x) : f32[2,3]\nreturn %x", 2, 1, "%x is defined twice"),
        ("%y = nn.relu(%x) : f32[3,2]\nreturn %y", 2, 20, "'nn.relu' has type f32[2,3] here"),
        ("%y = nn.relu(%x)\nreturn %y", 2, 6, "'nn.relu' has type f32[2,3] here"),
        ("nn.relu(%x) : f32[2,3]\nreturn %x", 2, 1, "'nn.relu' has 1 results"),
        ("%y = nn.relu(%x, %x) : f32[2,3]\nreturn %y", 2, 6, "'nn.relu' has 1 operands"),
        ("%y = nn.relu() : f32[2,3]\nreturn %y", 2, 6, "'nn.relu' needs 'x'"),
        ("%y = nn.relu(%x) {a = 1} : f32[2,3]\nreturn %y", 2, 19, "has no attribute 'a'"),
        (
            "%y = nn.elu(%x) {alpha = 1.0, alpha = 2.0} : f32[2,3]\nreturn %y",
            *(2, 31),
            "'alpha' is given twice",
        ),
        ("%y = nn.elu(%x) {alpha = #a} : f32[2,3]\nreturn %y", 2, 6, "alpha: expected float"),
        ("%y = nn.softmax(%x) {axis = 2} : f32[2,3]\nreturn %y", 2, 6, "axis 2 is out of range"),
        ("%y = nn.softmax(%x) : f99[2,3]\nreturn %y", 2, 23, "f99"),
        ("%y = nn.relu(%x) : f32[2.5]\nreturn %y", 2, 24, "expected a dimension"),
        ("%y = nn.relu(%x) : f32[true]\nreturn %y", 2, 24, "expected a dimension"),
        ("%y = nn.relu(%x) ({ yield %x }) : f32[2,3]\nreturn %y", 2, 6, "has 0 regions"),
        ('%y = nn.relu(%x) : f32[2,3] loc("here")\nreturn %y', 2, 33, "is not a location"),
        ("%y = const {value = 3} : f32[]\nreturn %x", 2, 6, "a constant needs dense<…>"),
        ('%y = const {value = resource<"w">} : f32[]\nreturn %x', 2, 30, 'no resource "w"'),
        ("%y = const {value = dense<[1, 2]>} : f32[3]\nreturn %x", 2, 6, "do not make a f32[3]"),
        ("%y = const {value = dense<1.5>} : i32[]\nreturn %x", 2, 6, "do not make a i32[]"),
        ("%y = const {value = dense<2>} : bool[]\nreturn %x", 2, 6, "do not make a bool[]"),
        ("%y = const {value = dense<true>} : f32[]\nreturn %x", 2, 6, "do not make a f32[]"),
        ("%y = const {value = dense<1>} : str[]\nreturn %x", 2, 6, "do not make a str[]"),
        (
            r'%y = const {value = dense<"\ud800">} : str[]' + "\nreturn %x",
            2,
            6,
            "do not make a str[]",
        ),
        ("%y = const {value = dense<300>} : u8[]\nreturn %x", 2, 6, "do not make a u8[]"),
        ("%y = nn.gelu(%x) {mode = dense<1>} : f32[2,3]\nreturn %y", 2, 26, "only constants have"),
        ("return %y", 2, 8, "%y is not defined"),
        ("return %x, %x", 1, 26, "@f returns f32[2,3], f32[2,3]"),
    ],
)
def test_text_that_means_nothing(body, line, column, message):
    text = f"{HEAD}\n{body}\n}}"
    with pytest.raises(ParseError) as caught:
        parse(text, "m.cmir")
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert (problem.location.file, problem.location.line) == ("m.cmir", line)
    assert problem.location.column == column
    assert problem.kind == "invalid"
    shown, carets = problem.excerpt.split("\n")
    assert shown.endswith(text.splitlines()[line - 1])
    assert carets.index("^") == shown.index("|") + 1 + column


LITERALS = [
    # One value where a list is due, and the other way round.
    ("keras.layers.LSTM(%x, %x, %x) : f32[2,3]", "inputs: expected a list of values, got one"),
    ("nn.relu([%x]) : f32[2,3]", "x: expected one value, got a list"),
    ("tensor.add(%x, [%x, %x]) : f32[2,3]", "y: expected one value, got a list"),
    ("tensor.concat([%x, %x], %x) {axis = 0} : f32[2,3]", "expected one value, got a list"),
    ("tensor.transpose(%x) {perm = 1} : f32[2,3]", "perm: expected a list, got 1"),
    ("tensor.transpose(%x) {perm = true} : f32[2,3]", "perm: expected a list, got True"),
    ("tensor.transpose(%x) {perm = none} : f32[2,3]", "perm: expected a list, got None"),
    ("nn.softmax(%x) {axis = [1]} : f32[2,3]", "axis: expected int, got [1]"),
    ("nn.elu(%x) {alpha = [1.0]} : f32[2,3]", "alpha: expected float, got [1.0]"),
    ("tensor.transpose(%x) {perm = [[1], [0]]} : f32[2,3]", "perm: expected int, got [1]"),
    # Literals of the wrong kind.
    ("nn.softmax(%x) {axis = 1.0} : f32[2,3]", "axis: expected int, got 1.0"),
    ("nn.softmax(%x) {axis = true} : f32[2,3]", "axis: expected int, got True"),
    ('nn.softmax(%x) {axis = "1"} : f32[2,3]', "axis: expected int, got '1'"),
    ("nn.softmax(%x) {axis = N} : f32[2,3]", "axis: expected int, got N"),
    ("nn.softmax(%x) {axis = #same} : f32[2,3]", "axis: expected int, got #same"),
    ("nn.softmax(%x) {axis = f32} : f32[2,3]", "axis: expected int, got f32"),
    ("nn.elu(%x) {alpha = true} : f32[2,3]", "alpha: expected float, got True"),
    (
        "tensor.reduce_sum(%x) {axes = [0], keep_dims = 1} : f32[1,3]",
        "expected bool, got 1",
    ),
    ("nn.gelu(%x) {mode = 1} : f32[2,3]", "mode: expected str, got 1"),
    ("nn.gelu(%x) {mode = [#exact]} : f32[2,3]", "mode: expected str, got [#exact]"),
    ("nn.gelu(%x) {mode = #exactly} : f32[2,3]", "mode: expected str, got #exactly"),
    ("tensor.cast(%x) {dtype = 3} : f32[2,3]", "dtype: expected one of "),
    ("tensor.cast(%x) {dtype = f99} : f32[2,3]", "got f99"),
    ("tensor.reshape(%x) {shape = [3, 2.0]} : f32[3,2]", "shape: 2.0 is not one of int"),
    ("tensor.reshape(%x) {shape = 6} : f32[6]", "shape: expected a list, got 6"),
]


@pytest.mark.parametrize(("op", "message"), LITERALS)
def test_operands_and_literals_of_the_wrong_kind(op, message):
    with pytest.raises(ParseError) as caught:
        parse(f"{HEAD}\n  %y = {op}\n  return %y\n}}", "m.cmir", all_ops())
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert problem.message.startswith(f"'{op.partition('(')[0]}'")
    assert "object" not in problem.message
    assert "<" not in problem.message
    assert (problem.location.file, problem.location.line) == ("m.cmir", 2)


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "expected"),
    [
        ("", 1, 1, "unexpected end of the text", "'module'"),
        ("func @f() -> () {\n  return", 2, 9, "unexpected end of the text", "'}'"),
        ("func f() -> () { return }", 1, 6, "unexpected 'f'", "symbol"),
        ("func @f() -> () { %y nn.relu }", 1, 22, "unexpected 'nn.relu'", "'='"),
        ("func @f() { return }", 1, 11, "unexpected '{'", ""),
        ("func @f() -> () { return } }", 1, 28, "unexpected '}'", "'func'"),
        ("func @f() -> () { ! }", 1, 19, "unexpected '!'", ""),
        ("func @f(%x) -> () { return }", 1, 11, "unexpected ')'", "':'"),
        ("func @f() -> () { return return }", 1, 26, "unexpected 'return'", "'}'"),
        ('func @f() -> () { return }\nresources { "w" = 3 }', 2, 17, "unexpected '='", "':'"),
        ("func @f() -> () { }", 1, 19, "unexpected '}'", "return"),
    ],
)
def test_text_that_does_not_read(text, line, column, message, expected):
    with pytest.raises(ParseError) as caught:
        parse(text, "m.cmir")
    (problem,) = caught.value.diagnostics
    assert problem.message == message
    assert (problem.location.line, problem.location.column) == (line, column)
    assert problem.kind == "malformed"
    assert expected in "".join(problem.notes)
    assert problem.excerpt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("func @f() -> () { return } func @f() -> () { return }", "@f is defined twice"),
        ('func @f() -> () { return } resources { "w" : f32[2] = guess(3) }', "expected hash(…)"),
        ('func @f() -> () { return } resources { "w" : f32[2] = splat("a") }', "expected hash(…)"),
        ("module {default_function = 3} { }", "default_function: expected str, got 3"),
        ("module {a = 3, a = 4} { }", "'a' is given twice"),
        ("module {a = dense<3>} { }", "only constants have data"),
    ],
)
def test_other_errors(text, message):
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert message in caught.value.diagnostics[0].message


KINDS = "array, image, dictionary, string, int64, double, sequence, state"
ARGUMENT = 'func @f(%x: f32[3] {{{}}}) -> ("y": f32[3]) {{ return %x }}'
RESULT = 'func @f(%x: f32[3]) -> ("y": f32[3] {{{}}}) {{ return %x }}'
FUNCTION = 'func @f(%x: f32[3]) -> ("y": f32[3]) attributes {{{}}} {{ return %x }}'


@pytest.mark.parametrize(
    ("place", "entries", "message", "remedy"),
    [
        (
            ARGUMENT,
            "colour = 1",
            "an argument has no 'colour'",
            "did you mean 'color'? the entries are",
        ),
        (ARGUMENT, "size = 1", "an argument has no 'size'", "the entries are kind, axes, dtype"),
        (
            RESULT,
            "optional = true",
            "a result has no 'optional'",
            "the entries are kind, dtype, color",
        ),
        (FUNCTION, "labels = [3]", "a function has no 'labels'", "did you mean 'class_labels'?"),
        (ARGUMENT, 'kind = "sound"', f"kind: expected one of {KINDS}, got 'sound'", ""),
        (ARGUMENT, "kind = none", f"kind: expected one of {KINDS}, got None", ""),
        (RESULT, 'axes = "WHC"', "axes: expected one of C, CHW, got 'WHC'", ""),
        (RESULT, 'dtype = "f99"', "dtype: expected one of f16, f32, ", ""),
        (ARGUMENT, "shape = 3", "shape: expected a list, got 3", ""),
        (ARGUMENT, "shape = [1.5]", "shape: expected int, got 1.5", ""),
        (ARGUMENT, "shape_ranges = [[1, 2, 3]]", "shape_ranges: expected 2 entries, got 3", ""),
        (ARGUMENT, "optional = 1", "optional: expected bool, got 1", ""),
        (ARGUMENT, "optional = true, optional = true", "'optional' is given twice", ""),
        (ARGUMENT, "default = dense<3>", "only constants have data", ""),
        (FUNCTION, 'class_labels = ["a", 1]', "class_labels: ['a', 1] is not one of list of ", ""),
    ],
)
def test_interfaces_that_mean_nothing(place, entries, message, remedy):
    text = place.format(entries)
    with pytest.raises(ParseError) as caught:
        parse(text)
    (problem,) = caught.value.diagnostics
    assert problem.message.startswith(message)
    assert problem.remedy.startswith(remedy)
    assert bool(problem.remedy) == bool(remedy)
    wrong = "dense" if "dense" in entries else entries.split()[0]
    assert (problem.location.line, problem.location.column) == (1, text.rindex(wrong) + 1)
