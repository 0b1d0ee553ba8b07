"""How much is searched: all of it, or a part where tests shall be quick (`make quick`)."""

from hypothesis import settings

QUICK = settings.default.max_examples < 100


def rounds(usual: int) -> int:
    """How often a law is checked on random instances."""
    return max(1, usual // 3) if QUICK else usual
