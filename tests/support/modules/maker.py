"""Random values and attributes for ops that are made for tests."""

import enum
import typing
from collections.abc import Callable, Iterable
from random import Random

import numpy as np
from cmlc.ir.attributes import Kind
from cmlc.ir.dialects.builtin import constant
from cmlc.ir.dims import Dim, substitute, symbol
from cmlc.ir.interface import Argument
from cmlc.ir.ssa import Function, Op, Value
from cmlc.ir.types import NUMERIC, DType, Tensor

SMALLEST_N = 2  # what modules with a symbolic extent are run with, or more
USED_DTYPES = (
    *(DType.F32, DType.F32, DType.F32, DType.F16, DType.F64, DType.I32, DType.I64),
    *(DType.I8, DType.U8, DType.BOOL, DType.STR),
)
Builder = Callable[["Maker", type[Op]], Op]


class UnsuitableError(Exception):
    """The values at hand don't fit the op; another op may go on with them."""


class Maker:
    """Values and attributes for one function under construction.

    Attributes:
        reuse: take operands from the values that exist already, where they fit.
        symbolic: some new arguments have a leading extent N.
    """

    def __init__(self, random: Random, *, reuse: bool = False, symbolic: bool = False) -> None:
        self.random = random
        self.reuse = reuse
        self.symbolic = symbolic
        self.function = Function("main")
        self.pool: list[Value] = []

    # -- random choices ------------------------------------------------------------------------

    def choice(self, options: Iterable[typing.Any]) -> typing.Any:
        return self.random.choice(list(options))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    # -- values --------------------------------------------------------------------------------

    def argument(self, dtype: DType, shape: Iterable[Dim]) -> Value:
        """A new argument of the function."""
        arguments = self.function.arguments
        value = Value(
            Tensor(dtype, tuple(shape)),
            len(arguments),
            f"a{len(arguments)}",
            block=self.function.block,
        )
        arguments.append(value)
        self.function.inputs.append(Argument())
        self.pool.append(value)
        return value

    def constant(self, data: typing.Any, dtype: DType) -> Value:
        return constant(np.asarray(data, dtype.numpy))

    def dtype(self, dtypes: Iterable[DType]) -> DType:
        allowed = frozenset(dtypes)
        return self.choice(dtype for dtype in USED_DTYPES if dtype in allowed)

    def pick(
        self, dtypes: Iterable[DType], rank: Iterable[int] | None = None, low: int = 1
    ) -> Value:
        """An operand: an existing value, or a new argument with extents from `low` to 4."""
        allowed = frozenset(dtypes)
        ranks = tuple(rank) if rank is not None else (0, 1, 2, 3, 4)
        if self.reuse and self.chance(0.8):
            fits = [v for v in self.pool if v.type.dtype in allowed and v.type.rank in ranks]
            fits = [v for v in fits if min(self.sizes(v), default=low) >= low]
            if fits:
                return self.choice(fits[-6:])
        shape: list[Dim] = [self.number(low, 4) for _ in range(self.choice(ranks))]
        if self.symbolic and shape and self.chance(0.4):
            shape[0] = symbol("N")
        return self.argument(self.dtype(allowed), shape)

    def operand(self, like: Value, shape: Iterable[Dim], dtype: DType | None = None) -> Value:
        """An operand of a known shape, with the dtype of another one unless given."""
        wanted = Tensor(dtype or like.type.dtype, tuple(shape))
        same = [value for value in self.pool if value.type == wanted]
        if self.reuse and same:
            return self.choice(same)
        return self.argument(wanted.dtype, wanted.shape)

    def broadcast(self, like: Value, dtype: DType | None = None) -> Value:
        """An operand that broadcasts to the other one's shape."""
        shape = [1 if self.chance(0.2) else dim for dim in like.type.shape]
        cut = self.number(0, len(shape)) if self.chance(0.3) else 0
        return self.operand(like, shape[cut:], dtype)

    def sizes(self, value: Value) -> tuple[int, ...]:
        """Extents, at least: with the smallest N that modules run with."""
        return tuple(int(substitute(dim, {"N": SMALLEST_N})) for dim in value.type.shape)

    def fixed_axis(self, value: Value) -> int:
        """A dimension whose extent is a number."""
        axes = [i for i, dim in enumerate(value.type.shape) if isinstance(dim, int)]
        if not axes:
            raise UnsuitableError
        return self.choice(axes)

    # -- attributes ----------------------------------------------------------------------------

    def attributes(self, cls: type[Op], rank: int, **given: typing.Any) -> dict[str, typing.Any]:
        """Attributes that fit a first operand of this rank; defaults now and then."""
        for item in cls.spec.attributes:
            default = not item.required and item.kind is Kind.PLAIN and self.chance(0.4)
            if item.name in given or default:
                continue
            given[item.name] = self.attribute(item.kind, item.annotation, rank)
        return given

    def attribute(self, kind: Kind, annotation: typing.Any, rank: int) -> typing.Any:
        match kind:
            case Kind.PLAIN:
                return self.plain(annotation)
            case Kind.AXIS:
                return self.number(-rank, rank - 1)
            case Kind.AXES:
                return tuple(self.random.sample(range(rank), self.number(0, rank)))
            case Kind.NEW_AXIS:
                return self.number(-rank - 1, rank)
            case Kind.NEW_AXES:
                count = self.number(0, 2)
                return tuple(self.random.sample(range(rank + count), count))
            case Kind.PERM:
                return tuple(self.random.sample(range(rank), rank))
            case Kind.PER_AXIS:
                return tuple(self.number(1, 3) for _ in range(rank))
            case Kind.PAD_PAIRS:
                return tuple(self.number(0, 2) for _ in range(2 * rank))

    def plain(self, annotation: typing.Any) -> typing.Any:
        if annotation is bool:
            return self.chance(0.5)
        if annotation is float:
            return self.choice((0.25, 0.5, 1.0, 1e-3, 3.0))
        if annotation is int:
            return self.number(1, 3)
        if annotation is DType:
            return self.dtype(NUMERIC | {DType.BOOL})
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            return self.choice(annotation)
        raise NotImplementedError(
            f"{annotation}: give the op a builder in tests/support/modules/op_builders.py"
        )
