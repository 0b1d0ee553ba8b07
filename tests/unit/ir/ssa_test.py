"""Use lists, the list of ops in a block, types that follow their operands."""

import pytest
from cmlc.ir.dialects.builtin import Return, Yield
from cmlc.ir.dialects.core.activation import Relu
from cmlc.ir.dialects.core.control import Cond
from cmlc.ir.dialects.core.elementwise import Add
from cmlc.ir.dims import symbol
from cmlc.ir.ssa import Block, Function, Module, Region
from cmlc.ir.types import DType, Tensor
from cmlc.ir.verify import verify

F2 = Tensor(DType.F32, (2,))
FN = Tensor(DType.F32, (symbol("N"),))


def function(*types):
    return Function("f", types or (F2,), [f"x{i}" for i in range(len(types) or 1)])


def test_detached_ops_leave_no_trace():
    (x,) = function().arguments
    op = Add(x, x)
    assert op.result.op is op
    assert x.use_count == 0
    assert op.parent is None
    op.detach()


def test_uses():
    made = function()
    (x,) = made.arguments
    add = made.block.insert(Add(x, x))
    relu = made.block.insert(Relu(x))
    assert x.uses == [(add, 0), (add, 1), (relu, 0)]
    assert x.users == [add, relu]
    assert not x.has_one_use
    assert x.has_use(add, 1)
    relu.erase()
    assert x.use_count == 2
    add.set_operand(1, add.result)
    assert x.has_one_use
    assert add.result.uses == [(add, 1)]


def test_order_of_ops():
    made = function()
    (x,) = made.arguments
    a, c = made.block.insert(Relu(x)), made.block.insert(Relu(x))
    b = made.block.insert(Relu(x), before=c)
    first = made.block.insert(Relu(x), before=a)
    assert list(made.block) == [first, a, b, c]
    assert list(made.block.reversed()) == [c, b, a, first]
    for op in (b, first, c):
        op.detach()
    assert list(made.block) == [a]
    assert (made.block.first, made.block.last) == (a, a)
    a.erase()
    assert (made.block.first, made.block.last) == (None, None)


def test_erasing_while_iterating():
    made = function()
    for _ in range(3):
        made.block.insert(Relu(made.arguments[0]))
    for op in made.block:
        op.erase()
    assert list(made.block) == []


def test_used_ops_stay():
    made = function()
    relu = made.block.insert(Relu(made.arguments[0]))
    made.block.insert(Return((relu.result,)))
    with pytest.raises(ValueError, match="is still used"):
        relu.erase()
    with pytest.raises(ValueError, match="already in a block"):
        made.block.insert(relu)


def test_replacing_a_value_propagates_its_type():
    made = function(FN, F2)
    x, y = made.arguments
    relu = made.block.insert(Relu(x))
    add = made.block.insert(Add(relu.result, relu.result))
    made.block.insert(Return((add.result,)))
    x.replace_all_uses_with(y)
    assert relu.result.type == F2
    assert add.result.type == F2
    assert x.use_count == 0
    assert made.results == (add.result,)


def test_replacing_by_itself_changes_nothing():
    made = function()
    (x,) = made.arguments
    relu = made.block.insert(Relu(x))
    x.replace_all_uses_with(x)
    assert x.uses == [(relu, 0)]


def test_names_go_to_nameless_values():
    made = function(F2)
    (x,) = made.arguments
    relu = made.block.insert(Relu(x))
    relu.result.name = "kept"
    other = made.block.insert(Relu(x))
    relu.result.replace_all_uses_with(other.result)
    assert other.result.name == "kept"


def cond(pred, x):
    then, orelse = Block(), Block()
    relu = then.insert(Relu(x))
    then.insert(Yield((relu.result,)))
    orelse.insert(Yield((x,)))
    return Cond(pred, Region(then), Region(orelse))


def test_types_leave_regions():
    made = function(Tensor(DType.BOOL, ()), FN, F2)
    pred, x, y = made.arguments
    op = made.block.insert(cond(pred, x))
    last = made.block.insert(Relu(op.results[0]))
    made.block.insert(Return((last.result,)))
    x.replace_all_uses_with(y)
    assert op.results[0].type == F2
    assert last.result.type == F2
    verify(Module(functions=[made]))


def test_erasing_drops_regions():
    made = function(Tensor(DType.BOOL, ()), F2)
    op = made.block.insert(cond(*made.arguments))
    assert made.arguments[1].use_count == 2
    assert len(list(made.walk())) == 4
    op.erase()
    assert [value.use_count for value in made.arguments] == [0, 0]


def test_blocks_know_their_terminator():
    made = function()
    assert made.block.terminator is None
    assert made.results == ()
    made.block.insert(Relu(made.arguments[0]))
    assert made.block.terminator is None
    end = made.block.insert(Return(tuple(made.arguments)))
    assert made.block.terminator is end


def test_main_is_the_function_called_main_or_the_first():
    one, other = Function("one"), Function("main")
    assert Module(functions=[one]).main is one
    assert Module(functions=[one, other]).main is other


def test_fields_rebuild_the_op():
    made = function()
    op = Add(*made.arguments, *made.arguments)
    again = Add(**op.fields())
    assert again.operands == op.operands
    assert repr(op) == "<tensor.add(<%x0: f32[2]>, <%x0: f32[2]>)>"
