"""Names of layers: what the model has for them, and what people call their kinds."""

import re
from collections import Counter
from collections.abc import Sequence

from ...ir.dialects.builtin import Constant
from ...ir.location import InModel, leaves
from ..calls import CallOp
from ..names import words
from .dialect.weighted import Weight
from .shared import weights_of


def names_of(op: CallOp) -> list[str]:
    """The model's names of the elements that an op comes from, the most suitable first.

    This is the owner of its weights; then, for layers with weights, the first element, and for
    others the last, because elements that were merged into an op come before it. What an exporter
    called a weight that it made itself is nobody's name.
    """
    held = _held_names(op)
    parts = [part.name for part in leaves(op.location) if isinstance(part, InModel)]
    names = [name for name in parts if not _MADE.search(_plain(name))] or parts
    names = names if held and len(names) == len(parts) else names[::-1]
    if isinstance(op, Weight):
        names = [*held, *names]
    owners = [name for name in names if any(weight.startswith(name) for weight in held)]
    clean = [_plain(name) for name in (*owners, *names)]
    return [name for name in (owner_of(op), *clean) if name]


def owner_of(op: CallOp) -> str:
    """The module of the original network that owns an op's weights; empty if no name tells it."""
    return "" if isinstance(op, Weight) else _owner([_plain(name) for name in _held_names(op)])


def is_composed(op: CallOp) -> bool:
    """Whether a layer was made of several elements, none of which stands for all.

    Exporters have made its weights then, and not for an element of that name.
    """
    names = [part.name for part in leaves(op.location) if isinstance(part, InModel)]
    held = [value.op.value.name for value in weights_of(op) if isinstance(value.op, Constant)]
    made = [name for name in held if name and _MADE.search(_plain(name))]
    told = {name for name in held if name} - {*made}
    return bool(made) and not told and names[-1:] != [_MADE.sub("", _plain(made[0]))]


def _held_names(op: CallOp) -> list[str]:
    """The names of an op's weights, without those that an exporter gave if there are others."""
    held = [value.op.value.name for value in weights_of(op) if isinstance(value.op, Constant)]
    return [name for name in held if name and not _MADE.search(_plain(name))] or held


# What coremltools calls the numbers of an operation that it made of several.
_MADE = re.compile(r"_(gamma|beta|mean|variance|weight|bias)_\d+$")
_ROLE = re.compile(r"_(weights?|kernel|bias|gamma|beta|alpha)$")
_NOBODY = re.compile(r"(const|op|var|weights?|kernel|bias|input|w|b)?(_?\d+)*_?")


def _owner(weights: list[str]) -> str:
    """The module that owns these weights: the prefix of their names, unless it is a number."""
    roles = {_ROLE.sub("", name) for name in weights}
    found = roles.pop() if len(roles) == 1 else common_prefix(weights)
    return "" if found in weights or _NOBODY.fullmatch(found) else found


def common_prefix(labels: Sequence[str]) -> str:
    """The common label, or the common prefix of all labels up to an underscore."""
    ended = sorted(f"{label}_" for label in labels)
    first, last = (ended[0], ended[-1]) if ended else ("", "")
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same].rpartition("_")[0]


# Suffixes that exporters append to names of layers: TensorFlow's kernels, Core ML's precisions.
_DECORATION = re.compile(
    r"(_to_fp16|_to_fp32|_cast|_cast_fp16|_cast_fp32|_1_[A-Z]\w*?|_1_(convolution\w*|concat|add|mul)"
    r"|_1_batchnorm_\w+|_1_conv_transposex?)+$"
)


def _plain(name: str) -> str:
    """A name in Keras's form, without decoration."""
    return _DECORATION.sub("", words(name))


def shared_prefix(names: list[str]) -> str:
    """The prefix of most names up to an underscore: the name of the whole network."""
    firsts = Counter(name[: match.end()] for name in names for match in re.finditer("_", name))
    shared = [
        prefix
        for prefix, count in firsts.items()
        if count > _MOST * len(names)
        and not any(
            re.match(rf"{prefix}\d", name) for name in names
        )  # for "block_1", it is "block"
    ]
    return max(shared, key=len, default="")


_MOST = 0.8


def without(prefix: str, name: str) -> str:
    """The name without the prefix, or without as many of its words as it begins with."""
    while prefix and not name.startswith(prefix):
        prefix = prefix[: prefix[:-1].rfind("_") + 1]
    return name.removeprefix(prefix)


_SHORT = {
    "BatchNormalization": "bn",
    "LayerNormalization": "norm",
    "RMSNormalization": "norm",
    "GroupNormalization": "norm",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "separable",
    "MaxPooling": "pool",
    "AveragePooling": "pool",
    "GlobalAveragePooling": "pool",
    "GlobalMaxPooling": "pool",
    "ZeroPadding": "pad",
    "Cropping": "crop",
    "UpSampling": "upsample",
    "Concatenate": "concat",
    "ReLU": "relu",
    "LeakyReLU": "relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "Embedding": "embedding",
    "LSTM": "lstm",
    "GRU": "gru",
    "SimpleRNN": "rnn",
    "DotProductAttention": "attention",
    "MultiHeadAttention": "attention",
}


def short_name(op: CallOp) -> str:
    """The usual name of a layer of this kind."""
    name = op.call.rpartition(".")[2]
    dims = re.fullmatch(r"(\w+?)[123]D(\w*)", name)
    if name in _SHORT:
        return _SHORT[name]
    plain = dims[1] + dims[2] if dims else name
    if plain in _SHORT:
        return _SHORT[plain]
    if name == "Activation":
        return str(op.attributes["activation"])
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()
