"""Branches and loops: blocks become regions."""

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.core import control as core
from ....ir.dialects.core import shape
from ....ir.dim_values import known_dims
from ....ir.dims import symbol
from ....ir.rewrite import adopt
from ....ir.ssa import Region, Value
from ....ir.types import Tensor
from ..branches import asserted_other, side_that_fails
from ..rules import Result
from .context import MilContext, MilRules
from .scope import Scope

rules = MilRules("control")


@rules("cond")
def cond(cx: MilContext) -> Result:
    """The results of the first block if the predicate is true, else of the second.

    A block that certainly doesn't run is not looked at. Where that is not known, and one block
    doesn't fit, the other one runs, and the run stops if it was not to.

    States that one of the blocks writes are additional results of the op.
    """
    pred, blocks = _truth(cx, cx.value("pred")), cx.operation.blocks
    cx.require(len(blocks) == 2, f"has {len(blocks)} blocks, expected two")
    if (chosen := known_dims(pred)) is not None:
        return _certain(cx, 0 if chosen[0] else 1)
    scopes, problems = [cx.scope.nested((), ()) for _ in blocks], cx.scope.walk.problems
    ran, found = list[tuple[Value, ...] | None](), list[list[Diagnostic]]()
    for i, scope in enumerate(scopes):
        known = len(problems)
        ran.append(cx.run(scope, blocks[i], _place(cx, i)))
        found.append(problems[known:])
    unfit = side_that_fails(found)
    if unfit is not None and not any(item in cx.scope.walk.misnamed for item in found[unfit]):
        del problems[len(problems) - len(found[unfit]) :]
        return _asserted(cx, pred, unfit, found[unfit][0])
    rows = [row for row in ran if row is not None]
    if len(rows) < len(ran):
        raise CompileError(())  # said where it happened
    states = sorted({name for scope in scopes for name in scope.written_states(cx.scope)})
    for scope, row in zip(scopes, rows, strict=True):
        scope.finish((*row, *(_held(scope, name) for name in states)), cx.location)
    regions = [Region(scope.block) for scope in scopes]
    made = core.cond(pred, *regions, symbol=f"{_prefix(cx)}_either")
    return _without_states(cx, made.results, states)


@rules("while_loop")
def while_loop(cx: MilContext) -> Result:
    """Repeat the second block while the first one yields true, on the loop values of each step.

    The types of loop values are found by lowering the body until they don't change; dimensions that
    do become symbols. States that the body writes are additional loop values.
    """
    initial, blocks = cx.values("loop_vars"), cx.operation.blocks
    cx.require(len(blocks) == 2, f"has {len(blocks)} blocks, expected two")
    for block in blocks:
        count = len(block.inputs)
        cx.require(count == len(initial), f"has {len(initial)} values, a block takes {count}")
    types, states = [value.type for value in initial], list[str]()
    while True:
        body, following = _block(cx, 1, types, states)
        cx.require(
            len(following) == len(types),
            f"has {len(types)} values, its body returns {len(following)}",
        )
        rows = enumerate(zip(types, following, strict=True))
        general = [_general(cx, i, before, after.type) for i, (before, after) in rows]
        written = body.written_states(cx.scope)
        if general == types and written == states:
            break
        types, states = general, written
    body.finish((*following, *(_held(body, name) for name in states)), cx.location)
    test, go = _block(cx, 0, types, states)
    if test.written_states(cx.scope) != states or any(
        test.names[name] is not test.block.arguments[len(types) + i]
        for i, name in enumerate(states)
    ):
        raise cx.unsupported("writes a state in its condition", "write it in the loop's body")
    test.finish((_truth(cx, *go),) if len(go) == 1 else go, cx.location)
    carried = (*initial, *(_held(cx.scope, name) for name in states))
    made = core.WhileLoop(carried, Region(test.block), Region(body.block))
    return _without_states(cx, made.results, states)


def _certain(cx: MilContext, side: int) -> tuple[Value, ...]:
    """The results of the block that certainly runs; the other one needn't fit."""
    scope = cx.scope.alongside()
    results = cx.run(scope, cx.operation.blocks[side], _place(cx, side))
    if results is None:
        raise CompileError(())  # said where it happened
    for name in scope.written_states(cx.scope):
        cx.scope.names[name] = scope.names[name]
    return results


def _asserted(cx: MilContext, pred: Value, unfit: int, problem: Diagnostic) -> Result:
    """The results of the other block, if the predicate chooses it, and the states it writes."""
    before = dict(cx.scope.names)
    results = _certain(cx, 1 - unfit)
    states = sorted(name for name in cx.scope.states if cx.scope.names[name] is not before[name])
    held = (*results, *(_held(cx.scope, name) for name in states))
    op = asserted_other(pred, held, unfit, problem)
    adopt(op.operands, cx.scope.block, location=cx.location)
    cx.scope.block.insert(op).location = cx.location
    return _without_states(cx, op.results, states)


def _without_states(cx: MilContext, results: tuple[Value, ...], states: list[str]) -> Result:
    """The results without those for states, which become the states' values."""
    count = len(results) - len(states)
    for name, value in zip(states, results[count:], strict=True):
        cx.scope.names[name] = cx.scope.put(value, cx.location)
    return results[:count]


def _held(scope: Scope, name: str) -> Value:
    value = scope.names[name]
    if value is None:
        raise CompileError(())  # reported where it happened
    return value


def _block(
    cx: MilContext, index: int, types: list[Tensor], states: list[str]
) -> tuple[Scope, tuple[Value, ...]]:
    """A scope after a block of the loop ran on values of these types, and its results."""
    block = cx.operation.blocks[index]
    names = [*(item.name for item in block.inputs), *states]
    held = [_held(cx.scope, name).type for name in states]
    scope = cx.scope.nested(names, [*types, *held])
    found = cx.run(scope, block, _place(cx, index))
    if found is None:
        raise CompileError(())  # reported where it happened
    return scope, found


def _general(cx: MilContext, index: int, before: Tensor, after: Tensor) -> Tensor:
    """A type for a loop value that holds before and after a step."""
    cx.require(
        (before.rank, before.dtype) == (after.rank, after.dtype),
        f"changes its value {index} from {before} to {after} in a step",
    )
    rows = enumerate(zip(before.shape, after.shape, strict=True))
    place = f"{_prefix(cx)}_loop_{index}"
    return before.with_shape(a if a == b else symbol(f"{place}_{i}") for i, (a, b) in rows)


def _truth(cx: MilContext, value: Value) -> Value:
    """A bool as a scalar; programs also use tensors of one element."""
    one = value.type.shape.count(1) == value.type.rank
    cx.require(one, f"has a condition of type {value.type}, expected one bool")
    return shape.Reshape(value, ()).result if value.type.rank else value


def _place(cx: MilContext, index: int) -> str:
    """The prefix of locations in a block."""
    return f"{cx.location.kind}[{cx.location.index}].blocks[{index}].operations"


def _prefix(cx: MilContext) -> str:
    return f"d{cx.scope.tag}{cx.location.index}"
