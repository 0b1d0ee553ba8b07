"""The walk over programs: constants, types, precision, and what is said of bad programs."""

import numpy as np
import pytest
from cmlc.compiler.source.survey import survey
from support.mil.programs import (
    BOOL,
    FP16,
    FP32,
    I32,
    assert_refused,
    imported,
    op,
    problems,
    program,
    result,
)

X = np.array([[1.0, -2.0, 3.0]], np.float32)


def test_operations_in_order():
    model = program(
        op("mul", "a", (1, 3), x="x", y=np.float32(2)),
        op("add", "y", (1, 3), x="a", y=[1.0, 2.0, 3.0]),
        x=(1, 3),
    )
    assert result(model, X).tolist() == [[3, -2, 9]]


def test_results_may_have_any_type():
    model = program(op("less", "y", (1, 3), BOOL, x="x", y=np.float32(0)), x=(1, 3))
    assert result(model, X).tolist() == [[0, 1, 0]]
    assert result(model, X).dtype == np.int32  # which is what the description says of it


@pytest.mark.parametrize(("precision", "expected"), [("float32", 2049.0), ("keep", 2048.0)])
def test_precision(precision, expected):
    """2049 has no float16."""
    model = program(
        op("cast", "half", (1,), FP16, x="x", dtype="fp16"),
        op("add", "sum", (1,), FP16, x="half", y=np.float16([1])),
        op("cast", "y", (1,), FP32, x="sum", dtype="fp32"),
        x=(1,),
    )
    assert result(model, [2048], precision=precision).tolist() == [expected]


def test_half_precision_at_the_border():
    model = program(op("add", "y", (1,), FP16, x="x", y="x"), x=(1,), dtypes={"x": FP16})
    module = imported(model)
    assert str(module.main.arguments[0].type) == "f16[1]"
    assert [str(value.type) for value in module.main.results] == ["f16[1]"]
    ops = [item.name for item in module.main.block]
    assert ops == ["tensor.cast", "tensor.add", "tensor.cast", "return"]


def test_what_is_not_supported_is_told_at_once():
    model = program(op("frobnicate", "a", (1, 3), x="x"), op("twist", "y", (1, 3), x="a"), x=(1, 3))
    assert [(str(p.location), p.message) for p in problems(model)] == [
        ("operations[0] 'a'", "frobnicate operations are not supported"),
        ("operations[1] 'y'", "twist operations are not supported"),
    ]
    assert {p.kind for p in problems(model)} == {"unsupported"}


def test_a_parameter_that_nobody_knows():
    model = program(op("add", "y", (1, 3), x="x", y="x", alpha=np.float32(1)), x=(1, 3))
    assert_refused(
        model, "operations[0] 'y'", "add has a parameter 'alpha', which is not", kind="unsupported"
    )


def test_a_parameter_that_is_missing():
    model = program(op("threshold", "y", (1, 3), x="x"), x=(1, 3))
    assert_refused(model, "operations[0] 'y'", "threshold lacks 'alpha'")


def test_a_parameter_that_is_computed():
    model = program(op("elu", "y", (1, 3), x="x", alpha="x"), x=(1, 3))
    assert_refused(model, "computes 'alpha', which must be a constant", kind="unsupported")


def test_types_that_the_program_declares_are_checked():
    model = program(op("add", "y", (1, 4), x="x", y="x"), x=(1, 3))
    assert_refused(model, "makes f32[1,3] by our rule, but declares f32[1,4]")


def test_all_problems_are_told_but_no_consequences():
    model = program(
        op("threshold", "a", (1, 3), x="x"),
        op("add", "b", (1, 3), x="a", y="a"),
        op("add", "y", (1, 3), x="x", y="x", z="x"),
        x=(1, 3),
    )
    assert [str(p.location) for p in problems(model)] == ["operations[0] 'a'", "operations[2] 'y'"]


def test_a_name_that_nothing_makes():
    model = program(op("add", "y", (1, 3), x="x", y="x"), x=(1, 3))
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    block.operations[0].inputs["y"].arguments[0].name = "z"
    assert_refused(model, "add reads 'z', which nothing before it makes")


def relu(made, x):
    return op("relu", made, (1, 3), x=x)


@pytest.mark.parametrize(
    "operations",
    [
        (relu("a", "x"), op("tanh", "a", (1, 3), x="x"), relu("y", "a")),
        (relu("b", "x"), relu("x", "x"), relu("y", "x")),
        (op("split", [("a", (1, 1), 11), ("a", (1, 2), 11)], x="x", split_sizes=[1, 2], axis=1),),
    ],
)
def test_a_name_twice(operations):
    (problem,) = problems(program(*operations, outputs=[operations[-1][1][0][0]], x=(1, 3)))
    assert "a name that is already defined" in problem.message
    assert problem.kind == "malformed"


