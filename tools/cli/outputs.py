"""Outputs of a model for people, as JSON facts, and as files."""

import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ...ir.names import ARRAY, FILE, written
from ...ir.writing import writing_whole
from . import printing

_BAR = 30
_FIRST = 6


def _top(probabilities: Mapping[Any, float], count: int) -> list[tuple[Any, float]]:
    """The most probable classes; NaN counts as the least."""
    order = sorted(probabilities.items(), key=lambda item: -item[1] if item[1] == item[1] else 1e30)
    return order[:count]


def _is_picture(value: Any) -> bool:
    return hasattr(value, "convert")


def as_facts(value: Any, top: int) -> dict[str, Any]:
    """One output as JSON data."""
    if isinstance(value, Mapping):
        pairs = [{"label": label, "probability": share} for label, share in _top(value, top)]
        return {"kind": "dictionary", "classes": len(value), "top": pairs}
    if isinstance(value, list):
        return {"kind": "list", "items": [as_facts(item, top) for item in value]}
    if _is_picture(value):
        return {"kind": "image", "size": list(value.size), "mode": value.mode}
    if isinstance(value, str | int):
        return {"kind": "label", "value": value}
    if isinstance(value, float):
        return {"kind": "number", "value": value}
    return {"kind": "array", **_array_facts(np.asarray(value))}


def _array_facts(array: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"shape": list(array.shape), "dtype": _dtype_name(array)}
    facts["first"] = array.ravel()[:_FIRST].tolist()
    if array.size and array.dtype.kind in "fiub":
        wide = array.astype(np.float64)
        with np.errstate(all="ignore"):
            facts |= {name: float(getattr(np, name)(wide)) for name in ("min", "mean", "max")}
    return facts


def _dtype_name(array: Any) -> str:
    """Strings are objects to numpy."""
    return "str" if array.dtype.kind in "OU" else array.dtype.name


def print_outputs(outputs: Mapping[str, Any], top: int) -> None:
    """Print all outputs for people on standard output."""
    for name, value in outputs.items():
        title = printing.style(name, "bold", sys.stdout)
        if isinstance(value, Mapping):
            print(title)
            _print_classes(value, top)
        elif isinstance(value, list):
            for position, item in enumerate(value[:_FIRST]):
                print_outputs({f"{name}[{position}]": item}, top)
            if len(value) > _FIRST:
                print(f"{title}: and {len(value) - _FIRST} more")
        else:
            print(f"{title}: {_text(value)}")


def _text(value: Any) -> str:
    if _is_picture(value):
        return f"image, {value.width}×{value.height} {value.mode} (-o FOLDER saves it)"
    if isinstance(value, str | int | float):
        return str(value)
    facts = _array_facts(np.asarray(value))
    shape = "×".join(map(str, facts["shape"])) or "scalar"
    parts = [f"{facts['dtype']} {shape}"]
    parts += [f"{key} {facts[key]:.6g}" for key in ("min", "mean", "max") if key in facts]
    first = " ".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in facts["first"])
    more = " …" if np.asarray(value).size > _FIRST else ""
    return f"{', '.join(parts)}\n  [{first}{more}]"


def _print_classes(probabilities: Mapping[Any, float], top: int) -> None:
    shown = _top(probabilities, top)
    width = max((len(str(label)) for label, _ in shown), default=0)
    for label, share in shown:
        filled = round(_BAR * min(max(share, 0.0), 1.0)) if share == share else 0
        bar = "█" * filled + "·" * (_BAR - filled)
        print(f"  {label!s:<{width}}  {bar}  {share:7.2%}")


def save_outputs(outputs: Mapping[str, Any], path: Path) -> None:
    """Write a .npz file, or a folder with one file per output (arrays .npy, images .png)."""
    if path.suffix == ".npz":
        with writing_whole(path) as file:
            _save_arrays(_arrays(outputs), file)
        return
    path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # all or none
        _save_each(outputs, lambda name: files.enter_context(writing_whole(path / name)))


def _save_arrays(arrays: Mapping[str, Any], path: Path) -> None:
    """A .npz file: numpy's own function takes some names for its options."""
    names = written(ARRAY, arrays)
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{names[name]}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def _arrays(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Everything as arrays: a dictionary as its probabilities, and its labels under NAME.labels."""
    found: dict[str, Any] = {}
    for name, value in outputs.items():
        rows = value if isinstance(value, list) else [value]
        if rows and all(isinstance(row, Mapping) for row in rows):
            found[f"{name}.labels"] = np.asarray(list(rows[0]))
            data = [list(row.values()) for row in rows]
            found[name] = np.asarray(data if isinstance(value, list) else data[0])
        else:
            found[name] = _without_objects(np.asarray(value))
    return found


def _without_objects(array: Any) -> Any:
    """Strings as numpy's own type, which does not need pickle."""
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _save_each(outputs: Mapping[str, Any], place: Callable[[str], Path]) -> None:
    """Write each output to a file of its name."""
    others: dict[str, Any] = {}
    stems = written(FILE, outputs)
    for name, value in outputs.items():
        stem = stems[name]
        if _is_picture(value):
            value.save(place(f"{stem}{'.tiff' if value.mode == 'F' else '.png'}"))
        elif isinstance(value, np.ndarray):
            np.save(place(f"{stem}.npy"), _without_objects(value))
        else:
            others[name] = value
    if others:
        text = json.dumps(others, indent=1, ensure_ascii=False)
        place("outputs.json").write_text(text + "\n", encoding="utf-8")
