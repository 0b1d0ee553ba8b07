"""How often Python looks for garbage while modules are made."""

import gc
from collections.abc import Generator
from contextlib import contextmanager

# Objects that are made between two searches; Python's default is 700.
_OBJECTS = 50_000


@contextmanager
def rarely_collected() -> Generator[None]:
    """Search for unreachable objects less often in the block.

    A module is millions of objects that refer to each other and stay. Python looks through them
    again and again while it grows, which takes a third of the time of importing and two thirds of
    lowering. Not at all would be a little faster, but ops that were replaced refer to each other,
    too, and may hold the only reference to the numbers of a weight.
    """
    first, *others = gc.get_threshold()
    if first:  # 0: never
        gc.set_threshold(max(first, _OBJECTS), *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
