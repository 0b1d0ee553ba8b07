"""Opens a batch of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Literal, TypeVar, cast

from ..ir.batch.analysis import REMEDY, Batched, BatchError, batched
from ..ir.batch.place import FRONT, Place
from ..ir.batch.rule import EntryNumbers, Places, RefusalError, Taken
from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dialects.core.control import Cond
from ..ir.dims import Expr, symbol, symbols
from ..ir.interface import Argument, Description
from ..ir.location import InModel
from ..ir.rewrite import adopt, clone_module
from ..ir.ssa import Block, Function, Module, Op, Region, Value
from ..ir.types import Type
from ..ir.verify import Legal
from .batch_moves import Mover
from .if_convert import IfConvert
from .manager import Instrumentation, Pass

DescribedT = TypeVar("DescribedT", bound=Description)


@dataclass(frozen=True)
class DynamicBatch(Pass):
    """Make the first dimension of every argument that is 1 the symbol N, and so of every result.

    Arrays of a model that maps them to rank 5 ([C] or [C, H, W]) get such a dimension in front, and
    so do results that have none. If no argument's first dimension is 1, an entry is what one call
    takes, and all arguments get a dimension in front. A function that has an argument with an open
    first dimension has a batch already. Entries of the batch must be independent of each other:
    every op says what it makes of a batch (`Op.batch`), and the first that mixes entries, or says
    nothing, lets the pass fail with its name and reason.

    Options:
        of: "entries": only if all arguments have a dimension for entries, as images and the columns
            of tables have it, and what can't be opened stays as it is; the module's attribute
            `fixed_batch` says why.
    """

    name = "dynamic-batch"

    of: Literal["anything", "entries"] = "anything"

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        public = module.public_functions
        if self.of == "entries" and not all(map(_has_entries, public.values())):
            reasons = [_why_fixed(function) for function in public.values()]
            _tell(module, next((reason for reason in reasons if reason), ""))
            return False
        try:
            functions = _opened_or_converted(module)
        except CompileError as error:
            if self.of == "anything":
                raise
            first = error.diagnostics[0]
            where = f"{first.location}: " if isinstance(first.location, InModel) else ""
            _tell(module, f"{where}{first.message}")
            return False
        if not any(functions.values()):
            return False
        module.functions |= {name: new for name, new in functions.items() if new is not None}
        module.attributes.pop("fixed_batch", None)
        return True


def _tell(module: Module, reason: str) -> None:
    """Say why the batch stays one, unless that is said already."""
    if reason:
        module.attributes.setdefault("fixed_batch", reason)


def _opened_or_converted(module: Module) -> dict[str, Function | None]:
    """The public functions with a batch; where entries choose a branch, both are computed."""

    def found(source: Module) -> dict[str, Function | None]:
        return {name: opened(one) for name, one in source.public_functions.items()}

    try:
        return found(module)
    except BatchError as error:
        if not isinstance(error.op, Cond):
            raise
        converted = clone_module(module)
        IfConvert().apply(converted, Instrumentation())
        return found(converted)


def _has_entries(function: Function) -> bool:
    return bool(function.inputs) and all(
        known.kind == "image" or known.batch == "added" for known in function.inputs
    )


def _finds_as_many_as_there_are(function: Function) -> bool:
    """Whether a detector's results have a row for each box that it finds."""
    rows = zip(function.results, function.outputs, strict=False)
    return any(known.detected and not isinstance(v.type.shape[-2], int) for v, known in rows)


def _why_fixed(function: Function) -> str:
    """Why images, or what a detector finds boxes in, are a batch of one; empty for other inputs."""
    if _finds_as_many_as_there_are(function):
        return _VARYING
    rows = list(zip(function.arguments, function.inputs, strict=True))
    detected = any(known.detected for known in function.outputs)
    if not detected and not any(known.kind == "image" for _, known in rows):
        return ""
    for value, known in rows:
        if known.kind == "state":
            return _of_state(value)
        if known.kind == "image" or known.batch is not None:
            continue
        if _has_one(value) or _is_mapped(value, known):
            return f"images may share '{value.name}'; --batch=dynamic takes one for each image"
        return f"all images would share '{value.name}'; --batch=dynamic does that"
    return ""


def _of_state(value: Value) -> str:
    return f"the state '{value.name}' is kept for one example"


_VARYING = "images have different numbers of boxes, and results have a row for each box"


def opened(function: Function) -> Function | None:
    """The function for a batch of any size; None if it has one already.

    Raises:
        CompileError: an op mixes entries, or there is nothing to open.
    """
    rows = list(zip(function.arguments, function.inputs, strict=True))
    for value, known in rows:
        if known.kind == "state":
            raise _impossible(_of_state(value))
    if _finds_as_many_as_there_are(function):
        raise _impossible(_VARYING)
    mapped = {value for value, known in rows if _is_mapped(value, known)}
    dims = [v.type.shape[0] for v in function.arguments if v.type.rank and v not in mapped]
    if not rows or any(not isinstance(dim, int) for dim in dims):
        return None
    places = {v: FRONT if v in mapped else Place(0) for v, _ in rows if v in mapped or _has_one(v)}
    places = places or dict.fromkeys(function.arguments, FRONT)
    return _Opening(function, batched(function, places, _fresh_symbol(function))).function


