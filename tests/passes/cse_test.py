"""Merging many equal values."""

from cmlc.ir.dialects.builtin import Return
from cmlc.ir.dialects.core.activation import Relu
from cmlc.ir.dialects.core.elementwise import Add
from cmlc.ir.location import Fused, InModel
from cmlc.ir.ssa import Function, Module
from cmlc.ir.types import DType, Tensor
from cmlc.passes import cse
from cmlc.passes.manager import parse_pipeline


def test_places_of_many_equal_values_are_joined_once_and_in_order(monkeypatch):
    made = Function("main", [Tensor(DType.F32, (2,))], ["x"])
    places = [InModel("layers", i, str(i)) for i in range(5)]
    (total,) = made.arguments
    for place in places:
        relu = made.block.insert(Relu(made.arguments[0]))
        relu.location = place
        total = made.block.insert(Add(total, relu.result)).result
    made.block.insert(Return((total,)))
    joined: list[int] = []

    def counted(by, locations):
        found = tuple(locations)
        joined.append(len(found))
        return Fused(by, found)

    monkeypatch.setattr(cse, "fuse", counted)
    assert parse_pipeline("cse").run(Module(functions=[made]))
    (merged,) = (op for op in made.block if isinstance(op, Relu))
    assert merged.location == Fused("cse", tuple(places))
    assert joined == [5]
