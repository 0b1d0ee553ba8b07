"""The result of a comparison: edits that turn one module into the other, as plain data."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

EditKind: TypeAlias = Literal[
    "interface",
    "function",
    "removed",
    "added",
    "replaced",
    "moved",
    "attribute",
    "operands",
    "type",
    "weight",
    "metadata",
]
EDIT_KINDS: tuple[EditKind, ...] = get_args(EditKind)


@dataclass(frozen=True)
class Place:
    """An op of one of the modules.

    Attributes:
        function: the name of its function.
        op: its kind, such as "nn.conv".
        name: its first result in IR text, such as "%conv1"; empty if it has none.
        layer: where in the model it comes from, such as "layers[3] 'conv1'"; empty if unknown.
        line: the op in IR text.
    """

    function: str
    op: str
    name: str = ""
    layer: str = ""
    line: str = ""


@dataclass(frozen=True)
class WeightChange:
    """How the contents of a constant differ.

    Attributes:
        name: the name of the constant.
        old_type, new_type: types, as text.
        size: number of elements.
        changed: how many differ; None if the contents are unavailable or shapes differ.
        max_difference, mean_difference: of the absolute differences; None for strings, and where
            `changed` is None. Numbers that become NaN, or were NaN, differ infinitely.
        relative: the largest difference divided by the largest old magnitude; None if that is 0.
        transposed: the permutation that turns the old constant into exactly the new one.
        users: the ops that use it.
    """

    name: str
    old_type: str
    new_type: str
    size: int
    changed: int | None = None
    max_difference: float | None = None
    mean_difference: float | None = None
    relative: float | None = None
    transposed: tuple[int, ...] = ()
    users: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Edit:
    """One difference.

    Attributes:
        kind: the kind of difference.
        what: the attribute, operand, input, output or property that differs; empty for whole ops.
        old, new: what it was and is, as text.
        before, after: the op in each module; None where there is none.
        note: where an added op is, or more about the difference.
        group: connected added (removed) ops have the same number.
        weight: the change of contents, for weights.
    """

    kind: EditKind
    what: str = ""
    old: str = ""
    new: str = ""
    before: Place | None = None
    after: Place | None = None
    note: str = ""
    group: int = -1
    weight: WeightChange | None = None

    @property
    def place(self) -> Place | None:
        """The op, in the first module if it has it, else in the second."""
        return self.before or self.after

    @property
    def is_preprocessing(self) -> bool:
        """Whether it concerns the preprocessing of an input."""
        return self.place is not None and self.place.layer.startswith("input '")


@dataclass(frozen=True)
class Difference:
    """All differences of two modules.

    Attributes:
        edits: in the order of the modules' text, interfaces first.
        matched: how many ops are in both, without constants and terminators.
        ops: how many ops each module has.
        types_following: how many ops have types that differ only because of ops before them.
        following: other consequences of edits, one sentence each.
    """

    edits: tuple[Edit, ...]
    matched: int
    ops: tuple[int, int]
    types_following: int = 0
    following: tuple[str, ...] = field(default=())

    @property
    def equal(self) -> bool:
        return not self.edits

    def counts(self) -> dict[str, int]:
        """Edits by kind, in the order of EDIT_KINDS."""
        found = Counter(edit.kind for edit in self.edits)
        return {kind: found[kind] for kind in EDIT_KINDS if found[kind]}
