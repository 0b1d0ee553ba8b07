"""Opens a batch of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as dc_replace
from typing import Any, Literal

from ..ir.batch import batch_problem
from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.core.recurrent import Gru, Lstm, Rnn
from ..ir.dialects.core.shape import BroadcastTo, Reshape, SliceByIndex, Squeeze
from ..ir.dims import Expr, symbol, symbols
from ..ir.location import InModel
from ..ir.rewrite import clone_module, replace, replace_op
from ..ir.ssa import Function, Module, Op
from ..ir.verify import Legal
from .canonicalize.recurrent import zero_states
from .manager import Instrumentation, Pass

_REMEDY = "leave out the option for a dynamic batch"


@dataclass(frozen=True)
class DynamicBatch(Pass):
    """Make the first dimension of every argument that is 1 the symbol N, and so of every result.

    A function that has an argument with an open first dimension has a batch already. Entries of the
    batch must be independent of each other (`ir/batch.py` proves it); otherwise the pass fails and
    says which op is in the way.

    Options:
        of: "images": only if all arguments are images, and what can't be opened stays as it is;
            the module's attribute `fixed_batch` says why.
    """

    name = "dynamic-batch"

    of: Literal["anything", "images"] = "anything"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        if self.of == "images" and not all(map(_has_images, module.public_functions.values())):
            return False
        copy = clone_module(module)  # what is refused stays as it was
        try:
            changed = [_open(function) for function in copy.public_functions.values()]
        except CompileError as error:
            if self.of == "anything":
                raise
            first = error.diagnostics[0]
            where = f"{first.location}: " if isinstance(first.location, InModel) else ""
            module.attributes.setdefault("fixed_batch", f"{where}{first.message}")
            return False
        if any(changed):
            module.functions = copy.functions
            module.attributes.pop("fixed_batch", None)
        return any(changed)


def _has_images(function: Function) -> bool:
    return {known.kind for known in function.inputs} == {"image"}


def _open(function: Function) -> bool:
    if any(known.kind == "state" for known in function.inputs):
        raise CompileError(_problem("states are kept for one example"))
    dims = [value.type.shape[0] for value in function.arguments if value.type.rank]
    if not dims or any(not isinstance(dim, int) for dim in dims):
        return False
    if 1 not in dims:
        raise CompileError(_problem("no argument has a batch of one"))
    taken = {name for v in function.arguments for dim in v.type.shape for name in symbols(dim)}
    batch = symbol("N" if "N" not in taken else "batch")
    for index, value in enumerate(function.arguments):
        if value.type.rank and value.type.shape[0] == 1:
            value.type = value.type.with_shape((batch, *value.type.shape[1:]))
            function.inputs[index] = function.inputs[index].opened()
    _infer_again(function, batch)
    problem = batch_problem(function, batch)
    lost = [v for v in function.results if not v.type.rank or v.type.shape[0] != batch]
    if lost and problem is None:
        problem = _problem("a result doesn't depend on the batch")
    if problem is not None:
        raise CompileError(dc_replace(problem, remedy=_REMEDY))
    function.outputs = [known.opened() for known in function.outputs]
    return True


def _infer_again(function: Function, batch: Expr) -> None:
    """Make everything that the batch reaches anew, with the types that follow."""
    opened = {v for v in function.arguments if v.type.rank and v.type.shape[0] == batch}
    for op in list(function.block):
        if op.is_terminator or not any(value in opened for value in op.operands):
            continue
        if op.regions:
            raise CompileError(_problem("chooses between computations for the whole batch", op))
        if _is_dropped(op, batch):
            _keep(function, op)
            continue
        try:
            new = replace(op, **_changes(op, batch))
        except CompileError as error:
            message = f"doesn't take a batch: {error.diagnostics[0].message}"
            raise CompileError(_problem(message, op)) from None
        replace_op(op, new.results, by="dynamic-batch")
        opened |= set(new.results)


def _is_dropped(op: Op, batch: Expr) -> bool:
    """Whether it only takes the first dimension off a result: what a classifier predicts."""
    if not isinstance(op, Reshape | Squeeze) or not all(u.is_terminator for u in op.result.users):
        return False
    lead, *rest = op.x.type.shape
    return lead == batch and op.result.type.shape == tuple(rest)


def _keep(function: Function, op: Op) -> None:
    """The result with its batch; who gave one example is given it without."""
    for index, value in enumerate(function.results):
        if value is op.results[0]:
            function.outputs[index] = dc_replace(function.outputs[index], batched=True)
    for user, index in op.results[0].uses:
        user.set_operand(index, op.operands[0])
    op.erase()


def _changes(op: Op, batch: Expr) -> Mapping[str, Any]:
    """Attributes that speak of a first dimension of 1, and states of one example that are zero."""
    if isinstance(op, Lstm | Gru | Rnn):
        return zero_states(op)
    x = op.operands[0]
    if not x.type.rank or x.type.shape[0] != batch:
        return {}
    if isinstance(op, Reshape | BroadcastTo) and op.shape and op.shape[0] == 1:
        return {"shape": (batch, *op.shape[1:])}
    if isinstance(op, SliceByIndex):
        starts, ends = op.begin[0] == 0 or op.begin_mask[0], op.end[0] == 1 or op.end_mask[0]
        if starts and ends and op.stride[0] == 1:
            return {
                "begin_mask": (1, *op.begin_mask[1:]),
                "end_mask": (1, *op.end_mask[1:]),
            }
    return {}


def _problem(message: str, op: Op | None = None) -> Diagnostic:
    what = f"'{op.name}' " if op is not None else ""
    problem = Diagnostic(
        f"a dynamic batch is not possible: {what}{message}",
        kind="unsupported",
        remedy=_REMEDY,
    )
    return problem if op is None else dc_replace(problem, location=op.location, subject=op.name)
