"""The reductions of a module, the most effective first."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from ...ir.calls import called, reached
from ...ir.declare import REQUIRED
from ...ir.dialects.builtin import Call, Constant, Return
from ...ir.interface import Argument, Classifier, Result
from ...ir.rewrite import replace, replace_op
from ...ir.ssa import Block, Function, Module, Op, Value
from ...ir.types import DType, Type
from ...ir.weights.resources import RandomResource, SplatResource
from ..inline import inline_call
from .search import Reduction, Site
from .shapes import SHAPE_REDUCTIONS

_CUTS = 16  # places where a function is tried to end early


def _ops(module: Module) -> list[Op]:
    return list(module.walk())


def _computing(module: Module) -> list[tuple[int, Op]]:
    """(position, op) of all ops that compute something."""
    return [
        (i, op)
        for i, op in enumerate(_ops(module))
        if not op.is_terminator and not isinstance(op, Constant)
    ]


def _chosen(module: Module, sites: Sequence[Site]) -> list[tuple[Op, Any]]:
    """(op, what to change in it), users first, without ops that an earlier edit erased."""
    ops = _ops(module)
    pairs = [cast(tuple[int, Any], site) for site in sites]
    return [(ops[position], rest) for position, rest in reversed(pairs)]


def _of_type(values: Iterable[Value], type: Type) -> Value:
    """The first value of exactly this type.

    Raises:
        LookupError: there is no such value.
    """
    for value in values:
        if value.type == type:
            return value
    raise LookupError(f"no value of type {type}")


def _function_of(op: Op) -> Function:
    around = op.parent.parent if op.parent is not None else None
    while around is not None and isinstance(around.parent, Op):
        block = around.parent.parent
        around = block.parent if block is not None else None
    assert around is not None
    assert isinstance(around.parent, Function)
    return around.parent


# -- results ---------------------------------------------------------------------------------------


def _end_with(function: Function, values: Sequence[Value], kept: Sequence[int] = ()) -> None:
    """Make the function return these; `kept` are the positions of those it returned before."""
    end = function.block.terminator
    assert end is not None
    end.erase()
    function.block.insert(Return(tuple(values)))
    known = function.result_names
    names = [known[i] for i in kept] if known else []
    described = [function.outputs[i] for i in kept] if known else []
    function.result_names = names or ([str(i) for i in range(len(values))] if known else [])
    function.outputs = described or [Result() for _ in function.result_names]


def _cuts(module: Module) -> list[Site]:
    """Some ops of the main function's block; the earliest is tried first."""
    block = module.main.block
    places = [(i, None) for i, op in _computing(module) if op.parent is block and op.results]
    step = max(1, len(places) // _CUTS)
    return list(reversed(places[:-1][::step]))


def _cut(module: Module, sites: Sequence[Site]) -> None:
    for op, _ in _chosen(module, sites):
        _end_with(_function_of(op), op.results)


def _results(module: Module) -> list[Site]:
    functions = [(name, len(f.results)) for name, f in module.functions.items()]
    return [(name, i) for name, count in functions if count > 1 for i in range(count)]


def _drop_results(module: Module, sites: Sequence[Site]) -> None:
    for name, function in module.functions.items():
        values = function.results
        kept = [i for i in range(len(values)) if (name, i) not in sites]
        if kept and len(kept) < len(values):
            _end_with(function, [values[i] for i in kept], kept)


# -- ops -------------------------------------------------------------------------------------------


def _op_sites(module: Module) -> list[Site]:
    return [(position, None) for position, _ in _computing(module)]


def _bypass(module: Module, sites: Sequence[Site]) -> None:
    """An operand replaces the result: one of the same type, or else of the same rank."""
    for op, _ in _chosen(module, sites):
        for result in op.results if op.parent is not None else ():
            if not result.use_count:
                continue
            alike = [v for v in op.operands if v.type == result.type]
            near = [v for v in op.operands if _is_near(v.type, result.type)]
            result.replace_all_uses_with((alike + near)[0])
        _erase_unused(op)


def _is_near(a: Type, b: Type) -> bool:
    return a.dtype is b.dtype and a.rank == b.rank


def _become_arguments(module: Module, sites: Sequence[Site]) -> None:
    """A new argument replaces each result."""
    for op, _ in _chosen(module, sites):
        if op.parent is None:
            continue
        function = _function_of(op)
        for result in op.results:
            if result.use_count:
                result.replace_all_uses_with(_new_argument(module, function, result.type))
        _erase_unused(op)


def _erase_unused(op: Op) -> None:
    if op.parent is not None and not any(result.use_count for result in op.results):
        op.erase()


def _new_argument(module: Module, function: Function, type: Type) -> Value:
    if function.name in called(module):
        raise ValueError(f"callers of @{function.name} would have to pass it")
    taken = {value.name for value in function.arguments}
    name = next(f"in{i}" for i in range(len(taken) + 1) if f"in{i}" not in taken)
    value = Value(type, len(function.arguments), name, block=function.block)
    function.arguments.append(value)
    function.inputs.append(Argument())
    return value


def _region_sites(module: Module) -> list[Site]:
    return [
        (position, index)
        for position, op in _computing(module)
        for index in range(len(op.all_regions()))
    ]


def _inline(module: Module, sites: Sequence[Site]) -> None:
    """The ops of a region replace the op around it; operands replace its arguments."""
    for op, index in _chosen(module, sites):
        if op.parent is not None:
            _inline_region(op, op.all_regions()[int(index)].block)


def _inline_region(op: Op, body: Block) -> None:
    for argument in body.arguments:
        argument.replace_all_uses_with(_of_type(op.operands, argument.type))
    end = body.terminator
    assert end is not None
    values = list(end.operands)
    end.erase()
    assert op.parent is not None
    for inner in list(body):
        inner.detach()
        op.parent.insert(inner, op)
    for result in op.results:
        if result.use_count:
            result.replace_all_uses_with(_of_type(values, result.type))
    op.erase()


# -- operands, attributes, data --------------------------------------------------------------------


def _operand_sites(module: Module) -> list[Site]:
    found: list[Site] = []
    for position, op in _computing(module):
        for item in op.spec.operands:
            values = op.values_of(item.name)
            if item.variadic and len(values) > 1:
                found += [(position, (item.name, i)) for i in range(len(values))]
            elif not item.required and values:
                found.append((position, (item.name, None)))
    return found


def _drop_operands(module: Module, sites: Sequence[Site]) -> None:
    dropped: dict[Op, dict[str, set[int | None]]] = {}
    for op, (name, index) in _chosen(module, sites):
        dropped.setdefault(op, {}).setdefault(name, set()).add(index)
    for op, names in dropped.items():
        changes = {
            name: None
            if None in indices
            else tuple(v for i, v in enumerate(op.values_of(name)) if i not in indices)
            for name, indices in names.items()
        }
        _rebuild(op, changes)


def _attribute_sites(module: Module) -> list[Site]:
    return [
        (position, item.name)
        for position, op in _computing(module)
        for item in op.spec.attributes
        if item.default is not REQUIRED and op.attributes[item.name] != item.default
    ]


def _reset_attributes(module: Module, sites: Sequence[Site]) -> None:
    names: dict[Op, list[str]] = {}
    for op, name in _chosen(module, sites):
        names.setdefault(op, []).append(name)
    for op, changed in names.items():
        defaults = {item.name: item.default for item in op.spec.attributes}
        _rebuild(op, {name: defaults[name] for name in changed})


def _rebuild(op: Op, changes: dict[str, Any]) -> None:
    if op.parent is not None:
        replace_op(op, replace(op, **changes).results, by="reduce")


def _constant_sites(module: Module) -> list[Site]:
    return [
        (position, position)
        for position, op in enumerate(_ops(module))
        if isinstance(op, Constant) and op.value.type.dtype is not DType.STR
    ]


def _fill(number: float) -> Any:
    def apply(module: Module, sites: Sequence[Site]) -> None:
        for op, _ in _chosen(module, sites):
            assert isinstance(op, Constant)
            old = op.value
            op.attributes["value"] = SplatResource(old.type, number, old.name, old.origin)

    return apply


def _randomize(module: Module, sites: Sequence[Site]) -> None:
    for op, seed in _chosen(module, sites):
        assert isinstance(op, Constant)
        old = op.value
        op.attributes["value"] = RandomResource(old.type, seed, old.name, old.origin)


def _share(module: Module, sites: Sequence[Site]) -> None:
    """An earlier constant or argument of the same type replaces a constant."""
    for op, _ in _chosen(module, sites):
        function = _function_of(op)
        if op.parent is None or not op.results[0].use_count:
            continue
        before = [v for o in function.block for v in o.results if isinstance(o, Constant)]
        earlier = before[: before.index(op.results[0])]
        result = op.results[0]
        result.replace_all_uses_with(_of_type(earlier, result.type))


# -- the interface ---------------------------------------------------------------------------------


def _argument_sites(module: Module) -> list[Site]:
    taken = called(module)
    free = {name: f for name, f in module.functions.items() if name not in taken}
    return [(name, i) for name, f in free.items() for i in range(len(f.arguments))]


def _merge_arguments(module: Module, sites: Sequence[Site]) -> None:
    """The first argument of each type replaces the others, and unused ones are removed."""
    for name, function in module.functions.items():
        kept = [i for i in range(len(function.arguments)) if (name, i) not in sites]
        rest = [value for i, value in enumerate(function.arguments) if i not in kept]
        values = [function.arguments[i] for i in kept]
        for value in rest:
            if value.use_count:
                value.replace_all_uses_with(_of_type(values, value.type))
        function.inputs = [function.inputs[i] for i in kept]
        function.arguments[:] = values
        for index, value in enumerate(values):
            value.index = index


def _function_sites(module: Module) -> list[Site]:
    return [name for name, function in module.functions.items() if function is not module.main]


def _drop_functions(module: Module, sites: Sequence[Site]) -> None:
    for name in cast(Sequence[str], sites):
        del module.functions[name]


def _call_sites(module: Module) -> list[Site]:
    return [(i, None) for i, op in _computing(module) if isinstance(op, Call)]


def _inline_calls(module: Module, sites: Sequence[Site]) -> None:
    """The callee's ops replace a call; then private functions that nobody calls are erased."""
    for op, _ in _chosen(module, sites):
        assert isinstance(op, Call)
        inline_call(op, _function_of(op), module.functions[op.callee])
    wanted = reached(module, module.public_functions)
    module.functions = {name: f for name, f in module.functions.items() if name in wanted}


def _fact_sites(module: Module) -> list[Site]:
    return ["module", *module.functions]


def _drop_facts(module: Module, sites: Sequence[Site]) -> None:
    if "module" in sites:
        main = module.main.name
        module.attributes = (
            {}
            if main == Module("", module.functions.values()).main.name
            else {"default_function": main}
        )
    for name, function in module.functions.items():
        if name in sites:
            function.classifier = Classifier()
            function.inputs = [Argument() for _ in function.inputs]
            function.outputs = [Result() for _ in function.outputs]


REDUCTIONS: tuple[Reduction, ...] = (
    Reduction("functions", _function_sites, _drop_functions),
    Reduction("calls", _call_sites, _inline_calls),
    Reduction("ends", _cuts, _cut, together=False),
    Reduction("results", _results, _drop_results),
    Reduction("ops to arguments", _op_sites, _become_arguments),
    Reduction("ops to operands", _op_sites, _bypass),
    Reduction("regions", _region_sites, _inline, together=False),
    Reduction("operands", _operand_sites, _drop_operands),
    Reduction("constants to one", _constant_sites, _fill(1.0)),
    Reduction("constants to random numbers", _constant_sites, _randomize),
    Reduction("constants", _constant_sites, _share),
    Reduction("arguments", _argument_sites, _merge_arguments),
    *SHAPE_REDUCTIONS,
    Reduction("constants to zero", _constant_sites, _fill(0.0)),
    Reduction("attributes", _attribute_sites, _reset_attributes),
    Reduction("facts", _fact_sites, _drop_facts),
)
