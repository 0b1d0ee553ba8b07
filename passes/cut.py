"""Cuts a function at named values: they become its arguments and results."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar, cast

from ..ir.diagnostics import CompileError, Diagnostic, VerifyError, usage_error
from ..ir.dialects.builtin import Return
from ..ir.dialects.core.control import Assert
from ..ir.dialects.core.shape import AssertShape
from ..ir.dims import Dim, Expr, bare_symbol, is_static, symbol, symbols
from ..ir.finding import ModelValues
from ..ir.interface import Argument, Classifier, Description, Result
from ..ir.names import SYMBOL, unique
from ..ir.ssa import Function, Module, Op, Value, propagate_types, walk
from ..ir.types import DType, Tensor
from ..ir.verify import Legal
from .manager import Instrumentation, Pass

DescriptionT = TypeVar("DescriptionT", bound=Description)
_LIST = "cmlc MODEL --list-values prints all names"


@dataclass(frozen=True)
class Cut(Pass):
    """Keep a part of the public function: from some of its values, to some of its values.

    Values have the model's names (`ir/finding.py`). A value that becomes an argument is not
    computed any more, nor is what only served to compute it; arguments that are not needed go away,
    and so do states. A value that becomes a result is what the function is kept for. Both are
    arrays of the type that the value has. In a model that maps arrays to rank 5, the first
    dimension of [1, C, H, W] is a batch that Core ML's interface does not have. Values in regions
    can't be cut at.

    Options:
        inputs: values that become the first arguments, or arguments that stay; none by default.
        outputs: values or results that are all results then; the results that there are by default.
    """

    name = "cut"

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def requires(self) -> Legal:
        return Legal(calls=False)

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        if not (self.inputs or self.outputs):
            return False
        if len(module.public_functions) > 1:
            shown = ", ".join(module.public_functions)
            raise usage_error(f"which function is to be cut: {shown}?", "choose it (--function)")
        cutting = _Cutting(module, module.main)
        cutting.find(dict.fromkeys(self.inputs), dict.fromkeys(self.outputs))
        cutting.begin()
        cutting.follow()
        return cutting.finish()


class _Output(NamedTuple):
    """A result of the function."""

    name: str
    value: Value
    known: Result


@dataclass
class _Cutting:
    """Cuts one function.

    Attributes:
        starts: the values that become arguments, by the arguments' names.
        kept: the names of arguments that are chosen to be inputs.
        ends: the results, without states that come along.
        begun: the arguments that the starts became.
        live: the ops and arguments that the results need.
    """

    module: Module
    function: Function
    starts: dict[str, Value] = field(default_factory=dict[str, Value])
    kept: set[str] = field(default_factory=set[str])
    ends: list[_Output] = field(default_factory=list[_Output])
    begun: dict[Value, Value] = field(default_factory=dict[Value, Value])
    live: set[Op | Value] = field(default_factory=set[Op | Value])

    def __post_init__(self) -> None:
        function = self.function
        self.arguments = {value.name: value for value in function.arguments}
        self.described = dict(zip(function.arguments, function.inputs, strict=True))
        rows = zip(function.result_names, function.results, function.outputs, strict=False)
        self.results = {row[0]: _Output(*row) for row in rows}
        self.is_rank5 = self.module.attributes.get("array_mapping") == "rank5"

    # -- what names mean -----------------------------------------------------------------------

    def find(self, inputs: Iterable[str], outputs: Iterable[str]) -> None:
        """Look up all names.

        Raises:
            CompileError: every name that means nothing, or nothing that can be cut at.
        """
        values, problems = ModelValues(self.function), list[Diagnostic]()
        for name in outputs:
            try:
                self.ends.append(self._end(values, name))
            except CompileError as error:
                problems += error.diagnostics
        for name in inputs:
            try:
                self._start(values, name)
            except CompileError as error:
                problems += error.diagnostics
        if not self.ends:
            self.ends = [row for row in self.results.values() if row.known.kind != "state"]
        made = {value: name for name, value in self.starts.items()}
        for row in self.ends:
            if row.value in made:
                message = f"'{made[row.value]}' can't be an input: it is the output '{row.name}'"
                remedy = "choose outputs that are computed from it"
                problems.append(Diagnostic(message, "usage", remedy=remedy))
        if problems:
            raise CompileError(problems)

    def _end(self, values: ModelValues, name: str) -> _Output:
        if name in self.results:
            if self.results[name].known.kind == "state":
                raise _state(name, "output")
            return self.results[name]
        if name in self.arguments:
            remedy = "name something that is computed"
            raise usage_error(f"'{name}' can't be an output: it is an input", remedy)
        value = self._named(values, name)
        kind = "string" if value.type.dtype is DType.STR else "array"
        return _Output(name, value, self._described(Result(kind=kind), value))

    def _start(self, values: ModelValues, name: str) -> None:
        if name not in self.arguments:
            value = self._named(values, name)
            if value.type.dtype is DType.STR:
                raise usage_error(f"'{name}' can't be an input: it is text", "cut behind it")
            self.starts[name] = value
        elif self.described[self.arguments[name]].kind == "state":
            raise _state(name, "input")
        else:
            self.kept.add(name)

    def _named(self, values: ModelValues, name: str) -> Value:
        """The value of a name that is neither an argument's nor a result's."""
        found = values.called(name)
        if len(found) == 1:
            return found[0]
        same = next((each for each in self.arguments.values() if name in each.names), None)
        if same is not None:
            message = f"'{name}' is the input '{same.name}' as it is given"
            raise usage_error(message, f"name '{same.name}', or something that is computed")
        names = values.names()
        if found:
            shown = ", ".join(
                next(each for each in names[value] if each.endswith(name)) for value in found
            )
            raise usage_error(f"{len(found)} values are called '{name}'", f"they are {shown}")
        if (around := values.inside(name)) is not None:
            message = f"the model can't be cut at '{name}', which is inside of a branch or a loop"
            remedy = "cut before it, or at what it gives"
            raise CompileError(Diagnostic(message, "usage", around.location, remedy=remedy))
        if made := values.made_by(name):
            message = f"'{name}' makes several values" if made[1:] else f"'{name}' is not a value"
            raise usage_error(message, f"name what it makes: {', '.join(made)}")
        known = {*self.arguments, *self.results, *(each for row in names.values() for each in row)}
        if len(split := name.split(",")) > 1 and known.issuperset(map(str.strip, split)):
            raise usage_error(f"there is no value '{name}'", "give an option for each name")
        close = difflib.get_close_matches(name, known, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        raise usage_error(f"there is no value '{name}'", f"{guess}{_LIST}")

    def _described(self, known: DescriptionT, value: Value) -> DescriptionT:
        """What callers are told of a value that was not in the interface."""
        dims = value.type.shape
        is_mapped = self.is_rank5 and len(dims) == 4 and dims[0] == 1
        sizes = dims[1:] if is_mapped else dims
        changes: dict[str, Any] = {"shape": sizes if is_static(sizes) else ()}
        if is_mapped:
            changes |= {"axes": "CHW", "batch": "added"}
        return replace(known, **changes)

    # -- where it begins -----------------------------------------------------------------------

    def begin(self) -> None:
        """Make arguments of the values where the function begins.

        Raises:
            CompileError: open sizes after them can't be known.
        """
        changed: list[Op] = []
        renamed: dict[Dim, Dim] = {}
        for name, value in self.starts.items():
            shape = tuple(
                self._size(dim, name, axis, renamed) for axis, dim in enumerate(value.type.shape)
            )
            argument = Value(value.type.with_shape(shape), 0, name, block=self.function.block)
            self.begun[value] = argument
            self.described[argument] = self._described(Argument(kind="array"), argument)
            changed += [] if argument.type == value.type else value.users
            for user, index in value.uses:
                user.set_operand(index, argument)
        try:
            propagate_types(changed)
        except VerifyError as error:
            raise self._open(str(error.diagnostics[0].message)) from None

    def _size(self, dim: Dim, name: str, axis: int, renamed: dict[Dim, Dim]) -> Dim:
        """An argument's dimension: a number or a symbol, as nothing else determines it."""
        if not isinstance(dim, Expr) or bare_symbol(dim) is not None:
            return dim
        if dim not in renamed:
            taken = {each for op in self.function.walk() for each in _symbols(op)}
            taken |= {each for other in renamed.values() for each in symbols(other)}
            taken |= {each for item in self.function.arguments for each in _of_type(item)}
            renamed[dim] = symbol(unique(f"d_{SYMBOL.nearest(name)}_{axis}", taken, SYMBOL))
        return renamed[dim]

    def _open(self, note: str) -> CompileError:
        names = " and ".join(f"'{name}'" for name in self.starts)
        message = f"the model can't begin at {names}: sizes after it vary with an input's"
        remedy = "compile the default shapes (--fixed-shapes)"
        return CompileError(Diagnostic(message, "usage", notes=(note,), remedy=remedy))

    # -- what is needed ------------------------------------------------------------------------

    def follow(self) -> None:
        """Find what the results need; a state that is needed is a result, too.

        Raises:
            CompileError: of kind "usage": an input is not needed.
        """
        self._need(row.value for row in self.ends)
        states = {*self.module.attributes.get("state_arguments", ())}
        states |= {v.name for v, known in self.described.items() if known.kind == "state"}
        while found := [row for row in self._left() if row.name in states & self._needed()]:
            self.ends += [row._replace(value=self.begun.get(row.value, row.value)) for row in found]
            self._need(row.value for row in self.ends)
        for op in self.function.block:
            checks = isinstance(op, Assert | AssertShape) and op not in self.live
            if checks and all(self._is_live(value) for value in _read(op)):
                self.live.add(op)
        chosen = {*self.kept, *self.starts}
        unused = chosen - self._needed()
        outputs = ", ".join(f"'{row.name}'" for row in self.ends)
        remedy = "leave it out, or choose other outputs"
        if unused:
            raise CompileError(
                Diagnostic(f"no output needs the input '{name}': {outputs}", "usage", remedy=remedy)
                for name in sorted(unused)
            )

    def _left(self) -> list[_Output]:
        """The results that are not among the ends."""
        names = {row.name for row in self.ends}
        return [row for row in self.results.values() if row.name not in names]

    def _needed(self) -> set[str]:
        """The names of the arguments that the ends need."""
        return {value.name for value in self.described if value in self.live}

    def _need(self, values: Iterable[Value]) -> None:
        work = list(values)
        while work:
            value = work.pop()
            if value.op is None:
                self.live.add(value)
            elif value.op.parent is self.function.block and value.op not in self.live:
                self.live.add(value.op)
                work += _read(value.op)

    def _is_live(self, value: Value) -> bool:
        if value.op is not None and value.op.parent is not self.function.block:
            return True  # it is in a region of the op that reads it
        is_outside = value.op is None and value.block is not self.function.block
        return is_outside or (value if value.op is None else value.op) in self.live

    # -- the function that is left -------------------------------------------------------------

    def finish(self) -> bool:
        """Leave only what is needed; whether anything changed.

        Raises:
            CompileError: open sizes can't be known without what goes away.
        """
        function = self.function
        end = function.block.terminator
        before = (list(function.arguments), list(function.result_names), list(function.results))
        dropped = [op for op in function.block if op not in self.live and op is not end]
        arguments = [value for value in (*self.begun.values(), *before[0]) if value in self.live]
        self._check_sizes(arguments, dropped)
        location = end.location if end is not None else None
        if end is not None:
            end.erase()
        for op in reversed(dropped):
            op.erase()
        returned = function.block.insert(Return(tuple(row.value for row in self.ends)))
        returned.location = location or returned.location
        function.result_names = [row.name for row in self.ends]
        function.outputs = [row.known for row in self.ends]
        function.block.arguments = arguments
        function.inputs = [self.described[value] for value in arguments]
        for index, value in enumerate(arguments):
            value.index = index
        self._reset()
        after = (arguments, function.result_names, list(function.results))
        return bool(dropped) or before != after

    def _check_sizes(self, arguments: Sequence[Value], dropped: Sequence[Op]) -> None:
        bound = {bare_symbol(dim) for value in arguments for dim in value.type.shape}
        gone = [value for value in self.function.arguments if value not in arguments]
        kept = [op for op in self.function.block if op in self.live]
        # Several ops may declare one size, as of the two results of a detector.
        lost = {name for op in dropped for name in _declared(op)}
        lost -= {name for op in kept for name in _declared(op)}
        lost |= {each for value in gone for each in _of_type(value)}
        lost -= {name for name in bound if name is not None}
        for op in kept if lost else ():
            if names := lost.intersection(_symbols(op)):
                raise self._open(f"{op.location} needs {', '.join(sorted(names))}")

    def _reset(self) -> None:
        """Drop what was said of results and states that are gone."""
        classifier, names = self.function.classifier, self.function.result_names
        predicted = (classifier.predicted_feature, classifier.predicted_probabilities)
        detected = any(known.detected == "confidence" for known in self.function.outputs)
        if not detected and not any(name in names for name in predicted):
            self.function.classifier = Classifier()
        exposed = self.module.attributes.get("state_arguments", ())
        needed = self._needed()
        kept = tuple(name for name in exposed if name in needed)
        if kept != exposed:
            self.module.attributes["state_arguments"] = kept
            if not kept:
                del self.module.attributes["state_arguments"]


