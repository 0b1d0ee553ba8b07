"""What users read."""

import pytest
from cmlc.ir.diagnostics import CompileError, Diagnostic, caret_excerpt, problems_in
from cmlc.ir.dialects.core.activation import Relu
from cmlc.ir.location import Fused, InModel, InText, called_by
from cmlc.ir.ssa import Block, VerifyError
from cmlc.ir.types import DType, Tensor

CONV, RELU = InModel("layers", 0, "conv1"), InModel("layers", 1, "relu")


def test_all_parts():
    problem = Diagnostic(
        "x is wrong",
        location=Fused("fuse", (CONV, RELU)),
        file="m.mlmodel",
        notes=("more",),
        remedy="do that",
        excerpt="  1 | text",
    )
    assert str(problem).splitlines() == [
        "m.mlmodel: layers[0] 'conv1': error: x is wrong",
        "  1 | text",
        "  note: layers[1] 'relu'",
        "  note: more",
        "  help: do that",
    ]


def test_calls_are_notes():
    inner, outer = InText("m.cmir", 9, 3), InText("m.cmir", 2, 3)
    place = Fused("fuse", (called_by(called_by(CONV, inner), outer), called_by(RELU, outer)))
    assert str(Diagnostic("x is wrong", location=place)).splitlines() == [
        "layers[0] 'conv1': error: x is wrong",
        "  note: called by m.cmir:9:3",
        "  note: called by m.cmir:2:3",
        "  note: layers[1] 'relu', called by m.cmir:2:3",
    ]


def test_a_caller_is_named_once():
    inner, outer = InModel("models", 0, "first"), InModel("models", 1, "second")
    twice = called_by(called_by(called_by(called_by(CONV, inner), inner), outer), outer)
    assert str(Diagnostic("x is wrong", location=twice)).splitlines() == [
        "layers[0] 'conv1': error: x is wrong",
        "  note: called by models[0] 'first'",
        "  note: called by models[1] 'second'",
    ]
    itself = called_by(CONV, CONV)
    assert str(Diagnostic("x is wrong", location=itself)) == "layers[0] 'conv1': error: x is wrong"


def test_a_place_in_the_file_names_it_once():
    place = InText("m.cmir", 4, 3)
    assert str(Diagnostic("x is wrong", location=place, file="m.cmir")) == (
        "m.cmir:4:3: error: x is wrong"
    )
    assert str(Diagnostic("x is wrong", location=place, file="n.cmir")) == (
        "n.cmir: m.cmir:4:3: error: x is wrong"
    )


def test_only_a_message():
    assert str(Diagnostic("x is wrong")) == "error: x is wrong"
    assert str(Diagnostic("x is odd", severity="warning")) == "warning: x is odd"


def test_a_plain_problem_is_one_line():
    assert str(Diagnostic("x is wrong", remedy="do that")) == "error: x is wrong; do that"


def test_errors_carry_all_diagnostics():
    error = CompileError([Diagnostic("a"), Diagnostic("b")])
    assert [item.message for item in error.diagnostics] == ["a", "b"]
    assert str(error) == "error: a\nerror: b"


def test_naming_the_file():
    error = CompileError([Diagnostic("a"), Diagnostic("b", file="other")])
    assert str(error.in_file("m")) == "m: error: a\nother: error: b"


def test_naming_the_file_keeps_the_class():
    op = Relu(Block([Tensor(DType.F32, ())]).arguments[0])
    error = VerifyError(op, "C1", "is wrong").in_file("m")
    assert isinstance(error, VerifyError)
    assert error.label == "C1"
    assert str(error) == "m: error: 'nn.relu' (C1) is wrong"
    with pytest.raises(VerifyError):
        raise error


def test_errors_of_a_block_name_its_file():
    cause = ValueError("why")
    with pytest.raises(CompileError) as caught, problems_in("m"):
        raise CompileError([Diagnostic("a"), Diagnostic("b", file="other")]) from cause
    assert str(caught.value) == "m: error: a\nother: error: b"
    assert caught.value.__cause__ is cause
    with pytest.raises(CompileError, match=r"^error: a"), problems_in(""):
        raise CompileError(Diagnostic("a"))


@pytest.mark.parametrize(
    ("line", "column", "width", "expected"),
    [
        (2, 3, 1, "    2 | cdef\n      |   ^"),
        (2, 1, 4, "    2 | cdef\n      | ^^^^"),
        (3, 2, 1, "    3 | \tg\n      | \t^"),
        (9, 1, 1, "    9 | \n      | ^"),
    ],
)
def test_excerpt(line, column, width, expected):
    assert caret_excerpt("ab\ncdef\n\tg", line, column, width) == expected
