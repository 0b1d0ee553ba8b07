"""Choices that the command line and the API share."""

from dataclasses import dataclass
from typing import Literal

from ..ir.diagnostics import CompileError, Diagnostic

Batch = Literal["auto", "dynamic", "static"]
Layout = Literal["coreml", "nhwc"]


@dataclass(frozen=True)
class Options:
    """How to compile.

    Attributes:
        target: name of the target.
        batch: "auto": image inputs get a dynamic batch where every layer allows it, arrays keep
            Core ML's shape; "dynamic": array inputs get one too, or compilation fails saying why;
            "static": a batch of one.
        io_layout: "coreml": arrays keep Core ML's dimensions; "nhwc": arrays of images
            ([…, C, H, W]) are taken and given channels last.
        function: one function of a model that has several; empty for all.
        verify_each: verify the IR after every pass.
    """

    target: str = "tf"
    batch: Batch = "auto"
    io_layout: Layout = "coreml"
    function: str = ""
    verify_each: bool = False

    def __post_init__(self) -> None:
        for name, known in (("batch", ("auto", "dynamic", "static")), ("io_layout", ("coreml", "nhwc"))):
            value = getattr(self, name)
            if value not in known:
                raise CompileError(
                    Diagnostic(
                        f"{name} is '{value}', expected one of {', '.join(known)}", "usage"
                    )
                )
