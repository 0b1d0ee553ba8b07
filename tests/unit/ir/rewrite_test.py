"""Adopting, replacing and copying ops."""

import pytest
from cmlc.ir.dialects.builtin import Return, Yield, constant
from cmlc.ir.dialects.core.activation import LeakyRelu, Relu, Sigmoid
from cmlc.ir.dialects.core.control import Cond
from cmlc.ir.dialects.core.elementwise import Add, Mul
from cmlc.ir.location import Fused, InModel
from cmlc.ir.rewrite import adopt, clone, detached_producers, replace, replace_op
from cmlc.ir.ssa import Block, Function, Module, Region
from cmlc.ir.types import DType, Tensor
from cmlc.ir.verify import verify

F2 = Tensor(DType.F32, (2,))
ONE, TWO, THREE = (InModel("layers", i, str(i)) for i in range(3))


@pytest.fixture
def made():
    return Function("f", [F2], ["x"])


def finish(function, *values):
    function.block.insert(Return(values))
    verify(Module(functions=[function]))


def at(op, location):
    op.location = location
    return op


def test_adopt_puts_producers_first(made):
    (x,) = made.arguments
    two = constant([2.0, 2.0])
    scaled = Mul(Relu(x).result, Relu(x).result)
    total = Add(scaled.result, scaled.result)
    end = made.block.insert(Return((x,)))
    ops = adopt([total.result, two], made.block, end, ONE)
    assert [op.name for op in ops] == [
        *("nn.relu", "nn.relu", "tensor.mul", "tensor.add", "const"),
    ]
    assert list(made.block) == [*ops, end]
    assert {op.location for op in ops} == {ONE}
    assert scaled.result.use_count == 2


def test_adopt_keeps_locations_and_ops_in_place(made):
    relu = made.block.insert(Relu(made.arguments[0]))
    own = at(Sigmoid(relu.result), TWO)
    assert adopt([own.result, made.arguments[0]], made.block, None, ONE) == [own]
    assert own.location == TWO


def test_replacing_fuses_locations_and_erases_dead_producers(made):
    (x,) = made.arguments
    relu = made.block.insert(at(Relu(x), ONE))
    shared = made.block.insert(at(Relu(x), THREE))
    add = made.block.insert(at(Add(relu.result, shared.result), TWO))
    made.block.insert(Return((add.result, shared.result)))
    (new,) = replace_op(add, [LeakyRelu(x).result], "fuse")
    assert list(made.block)[:2] == [shared, new]
    assert new.location == Fused("fuse", (ONE, TWO))
    assert made.results == (new.result, shared.result)
    assert relu.parent is None
    verify(Module(functions=[made]))


def test_replacing_by_an_existing_value(made):
    (x,) = made.arguments
    relu = made.block.insert(Relu(x))
    made.block.insert(Return((relu.result,)))
    assert replace_op(relu, [x], "fold") == []
    assert made.results == (x,)


def test_replacing_a_detached_op(made):
    with pytest.raises(ValueError, match="is not in a block"):
        replace_op(Relu(made.arguments[0]), [made.arguments[0]], "p")


def test_copies_with_changes(made):
    (x,) = made.arguments
    op = LeakyRelu(x, alpha=0.5)
    assert replace(op).alpha == 0.5
    assert replace(op, alpha=0.25).alpha == 0.25
    assert op.alpha == 0.5


def test_clone(made):
    (x,) = made.arguments
    op = at(LeakyRelu(x, alpha=0.5), ONE)
    op.result.name = "y"
    other = Block([F2]).arguments[0]
    copy = clone(op, {x: other})
    assert (copy.x, copy.alpha, copy.location, copy.result.name) == (other, 0.5, ONE, "y")
    assert copy.parent is None


def cond_over(pred, x):
    then, orelse = Block(), Block()
    then.insert(Yield((then.insert(Relu(x)).result,)))
    orelse.insert(Yield((x,)))
    return Cond(pred, Region(then), Region(orelse))


def test_regions_move_to_the_replacement(made):
    (x,) = made.arguments
    yes = made.block.insert(constant(True).op)
    no = made.block.insert(constant(False).op)
    old = made.block.insert(cond_over(yes.result, x))
    made.block.insert(Return(old.results))
    new = replace(old, pred=no.result)
    assert old.then.parent is old, "a copy that nobody adopts leaves no trace"
    replace_op(old, new.results, "p")
    assert new.then.parent is new
    assert [op.name for op in new.then.block] == ["nn.relu", "yield"]
    verify(Module(functions=[made]))


def test_what_regions_capture_is_adopted(made):
    (x,) = made.arguments
    captured = Relu(x)
    op = cond_over(constant(True), captured.result)
    assert captured in detached_producers(op.results)
    adopt(op.results, made.block)
    finish(made, *op.results)


def test_clone_of_regions_needs_to_know_how(made):
    op = cond_over(constant(True), made.arguments[0])
    with pytest.raises(ValueError, match="has regions"):
        clone(op, {})
    copied: list[Region] = []

    def copy_region(body: Region) -> Region:
        copied.append(body)
        block = Block()
        block.insert(Yield(tuple(made.arguments)))
        return Region(block)

    copy = clone(op, {}, copy_region)
    assert copied == [op.then, op.orelse]
    assert copy.then.parent is copy


def test_a_copy_for_operands_of_the_same_type_shares_nothing_but_attributes(made):
    (x,) = made.arguments
    op = made.block.insert(at(LeakyRelu(x, alpha=0.5), ONE))
    op.result.name, op.result.names = "y", ("y", "z")
    (other,) = Function("g", [F2], ["x"]).arguments
    copy = clone(op, {x: other})
    assert (copy.parent, copy.next, copy.previous) == (None, None, None)
    assert (copy.operands, copy.location, copy.attributes) == ((other,), ONE, {"alpha": 0.5})
    assert copy.result is not op.result
    assert copy.result.op is copy
    assert (copy.result.type, copy.result.name, copy.result.names) == (F2, "y", ("y", "z"))
    copy.attributes["alpha"] = 0.1
    copy.set_operand(0, x)
    assert (op.attributes, op.operands) == ({"alpha": 0.5}, (x,))
    assert not other.use_count


def test_a_copy_for_operands_of_another_type_is_inferred_again(made):
    op = made.block.insert(Relu(made.arguments[0]))
    (other,) = Function("g", [Tensor(DType.F16, (3,))], ["x"]).arguments
    assert clone(op, {op.operands[0]: other}).result.type == Tensor(DType.F16, (3,))
