"""Names of blocks, their calls and the layers in them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from .blocks import Block, Run, body_of, is_residual
from .dialect import layers, ops
from .layer_names import common_prefix, short_name
from .steps import Body, Step

_FEW_WORDS = 3


def suffixes_of(runs: list[Run]) -> list[str] | None:
    """The names of layers after a common prefix, if they are the same in every occurrence.

    Layers without weights whose names don't have the prefix are named by their kind.
    """
    plain = numbered(runs[0].steps)
    prefixes = [_prefix(run) for run in runs]
    if not all(prefixes):
        return None
    found: list[str] = []
    for position, step in enumerate(runs[0].steps):
        rows = zip(runs, prefixes, strict=True)
        suffixes = {_suffix(run.steps[position].label, prefix) for run, prefix in rows}
        suffix = suffixes.pop()
        if suffixes or suffix is None:
            if _is_telling(step):
                return None
            suffix = plain[position]
        found.append(suffix)
    named = [s for s, step in zip(found, runs[0].steps, strict=True) if takes_name(step)]
    return found if len(set(named)) == len(named) else None


def _prefix(run: Run) -> str:
    """The common prefix of the names of layers with weights."""
    labels = [step.label for step in run.steps if _is_telling(step)]
    return common_prefix(labels or [step.label for step in run.steps if step.label])


def _is_telling(step: Step) -> bool:
    return step.is_owned or (isinstance(step.source, Block) and takes_name(step))


def _suffix(label: str, prefix: str) -> str | None:
    if label == prefix:
        return ""
    return label.removeprefix(f"{prefix}_") if label.startswith(f"{prefix}_") else None


def takes_name(step: Step) -> bool:
    """Whether the call names a layer, or layers of the block that it calls."""
    if isinstance(step.source, Block):
        return any(map(takes_name, step.source.body.steps))
    return step.makes_layer


def numbered(steps: list[Step]) -> list[str]:
    """Names of layers by kind, numbered where there are several.

    Layers after one of several convolutions are named after it: conv1, conv1_bn, conv1_relu.
    """
    shorts = _roles(steps)
    counts = Counter(short for short in shorts if short)
    several = sum(isinstance(step.source, _LEADING) for step in steps) > 1
    seen, found, owner = Counter[str](), list[str](), ""
    for short, step in zip(shorts, steps, strict=True):
        if owner and isinstance(step.source, _FOLLOWING) and f"{owner}_{short}" not in found:
            found.append(f"{owner}_{short}")
            continue
        owner = ""
        seen[short] += 1
        found.append(f"{short}{seen[short]}" if counts[short] > 1 and short else short)
        owner = found[-1] if several and isinstance(step.source, _LEADING) else ""
    return found


UPSAMPLING = (layers.ConvTranspose, layers.UpSampling2D)
_ATTENTION = (layers.MultiHeadAttention, ops.DotProductAttention)
_SHORT = 4  # steps of a block that has little besides attention
_LEADING = (layers.Conv, layers.DepthwiseConv2D, layers.ConvTranspose, layers.Dense)
_FOLLOWING = (layers.BatchNormalization, layers.ReLU, layers.Activation, layers.LeakyReLU)


def _roles(steps: list[Step]) -> list[str]:
    """The role of each call; convolutions around a depthwise one expand and project."""
    shorts = [short_of(step) for step in steps]
    convolutions = [i for i, step in enumerate(steps) if isinstance(step.source, _LEADING)]
    if _is_inverted(steps):
        shorts[convolutions[0]], shorts[convolutions[2]] = "expand", "project"
    return shorts


def _is_inverted(steps: list[Step]) -> bool:
    convolutions = [step.source for step in steps if isinstance(step.source, _LEADING)]
    depthwise = [isinstance(source, layers.DepthwiseConv2D) for source in convolutions]
    return depthwise == [False, True, False]


def short_of(step: Step) -> str:
    """A call's kind in a word; empty for functions."""
    if isinstance(step.source, Block):
        return step.source.name
    return short_name(step.op) if step.is_layer else ""


def instance_names(runs: list[Run], name: str, main: Body) -> list[str]:
    """The prefix of layers in each occurrence: the model's, or the block's name."""
    if not any(map(takes_name, runs[0].steps)):
        return [""] * len(runs)
    found = [_prefix(run) for run in runs]
    counts = Counter((id(run.body), prefix) for run, prefix in zip(runs, found, strict=True))
    seen, total = Counter[int](), Counter(id(run.body) for run in runs)
    for i, (run, prefix) in enumerate(zip(runs, found, strict=True)):
        key = id(run.body)
        seen[key] += 1
        if prefix and counts[key, prefix] == 1:
            continue
        if run.body is main:
            found[i] = f"{name}_{seen[key]}"
        else:
            found[i] = f"{name}{seen[key]}" if total[key] > 1 else name
    return found


def settle_names(main: Body, blocks: list[Block], inputs: Collection[str]) -> None:
    """Number the calls of blocks without gaps, and make the names of layers unique."""
    numbered_calls: dict[str, int] = {}
    for step in main.steps:
        stem, _, number = step.label.rpartition("_")
        if number.isdigit() and any(stem == block.name for block in blocks):
            numbered_calls[stem] = numbered_calls.get(stem, 0) + 1
            step.label = f"{stem}_{numbered_calls[stem]}"
    settled = set[int]()
    for step in main.steps:
        _settle_inside(step, settled)
    _make_unique(main.steps, {*inputs}, "")


