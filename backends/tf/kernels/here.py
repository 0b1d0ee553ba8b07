"""The composites of graphs that run in this process and are never saved.

XLA compiles some of them, which a file can't ask for: not every program that runs SavedModels has
XLA, and one without it refuses the whole graph.
"""

from functools import partial
from types import SimpleNamespace

from .. import kernels

COMPILED = frozenset({"complete_trees", "linked_trees"})


def composites() -> SimpleNamespace:
    """All composites by name."""
    found = {name: getattr(kernels, name) for name in kernels.__all__}
    return SimpleNamespace(
        **found | {name: partial(found[name], compiled=True) for name in COMPILED}
    )
