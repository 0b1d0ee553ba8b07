"""The SSA core: values, operations, blocks, regions, functions, modules.

Ops are built *detached*: constructing one checks and types it but registers nothing. Inserting it
into a block (`Block.insert`, or `adopt` for a whole tree of detached producers) links it into the
use lists. A rewrite that gives up half-way therefore leaves no trace.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, dataclass_transform

from .batch.rule import Given, RefusalError, Taken
from .bound import bound
from .declare import OpSpec, attr, collect, operand, region, result_type
from .diagnostics import VerifyError as VerifyError
from .interface import Argument, Classifier, ModuleFacts, Result
from .location import UNKNOWN, Location
from .types import Type
from .values import Value as Value
from .values import propagate_types as propagate_types


@dataclass_transform(field_specifiers=(operand, attr, region, result_type))
class Op:
    """Base of all operations. Subclasses declare fields and define hooks; see `declare`.

    Hooks (a closed set):
        infer(self) -> Type | tuple[Type, ...]: result types; also the verifier.
        evaluate(self, *operands): numpy semantics; arrays in operand order (absent optional
            operands are None, variadic ones a tuple, regions callables); returns results.
        fold(self) -> Value | None: an equal, simpler value.
        permute(self, perm, operands) -> (Op, result perm) | None: the op on these operands; its own
            operands are their transposes by perm.
        effects(self) -> bool: whether the op has side effects: it checks something, or draws
            different numbers each time it runs.
        batch(self, given) -> Taken: what becomes of the op where operands have a batch; a method,
            or `batch = along_axes`, a kind of `batch/kinds.py`. The default refuses.
    """

    name: ClassVar[str] = ""
    spec: ClassVar[OpSpec] = OpSpec()
    is_terminator: ClassVar[bool] = False
    is_elementwise: ClassVar[bool] = False  # broadcasts; dimension i of the result is i of operands
    is_commutative: ClassVar[bool] = False  # the first two operands may be exchanged
    permuted_operands: ClassVar[tuple[str, ...]] = ()  # share the dimensions that axis kinds name
    filters: ClassVar[tuple[str, ...]] = ()  # operands [O, I, *kernel]; they follow `layout`
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.spec = collect(cls, cls.spec)
        cls.__match_args__ = tuple(field.name for field in cls.spec.fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.location: Location = UNKNOWN
        self.parent: Block | None = None
        self.previous: Op | None = None
        self.next: Op | None = None
        parts = bound(self, Value, self.spec, args, kwargs)
        self._operands: list[Value] = parts.operands
        self._groups: dict[str, slice] = parts.groups
        self.attributes: dict[str, Any] = parts.attributes
        self.regions: dict[str, Any] = parts.regions
        self.given_types: tuple[Type, ...] | Type | None = parts.types
        for body in self.all_regions():
            body.parent = body.parent or self
        self.results: tuple[Value, ...] = self._results_of(self.inferred_types())

    # -- construction ------------------------------------------------------------------------

    def _results_of(self, types: tuple[Type, ...]) -> tuple[Value, ...]:
        return tuple([Value(each, index, op=self) for index, each in enumerate(types)])

    def twin(self, operands: Sequence[Value]) -> "Op":
        """A detached copy, for other operands of the same types, of an op without regions.

        Nothing is checked or inferred again.
        """
        copy: Op = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.parent = copy.previous = copy.next = None
        copy._operands, copy.regions = list(operands), {}
        copy.attributes = self.attributes.copy()
        copy.results = copy._results_of(tuple([value.type for value in self.results]))
        return copy

    def inferred_types(self) -> tuple[Type, ...]:
        """Types of the results, inferred from operands and attributes.

        Raises:
            VerifyError: a constraint is broken.
        """
        for item in self.spec.constrained:
            like = self.values_of(item.like)[:1] if item.like else ()
            for value in self.values_of(item.name):
                if problem := item.problem(value.type, like[0].type if like else None):
                    raise VerifyError(self, "", problem)
        types = self.given_types if self.spec.type_field else self.infer()
        return types if isinstance(types, tuple) else () if types is None else (types,)

    # -- what subclasses may define ------------------------------------------------------------

    def infer(self) -> Type | tuple[Type, ...]:
        """Result types from operands and attributes; raises VerifyError through `require`."""
        return ()

    def require(self, label: str, condition: bool, message: str) -> None:
        """Raise VerifyError for the constraint `label` unless `condition` holds."""
        if not condition:
            raise VerifyError(self, label, message)

    def fold(self) -> Value | None:
        """An equal, simpler value, or None."""
        return None

    def effects(self) -> bool:
        """Whether the op has side effects, so that it must not be merged, folded or erased."""
        if not self.regions:
            return False
        return any(inner.effects() for body in self.all_regions() for inner in body.block)

    def batch(self, given: Given, /) -> Taken:
        """What becomes of the op where operands have a batch; raises RefusalError if it can't."""
        raise RefusalError("doesn't say what it makes of a batch")

    # -- access --------------------------------------------------------------------------------

    @property
    def operands(self) -> tuple[Value, ...]:
        """All operands, flat, in declaration order."""
        return tuple(self._operands)

    @property
    def result(self) -> Value:
        """The only result."""
        (only,) = self.results
        return only

    def operand_group(self, name: str) -> Any:
        """One declared operand: a value, None if absent, a tuple if variadic."""
        part: slice[int, int, None] = self._groups[name]
        if name in self.spec.variadic:
            return tuple(self._operands[part])
        return self._operands[part.start] if part.start < part.stop else None

    def values_of(self, name: str) -> tuple[Value, ...]:
        """The values of one declared operand: none, one or several."""
        return tuple(self._operands[self._groups[name]])

    def grouped(self, items: Sequence[Any]) -> dict[str, Any]:
        """The flat operands grouped by declared operand: a value, None or a tuple of values."""
        groups = {name: tuple(items[part]) for name, part in self._groups.items()}
        several = self.spec.variadic
        return {n: g if n in several else g[0] if g else None for n, g in groups.items()}

    def set_operand(self, index: int, value: Value) -> None:
        """Replace one operand and update use lists (the caller is responsible for types)."""
        if self.parent is not None:
            self._operands[index].remove_use(self, index)
            value.add_use(self, index)
        self._operands[index] = value

    def all_regions(self) -> tuple["Region", ...]:
        """All nested regions, flat, in declaration order."""
        if not self.regions:  # as almost all ops: this is asked for in every walk
            return ()
        found: list[Region] = []
        for body in self.regions.values():
            found += (body,) if isinstance(body, Region) else body
        return tuple(found)

    def fields(self) -> dict[str, Any]:
        """Constructor arguments that rebuild this op."""
        given = self.grouped(self._operands) | self.attributes | self.regions
        if self.spec.type_field:
            given[self.spec.type_field] = self.given_types
        return given

    def refresh_types(self) -> bool:
        """Infer the result types again; True if one changed."""
        changed = False
        for value, new in zip(self.results, self.inferred_types(), strict=True):
            changed |= value.type != new
            value.type = new
        return changed

    def dependents(self) -> list["Op"]:
        """Ops whose types follow from this one's: users; for a terminator the op around it."""
        if not self.is_terminator:
            return [user for result in self.results for user in result.users]
        around = self.parent.parent if self.parent is not None else None
        return [around.parent] if around is not None and isinstance(around.parent, Op) else []

    # -- placement -----------------------------------------------------------------------------

    def link(self) -> None:
        """Register the uses of this op's operands, and its regions as its own."""
        for index, value in enumerate(self._operands):
            value.add_use(self, index)
        for body in self.all_regions():
            body.parent = self

    def erase(self) -> None:
        """Remove the op from its block; its results must be unused."""
        if any(result.use_count for result in self.results):
            raise ValueError(f"{self!r} is still used")
        for inner in self.all_regions():
            if inner.parent is self:  # a replacement may have taken it over
                inner.block.drop()
        self.detach()

    def detach(self) -> None:
        """Unlink the op from its block and its operands."""
        if self.parent is None:
            return
        for index, value in enumerate(self._operands):
            value.remove_use(self, index)
        self.parent.unlink(self)

    def __repr__(self) -> str:
        return f"<{type(self).name}({', '.join(map(repr, self._operands))})>"


