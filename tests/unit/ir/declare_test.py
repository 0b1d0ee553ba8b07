"""Declaring ops: what a class body may say and what a constructor accepts."""

from typing import ClassVar

import pytest
from cmlc.ir.attributes import Axis, Kind
from cmlc.ir.declare import attr, operand, region, result_type
from cmlc.ir.ssa import Block, Op, Region, Value, VerifyError
from cmlc.ir.types import FLOAT, DType, Tensor, Type

F2 = Tensor(DType.F32, (2, 3))


class Example(Op):
    """An op with one of everything."""

    name = "test.example"

    x: Value = operand(FLOAT, rank=(1, 2))
    y: Value | None = operand(FLOAT, like="x", default=None)
    axis: Axis = attr(default=-1)
    scale: float = attr(default=1.0)

    def infer(self) -> Type:
        return self.x.type


class Many(Op):
    """Variadic operands and regions."""

    name = "test.many"

    values: tuple[Value, ...] = operand()
    body: Region = region()


class Carrying(Op):
    """Result types are given."""

    name = "test.carrying"

    x: Value = operand()
    types: tuple[Type, ...] = result_type()


def value(kind=F2):
    return Block([kind]).arguments[0]


def test_fields_by_position_and_by_name():
    x, y = value(), value()
    op = Example(x, y, scale=2)
    assert (op.x, op.y, op.axis, op.scale) == (x, y, 1, 2.0)
    assert op.operands == (x, y)
    assert op.result.type == F2
    assert Example(x).y is None
    assert Example(x).values_of("y") == ()


def test_matching():
    x = value()
    match Example(x, scale=3.0):
        case Example(found, None, axis, scale):
            assert (found, axis, scale) == (x, 1, 3.0)
        case _:
            pytest.fail("no match")


def test_what_was_declared():
    assert [item.name for item in Example.spec.fields] == ["x", "y", "axis", "scale"]
    assert Example.spec.attributes[0].kind is Kind.AXIS
    assert Example.x is Example.spec.operands[0]
    assert not Example.spec.operands[1].required


def test_fields_are_inherited_and_refined():
    class Narrow(Example):
        """Another rank."""

        name = "test.narrow"
        x: Value = operand(FLOAT, rank=1)
        extra: int = attr(default=0)

    assert [item.name for item in Narrow.spec.fields] == ["x", "y", "axis", "scale", "extra"]
    with pytest.raises(VerifyError, match="expected rank 1"):
        Narrow(value())
    assert Example(value()).x.type.rank == 2


def test_variadic_operands_and_regions():
    x, body = value(), Region()
    op = Many((x, x), body)
    assert op.values == (x, x)
    assert op.values_of("values") == (x, x)
    assert body.parent is op
    assert Many(body=body).values == ()


def test_given_types():
    op = Carrying(value(), (F2, F2))
    assert [result.type for result in op.results] == [F2, F2]
    assert op.fields()["types"] == (F2, F2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda x: {}, VerifyError, "needs 'x'"),
        (lambda x: {"x": None}, VerifyError, "needs 'x'"),
        (lambda x: {"x": x, "scael": 2.0}, TypeError, "unexpected argument 'scael'"),
        (lambda x: {"x": 3}, TypeError, "x must be a Value"),
        (lambda x: {"x": x, "scale": "2"}, VerifyError, "scale: expected float"),
        (lambda x: {"x": x, "axis": 2}, VerifyError, "axis: axis 2 is out of range for rank 2"),
        (lambda x: {"x": x, "y": value(Tensor(DType.F16, ()))}, VerifyError, "but x is"),
        (lambda x: {"x": value(Tensor(DType.I32, (1,)))}, VerifyError, "expected one of f16"),
        (lambda x: {"x": value(Tensor(DType.F32, (1, 1, 1)))}, VerifyError, "expected rank 1 or 2"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        Example(**arguments(value()))


def test_too_many_arguments():
    with pytest.raises(TypeError, match="takes 4 arguments"):
        Example(value(), None, 0, 1.0, 5)
    with pytest.raises(TypeError, match="unexpected argument 'x'"):
        Example(value(), x=value())


@pytest.mark.parametrize(
    "name",
    ["verify", "inferr", "evaluate_all", "folding", "verify_", "evluate", "premute", "batched"],
)
def test_hooks_are_a_closed_set(name):
    with pytest.raises(TypeError, match="looks like a hook"):
        type("Wrong", (Op,), {name: lambda self: None})


@pytest.mark.parametrize("name", ["filter", "permuted_operand", "is_elementwize"])
def test_class_attributes_are_a_closed_set(name):
    """What a misspelt one says would be ignored."""
    with pytest.raises(TypeError, match=f"Wrong.{name} is declared by no base"):
        type("Wrong", (Op,), {name: ("x",)})


def test_a_base_may_declare_class_attributes():
    class Base(Op):
        """Has a kind."""

        kind: ClassVar[str]
        place: ClassVar[int] = 0

    class Made(Base):
        """Says which."""

        kind = "max"
        place = 1

    assert (Made.kind, Made.place) == ("max", 1)


def test_fields_need_real_annotations():
    with pytest.raises(TypeError, match="annotate the field"):
        type("Wrong", (Op,), {"x": operand()})
    with pytest.raises(TypeError, match="annotate the field"):
        type("Wrong", (Op,), {"x": operand(), "__annotations__": {"x": "Value"}})
