"""What a function returns, as Core ML's predict gives it: labels, dictionaries, pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..ir.interface import Result
from ..ir.ssa import Function
from ..ir.types import Array
from .binding import outputs_of


def present_outputs(
    function: Function, results: Mapping[str, Array], batched: bool
) -> dict[str, Any]:
    """Results in the form that Core ML's predict returns."""
    labels = function.classifier.class_labels
    found: dict[str, Any] = {}
    for name, _, known in outputs_of(function):
        array = results[name]
        if known.part is not None:
            _put_part(found, known, array, batched=batched)
        elif known.kind == "dictionary":
            keys = known.keys or labels
            dictionaries = _dictionaries(keys, array)
            found[name] = dictionaries if batched else dictionaries[0]
        elif known.kind in ("string", "int64"):
            entries = np.ravel(array).tolist()
            found[name] = entries if batched else entries[0]
        elif known.kind == "sequence":
            found[name] = array.tolist()
        elif known.kind == "double":
            found[name] = array if batched else float(array.item())
        elif known.kind == "image":
            found[name] = array if batched else _picture(array[0])
        else:
            found[name] = array[0] if known.batch == "added" and not batched else array
    return found


def _dictionaries(keys: Sequence[Any], array: Array) -> list[dict[Any, float]]:
    """A dictionary for each entry."""
    rows = array.reshape(-1, len(keys))
    return [dict(zip(keys, map(float, row), strict=True)) for row in rows]


def _put_part(found: dict[str, Any], known: Result, array: Array, *, batched: bool) -> None:
    """Put a part of a dictionary in, or what it says of the part that is in already."""
    if known.part == "keys":
        found[known.feature] = array.tolist()
    elif known.part == "present":
        given = found[known.feature]
        several: list[dict[Any, float]] = given if batched else [given]
        for entry, present in zip(several, array.reshape(len(several), -1), strict=True):
            for key, has in zip(list(entry), present, strict=True):
                if not has:
                    del entry[key]
    elif known.keys:
        dictionaries = _dictionaries(known.keys, array)
        found[known.feature] = dictionaries if batched else dictionaries[0]
    else:
        found[known.feature] = dict(zip(found[known.feature], array.tolist(), strict=True))


def _picture(array: Array) -> Any:
    from PIL import Image

    if array.shape[-1] == 1:
        array = array[..., 0]
    return Image.fromarray(array if array.dtype == np.uint8 else array.astype(np.float32))


def present_entry(function: Function, results: Mapping[str, Array], index: int) -> dict[str, Any]:
    """One entry's results of a batch, as Core ML's predict gives them."""
    own = {name: array[index : index + 1] for name, array in results.items()}
    return present_outputs(function, own, batched=False)