class Block:
    """Arguments and a list of ops, the last of which is a terminator once the block is complete."""

    def __init__(self, argument_types: Iterable[Type] = (), names: Iterable[str] = ()) -> None:
        self.parent: Region | None = None
        self.first: Op | None = None
        self.last: Op | None = None
        self.arguments: list[Value] = []
        names = list(names)
        for index, item in enumerate(argument_types):
            name = names[index] if names else ""
            self.arguments.append(Value(item, index, name, block=self))

    def __iter__(self) -> Iterator[Op]:
        op = self.first
        while op is not None:
            following = op.next  # the current op may be erased by the loop's body
            yield op
            op = following

    def reversed(self) -> Iterator[Op]:
        op = self.last
        while op is not None:
            previous = op.previous
            yield op
            op = previous

    @property
    def terminator(self) -> Op | None:
        return self.last if self.last is not None and self.last.is_terminator else None

    def insert(self, op: Op, before: Op | None = None) -> Op:
        """Insert a detached op before another one, or at the end."""
        if op.parent is not None:
            raise ValueError(f"{op!r} is already in a block")
        op.parent = self
        op.next = before
        op.previous = before.previous if before is not None else self.last
        if op.previous is not None:
            op.previous.next = op
        else:
            self.first = op
        if before is not None:
            before.previous = op
        else:
            self.last = op
        op.link()
        return op

    def unlink(self, op: Op) -> None:
        """Remove an op from the list; use `Op.detach` instead."""
        if op.previous is not None:
            op.previous.next = op.next
        else:
            self.first = op.next
        if op.next is not None:
            op.next.previous = op.previous
        else:
            self.last = op.previous
        op.parent = op.previous = op.next = None

    def drop(self) -> None:
        """Detach all ops, last first, so that uses vanish with them."""
        for op in self.reversed():
            for inner in op.all_regions():
                inner.block.drop()
            op.detach()


