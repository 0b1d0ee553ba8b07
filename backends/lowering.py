"""Lowering tables and the one driver that applies them: core ops out, target ops in."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.rewrite import replace_op
from ..ir.ssa import Module, Op, Value
from .refusals import Refusal, Refusals, RefusedError, openings
from .target_op import TargetOp

OpT = TypeVar("OpT", bound=Op)
Rule = Callable[[Any], Value | tuple[Value, ...]]


class Lowering:
    """One family's rules: core op class → function that builds target ops.

    Use as a decorator, `@lower(core.Conv)`, or `lower.direct(core.Relu, tf.Relu, x="features")`
    where the target op has the core op's fields under its own names.
    """

    def __init__(self) -> None:
        self.rules: dict[type[Op], Rule] = {}

    def __call__(self, *classes: type[OpT]) -> Callable[[Callable[[OpT], Any]], Any]:
        def register(rule: Callable[[OpT], Any]) -> Any:
            for cls in classes:
                self._add(cls, rule)
            return rule

        return register

    def direct(self, core: type[Op], target: type[TargetOp], **renamed: str) -> None:
        """Map fields one to one, renamed where the target's keyword differs.

        Raises:
            TypeError: the target has no field for one of the core op's.
        """
        fields = [f.name for f in (*core.spec.operands, *core.spec.attributes)]
        known = {f.name for f in (*target.spec.operands, *target.spec.attributes)}
        missing = [name for name in fields if renamed.get(name, name) not in known]
        if missing:
            raise TypeError(f"{target.__name__} has no field for {core.__name__}.{missing[0]}")

        def rule(op: Op) -> tuple[Value, ...]:
            given = {renamed.get(name, name): value for name, value in op.fields().items()}
            types = tuple(value.type for value in op.results)
            return target(**given, result_types=types[0] if len(types) == 1 else types).results

        self._add(core, rule)

    def _add(self, cls: type[Op], rule: Rule) -> None:
        if cls in self.rules:
            raise ValueError(f"{cls.__name__} has two lowerings")
        self.rules[cls] = rule


def compose(*families: Lowering) -> dict[type[Op], Rule]:
    """All families' rules in one table.

    Raises:
        ValueError: an op has two rules.
    """
    table: dict[type[Op], Rule] = {}
    for family in families:
        for cls, rule in family.rules.items():
            if cls in table:
                raise ValueError(f"{cls.__name__} has two lowerings")
            table[cls] = rule
    return table


def is_lowered(module: Module) -> bool:
    """Whether it has ops of a target, whose meaning is the library's: no interpreter runs them."""
    return any(isinstance(op, TargetOp) for op in module.walk())


_UNKNOWN = Refusal("it has no lowering")


def lower_module(
    module: Module,
    table: dict[type[Op], Rule],
    unsupported: dict[type[Op], Refusal],
    target: str,
    keep: Collection[str] = ("const", "return", "yield"),
) -> None:
    """Replace every core op of the module in place; ops of a target are kept.

    Raises:
        CompileError: with one diagnostic for each reason why ops can't be expressed, which names
            all of them; of kind "internal" if a rule fails.
    """
    refusals, problems = Refusals(target), list[Diagnostic]()
    for function in module.functions.values():
        opened = openings(function)
        for op in list(function.walk()):
            if op.name in keep or isinstance(op, TargetOp) or op.parent is None:
                continue
            rule = table.get(type(op))
            if rule is None:
                refusals.add(op, unsupported.get(type(op), _UNKNOWN), opened)
                continue
            try:
                result = rule(op)
            except RefusedError as error:
                refusals.add(op, error.refusal, opened)
                continue
            except CompileError as error:
                problems += [replace(d, kind="unsupported") for d in error.diagnostics]
                continue
            except Exception as error:
                note = f"{type(error).__name__}: {error}"
                message = f"lowering '{op.name}' to {target} failed"
                place, remedy = op.location, "please report this"
                problem = Diagnostic(message, "internal", place, "", op.name, remedy, (note,))
                raise CompileError((problem, *refusals.diagnostics(), *problems)) from error
            replace_op(op, result if isinstance(result, tuple) else (result,), by="lower")
    problems = [*refusals.diagnostics(), *problems]
    if problems:
        raise CompileError(problems)
