"""What makes each core op, and what it becomes in each target: for the reference of ops."""

import inspect
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

from ...backends.refusals import Refusal
from ...backends.table import TARGETS, load_target
from ...ir.ssa import Op
from .constructed import constructed

# Ops that the walk makes for rules, which their source doesn't show: op → (frontend, name).
_BY_THE_WALK = {"ctl.cond": ("nn", "branch"), "custom.call": ("nn", "custom")}
_TITLES = {"nn": "layers", "mil": "operations", "passes": "passes"}


def made_by(op: type[Op]) -> str:
    """The layers, operations and passes that can make the op, as Markdown."""
    tables = {"nn": _layers(), "mil": _operations(), "passes": _passes()}
    found: dict[str, list[str]] = {}
    for kind, table in tables.items():
        names = {name for name, made in table.items() if op in made}
        frontend, extra = _BY_THE_WALK.get(op.name, ("", ""))
        found[kind] = sorted(names | ({extra} if frontend == kind else set()))
    parts = [
        f"{_TITLES[kind]} {', '.join(f'`{name}`' for name in names)}"
        for kind, names in found.items()
        if names
    ]
    return "; ".join(parts) or "nothing: it is for hand-written IR"


@cache
def _layers() -> Mapping[str, frozenset[type[Op]]]:
    from ...compiler.frontends.nn import LAYERS

    return {name: constructed(rule) for name, rule in LAYERS.items()}


@cache
def _operations() -> Mapping[str, frozenset[type[Op]]]:
    from ...compiler.frontends.mil import OPERATIONS

    return {
        name: frozenset[type[Op]]().union(*map(constructed, rules.values()))
        for name, rules in OPERATIONS.items()
    }


@cache
def _passes() -> Mapping[str, frozenset[type[Op]]]:
    """The ops that the patterns, or the `apply`, of each pass can make."""
    from ...passes import PASSES
    from ...passes.manager import PatternPass, load_pass

    made: defaultdict[str, frozenset[type[Op]]] = defaultdict(frozenset)
    for name in PASSES:
        cls = load_pass(name, PASSES)
        rules = cls().rules() if issubclass(cls, PatternPass) else ()
        for function in [*(rule.function for rule in rules), cls.apply]:
            made[name] |= constructed(function)
    return made


def becomes(op: type[Op]) -> list[str]:
    """One line per target: what the op becomes, or why it is not supported."""
    targets = (load_target(name) for name in TARGETS)
    return [f"{t.title}: {_lowered(op, t.lowering, t.unsupported)}" for t in targets]


def _lowered(op: type[Op], lowering: Mapping[Any, Any], unsupported: Mapping[Any, Refusal]) -> str:
    if op in unsupported:
        return f"not supported: {unsupported[op].reason}"
    rule = lowering.get(op)
    if rule is None:
        return "not supported"
    # `Lowering.direct` closes over the one target op that it makes.
    direct = inspect.getclosurevars(rule).nonlocals.get("target")
    if direct is not None:
        return f"`{direct.name}`"
    made = sorted(cls.name for cls in constructed(rule) if "." in cls.name)
    names = ", ".join(f"`{name}`" for name in made) or "nothing"
    summary = " ".join((inspect.getdoc(rule) or "").split("\n\n")[0].split())
    return f"{summary} Calls {names}" if summary else f"calls {names}"
