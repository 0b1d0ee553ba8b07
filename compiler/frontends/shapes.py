"""Which of the shapes that a model allows its inputs are compiled for, if options choose one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ...ir.attributes import Dims
from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.dialects.core.asserting import shapes_text
from ...ir.location import InModel
from ..source.interface import Feature, Interface
from .features import limits_of_sizes


def sizes_of(feature: Feature) -> tuple[int, ...]:
    """The default shape of an input; [height, width] of an image."""
    image = feature.image
    return feature.shape if image is None else (image.height, image.width)


def with_chosen_shapes(interface: Interface, shapes: Mapping[str, Dims]) -> Interface:
    """The interface in which flexible inputs have only the shapes that are chosen for them.

    Full shapes of rank-5 networks are left out: those have more dimensions than the input.

    Raises:
        CompileError: a shape is not one that the model allows; all of them at once.
    """
    problems: list[Diagnostic] = []
    inputs: list[Feature] = []
    for feature in interface.inputs:
        given = shapes.get(feature.name)
        if given is None or feature.flexibility is None or _is_full(feature, given):
            inputs.append(feature)
            continue
        sizes = tuple(dim for dim in given if isinstance(dim, int))
        if len(sizes) == len(given) and feature.flexibility.allows(sizes):
            inputs.append(_of_sizes(feature, sizes))
            continue
        allowed = shapes_text(limits_of_sizes(feature.flexibility))
        problems.append(
            Diagnostic(
                f"the shape {list(map(str, given))} is not one that the model allows",
                "usage",
                InModel("input", None, feature.name),
                remedy=f"give {allowed}",
            )
        )
    if problems:
        raise CompileError(problems)
    return replace(interface, inputs=tuple(inputs))


def _is_full(feature: Feature, given: Dims) -> bool:
    return feature.image is None and len(given) == 5 and len(feature.shape) < 5


def _of_sizes(feature: Feature, sizes: tuple[int, ...]) -> Feature:
    """The input with this shape alone."""
    if feature.image is None:
        return replace(feature, shape=sizes, flexibility=None)
    height, width = sizes
    image = replace(feature.image, height=height, width=width)
    return replace(feature, image=image, flexibility=None)


def left_over(interfaces: Iterable[Interface], shapes: Mapping[str, Dims]) -> dict[str, Dims]:
    """The chosen shapes that are not those of inputs, by name.

    Args:
        interfaces: as `with_chosen_shapes` gives them.
        shapes: what options choose.

    Raises:
        CompileError: there is no such input.
    """
    features = [feature for each in interfaces for feature in each.inputs]
    names = dict.fromkeys(feature.name for feature in features)
    for name in shapes:
        if name not in names:
            remedy = f"the inputs are {', '.join(names)}"
            raise CompileError(Diagnostic(f"there is no input '{name}'", "usage", remedy=remedy))
    settled = {f.name for f in features if shapes.get(f.name) == sizes_of(f)}
    return {name: given for name, given in shapes.items() if name not in settled}
