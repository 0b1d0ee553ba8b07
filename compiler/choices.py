"""What can be chosen about compiling: by keyword in Python, by option of a command.

Nothing heavy is imported here: commands list all choices in `--help`.
"""

from typing import Literal, get_args

from ..backends.table import TARGETS
from ..ir.choices import Choice

Batch = Literal["auto", "dynamic", "static"]
Layout = Literal["coreml", "nhwc"]
Precision = Literal["auto", "float32", "keep"]
Weights = Literal["expanded", "compressed"]
States = Literal["kept", "arguments"]
Features = Literal["columns", "matrix"]
Stage = Literal["imported", "optimized", "lowered"]


def choices() -> tuple[Choice, ...]:
    """The fields of `options.Options`, as commands take them."""
    return (
        Choice("target", "whose passes and lowering (tf)", tuple(TARGETS)),
        Choice("function", "one of several functions; all by default", metavar="NAME"),
        Choice(
            "states",
            "kept (the default): by a SavedModel, between calls; arguments: each state is an input "
            "and an output of the same name",
            get_args(States),
        ),
        Choice(
            "omit",
            "leave an optional input out; it has its default, or is zero; may be repeated",
            spelling="names",
            metavar="INPUT",
        ),
        Choice(
            "inputs",
            "begin at a value of the model, which becomes an input; may be repeated",
            spelling="names",
            metavar="NAME",
        ),
        Choice(
            "outputs",
            "end with a value, which becomes the output; may be repeated",
            spelling="names",
            metavar="NAME",
        ),
        Choice(
            "features",
            "of a model of numbers: columns (the default): each an input; matrix: one input [N, F]",
            get_args(Features),
        ),
        Choice("passes", "more passes, before the target's own", metavar="PIPELINE"),
        Choice(
            "batch",
            "auto (the default): a varying batch where the model allows it (for tflite: none); "
            "dynamic: or fail; static: none",
            get_args(Batch),
            "shapes",
        ),
        Choice("fixed_shapes", "only the default shapes of flexible inputs", (), "shapes", "flag"),
        Choice(
            "shapes",
            "one of the shapes that a flexible input may have; or the full shape S,B,C,H,W of an "
            "array input of an old network, in which names stay open",
            group="shapes",
            spelling="shapes",
            metavar="NAME=SIZES",
            option="--shape",
        ),
        Choice(
            "io_layout",
            "dimensions of arrays: Core ML's own (coreml, the default), or channels last",
            get_args(Layout),
            "shapes",
        ),
        Choice(
            "precision",
            "float32 (the default): compute float16 in float32; keep: as ML Programs say",
            get_args(Precision),
            "numbers",
        ),
        Choice(
            "weights",
            "compressed: weights stored in a small form stay so, and are decoded at run time",
            get_args(Weights),
            "numbers",
        ),
        Choice("verify_each", "verify the IR after every pass", group="debugging", spelling="flag"),
    )
