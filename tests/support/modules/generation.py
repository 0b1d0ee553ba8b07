"""Random well-typed ops and modules, made from what the op classes declare.

`instances` gives single ops, `modules` (a hypothesis strategy) whole functions. Operand dtypes and
ranks and the kinds of attributes say nearly everything; ops whose operands depend on each other
have a builder in `op_builders`.
"""

from collections.abc import Iterator
from random import Random

import numpy as np
from cmlc.ir.attributes import Kind
from cmlc.ir.dialects.builtin import Call, Return
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.ir.interpret import random_inputs
from cmlc.ir.rewrite import adopt, clone_ops, detached_producers
from cmlc.ir.ssa import Function, Module, Op, Value, VerifyError, walk
from hypothesis import strategies as st
from support.modules.maker import Maker, UnsuitableError
from support.modules.op_builders import BUILDERS

INSTANCES = 6


def from_declaration(maker: Maker, cls: type[Op]) -> Op:
    """An op whose operands depend on each other by broadcasting at most."""
    first, *others = cls.spec.operands
    needs_axis = any(item.kind is Kind.AXIS for item in cls.spec.attributes)
    ranks = first.rank or ((1, 2, 3, 4) if needs_axis else None)
    x = maker.pick(first.dtypes, ranks)
    given = {first.name: x}
    for item in others:
        dtype = None if item.like or x.type.dtype in item.dtypes else maker.dtype(item.dtypes)
        given[item.name] = maker.broadcast(x, dtype)
    return cls(**given, **maker.attributes(cls, x.type.rank))


def build(maker: Maker, cls: type[Op]) -> Op:
    """A random instance of the op, detached."""
    return BUILDERS.get(cls.name, from_declaration)(maker, cls)


def instances(cls: type[Op], seed: int = 0) -> Iterator[Op]:
    """Random instances with fixed extents; operands are block arguments or constants."""
    random = Random(f"{cls.name} {seed}")
    for _ in range(INSTANCES):
        yield build(Maker(random), cls)


def module_of(op: Op) -> Module:
    """A module whose only function computes a detached op's results from its operands."""
    arguments = next(
        (v.block.arguments for v in free_values(op) if v.block is not None), list[Value]()
    )
    function = Function("main", [v.type for v in arguments], [v.name for v in arguments])
    function.body.block.arguments[:] = arguments
    for producer in detached_producers(op.operands):
        function.block.insert(producer)
    for producer in detached_producers(op.results):
        function.block.insert(producer)
    function.block.insert(Return(op.results))
    return Module(functions=[function])


def defined_inputs(module: Module, op: Op):
    """Random inputs for one op; integer divisors are not 0, which is undefined."""
    inputs = random_inputs(module.main, 0)
    if op.name in ("tensor.floor_div", "tensor.mod"):
        inputs = {k: a if a.dtype.kind == "f" else np.maximum(a, 1) for k, a in inputs.items()}
    return inputs


def free_values(op: Op) -> list[Value]:
    """Operands of the op, of its detached producers and of ops in regions; no region's own."""
    inner = [found for body in op.all_regions() for found in walk(body)]
    own = {id(body.block) for each in (op, *inner) for body in each.all_regions()}
    ops = (*detached_producers(op.operands), op, *inner)
    return [v for each in ops for v in each.operands if id(v.block) not in own]


def is_repeatable(module: Module) -> bool:
    """Whether the module gives the same numbers each time: no op draws others."""
    return not any(op.effects() and not isinstance(op, Call) for op in module.walk())


def outline(module: Module, random: Random) -> None:
    """Move some ops of the main function to a private one, which is called once or twice."""
    block = module.main.block
    ops = [op for op in block if not op.is_terminator]
    start = random.randrange(len(ops))
    moved = ops[start : start + random.randint(1, 4)]
    inside = [*moved, *(inner for op in moved for body in op.all_regions() for inner in walk(body))]
    free = (value for op in moved for value in free_values(op) if value.op not in inside)
    needed = list(dict.fromkeys(free))
    made = [value for op in moved for value in op.results]
    name = f"helper{len(module.functions)}"
    helper = Function(name, [v.type for v in needed], [f"x{i}" for i in range(len(needed))])
    helper.public = False
    mapping = dict(zip(needed, helper.arguments, strict=True))
    for twin in clone_ops(moved, mapping):
        helper.block.insert(twin)
    helper.block.insert(Return(tuple(mapping[value] for value in made)))
    module.functions[name] = helper
    for _ in range(random.randint(1, 2)):
        call = Call(tuple(needed), callee=name, result_types=tuple(v.type for v in made))
        block.insert(call, moved[0])
    for old, new in zip(made, call.results, strict=True):
        old.replace_all_uses_with(new)
    for op in reversed(moved):
        op.erase()


@st.composite
def modules(
    draw: st.DrawFn, ops: tuple[type[Op], ...] = CORE_OPS, *, helpers: bool = False
) -> Module:
    """A module of up to 12 ops that use each other's results, some with symbolic extents.

    With `helpers` some of them are in private functions.
    """
    random = Random(draw(st.integers(0, 2**32 - 1)))
    maker = Maker(random, reuse=True, symbolic=draw(st.booleans()))
    made: list[Op] = []
    for _ in range(draw(st.integers(1, 12))):
        try:
            op = build(maker, maker.choice(ops))
        except (UnsuitableError, VerifyError):
            continue  # a missed chance; what was made so far stands
        adopt(op.results, maker.function.block)
        made.append(op)
        maker.pool.extend(v for v in op.results if sum(maker.sizes(v)) <= 40)
    results = [value for op in made for value in op.results if not value.use_count]
    maker.function.block.insert(Return(tuple(results or maker.function.arguments)))
    module = Module(functions=[maker.function])
    for _ in range(draw(st.integers(0, 2)) if helpers and made else 0):
        outline(module, random)
    return module