class Region:
    """One block nested in an op or a function; control flow here is structured."""

    def __init__(self, block: Block | None = None) -> None:
        self.block = block or Block()
        self.block.parent = self
        self.parent: Op | Function | None = None


class Function:
    """A named region with typed, named arguments and named results.

    Attributes:
        name: the symbol name, such as "main".
        public: whether the module's callers see it; only other functions call a private one.
        result_names: names of the returned values, in order.
        inputs: interface attributes of each argument.
        outputs: interface attributes of each named result.
        classifier: the classes that it predicts, if any.
    """

    def __init__(
        self, name: str, argument_types: Iterable[Type] = (), argument_names: Iterable[str] = ()
    ) -> None:
        self.name = name
        self.public = True
        self.body = Region(Block(argument_types, argument_names))
        self.body.parent = self
        self.result_names: list[str] = []
        self.inputs = [Argument() for _ in self.arguments]
        self.outputs: list[Result] = []
        self.classifier = Classifier()

    @property
    def block(self) -> Block:
        return self.body.block

    @property
    def arguments(self) -> list[Value]:
        return self.body.block.arguments

    @property
    def results(self) -> tuple[Value, ...]:
        """The returned values."""
        terminator = self.block.terminator
        return terminator.operands if terminator is not None else ()

    def walk(self) -> Iterator[Op]:
        return walk(self.body)


class Module:
    """Functions, and metadata of their model; every pass takes and changes a module."""

    def __init__(self, name: str = "", functions: Iterable[Function] = ()) -> None:
        self.name = name
        self.attributes: ModuleFacts = {}
        self.functions: dict[str, Function] = {f.name: f for f in functions}

    @property
    def public_functions(self) -> dict[str, Function]:
        """The functions that callers see, by name; only these are in the interface of artefacts."""
        return {name: function for name, function in self.functions.items() if function.public}

    @property
    def main(self) -> Function:
        """The default function: what `default_function` names, else "main", else the first one."""
        public = self.public_functions
        named = public.get(self.attributes.get("default_function", "main"))
        return named or next(iter(public.values()))

    def walk(self) -> Iterator[Op]:
        """Every op, outer before inner, in order."""
        for function in self.functions.values():
            yield from function.walk()


def walk(body: Region) -> Iterator[Op]:
    """Every op of a region, outer before inner."""
    for op in body.block:
        yield op
        if op.regions:
            for inner in op.all_regions():
                yield from walk(inner)
