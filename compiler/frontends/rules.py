"""Tables from names in a specification to the functions that lower them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from ...ir.ssa import Op, Value

Handler = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=Handler)
OpT = TypeVar("OpT", bound=Op)


class Rules(Generic[HandlerT]):
    """One family's rules; a frontend composes families explicitly.

    Use as a decorator: `@rules("convolution", "deconvolution")`.
    """

    def __init__(self, family: str) -> None:
        self.family = family
        self._handlers: dict[str, HandlerT] = {}

    def __call__(self, *names: str) -> Callable[[HandlerT], HandlerT]:
        def register(handler: HandlerT) -> HandlerT:
            for name in names:
                self.add(name, handler)
            return handler

        return register

    def add(self, name: str, handler: HandlerT) -> None:
        """Register a handler.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._handlers:
            raise ValueError(f"'{name}' has two rules")
        self._handlers[name] = handler

    def items(self) -> Iterator[tuple[str, HandlerT]]:
        return iter(self._handlers.items())


def compose(*families: Rules[HandlerT]) -> dict[str, HandlerT]:
    """All families' rules in one table.

    Raises:
        ValueError: a name occurs twice.
    """
    table: dict[str, HandlerT] = {}
    for family in families:
        for name, handler in family.items():
            if name in table:
                raise ValueError(f"'{name}' has two rules")
            table[name] = handler
    return table


# One value, one for each output, or all values that control flow assigns, by name.
Result = Value | tuple[Value, ...] | Mapping[str, Value | None]