def _declared(op: Op) -> set[str]:
    """The sizes of results that operands don't have: an op makes results of a size of its own."""
    known = {each for value in op.operands for each in _of_type(value)}
    return {each for value in op.results for each in _of_type(value)} - known


def _state(name: str, what: str) -> CompileError:
    remedy = f"--states=arguments makes it an {what}"
    return usage_error(f"'{name}' is a state, not an {what}", remedy)


def _read(op: Op) -> Iterator[Value]:
    """What an op reads, in its regions too."""
    yield from op.operands
    for body in op.all_regions():
        for inner in walk(body):
            yield from inner.operands


def _of_type(value: Value) -> Iterator[str]:
    for dim in value.type.shape:
        yield from symbols(dim)


def _symbols(op: Op) -> Iterator[str]:
    """The symbols in an op's types and attributes, those in its regions too."""
    for each in (op, *(inner for body in op.all_regions() for inner in walk(body))):
        for value in each.results:
            yield from _of_type(value)
        for entry in each.attributes.values():
            yield from _in_attribute(entry)


def _in_attribute(entry: object) -> Iterator[str]:
    if isinstance(entry, Expr):
        yield from symbols(entry)
    elif isinstance(entry, Tensor):
        for dim in entry.shape:
            yield from symbols(dim)
    elif isinstance(entry, tuple):
        for each in cast(tuple[object, ...], entry):
            yield from _in_attribute(each)
