"""What a rule sees of the model that it lowers: messages, inputs and outputs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np

from ....ir.diagnostics import CompileError, Diagnostic
from ....ir.dialects.builtin import constant
from ....ir.dialects.core.control import Assert
from ....ir.dialects.core.elementwise import (
    Abs,
    Cast,
    Equal,
    Less,
    LogicalAnd,
    Round,
)
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.reshaping import ExpandDims, Reshape
from ....ir.dialects.core.shape import Concat, Stack
from ....ir.dims import Dim, product, symbol
from ....ir.interface import Labels
from ....ir.location import InModel
from ....ir.ssa import Value
from ....ir.types import Array, DType
from ....ir.weights.resources import Origin
from ...source.interface import Feature, Interface
from ..values import cast
from .forms import Entry, Form, Keyed, Pairs, Sequence, Whole, entry_of, shown, whole_of


@dataclass
class ModelContext:
    """One model inside its function.

    Attributes:
        message: the model's own message, such as GLMRegressor.
        interface: its description.
        place: where it is, for messages: `model`, or `models[1]` in a pipeline.
        given: the inputs that were found, by name; optional ones may be missing. Those that a model
            names without describing them are here too.
        origin: what its weights derive their origins from.
        made: the outputs, by name.
    """

    message: Any
    interface: Interface
    place: InModel
    given: Mapping[str, Form]
    origin: Origin
    made: dict[str, Form] = field(default_factory=dict[str, Form])

    # -- problems ------------------------------------------------------------------------------

    def fail(self, message: str, remedy: str = "", kind: str = "malformed") -> NoReturn:
        """Refuse the model."""
        remedy = remedy or "export the model again, or correct it with coremltools"
        subject = self.interface.kind
        raise CompileError(
            Diagnostic(message, kind, self.place, subject=subject, remedy=remedy)  # type: ignore[arg-type]
        )

    def require(self, condition: bool, message: str, remedy: str = "") -> None:
        """Refuse the model as malformed unless the condition holds."""
        if not condition:
            self.fail(message, remedy)

    def require_distinct(self, names: Labels, what: str) -> None:
        """Refuse the model if it lists one of its categories, keys or labels twice."""
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            self.fail(f"the model has {twice[0]!r} twice among its {what}")

    # -- inputs --------------------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The declared inputs, in the order of the description."""
        return self.interface.inputs

    def only_input(self) -> Feature:
        """The input of a model that takes one."""
        names = ", ".join(feature.name for feature in self.inputs) or "none"
        self.require(len(self.inputs) == 1, f"the model takes one input, but declares {names}")
        return self.inputs[0]

    def form(self, name: str) -> Form:
        """An input in the form that it comes in."""
        if name not in self.given:
            self.fail(f"the model needs '{name}', which is not among its inputs")
        return self.given[name]

    def entry(self, name: str) -> Value:
        """A number, string or array, [1, *shape]."""
        form = self.form(name)
        if not isinstance(form, Entry | Whole):
            self.fail(f"input '{name}' is {shown(form)}, not a number or an array")
        return entry_of(form)

    def whole(self, name: str) -> Value:
        """A number, string or array without a dimension for entries."""
        form = self.form(name)
        if not isinstance(form, Entry | Whole):
            self.fail(f"input '{name}' is {shown(form)}, not a number or an array")
        return whole_of(form)

    def sequence(self, name: str) -> Value:
        """A sequence, [n]."""
        form = self.form(name)
        if not isinstance(form, Sequence):
            self.fail(f"input '{name}' is {shown(form)}, not a sequence")
        return form.value

    def dictionary(self, name: str) -> Pairs | Keyed:
        """A dictionary."""
        form = self.form(name)
        if not isinstance(form, Pairs | Keyed):
            self.fail(f"input '{name}' is {shown(form)}, not a dictionary")
        return form

    def vector(self, missing: float | None = None) -> Value:
        """All inputs, one after the other in the order of the description: [1, F], f64.

        Args:
            missing: what an optional input that isn't given counts as.
        """
        self.require(bool(self.inputs), "the model declares no inputs")
        columns = [self._column(feature, missing) for feature in self.inputs]
        return joined(columns)

    def _column(self, feature: Feature, missing: float | None) -> Value:
        if feature.name not in self.given and missing is not None:
            count = int(np.prod(feature.shape)) if feature.kind == "array" else 1
            return constant(np.full((1, count), missing)) if count > 1 else constant([missing])
        value = self.entry(feature.name)
        if value.type.dtype is DType.STR:
            self.fail(f"input '{feature.name}' is a string, not a number")
        return cast(value, DType.F64)

    # -- values --------------------------------------------------------------------------------

    def weight(self, data: Array | Iterable[float], name: str) -> Value:
        """Numbers that training may change, f64."""
        array = np.asarray(data, np.float64)
        return constant(array, name, self.origin.then(name))

    def checked(self, value: Value, holds: Value, message: str) -> Value:
        """The value, if all of `holds` are true; else the run stops with the message."""
        return Assert(holds, (value,), message=message).results[0]

    def fresh(self, what: str) -> Dim:
        """An extent that is known only when the model runs."""
        index = "" if self.place.index is None else f"_{self.place.index}"
        return symbol(f"{what}{index}")

    # -- outputs -------------------------------------------------------------------------------

    def only_output(self) -> Feature:
        """The output of a model that has one."""
        names = ", ".join(feature.name for feature in self.interface.outputs) or "none"
        single = len(self.interface.outputs) == 1
        self.require(single, f"the model gives one output, but declares {names}")
        return self.interface.outputs[0]

    def give(self, feature: Feature, value: Value) -> None:
        """An output from a value [1, *shape] of numbers, in the type that it is declared with."""
        self.made[feature.name] = Entry(self.declared(feature, value))

    def declared(self, feature: Feature, value: Value) -> Value:
        """A value [1, *shape] of numbers in the type that a feature is declared with."""
        match feature.kind:
            case "double":
                return cast(self._single(feature, value), DType.F64)
            case "int64":
                return self._exact(feature, self._single(feature, value), DType.I64)
            case "array":
                return self._exact(feature, self._shaped(feature, value), feature.dtype)
            case _:
                self.fail(f"output '{feature.name}' is declared as {feature.kind}, not as numbers")

    def _single(self, feature: Feature, value: Value) -> Value:
        count = product(value.type.shape)
        self.require(count == 1, f"output '{feature.name}' is one number, but there are {count}")
        return value if value.type.rank == 1 else Reshape(value, (1,)).result

    def _shaped(self, feature: Feature, value: Value) -> Value:
        """In the declared shape, if it has as many elements."""
        shape = (1, *feature.shape)
        if not feature.shape or value.type.shape == shape:
            return value if value.type.rank > 1 else ExpandDims(value, (1,)).result
        have, want = product(value.type.shape), product(shape)
        if have != want:
            self.fail(f"output '{feature.name}' is declared with {want} elements, not {have}")
        return Reshape(value, shape).result

    def _exact(self, feature: Feature, value: Value, dtype: DType | None) -> Value:
        """With another dtype; the run stops where a number isn't one of an integer dtype."""
        dtype = dtype or DType.F64
        if dtype.is_float or not value.type.dtype.is_float or _was(value, dtype):
            return cast(value, dtype)
        is_whole = Equal(Round(value).result, value).result
        limit = constant(np.asarray(2.0 ** (8 * dtype.numpy.itemsize - 1), value.type.dtype.numpy))
        holds = LogicalAnd(is_whole, Less(Abs(value).result, limit).result).result
        message = f"'{feature.name}' is an integer, but the result is not a whole number"
        message += f" of {dtype.value}"
        return cast(self.checked(value, holds, message), dtype)


