"""The law of `permute_op`: an op on transposed operands is the transpose of the rebuilt op."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.dialects.core.shape import Transpose
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import replace
from cmlc.ir.ssa import Function, Op, Value
from cmlc.ir.types import Array
from support.modules.generation import free_values, module_of

Permute = Callable[[Op, tuple[int, ...], Sequence[Value]], tuple[Op, tuple[int, ...]] | None]


def permuted_names(op: Op) -> tuple[str, ...]:
    names = tuple(item.name for item in op.spec.operands)
    return names if op.is_elementwise else op.permuted_operands


def transposed_operands(op: Op, permute: Permute, seed: int) -> bool:
    """Check the law for one op and a random permutation; False where it doesn't apply.

    It applies when all permuted operands have one rank, of at least 2: only then is there one
    permutation that they all went through.
    """
    values = [value for name in permuted_names(op) for value in op.values_of(name)]
    rank = max((value.type.rank for value in values), default=0)
    if rank < 2 or any(value.type.rank != rank for value in values):
        return False
    perm = tuple(Random(seed).sample(range(rank), rank))
    op, untransposed = on_transposes(op, perm)
    rebuilt = permute(op, perm, [untransposed.get(value, value) for value in op.operands])
    if rebuilt is None:
        return False
    new, result_perm = rebuilt
    assert not untransposed.keys() & set(new.operands)
    inputs = random_inputs(function_of(op), seed)
    ours, theirs = run_alone(op, inputs), run_alone(new, inputs)
    for name, array in ours.items():
        assert_same(array, theirs[name].transpose(result_perm))
    return True


def run_alone(op: Op, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The op's results; the op and its producers are detached again."""
    module = module_of(op)
    results = run(module, inputs)
    module.main.block.drop()
    return results


def assert_same(ours: Array, theirs: Array) -> None:
    """Equal, or for floats close: sums may run in another order."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    floats = ours.dtype.kind == "f"
    if np.array_equal(ours, theirs, equal_nan=floats):
        return  # numpy's assertions take longer than most ops
    assert floats, f"{ours} is not {theirs}"
    tolerance = 1e-2 if ours.dtype == np.float16 else 1e-4
    np.testing.assert_allclose(ours.astype(float), theirs.astype(float), tolerance, tolerance)


def on_transposes(op: Op, perm: tuple[int, ...]) -> tuple[Op, dict[Value, Value]]:
    """The op with its permuted operands v replaced by transpose(u, perm), u a new argument."""
    inverse = tuple(np.argsort(perm).tolist())
    function = Function("main")
    block, fresh, untransposed = function.block, {}, {}

    def argument(value: Value, permuted: bool) -> Value:
        if value.op is not None and not permuted:
            return value
        if isinstance(value.op, Constant):  # positions, say: others might not fit
            source = Transpose(value, perm=inverse).result
            result = Transpose(source, perm=perm).result
            untransposed[result] = source
            return result
        shape = value.type.shape
        shape = tuple(shape[axis] for axis in inverse) if permuted else shape
        count = len(block.arguments)
        new = Value(value.type.with_shape(shape), count, f"a{count}", block=block)
        block.arguments.append(new)
        if not permuted:
            return new
        result = Transpose(new, perm=perm).result
        untransposed[result] = new
        return result

    changes = {}
    for item in op.spec.operands:
        permuted = item.name in permuted_names(op)
        for value in op.values_of(item.name):
            if (value, permuted) not in fresh:
                fresh[value, permuted] = argument(value, permuted)
        values = tuple(fresh[value, permuted] for value in op.values_of(item.name))
        changes[item.name] = values if item.variadic else values[0] if values else None
    return replace(op, **changes), untransposed


def function_of(op: Op) -> Function:
    """A function with the arguments that the op's operands come from."""
    block = next(v.block for v in free_values(op) if v.block is not None)
    return Function("main", [v.type for v in block.arguments], [v.name for v in block.arguments])
