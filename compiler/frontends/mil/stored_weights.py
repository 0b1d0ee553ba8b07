"""The weights of ML Programs: constants that operations compute with, decoded if compressed.

Constants are weights if they are in a weight file, compressed, or floating-point tensors; those
that say how an operation works (strides, axes) are not weights. Operations may be unsupported.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ....ir.diagnostics import CompileError
from ....ir.dialects.builtin import Constant
from ....ir.location import InModel
from ....ir.ssa import Block
from ....ir.weights.resources import Resource
from ...source.blob import KINDS
from ...source.reading import ModelSource, program_of
from ...source.weight_files import WeightFiles
from ..stored_weights import Stored, StoredWeight
from . import OPERATIONS, program_opset
from .constants import is_blob
from .scope import Scope, Walk
from .walk import Walker

_KERNEL = ("kernel_depth", "kernel_height", "kernel_width")
# Names of the axes before those of the kernel, by operation and parameter.
_AXES = {
    ("conv", "weight"): ("out", "in/groups"),
    ("conv_transpose", "weight"): ("in", "out/groups"),
    ("linear", "weight"): ("out", "in"),
    **{(kind, "bias"): ("out",) for kind in ("conv", "conv_transpose", "linear")},
    **{
        (kind, parameter): ("channel",)
        for kind in ("batch_norm", "instance_norm")
        for parameter in ("gamma", "beta", "mean", "variance")
    },
    **{
        (kind, f"{parameter}{back}"): axes
        for kind, gates in (("lstm", "4*out"), ("gru", "3*out"), ("rnn", "out"))
        for back in ("", "_back")
        for parameter, axes in (
            ("weight_ih", (gates, "in")),
            ("weight_hh", (gates, "out")),
            ("bias", (gates,)),
        )
    },
}


@dataclass
class _Use:
    """The use of a constant: the first one that is not part of a compressed constant."""

    kind: str = ""
    layer: str = ""
    parameter: str = ""
    inside: bool = False  # part of a compressed constant


@dataclass
class _Found:
    """Constants of a function by name, and their uses."""

    resources: dict[str, tuple[Resource, str, bool]] = field(
        default_factory=dict[str, tuple[Resource, str, bool]]
    )
    uses: dict[str, _Use] = field(default_factory=dict[str, _Use])


def stored_weights(source: ModelSource, prefix: str = "") -> Iterator[Stored]:
    """Every weight of an ML Program, in order; several functions share those that are equal.

    Args:
        source: the program.
        prefix: the prefix of names.

    Raises:
        CompileError: a weight is missing, damaged, or compressed in an unknown way; all of them. Or
            the model is not a program.
    """
    program = program_of(source)
    seen: dict[str, Resource] = {}
    for name in sorted(program.message.functions):
        for found in _function(program.message.functions[name], program.weights):
            taken = seen.get(found.name)
            if taken is not None and taken == found.resource:
                continue
            full = found.name if taken is None else f"{name}.{found.name}"
            seen[full] = found.resource
            yield StoredWeight(**{**vars(found), "name": f"{prefix}{full}"})


def _function(function: Any, weights: WeightFiles) -> Iterator[StoredWeight]:
    walk = Walk(program_opset(function), weights, singles=False)
    scope, found = Scope(walk, Block(), {}), _Found()
    _read(function.block_specializations[function.opset], scope, found)
    if walk.problems:
        raise CompileError(walk.problems)
    for name, (resource, stored, is_weight) in found.resources.items():
        use = found.uses.get(name, _Use())
        if is_weight and (use.kind or not use.inside):
            axes = _axes(use, resource)
            yield StoredWeight(name, resource, axes, use.kind, use.layer, use.parameter, stored)


def _axes(use: _Use, resource: Resource) -> tuple[str, ...]:
    axes = _AXES.get((use.kind, use.parameter), ())
    rank, spatial = resource.type.rank, use.kind in ("conv", "conv_transpose")
    if spatial and use.parameter == "weight" and 3 <= rank <= 5:
        return (*axes, *_KERNEL[5 - rank :])
    return axes if len(axes) == rank else ()


def _read(block: Any, scope: Scope, found: _Found) -> None:
    """The constants of a block and of nested blocks; nothing else is lowered."""
    for position, operation in enumerate(block.operations):
        names = [output.name for output in operation.outputs]
        if operation.type == "const" or operation.type.startswith("constexpr_"):
            location = InModel("operations", position, names[0])
            values = Walker(OPERATIONS).lowered(scope, operation, location)
            for name, value in zip(names, values, strict=True):
                scope.names[name] = value
                if value is not None and isinstance(value.op, Constant):
                    found.resources[name] = _described(operation, value.op.value)
        _note_uses(operation, names[0] if names else operation.type, scope, found)
        for inner in operation.blocks:
            _read(inner, scope, found)


def _described(operation: Any, resource: Resource) -> tuple[Resource, str, bool]:
    """(the numbers, how they are stored, whether they are a weight)."""
    if operation.type != "const":
        return resource, operation.type.removeprefix("constexpr_"), True
    value = operation.attributes["val"]
    return resource, _kind(value), _is_weight(value, resource)


def _is_weight(value: Any, resource: Resource) -> bool:
    return is_blob(value) or (resource.type.dtype.is_float and resource.type.rank > 0)


def _kind(value: Any) -> str:
    number = value.type.tensorType.dataType
    return next((kind.name for kind in KINDS.values() if kind.number == number), "")


def _note_uses(operation: Any, layer: str, scope: Scope, found: _Found) -> None:
    inside = operation.type.startswith("constexpr_")
    for parameter in sorted(operation.inputs):
        for index, binding in enumerate(operation.inputs[parameter].arguments):
            name = binding.name
            if binding.WhichOneof("binding") == "value":
                name = f"{layer}.{parameter}" + (f"[{index}]" if index else "")
                if not inside:
                    _add_inline(binding.value, name, scope, found)
            use = found.uses.setdefault(name, _Use())
            use.inside |= inside
            if not inside and not use.kind:
                use.kind, use.layer, use.parameter = operation.type, layer, parameter


def _add_inline(value: Any, name: str, scope: Scope, found: _Found) -> None:
    """A constant that is stored in the operation itself."""
    if value.WhichOneof("value") == "immediateValue" and not value.immediateValue.HasField(
        "tensor"
    ):
        return
    made = scope.constant(value, name).op
    assert isinstance(made, Constant)
    found.resources[name] = made.value, _kind(value), _is_weight(value, made.value)
