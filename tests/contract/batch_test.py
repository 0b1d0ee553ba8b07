"""What ops owe a batch: whatever `dynamic-batch` opens, a batch of two is two batches of one."""

from dataclasses import dataclass, field
from random import Random

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.dialects.core.random import RandomTensor
from cmlc.ir.interface import Argument, Result
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Module
from cmlc.ir.verify import verify
from cmlc.passes.dynamic_batch import opened
from hypothesis import assume, given, settings
from support.effort import rounds
from support.modules.batches import assert_law, batch_of, entries_of
from support.modules.generation import instances, is_repeatable, modules

ROUNDS = rounds(6)


@dataclass
class Counts:
    """What became of an op's instances that have a batch somewhere."""

    opened: int = 0
    refused: int = 0
    reasons: set[str] = field(default_factory=set)


def refuses(op):
    """Whether the op's rule is that it takes no batch."""
    return (op.batch.__doc__ or "").startswith("Refused: ")


def open_instances(op, wanted):
    """Open random instances and hold them to the law; counts of those that `wanted` wants."""
    counts = Counts()
    for seed in range(ROUNDS):
        for index, instance in enumerate(instances(op, seed)):
            batch = batch_of(instance, Random(f"{op.name} {seed} {index}"))
            try:
                function = opened(batch.module.main)
            except CompileError as error:
                counts.refused += wanted(batch)
                counts.reasons.add(error.diagnostics[0].message)
                continue
            assert function is not None
            module = Module(functions=[function])
            verify(module)
            assert_law(batch, module)
            counts.opened += wanted(batch)
    return counts


@pytest.mark.parametrize("op", CORE_OPS, ids=lambda op: op.name)
def test_a_batch_of_two_is_two_batches_of_one(op, record_property):
    draws = issubclass(op, RandomTensor)  # of a shape: nothing that entries could have
    counts = open_instances(op, (lambda _: True) if draws else (lambda batch: batch.reaches_op))
    record_property("opened", counts.opened)
    record_property("refused", counts.refused)
    if refuses(op):
        reason = op.batch.__doc__.removeprefix("Refused: it ").removesuffix(".")
        assert not counts.opened
        assert any(reason in message for message in counts.reasons)
    else:
        assert counts.opened, f"no instance was opened, because {sorted(counts.reasons)}"


@settings(max_examples=60)
@given(modules())
def test_ops_agree_on_where_the_batch_is(module):
    """What one op leaves of a batch, the next one takes: whole functions keep the law, too."""
    function = module.main
    function.inputs = [Argument("array") for _ in function.arguments]
    function.outputs = [Result("array") for _ in function.results]
    function.result_names = [f"y{i}" for i in range(len(function.results))]
    assume(is_repeatable(module))
    try:
        several = opened(function)
    except CompileError:
        return
    batch = entries_of(module, 2)
    assume(several is not None and all(runs(module, inputs) for inputs in batch.entries))
    joined = Module(functions=[several])
    verify(joined)
    assert_law(batch, joined)


def runs(module, inputs):
    """Whether a module runs: random numbers are indices and shapes that don't fit, too."""
    try:
        return bool(run(module, inputs))
    except Exception:
        return False
