"""Branches and loops: nested networks become regions.

Leaving a loop's body early is structured, too: `loopBreak` and `loopContinue` set
truth values, and the layers that follow run on condition.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ....ir.dialects.builtin import constant, scalar
from ....ir.dialects.core import control as core
from ....ir.dialects.core import elementwise, shape, unary
from ....ir.dims import symbol
from ....ir.ssa import Region, Value
from ....ir.types import DType, Tensor
from ....ir.weights.resources import SplatResource
from ..rules import Assigned
from ..values import cast
from .context import LayerContext, LayerRules
from .nested import BREAK, STOP, assigned, exposed, inside, jumps, read
from .scope import Scope

rules = LayerRules("control")

# Loop values that are not blobs: the number of steps so far, and whether to take another.
_COUNT, _GO = "\0steps", "\0go"


@rules("branch")
def branch(cx: LayerContext, p: Any) -> Assigned:
    """Run one of two networks, the first if the input is not 0 (by more than 1e-6)."""
    cx.expect_inputs(1)
    cx.require(p.HasField("ifBranch"), "has no network for a true condition")
    sides = tuple(
        (getattr(p, name).layers, inside(cx.location, name)) for name in ("ifBranch", "elseBranch")
    )
    return cx.scope.either(_holds(cx, cx.input), sides, cx.location, cx.run)


@rules("loopBreak", "loopContinue")
def jump(cx: LayerContext, p: Any) -> Assigned:
    """End this step; `loopBreak` also ends the loop."""
    cx.expect_inputs(0)
    cx.require(STOP in cx.scope.blobs, "is outside the body of a loop")
    yes = constant(np.asarray(True))
    return {STOP: yes, BREAK: yes if cx.kind == "loopBreak" else cx.scope.blobs[BREAK]}


@rules("loop")
def loop(cx: LayerContext, p: Any) -> Assigned:
    """Repeat a body while a condition holds, at most a number of times, or both.

    The condition's network runs before the first step and after each step. A blob that only the
    body makes is zero if the body never runs.
    """
    cx.expect_inputs(0, 1)
    cx.require(p.HasField("bodyNetwork"), "has no body")
    cx.require(
        # coremltools leaves a network without layers where there is no condition.
        bool(p.conditionVar) == bool(p.conditionNetwork.layers),
        "has a condition's network without the name of its result, or the name without a network",
    )
    return _Loop(cx, p).results()


class _Loop:
    """One loop being lowered.

    The loop's values are the blobs that a step leaves for the next one, or for later layers. Their
    types are found by lowering the body until they don't change; dimensions that do become symbols.
    """

    def __init__(self, cx: LayerContext, p: Any) -> None:
        self.cx, self.name = cx, p.conditionVar
        self.body, self.test = p.bodyNetwork.layers, p.conditionNetwork.layers
        self.leaves = any(map(jumps, self.body))
        self.written = list(assigned([cx.layer]))
        inner = cx.scope.live | read(self.body) | read(self.test) | {self.name}
        self.scope = replace(cx.scope, live=frozenset(inner))
        self.limit = self._limit(p)
        self.first: dict[str, Value] = {}

    def results(self) -> Assigned:
        """The blobs that the loop assigns."""
        blobs, failed = self.scope.blobs, dict.fromkeys(self.written)
        if self.limit is None and not self.name:
            return {n: blobs[n] for n in self.written if n in blobs}  # it never runs
        go = self._tested(self.scope)
        if self.name and go is None:
            return failed
        if self.limit is not None:
            self.first[_COUNT] = constant(np.asarray(0, np.int32))
        if go is not None or self.leaves:
            self.first[_GO] = constant(np.asarray(True)) if go is None else go
        carried = self.cx.scope.live | exposed([*self.body, *self.test])
        found = {name: blobs.get(name) for name in self.written if name in carried}
        self.first |= {name: value for name, value in found.items() if value is not None}
        types = {name: value.type for name, value in self.first.items()}
        known = len(self.scope.walk.problems)
        while True:
            step = self._step(types)
            whole = all(step.blobs.get(name) is not None for name in types)
            if not whole or len(self.scope.walk.problems) > known:
                return failed
            self._start_with_zeros(step)
            rows = ((name, types.get(name, v.type)) for name, v in self.first.items())
            following = {name: self._general(name, now, step) for name, now in rows}
            if following == types:
                return self._looped(types, step)
            types = following

    def _limit(self, p: Any) -> Value | None:
        """The greatest number of steps, as an i32 scalar; an input overrides the parameter."""
        steps = min(p.maxLoopIterations, 2**31 - 1)
        value = constant(np.asarray(steps, np.int32))
        if self.cx.inputs:
            number = self.cx.input
            self.cx.require(
                number.type.shape.count(1) == number.type.rank,
                f"takes its number of steps from {number.type}, expected one number",
            )
            value = cast(shape.Reshape(number, ()).result, DType.I32)
        elif not steps:
            return None
        return self.scope.put(value, self.cx.location)

    def _tested(self, scope: Scope) -> Value | None:
        """Whether the condition holds; None without a condition, or if a layer of it fails."""
        if not self.name:
            return None
        self.cx.run(scope, self.test, inside(self.cx.location, "conditionNetwork"))
        self.cx.require(self.name in scope.blobs, f"tests '{self.name}', which no layer makes")
        value = scope.blobs[self.name]
        return None if value is None else scope.put(_holds(self.cx, value), self.cx.location)

    def _step(self, types: Mapping[str, Tensor]) -> Scope:
        """A scope after one step, from loop values of these types."""
        step = self.scope.nested(self.scope.live, list(types), list(types.values()))
        if self.leaves:
            for name in (STOP, BREAK):
                step.blobs[name] = step.put(constant(np.asarray(False)), self.cx.location)
        self.cx.run(step, self.body, inside(self.cx.location, "bodyNetwork"))
        left, _ = step.blobs.pop(BREAK, None), step.blobs.pop(STOP, None)
        go = self._tested(step)
        if left is not None:
            stay = elementwise.LogicalNot(left).result
            go = stay if go is None else elementwise.LogicalAnd(go, stay).result
        if _GO in types:
            step.blobs[_GO] = go
        if _COUNT in types:
            count = step.block.arguments[0]
            step.blobs[_COUNT] = elementwise.Add(count, scalar(1, count)).result
        return step

    def _start_with_zeros(self, step: Scope) -> None:
        """Initial values of blobs that only the body makes and later layers read."""
        for name in self.written:
            value = step.blobs.get(name)
            if name in self.first or name not in self.cx.scope.live or value is None:
                continue
            if not value.type.is_static:
                raise self.cx.unsupported(
                    f"makes '{name}' only in its body, with a shape known only at run time",
                    "assign it before the loop",
                )
            self.first[name] = constant(SplatResource(value.type, 0.0), f"{name}.before")

    def _general(self, name: str, now: Tensor, step: Scope) -> Tensor:
        """A type for the loop value that holds before and after the step."""
        value = step.blobs[name]
        assert value is not None
        after = step.of_rank(value, now.rank).type
        before = now.with_shape((1, *now.shape)) if step.shows_sequence(now, after) else now
        self.cx.require(
            before.rank == after.rank, f"changes '{name}' from {now} to {after} in a step"
        )
        place = f"d{self.scope.tag}{self.cx.location.index}_loop_{list(self.first).index(name)}"
        rows = enumerate(zip(before.shape, after.shape, strict=True))
        return before.with_shape(a if a == b else symbol(f"{place}_{i}") for i, (a, b) in rows)

    def _looped(self, types: Mapping[str, Tensor], step: Scope) -> Assigned:
        """The loop, once a step's results have the types of its arguments."""
        ranks = {name: item.rank for name, item in types.items()}
        last = ((step.blobs[name], rank) for name, rank in ranks.items())
        step.finish((step.of_rank(v, rank) for v, rank in last if v is not None), self.cx.location)
        test = self.scope.nested((), list(types), list(types.values()))
        go = test.blobs.get(_GO)
        if self.limit is not None:
            more = elementwise.Less(test.block.arguments[0], self.limit).result
            go = more if go is None else elementwise.LogicalAnd(go, more).result
        assert go is not None
        test.finish((go,), self.cx.location)
        initial = tuple(self.scope.of_rank(v, ranks[name]) for name, v in self.first.items())
        op = core.WhileLoop(initial, Region(test.block), Region(step.block))
        results = zip(types, op.results, strict=True)
        return {name: value for name, value in results if name not in (_COUNT, _GO)}


def _holds(cx: LayerContext, value: Value) -> Value:
    """Whether the single number of a blob counts as true: its absolute value is above 1e-6."""
    one = value.type.shape.count(1) == value.type.rank
    cx.require(one, f"has a condition of type {value.type}, expected one number")
    size = unary.Abs(value).result
    return shape.Reshape(elementwise.Greater(size, scalar(1e-6, size)).result, ()).result
