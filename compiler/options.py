"""How to compile: the choices that were made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING

from ..backends.table import TARGETS
from ..ir.diagnostics import CompileError, Diagnostic, usage_error
from .choices import Batch, Features, Layout, Precision, States, Weights, choices

if TYPE_CHECKING:
    from ..ir.dims import Dim


@dataclass(frozen=True)
class Options:
    """How to compile.

    Attributes:
        target: name of the target.
        batch: "auto": image inputs get a dynamic batch if every layer allows it, and arrays keep
            Core ML's shape; "dynamic": array inputs get one too, or compilation fails and says why;
            "static": a batch of one.
        io_layout: the interface's layout of arrays of images. "coreml": Core ML's […, C, H, W];
            "nhwc": channels-last, […, H, W, C].
        fixed_shapes: compile only the default shapes of flexible inputs.
        shapes: shapes of inputs, by name. For a flexible input, one that the model allows ([height,
            width] of an image): it is compiled for that alone. For networks whose inputs Core ML
            maps to rank 5, full shapes [sequence, batch, C, H, W] of array inputs, which may vary
            at run time: entries are numbers, or names of dynamic dimensions.
        precision: "auto": ML Programs compute float16 in float32; models that are neither networks
            nor programs compute in doubles where the target has them, else in float32; "float32":
            everything is computed in float32; "keep": programs are computed in their own types.
            IR text is computed as it says.
        weights: "expanded": dense tensors; "compressed": weights that the model stores quantized,
            as palettes, sparse or in float16 stay so, and are decoded each time the model runs.
        function: one function of a model with several; empty for all.
        states: "kept": what runs the model keeps its states between calls; "arguments": each state
            is an optional input (zeros at first) and an output of the same name, kept by callers.
        omit: names of optional inputs that the model shall not have: they are what they are when
            they are not given.
        inputs: names of values where the model shall begin: they become inputs, and what only
            served to compute them goes away. Names are the model's: of layers' outputs, of layers,
            of operations' outputs, of inputs.
        outputs: names of values that shall be all outputs of the model, which ends with them.
        features: "columns": each number that a model takes is an input, [N] of a table; "matrix":
            they are the columns of one input, [N, F], in the order of the model's description.
        passes: a pipeline that runs before the target's.
        verify_each: verify the IR after every pass.
    """

    target: str = "tf"
    batch: Batch = "auto"
    io_layout: Layout = "coreml"
    fixed_shapes: bool = False
    shapes: Mapping[str, Sequence[int | str]] = field(
        default_factory=dict[str, Sequence[int | str]]
    )
    precision: Precision = "auto"
    weights: Weights = "expanded"
    function: str = ""
    states: States = "kept"
    omit: Sequence[str] = ()
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    features: Features = "columns"
    passes: str = ""
    verify_each: bool = False

    def __post_init__(self) -> None:
        for choice in choices():
            choice.check(getattr(self, choice.name))
        without = TARGETS[self.target].without
        for choice in choices():
            if choice.name in without & self.chosen().keys():
                takers = [name for name, row in TARGETS.items() if choice.name not in row.without]
                message = f"{choice.spelled} means nothing for the target {self.target}"
                raise usage_error(message, f"it is for {', '.join(takers)}")

    def chosen(self) -> dict[str, object]:
        """The fields that differ from their defaults, by name."""
        found = {choice.name: getattr(self, choice.name) for choice in choices()}
        return {name: value for name, value in found.items() if value != _usual(name)}

    def without(self, names: Collection[str]) -> "Options":
        """The options with these fields at their defaults."""
        return replace(self, **{name: _usual(name) for name in names})

    def command_line(self, names: Collection[str]) -> str:
        """What these fields are on a command line, those with their default value left out.

        Each option begins with a space.
        """
        chosen = self.chosen()
        given = [each for each in choices() if each.name in chosen and each.name in names]
        return "".join(each.on_command_line(chosen[each.name]) for each in given)

    def dims(self) -> "dict[str, tuple[Dim, ...]]":
        """`shapes` as dimensions of the IR.

        Raises:
            CompileError: an entry is neither a positive number nor a name.
        """
        return {name: tuple(map(_dim, entries)) for name, entries in self.shapes.items()}


def _usual(name: str) -> object:
    """A field's default."""
    (item,) = (item for item in fields(Options) if item.name == name)
    return item.default if item.default is not MISSING else {}


def _dim(entry: int | str) -> "Dim":
    from ..ir.dims import symbol

    text = str(entry)
    if text.isdecimal() and int(text) > 0:
        return int(text)
    if text.isidentifier():
        return symbol(text)
    raise CompileError(
        Diagnostic(
            f"'{text}' is not a dimension", "usage", remedy="give a positive number or a name"
        )
    )
