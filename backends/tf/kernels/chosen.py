"""Which form composites have, by where a graph will run.

XLA compiles some composites in this process, which a file can't ask for: not every program that
runs SavedModels has XLA, and one without it refuses the whole graph. TensorFlow may choose an op of
its own for others, in this process and in SavedModels, where functions lie beside the graph.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

from .. import kernels


@dataclass(frozen=True)
class Choice:
    """A kind of graph.

    Attributes:
        options: the argument that composites take in such a graph, by their names.
    """

    options: Mapping[str, str] = field(default_factory=dict)

    def composites(self) -> SimpleNamespace:
        """All composites by name."""
        found = {name: getattr(kernels, name) for name in kernels.__all__}
        chosen = {
            name: partial(found[name], **{option: True}) for name, option in self.options.items()
        }
        return SimpleNamespace(**found | chosen)


_SELECTED = {"block_lstm": "selected"}
_COMPILED = {"complete_trees": "compiled", "linked_trees": "compiled"}
CHOICES = {
    "everywhere": Choice(),
    "as a SavedModel": Choice(_SELECTED),
    "in this process": Choice({**_SELECTED, **_COMPILED}),
}
