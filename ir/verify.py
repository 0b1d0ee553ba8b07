"""The verifier: structure, dominance, types, and which ops a stage may contain."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .calls import call_problems, cycle
from .diagnostics import CompileError, Diagnostic
from .dialects.builtin import Call, Return, Yield
from .ssa import Block, Function, Module, Op, Value, VerifyError


@dataclass(frozen=True)
class Legal:
    """What may exist at a stage, as data: the `requires` and `ensures` of passes and targets.

    Attributes:
        prefixes: allowed op name prefixes such as "nn." (empty: all).
        forbidden: op names that must not occur.
        spatial_layout: the only value that `layout` attributes may have.
        calls: whether functions may call others; the pass `inline` removes calls.
    """

    prefixes: tuple[str, ...] = ()
    forbidden: frozenset[str] = field(default=frozenset())
    spatial_layout: str = ""
    calls: bool = True

    def violations(self, module: Module) -> Iterator[Diagnostic]:
        for op in module.walk():
            problem = self._problem(op)
            if problem:
                yield Diagnostic(f"'{op.name}' {problem}", location=op.location, subject=op.name)

    def _problem(self, op: Op) -> str:
        if op.name in self.forbidden:
            return "may not occur here"
        if not self.calls and isinstance(op, Call):
            return f"of @{op.callee} may not occur here; run the pass 'inline' before"
        builtin = "." not in op.name
        if self.prefixes and not builtin and not op.name.startswith(self.prefixes):
            return f"is outside {', '.join(self.prefixes)}"
        layout = op.attributes.get("layout")
        if self.spatial_layout and layout is not None and layout.value != self.spatial_layout:
            return f"has layout {layout.value}, expected {self.spatial_layout}"
        return ""


# Regions in regions, as conditions in loops. Every walk over a module recurses into them,
# TensorFlow's own most of all: 60 levels are traced, 80 are beyond Python's stack.
MAX_NESTING = 50


def too_deep(op: Op | None = None) -> CompileError:
    """The error for what is nested too deeply: regions of this op, or something that was read."""
    remedy = "compute the inner conditions and loops before, or in a function of their own"
    message = f"conditions, loops or lists are nested more than {MAX_NESTING} deep"
    if op is None:
        return CompileError(Diagnostic(message, "unsupported", remedy=remedy))
    problem = Diagnostic(message, "unsupported", op.location, subject=op.name, remedy=remedy)
    return CompileError(problem)


@contextmanager
def nesting_told() -> Generator[None]:
    """What is nested beyond Python's stack in the block is an error as every other.

    Raises:
        CompileError: it is.
    """
    try:
        yield
    except RecursionError as error:
        raise too_deep() from error


def verify(module: Module, legal: Legal | None = None) -> None:
    """Check a module.

    Raises:
        CompileError: with one diagnostic for each violation.
    """
    problems = [*_visibility(module), *_recursion(module)]
    problems += [problem for f in module.functions.values() for problem in _function(module, f)]
    if legal is not None:
        problems += legal.violations(module)
    if problems:
        raise CompileError(problems)


def _visibility(module: Module) -> Iterator[Diagnostic]:
    if not module.public_functions:
        remedy = "remove 'private' from the function that callers run" if module.functions else ""
        yield Diagnostic("the module has no public function", remedy=remedy)
        return
    default = module.attributes.get("default_function")
    if default is not None and default not in module.public_functions:
        yield Diagnostic(f"the default function @{default} is not a public function of the module")


def _recursion(module: Module) -> Iterator[Diagnostic]:
    if names := cycle(module):
        shown = " calls ".join(f"@{name}" for name in (*names, names[0]))
        yield Diagnostic(f"functions can't call themselves: {shown}", remedy="use ctl.while_loop")


def _function(module: Module, function: Function) -> Iterator[Diagnostic]:
    visible: set[Value] = set()
    yield from _block(module, function.block, visible, Return)
    if len(set(function.result_names)) != len(function.result_names):
        yield Diagnostic(f"@{function.name} gives two results the same name")
    if function.result_names and len(function.result_names) != len(function.results):
        yield Diagnostic(
            f"@{function.name} names {len(function.result_names)} results "
            f"but returns {len(function.results)}"
        )
    counts = (
        ("arguments", len(function.inputs), "has", len(function.arguments)),
        ("results", len(function.outputs), "names", len(function.result_names)),
    )
    for what, described, verb, count in counts:
        if described != count:
            yield Diagnostic(f"@{function.name} describes {described} {what} but {verb} {count}")


def _block(
    module: Module, block: Block, outer: set[Value], end: type[Op], depth: int = 0
) -> Iterator[Diagnostic]:
    visible = outer | set(block.arguments)
    for op in block:
        yield from _links(op, block, visible)
        yield from _types(op)
        if isinstance(op, Call):
            yield from _call(module, op)
        for body in op.all_regions():
            if depth == MAX_NESTING:
                raise too_deep(op)
            yield from _block(module, body.block, visible, Yield, depth + 1)
        if op.is_terminator and op is not block.last:
            yield _problem(op, "is not last in its block")
        visible.update(op.results)
    if not isinstance(block.last, end):
        yield Diagnostic(f"a block does not end in '{end.name}'")


def _call(module: Module, op: Call) -> Iterator[Diagnostic]:
    callee = module.functions.get(op.callee)
    if callee is None:
        yield _problem(op, f"calls @{op.callee}, which the module does not have")
        return
    for text in call_problems(op, callee):
        yield _problem(op, f"does not fit: {text}")


def _links(op: Op, block: Block, visible: set[Value]) -> Iterator[Diagnostic]:
    if op.parent is not block:
        yield _problem(op, "does not refer to its block")
    for index, value in enumerate(op.operands):
        if value not in visible:
            yield _problem(op, f"uses %{value.name or index} before its definition")
        if not value.has_use(op, index):
            yield _problem(op, f"operand {index} does not list this use")


def _types(op: Op) -> Iterator[Diagnostic]:
    try:
        types = op.inferred_types()
    except VerifyError as error:
        yield from error.diagnostics
        return
    declared = tuple(value.type for value in op.results)
    if types != declared:
        shown = ", ".join(map(str, declared)), ", ".join(map(str, types))
        yield _problem(op, f"has results {shown[0]}, but its operands give {shown[1]}")


def _problem(op: Op, message: str) -> Diagnostic:
    return Diagnostic(f"'{op.name}' {message}", location=op.location, subject=op.name)
