"""SSA values: their use lists, and replacing one value by another."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from .dims import Dim, Expr, bare_symbol, substitute
from .types import Type

if TYPE_CHECKING:
    from .ssa import Block, Op


class Value:
    """An SSA value: the result of an op or the argument of a block.

    Attributes:
        type: its type.
        op: the defining op; None for a block argument.
        block: the block whose argument it is; None for the result of an op.
        index: position among the op's results or the block's arguments.
        name: a readable name; printers make it unique.
        names: all that the model means by it, if a frontend said so; text doesn't have them.
    """

    __slots__ = ("_uses", "block", "index", "name", "names", "op", "type")

    def __init__(
        self,
        type: Type,
        index: int,
        name: str = "",
        *,
        op: "Op | None" = None,
        block: "Block | None" = None,
    ) -> None:
        self.type = type
        self.op = op
        self.block = block
        self.index = index
        self.name = name
        self.names: tuple[str, ...] = ()
        self._uses: dict[tuple[int, int], Op] = {}

    @property
    def known_as(self) -> tuple[str, ...]:
        """What it is called: by the model, or else its own name; empty for no name."""
        return self.names or ((self.name,) if self.name else ())

    @property
    def uses(self) -> "list[tuple[Op, int]]":
        """(op, operand index) of every use by ops in blocks, in order of registration."""
        return [(user, index) for (_, index), user in self._uses.items()]

    @property
    def users(self) -> "list[Op]":
        """The ops that use this value, each once."""
        return list({id(user): user for user in self._uses.values()}.values())

    @property
    def use_count(self) -> int:
        return len(self._uses)

    @property
    def has_one_use(self) -> bool:
        """Whether one op uses it, once; a function's `return` is a use too."""
        return len(self._uses) == 1

    def has_use(self, user: "Op", index: int) -> bool:
        return (id(user), index) in self._uses

    def add_use(self, user: "Op", index: int) -> None:
        self._uses[id(user), index] = user

    def remove_use(self, user: "Op", index: int) -> None:
        del self._uses[id(user), index]

    def replace_all_uses_with(self, new: "Value") -> None:
        """Replace every use by `new`; if its type differs, the users' types are inferred again."""
        if new is self:
            return
        users = self.users
        for user, index in self.uses:
            user.set_operand(index, new)
        if users and new.type != self.type:
            pairs = zip(self.type.shape, new.type.shape, strict=True)
            found = {name: b for a, b in pairs if (name := bare_symbol(a)) is not None and a != b}
            propagate_types(users, found)
        if not new.name:
            new.name = self.name

    def __repr__(self) -> str:
        return f"<%{self.name or '?'}: {self.type}>"


def propagate_types(
    users: "Iterable[Op]", bindings: Mapping[str, Dim] = MappingProxyType({})
) -> None:
    """Infer types again from `users` on, until nothing changes.

    `bindings` are symbols whose value is known now: they are replaced in attributes.
    """
    work = list(users)
    while work:
        op = work.pop(0)
        if bindings:
            op.attributes = {n: substituted(value, bindings) for n, value in op.attributes.items()}
            op.given_types = substituted(op.given_types, bindings)
        if op.refresh_types() or op.is_terminator:
            work.extend(op.dependents())


def substituted(value: Any, bindings: Mapping[str, Dim]) -> Any:
    """An attribute's value, or types, with the symbols replaced."""
    if isinstance(value, tuple):
        return tuple(substituted(item, bindings) for item in cast(tuple[Any, ...], value))
    if isinstance(value, Type):
        return value.with_shape(substitute(dim, bindings) for dim in value.shape)
    return substitute(value, bindings) if isinstance(value, Expr) else value