def _settle_inside(step: Step, settled: set[int]) -> None:
    """Make the names of layers unique in a called block, those of the blocks that it calls first.

    A call `c2` of a block with a layer `relu` makes the same name as a layer `c2_relu` beside it.
    """
    if not isinstance(step.source, Block) or id(step.source) in settled:
        return
    settled.add(id(step.source))
    for inner in step.source.body.steps:
        _settle_inside(inner, settled)
    _make_unique(step.source.body.steps, set(), "name")


def _make_unique(steps: Iterable[Step], taken: set[str], prefix: str) -> None:
    """Number the labels whose layers' names, after the prefix, are taken; layers go first."""
    for step in sorted(steps, key=lambda step: isinstance(step.source, Block)):
        if not takes_name(step):
            continue
        for label in _numbers(step.label, short_of(step)):
            names = _layer_names(step, _joined(prefix, label))
            if not taken & names:
                step.label = label
                taken |= names
                break


def _joined(prefix: str, label: str) -> str:
    return f"{prefix}_{label}" if prefix and label else prefix or label


def _numbers(name: str, kind: str) -> Iterator[str]:
    yield name
    yield name or kind
    yield from (f"{name or kind}_{number}" for number in count(2))


def _layer_names(step: Step, label: str) -> set[str]:
    return set(names_of(step, label)) - {""}


def names_of(step: Step, label: str) -> Iterator[str]:
    """The names of all layers that a call makes, in order; functions have none."""
    if not isinstance(step.source, Block):
        yield label if step.makes_layer else ""
        return
    for inner in step.source.body.steps:
        yield from names_of(inner, _joined(label, inner.label))


def block_name(runs: list[Run]) -> str:
    """The usual name of such a block."""
    steps = runs[0].steps
    kinds = [s.source.name if isinstance(s.source, Block) else short_name(s.op) for s in steps]
    inside = "_".join(dict.fromkeys(kinds))
    known = _name_by_ends(runs[0]) or _name_by_convolutions(steps)
    if known or inside.count("_") <= _FEW_WORDS:
        return known or inside
    # Functions say less than layers.
    first = next(
        (kind for kind, step in zip(kinds, steps, strict=True) if step.has_weights), kinds[0]
    )
    return f"{first.removesuffix('_block')}_{'stage' if '_block' in inside else 'block'}"


def _name_by_ends(run: Run) -> str:
    """The name of a block that adds, joins or enlarges; empty for others."""
    body, sources = body_of(run), [step.source for step in run.steps]
    if _has_attention(sources):
        return "attention_block" if len(sources) <= _SHORT else "transformer_block"
    if is_residual(body):
        return "mlp_block" if _is_mlp(sources) else "residual_block"
    if _is_gated(run):
        return "squeeze_excite"
    if any(isinstance(source, layers.Add) for source in sources[-2:]):
        return "projection_block"
    if isinstance(sources[0], UPSAMPLING):
        return "up_block" if len(body.inputs) == 1 else "decoder_block"
    if isinstance(sources[-1], layers.Concatenate):
        return "dense_block" if body.inputs[0] in run.steps[-1].inputs else "inception_block"
    return ""


def _has_attention(sources: Sequence[Any]) -> bool:
    """Whether something attends: a layer, a function, or a softmax between products."""
    if any(isinstance(source, _ATTENTION) for source in sources):
        return True
    kinds = {type(source) for source in sources}
    return layers.Softmax in kinds and ops.Matmul in kinds


def _is_mlp(sources: Sequence[Any]) -> bool:
    """Whether the layers with weights are dense ones, and perhaps a norm."""
    kinds = [type(source) for source in sources if isinstance(source, _LEADING)]
    return len(kinds) > 1 and {*kinds} == {layers.Dense}


def _is_gated(run: Run) -> bool:
    """Whether something is multiplied by what is computed of its mean: squeeze-and-excite."""
    pools = [step for step in run.steps if isinstance(step.source, layers.GlobalAveragePooling2D)]
    gates = [step for step in run.steps if isinstance(step.source, ops.Multiply | layers.Multiply)]
    return any({*gate.inputs} & {*pool.inputs} for gate in gates for pool in pools)


def _name_by_convolutions(steps: list[Step]) -> str:
    """The name of a block by its convolutions; empty if they are nothing special."""
    sources = [step.source for step in steps]
    convolutions = [s for s in sources if isinstance(s, layers.Conv | layers.DepthwiseConv2D)]
    depthwise = [isinstance(s, layers.DepthwiseConv2D) for s in convolutions]
    sizes = [set(s.kernel_size) for s in convolutions]
    if _is_inverted(steps):
        return "inverted_residual"
    if depthwise == [True, False]:
        return "separable_block"
    if len(convolutions) == len(steps) == 2:
        return "double_conv"
    if len(sizes) == 3 and sizes[0] == sizes[2] == {1} != sizes[1]:
        return "bottleneck"
    return ""