def test_a_name_twice_in_blocks_beside_each_other_and_around():
    rows = [
        ((), (relu("a", "x"), relu("p", "a")), ["p"]),
        ((), (op("exp", "a", (1, 3), x="x"),), ["a"]),
    ]
    truth = op("squeeze", "q", (), x="n", axes=[0]), op("cast", "p", (), BOOL, x="q", dtype="bool")
    model = program(*truth, op("cond", "y", (1, 3), FP32, rows, pred="p"), x=(1, 3), n=(1,))
    np.testing.assert_array_equal(result(model, X, [1]), np.maximum(X, 0))
    twice = [((), (relu("a", "x"), relu("a", "x")), ["a"]), rows[1]]
    model = program(*truth, op("cond", "y", (1, 3), FP32, twice, pred="p"), x=(1, 3), n=(1,))
    assert_refused(model, "blocks[0].operations[1] 'a'", "relu makes 'a', a name that is already")


def test_an_input_twice():
    model = program(relu("y", "x"), x=(1, 3))
    function = model.mlProgram.functions["main"]
    function.inputs.append(function.inputs[0])
    assert_refused(model, "input 'x'", "two inputs of this name")


def test_a_constant_in_a_file_that_is_not_there():
    model = program(op("add", "y", (1, 3), x="x", y=[1.0, 2.0, 3.0]), x=(1, 3))
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    value = block.operations[0].inputs["y"].arguments[0].value
    value.blobFileValue.fileName = "@model_path/weights/weight.bin"
    assert_refused(
        model, "'@model_path/weights/weight.bin', but a message has no files", kind="usage"
    )


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        (
            lambda v: v.immediateValue.tensor.floats.values.pop(),
            "'y.y' holds 2 values for f32[3]",
        ),
        (lambda v: v.ClearField("immediateValue"), "has no value"),
        (lambda v: setattr(v.type.tensorType, "rank", 2), "has 1 dimensions, but declares 2"),
        (lambda v: setattr(v.type.tensorType, "dataType", 99), "unknown type 99"),
    ],
)
def test_constants_that_do_not_fit(change, fragment):
    model = program(op("add", "y", (1, 3), x="x", y=[1.0, 2.0, 3.0]), x=(1, 3))
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    change(block.operations[0].inputs["y"].arguments[0].value)
    assert fragment in problems(model)[0].message


def test_inputs_that_the_description_does_not_know():
    model = program(op("add", "y", (1, 3), x="x", y="x"), x=(1, 3))
    model.description.input[0].name = "z"
    assert_refused(model, "input 'z'", "the description and the program have different inputs")


def test_outputs_that_the_program_does_not_make():
    model = program(op("add", "y", (1, 3), x="x", y="x"), x=(1, 3))
    model.description.output[0].name = "z"
    assert_refused(model, "output 'z'", "the program makes no such output")


def test_an_opset_that_is_not_known():
    model = program(op("add", "y", (1, 3), x="x", y="x"), x=(1, 3))
    model.mlProgram.functions["main"].opset = "CoreML99"
    assert_refused(model, "the program is written for the opset 'CoreML99'", kind="unsupported")


def test_integers_and_truth_values():
    model = program(
        op("floor_div", "a", (3,), I32, x="x", y=np.int32(2)),
        op("greater", "b", (3,), BOOL, x="a", y=np.int32(0)),
        op("select", "y", (3,), I32, cond="b", a="a", b=np.int32(9)),
        x=(3,),
        dtypes={"x": I32},
    )
    assert result(model, [5, -3, 1]).tolist() == [2, 9, 9]


def test_operations_are_counted():
    model = program(op("add", "a", (3,), x="x", y="x"), op("add", "y", (3,), x="a", y="a"), x=(3,))
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    block.operations.add(type="const")
    assert dict(survey(model).layers) == {"add": 2}


@pytest.mark.parametrize(("precision", "expected"), [("float32", 2049.0), ("keep", 2048.0)])
def test_results_have_the_float_type_that_the_program_declares(precision, expected):
    """Recorded of iOS 15: float32 normalized by float16 statistics is declared float16."""
    ones = {"mean": np.zeros(1, "f2"), "variance": np.ones(1, "f2"), "epsilon": np.float32(0)}
    norm = op("batch_norm", "h", (1, 1, 1), FP16, x="x", **ones)
    model = program(norm, op("cast", "y", (1, 1, 1), FP32, x="h", dtype="fp32"), x=(1, 1, 1))
    assert result(model, [[[2049]]], precision=precision).tolist() == [[[expected]]]


@pytest.mark.parametrize(
    ("number", "held", "expected"),
    [
        (13, b"\x80\x3f\x20\xc0", [1, -2.5]),
        (40, b"\x38\xc2", [1, -2.5]),
        (41, b"\x3c\xc1", [1, -2.5]),
    ],
)
def test_constants_of_narrow_floats(number, held, expected):
    model = program(op("mul", "y", (2,), x="x", y=np.float32(expected)), x=(2,))
    block = model.mlProgram.functions["main"].block_specializations["CoreML5"]
    value = block.operations[0].inputs["y"].arguments[0].value
    value.type.tensorType.dataType = number
    value.immediateValue.tensor.bytes.values = held
    assert result(model, [2, 2]).tolist() == [2, -5]
    value.immediateValue.tensor.bytes.values = held[:-1]
    assert_refused(model, "the constant 'y.y' holds 1 values" if number > 13 else "holds 3 bytes")