def _fresh_symbol(function: Function) -> Expr:
    """N, or another symbol if the function has one of that name."""
    values = list(function.arguments)
    for op in function.walk():
        values += [*op.results, *(v for body in op.all_regions() for v in body.block.arguments)]
    taken = {name for value in values for dim in value.type.shape for name in symbols(dim)}
    names = chain(("N", "batch"), (f"batch_{number}" for number in count(2)))
    return symbol(next(name for name in names if name not in taken))


def _is_mapped(value: Value, known: Argument) -> bool:
    """Whether an array's dimensions are [C] or [C, H, W], which a batch goes before."""
    return known.axes is not None and known.batch is None and value.type.rank == len(known.axes)


def _has_one(value: Value) -> bool:
    """Whether the first dimension is a batch of one."""
    return value.type.shape[:1] == (1,)


class _Opening:
    """Builds a function with a batch from one without."""

    def __init__(self, source: Function, proof: Batched) -> None:
        self.proof = proof
        types = [self.type_of(value) for value in source.arguments]
        self.function = Function(source.name, types, [value.name for value in source.arguments])
        self.function.result_names = list(source.result_names)
        self.function.classifier = source.classifier
        self.mover = Mover(self.function, proof.size)
        self._describe(source)
        mapping = dict(zip(source.arguments, self.function.arguments, strict=True))
        ends = tuple(Place(0) if _has_one(v) else FRONT for v in source.results)
        self._block(source.block, self.function.block, mapping, ends)

    def type_of(self, value: Value) -> Type:
        """The type that a value has with the batch."""
        place = self.proof.places.get(value)
        if place is None:
            return value.type
        return value.type.with_shape(place.opened(value.type.shape, self.proof.size))

    def _describe(self, source: Function) -> None:
        """What is known of arguments and results: those that had a batch of one, or get one.

        A caller that passes one example gets a result without a dimension that was added.
        """
        self.function.inputs = [
            self._described(known, self.proof.places.get(value))
            for value, known in zip(source.arguments, source.inputs, strict=True)
        ]
        self.function.outputs = [
            self._described(known, Place(0) if _has_one(value) else FRONT)
            for value, known in zip(source.results, source.outputs, strict=False)
        ]

    def _described(self, known: DescribedT, place: Place | None) -> DescribedT:
        if place is None:
            return known
        return known.with_batch() if place.own else known.opened()

    def _block(
        self, source: Block, target: Block, mapping: dict[Value, Value], ends: Places
    ) -> None:
        """Build a block's ops; it ends with values that have the batch at these places."""
        for op in source:
            wants = self.proof.taken.get(op, Taken((None,) * len(op.results)))
            if op.is_terminator:
                wants = Taken((), ends)
            try:
                new = self._op(op, wants, mapping)
            except RefusalError as error:
                raise BatchError(op, str(error)) from None
            except CompileError as error:
                message = error.diagnostics[0].message
                raise BatchError(op, f"doesn't take a batch: {message}") from None
            adopt(new.operands, target, location=op.location)
            results = new.results
            if op in self.proof.taken and (same := new.fold()) is not None:
                results = (same,)  # what the batch leaves nothing to do for
            else:
                new.location = op.location
                target.insert(new)
            for old, value in zip(op.results, results, strict=True):
                value.name = value.name or old.name
                mapping[old] = value

    def _op(self, op: Op, taken: Taken, mapping: Mapping[Value, Value]) -> Op:
        """The op on operands with the batch, detached."""
        wants = taken.operands or (None,) * len(op.operands)
        operands = [
            self.mover.wanted(mapping[v], v.type.shape, self.proof.places.get(v), want)
            for v, want in zip(op.operands, wants, strict=True)
        ]
        given: dict[str, Any] = op.fields() | op.grouped(operands)
        for name, change in taken.changes.items():
            made = isinstance(change, EntryNumbers)
            given[name] = self.mover.numbers_of_entries(change) if made else change
        for name, bodies in op.regions.items():
            inner = taken.regions.get(name)
            ends = () if inner is None else inner.yields
            if isinstance(bodies, Region):
                given[name] = self._region(bodies, mapping, ends)
                continue
            several = cast(tuple[Region, ...], bodies)
            given[name] = tuple(self._region(body, mapping, ends) for body in several)
        new = type(op)(**given)
        expected = [self.type_of(value) for value in op.results]
        for value, wanted in zip(new.results, expected, strict=True):
            if value.type != wanted:
                raise RefusalError(f"gives {value.type} for {wanted}")
        return new

    def _region(self, body: Region, mapping: Mapping[Value, Value], ends: Places) -> Region:
        arguments = body.block.arguments
        new = Region(Block(map(self.type_of, arguments), (value.name for value in arguments)))
        visible = {**mapping, **dict(zip(arguments, new.block.arguments, strict=True))}
        self._block(body.block, new.block, visible, ends)
        return new


def _impossible(reason: str) -> CompileError:
    message = f"a dynamic batch is not possible: {reason}"
    return CompileError(Diagnostic(message, kind="unsupported", remedy=REMEDY))
