"""What blocks, their calls and the layers in them are called."""

from collections import Counter

from .blocks import Block, Run, body_of, is_residual
from .dialect import layers
from .steps import Step, short_name

_FEW_WORDS = 3


def suffixes_of(runs: list[Run]) -> list[str] | None:
    """What layers are called after a common prefix, if that is the same in every occurrence."""
    found = None
    for run in runs:
        labels = [_stem(step) for step in run.steps]
        prefix = _prefix([label for label in labels if label])
        suffixes = [label.removeprefix(prefix).strip("_") for label in labels]
        if not prefix or (found is not None and suffixes != found):
            return None
        found = suffixes
    named = [suffix for suffix in found or [] if suffix]
    return found if named and len(set(named)) == len(named) else None


def _stem(step: Step) -> str:
    """A label; that of a block's call may be the prefix of others."""
    return f"{step.label}_" if step.label and isinstance(step.source, Block) else step.label


def _prefix(labels: list[str]) -> str:
    """What labels begin with, up to an underscore."""
    if len(labels) < 2:
        return labels[0].rpartition("_")[0] if labels else ""
    first, last = min(labels), max(labels)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:same].rpartition("_")[0]


def numbered(steps: list[Step]) -> list[str]:
    """Names of layers by what they are, numbered where there are several."""
    shorts = [short_of(step) for step in steps]
    counts, seen = Counter(shorts), Counter[str]()
    found: list[str] = []
    for short in shorts:
        seen[short] += 1
        several = counts[short] > 1 and short
        found.append(f"{short}{seen[short]}" if several else short)
    return found


def short_of(step: Step) -> str:
    """What a call is, in a word; empty for functions."""
    if isinstance(step.source, Block):
        return step.source.name
    return short_name(step.op) if step.label else ""


def instance_names(runs: list[Run], name: str, prefixed: bool) -> list[str]:
    """What the layers of each occurrence begin with."""
    if prefixed:
        return [_prefix([_stem(s) for s in run.steps if s.label]) for run in runs]
    if not any(step.label for step in runs[0].steps):
        return [""] * len(runs)
    return [f"{name}_{number}" for number, _ in enumerate(runs, 1)]


def block_name(runs: list[Run]) -> str:
    """What people call such a block."""
    steps = runs[0].steps
    kinds = [s.source.name if isinstance(s.source, Block) else short_name(s.op) for s in steps]
    sources = [step.source for step in steps]
    body = body_of(runs[0])
    inside = "_".join(dict.fromkeys(kinds))
    if is_residual(body):
        return "residual_block"
    if any(isinstance(source, layers.Add) for source in sources[-2:]):
        return "projection_block"
    if isinstance(sources[-1], layers.Concatenate):
        return "dense_block" if body.inputs[0] in steps[-1].inputs else "inception_block"
    convolutions = [s for s in sources if isinstance(s, layers.Conv | layers.DepthwiseConv2D)]
    depthwise = [isinstance(s, layers.DepthwiseConv2D) for s in convolutions]
    if depthwise == [False, True, False]:
        return "inverted_residual"
    if depthwise == [True, False]:
        return "separable_block"
    if isinstance(sources[0], layers.ConvTranspose | layers.UpSampling2D):
        return "up_block"
    if len(convolutions) == len(steps) == 2:
        return "double_conv"
    sizes = [set(s.kernel_size) for s in convolutions]
    if len(sizes) == 3 and sizes[0] == sizes[2] == {1} != sizes[1]:
        return "bottleneck"
    if inside.count("_") <= _FEW_WORDS:
        return inside
    return f"{kinds[0].removesuffix('_block')}_{'stage' if '_block' in inside else 'block'}"