def _was(value: Value, dtype: DType) -> bool:
    """Whether a value's elements are those of values of a dtype, moved and cast only."""
    match value.op:
        case Cast(x):
            return x.type.dtype is dtype or _was(x, dtype)
        case Gather(x) | Reshape(x) | ExpandDims(x):
            return _was(x, dtype)
        case Stack() | Concat() as op:
            return all(_was(each, dtype) for each in op.values)
        case _:
            return False


Rule: TypeAlias = Callable[[ModelContext], None]


def _nothing(_message: Any) -> tuple[str, ...]:
    return ()


Missing: TypeAlias = Literal["a number", "missing", "passed on"]


def passed_on(_message: Any) -> Missing:
    """What NaN is to a model that hands it on, as the elements that it is in."""
    return "passed on"


def _a_number(_message: Any) -> Missing:
    return "a number"


def _no_values(_message: Any, _interface: Interface) -> dict[str, float | None]:
    return {}


@dataclass(frozen=True)
class ModelType:
    """What is known of a type of models.

    Attributes:
        rule: lowers a model.
        entries: whether it computes a row of a table, so that it can compute many at once.
        named: the inputs that a model names in its message; they need not be declared.
        absent: what optional numbers, and the one element of optional sequences, are if they aren't
            given, by name; None for 0 or the empty text.
        missing: what NaN in its inputs is to the model.
    """

    rule: Rule
    entries: bool = True
    named: Callable[[Any], tuple[str, ...]] = _nothing
    absent: Callable[[Any, Interface], dict[str, float | None]] = _no_values
    missing: Callable[[Any], Missing] = _a_number


class ModelRules:
    """One family's rules: the type of a model, as the specification spells it → what is known."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.types: dict[str, ModelType] = {}

    def __call__(self, *kinds: str, **known: Any) -> Callable[[Rule], Rule]:
        """Register a rule; `known` are further fields of `ModelType`.

        Raises:
            ValueError: a type has a rule.
        """

        def register(rule: Rule) -> Rule:
            for kind in kinds:
                if kind in self.types:
                    raise ValueError(f"{kind!r} has two rules")
                self.types[kind] = ModelType(rule, **known)
            return rule

        return register


def joined(columns: Iterable[Value]) -> Value:
    """Values [1] and [1, *shape] as columns of one matrix [1, F]."""
    parts = [_flat(run) for run in _runs(list(columns))]
    return parts[0] if len(parts) == 1 else Concat(tuple(parts), axis=1).result


def _runs(columns: list[Value]) -> Iterator[list[Value]]:
    """Consecutive scalars together, since one op takes thousands of them; each array alone."""
    run: list[Value] = []
    for column in columns:
        if column.type.rank == 1:
            run.append(column)
            continue
        if run:
            yield run
        run = []
        yield [column]
    if run:
        yield run


def _flat(run: list[Value]) -> Value:
    if run[0].type.rank == 1:
        return Stack(tuple(run), axis=1).result if len(run) > 1 else ExpandDims(run[0], (1,)).result
    (column,) = run
    shape = column.type.shape
    return column if column.type.rank == 2 else Reshape(column, (1, product(shape[1:]))).result
