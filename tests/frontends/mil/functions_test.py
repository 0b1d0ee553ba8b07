"""Programs of several functions: each with its own interface, opset and place in messages."""

import cmlc
import numpy as np
import pytest
from cmlc.ir.interpret import run
from support.mil.programs import assert_refused, imported, op, program, several
from support.networks.builders import numbers

X = numbers(3)


def scaled(factor, opset=15, output="y"):
    return program(op("mul", output, (3,), x="x", y=np.float32(factor)), opset=opset, x=(3,))


@pytest.mark.parametrize(("default", "first"), [("double", "double"), ("", "triple")])
def test_each_is_a_function_and_one_the_default(default, first):
    model = several(default, triple=scaled(3), double=scaled(2, opset=18))
    module = imported(model)
    assert sorted(module.functions) == ["double", "triple"]
    assert module.main.name == first
    for name, factor in (("triple", 3), ("double", 2)):
        np.testing.assert_array_equal(run(module, [X], name)["y"], X * np.float32(factor))


def test_a_function_called_main_need_not_be_the_default():
    module = imported(several("other", main=scaled(3), other=scaled(2)))
    assert module.main.name == "other"
    assert imported(several("", other=scaled(2), main=scaled(3))).main.name == "other"


def test_one_function_on_request():
    model = several("triple", triple=scaled(3), double=scaled(2))
    module = cmlc.load(model, cmlc.Options(function="double"))
    assert list(module.functions) == ["double"]
    again = cmlc.load(cmlc.load(model), cmlc.Options(function="double"))
    assert list(again.functions) == ["double"]
    assert again.main.name == "double"


def test_a_function_that_is_not_there():
    model = several("triple", triple=scaled(3), double=scaled(2))
    with pytest.raises(cmlc.CompileError, match=r"no function 'half'.*triple, double"):
        cmlc.load(model, cmlc.Options(function="half"))
    with pytest.raises(cmlc.CompileError, match=r"no function 'half'.*triple, double"):
        cmlc.load(cmlc.load(model), cmlc.Options(function="half"))
    with pytest.raises(cmlc.CompileError, match=r"no function 'half'.*main"):
        cmlc.load(scaled(2), cmlc.Options(function="half"))


def test_what_is_wrong_says_in_which_function():
    bad = program(op("frobnicate", "y", (3,), x="x"), x=(3,))
    model = several("good", good=scaled(2), bad=bad)
    assert_refused(model, "functions[bad].operations[0] 'y'", kind="unsupported")
    module = cmlc.load(model, cmlc.Options(function="good"))
    assert list(module.functions) == ["good"]


def test_a_described_function_that_the_program_lacks():
    model = several("a", a=scaled(2), b=scaled(3))
    model.description.functions[1].name = "c"
    assert_refused(model, "no function 'c', which its description names")


@pytest.mark.parametrize(
    ("default", "names", "said"),
    [("a", ("a", "a"), "'a' is described twice"), ("z", ("a", "b"), "'z' is not one of a, b")],
)
def test_inconsistent_descriptions(default, names, said):
    model = several(default, a=scaled(2), b=scaled(3))
    for function, name in zip(model.description.functions, names, strict=True):
        function.name = name
    with pytest.raises(cmlc.CompileError, match=said):
        cmlc.load(model)
