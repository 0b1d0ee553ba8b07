"""Delta debugging: remove as much at once as possible, then smaller and smaller parts."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from ...ir.declare import REQUIRED
from ...ir.diagnostics import CompileError
from ...ir.dialects.builtin import Constant
from ...ir.dims import static_size
from ...ir.rewrite import clone_module
from ...ir.ssa import Module
from ...ir.verify import verify
from ...ir.weights.resources import RandomResource, Resource, SplatResource
from ..dce import EliminateDeadCode
from ..manager import Instrumentation

Site = Hashable  # a part of a module that a reduction can change, found again in a copy
Cost = tuple[int, ...]
_UNKNOWN_SIZE = 1 << 20  # of a symbolic shape: any number is simpler
_SMALL = 16  # elements that text shows
# What an edit raises if the module would be invalid: constructors verify.
_REFUSALS = (CompileError, ValueError, TypeError, LookupError, AssertionError, ArithmeticError)


@dataclass(frozen=True)
class Reduction:
    """One way to make a module smaller.

    Attributes:
        name: its name in progress reports.
        sites: all places where it applies; they name ops by their position in `walk()`.
        apply: applies it at some of them, in place.
        together: whether it applies to several sites at once; else each is tried alone, in order.
    """

    name: str
    sites: Callable[[Module], Sequence[Site]]
    apply: Callable[[Module, Sequence[Site]], None]
    together: bool = True


@dataclass
class Progress:
    """The progress of a search.

    Attributes:
        reduction: the one being tried.
        tried: how many candidates were tested.
        kept: how many of them still had the property.
        ops: how many ops compute something in the best module.
    """

    reduction: str = ""
    tried: int = 0
    kept: int = 0
    ops: int = 0


def cost(module: Module) -> Cost:
    """The measures that reductions lower, the most important first."""
    ops = list(module.walk())
    constants = [op for op in ops if isinstance(op, Constant)]
    inner = sum(not op.is_terminator for op in ops) - len(constants)
    functions = module.functions.values()
    ports = sum(len(f.arguments) + len(f.results) for f in functions)
    operands = sum(len(op.operands) for op in ops)
    arguments = [value for f in functions for value in f.arguments]
    values = [*(value for op in ops for value in op.results), *arguments]
    elements = sum(
        _UNKNOWN_SIZE if (size := static_size(value.type.shape)) is None else size
        for value in values
    )
    data = sum(_data_rank(op.value) for op in constants)
    changed = sum(
        op.attributes[item.name] != item.default
        for op in ops
        if not isinstance(op, Constant)
        for item in op.spec.attributes
        if item.default is not REQUIRED
    )
    facts = len(module.attributes) + sum(
        len(known.entries()) for f in functions for known in (*f.inputs, *f.outputs, f.classifier)
    )
    return (inner, len(functions), len(constants), ports, operands, elements, data, changed, facts)


def _data_rank(resource: Resource) -> int:
    """How much text a constant's data needs."""
    if isinstance(resource, SplatResource):
        return 0
    if isinstance(resource, RandomResource):
        return 1
    return 2 if resource.size <= _SMALL else 3


class Reducer:
    """Keeps the smallest module that still has the property.

    Attributes:
        module: that module, which always passes the verifier.
        progress: how far the search has got.
    """

    def __init__(
        self,
        module: Module,
        is_interesting: Callable[[Module], bool],
        report: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`is_interesting` must not change the modules that it gets.

        Raises:
            ValueError: the module itself isn't interesting.
        """
        self.module = clone_module(module)
        self.progress = Progress(ops=cost(module)[0])
        self._is_interesting = is_interesting
        self._report = report
        if not is_interesting(self.module):
            raise ValueError("the module does not have the property")
        self._cost = cost(self.module)
        # Erasing dead ops may lose the property.
        swept = clone_module(module)
        EliminateDeadCode().apply(swept, Instrumentation())
        self._sweeps = is_interesting(swept)
        if self._sweeps:
            self._keep(swept)

    def run(self, reductions: Iterable[Reduction]) -> Module:
        """Apply all reductions until none makes the module smaller."""
        reductions = tuple(reductions)
        while True:
            before = self._cost
            for reduction in reductions:
                self._run(reduction)
            if self._cost == before:
                return self.module

    def _run(self, reduction: Reduction) -> None:
        self.progress.reduction = reduction.name
        sites = list(reduction.sites(self.module))
        size = len(sites) if reduction.together else 1
        while size and sites:
            end = len(sites)  # users first: their operands are removed with them
            while end > 0:
                start = max(end - size, 0)
                if self._attempt(reduction, sites[start:end]):
                    sites = list(reduction.sites(self.module))  # positions are new
                    start = min(start, len(sites))
                end = start
            size //= 2

    def _attempt(self, reduction: Reduction, sites: Sequence[Site]) -> bool:
        candidate = clone_module(self.module)
        try:
            reduction.apply(candidate, sites)
            if self._sweeps:
                EliminateDeadCode().apply(candidate, Instrumentation())
            verify(candidate)
        except _REFUSALS:
            return False
        if not cost(candidate) < self._cost:
            return False
        self.progress.tried += 1
        self._report(self.progress)
        if not self._is_interesting(candidate):
            return False
        self.progress.kept += 1
        self._keep(candidate)
        return True

    def _keep(self, module: Module) -> None:
        self.module, self._cost = module, cost(module)
        self.progress.ops = self._cost[0]
