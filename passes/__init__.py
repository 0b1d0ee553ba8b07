"""Passes: IR to IR. One table of passes, and the pipelines as the text that commands take."""

from collections.abc import Mapping

if not __name__.startswith("cmlc."):
    raise ImportError(
        "import cmlc.passes, not passes: a second copy of every class breaks isinstance"
    )

# name → "module:class", loaded on first use.
PASSES: dict[str, str] = {
    "canonicalize": ".canonicalize:Canonicalize",
    "compute-in-singles": ".compute_in_singles:ComputeInSingles",
    "constant-fold": ".constant_fold:ConstantFold",
    "cse": ".cse:EliminateCommonSubexpressions",
    "cut": ".cut:Cut",
    "dce": ".dce:EliminateDeadCode",
    "dynamic-batch": ".dynamic_batch:DynamicBatch",
    "expose-states": ".expose_states:ExposeStates",
    "feature-matrix": ".feature_matrix:FeatureMatrix",
    "fold-batch-norm": ".fold_batch_norm:FoldBatchNorm",
    "fold-scale": ".fold_batch_norm:FoldScale",
    "follow-extents": ".follow_extents:FollowExtents",
    "if-convert": ".if_convert:IfConvert",
    "inline": ".inline:Inline",
    "io-layout": ".io_layout:InterfaceLayout",
    "layout": ".layout:AssignLayout",
    "numeric-interface": ".numeric_interface:NumericInterface",
    "pad-widths": ".pad_widths:PadWidths",
    "omit-inputs": ".omit_inputs:OmitInputs",
    "recognize": ".recognize:Recognize",
    "recognize-loops": ".recognize_loops:RecognizeLoops",
    "sink-transposes": ".sink_transposes:SinkTransposes",
    "split-shuffles": ".split_shuffles:SplitShuffles",
    "symbol-dce": ".symbol_dce:EraseUncalledFunctions",
    "unroll": ".unroll:Unroll",
}

# All tables of passes of this project. `cmlc/__init__.py` adds those of targets, because passes
# know no target.
TABLES: list[Mapping[str, str]] = [PASSES]

# Functions that call others are for people: passes on the interface, and targets, need one whole.
INLINE = "inline, symbol-dce"
# For targets without doubles: models that compute in them are rounded.
SINGLES = "compute-in-singles"


def simplify(fold: str = "constant-fold") -> str:
    """What every target starts from: simple, but nothing is folded that training would need."""
    return f"canonicalize, {fold}, cse, dce"


SIMPLIFY = simplify()


def tail(layout: str, fold: str = "constant-fold") -> str:
    """What every target ends with: its layout, with as few transposes as can be."""
    return (
        f"canonicalize, layout{{to={layout}}}, (sink-transposes, canonicalize)*, {fold}, cse, dce"
    )


# For models that will be trained further: batch norms and preprocessing stay what they are, and
# control flow and computed extents are removed where straight code can say the same. Such code
# computes nothing of constants alone, so these are folded whatever their size (here 1 GB).
_FOLD_ALL = "constant-fold{limit=268435456}"
TRAINABLE = (
    f"{SINGLES}, numeric-interface, {simplify(_FOLD_ALL)}, recognize-loops, "
    f"(unroll, if-convert, {simplify(_FOLD_ALL)})*, recognize, follow-extents, "
    f"{tail('channels_last', _FOLD_ALL)}"
)
# For inference graphs.
OPTIMIZE = (
    f"{SIMPLIFY}, recognize-loops, recognize, fold-batch-norm, fold-scale, {tail('channels_last')}"
)
# For graphs on phones: images are bytes there too, but labels are next to the graph.
DEPLOY = f"{SINGLES}, numeric-interface{{images=bytes, classes=strings}}, {OPTIMIZE}"
