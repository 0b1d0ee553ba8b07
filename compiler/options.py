"""Choices that the command line and the API share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..ir.diagnostics import CompileError, Diagnostic
from ..ir.dims import Dim, symbol

Batch = Literal["auto", "dynamic", "static"]
Layout = Literal["coreml", "nhwc"]
Precision = Literal["float32", "keep"]
Weights = Literal["expanded", "compressed"]


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
        shapes: full shapes [sequence, batch, C, H, W] of array inputs, by name, for networks whose
            inputs Core ML maps to rank 5, which may vary at run time. Entries are numbers, or names
            of dynamic dimensions.
        precision: for ML Programs. "float32": float16 is computed in float32; "keep": programs are
            computed in their own types.
        weights: "expanded": dense tensors; "compressed": weights that the model stores quantized,
            as palettes, sparse or in float16 stay so, and are decoded each time the model runs.
        function: one function of a model with several; empty for all.
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
    precision: Precision = "float32"
    weights: Weights = "expanded"
    function: str = ""
    passes: str = ""
    verify_each: bool = False

    def __post_init__(self) -> None:
        choices = {"batch": get_args(Batch), "io_layout": get_args(Layout)}
        choices |= {"precision": get_args(Precision), "weights": get_args(Weights)}
        for name, known in choices.items():
            value = getattr(self, name)
            if value not in known:
                raise CompileError(
                    Diagnostic(f"{name} is '{value}', expected one of {', '.join(known)}", "usage")
                )

    def dims(self) -> dict[str, tuple[Dim, ...]]:
        """`shapes` as dimensions of the IR.

        Raises:
            CompileError: an entry is neither a positive number nor a name.
        """
        return {name: tuple(map(_dim, entries)) for name, entries in self.shapes.items()}


def _dim(entry: int | str) -> Dim:
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
