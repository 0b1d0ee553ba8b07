"""Tables from names in a specification to the functions that lower them, and their context."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from ...ir.dims import Dim, Interval
from ...ir.ssa import Value

KeyT = TypeVar("KeyT", bound=Hashable)
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

# The result of a rule: one value, or one for each output.
Result: TypeAlias = Value | tuple[Value, ...]
# Values that control flow assigns, by name; None where a layer failed.
Assigned: TypeAlias = Mapping[str, Value | None]


class RuleContext(Protocol):
    """The context that rules shared by frontends need of a layer or operation."""

    @property
    def limits(self) -> Mapping[str, Interval]:
        """What is known of symbols."""
        ...

    def require(self, condition: bool, message: str, remedy: str = "") -> None:
        """Raise a diagnostic unless the condition holds."""
        ...

    def fresh_symbol(self, axis: int) -> Dim:
        """A dimension that is known only at run time."""
        ...


class Rules(Generic[KeyT, HandlerT]):
    """One family's rules; a frontend composes families explicitly."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._handlers: dict[KeyT, HandlerT] = {}

    def add(self, key: KeyT, handler: HandlerT) -> None:
        """Register a handler.

        Raises:
            ValueError: the key has a handler.
        """
        if key in self._handlers:
            raise ValueError(f"{key!r} has two rules")
        self._handlers[key] = handler

    def items(self) -> Iterator[tuple[KeyT, HandlerT]]:
        return iter(self._handlers.items())


def compose(*families: Rules[KeyT, HandlerT]) -> dict[KeyT, HandlerT]:
    """All families' rules in one table.

    Raises:
        ValueError: two families have a rule for the same key.
    """
    table: dict[KeyT, HandlerT] = {}
    for family in families:
        for key, handler in family.items():
            if key in table:
                raise ValueError(f"{key!r} has two rules")
            table[key] = handler
    return table
