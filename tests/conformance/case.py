"""What a recorded case holds, and which cases to replay.

Owns the format of the archives and of the index: a case is read into plain Python values here, so
that nothing else knows about zip files, npz members or the spelling of the metadata.
"""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
HIDDEN_TYPES = frozenset({"const"})  # in every ML Program, hence no help in choosing or in counting


class InvalidCaseError(Exception):
    """The archive is not a case this runner can play: a matter of the data, not of the compiler."""


@dataclass(frozen=True)
class Entry:
    """One line of the index: enough to choose a case without opening it."""

    caseid: str
    suite: str
    types: tuple[str, ...]  # types of models, layers and ops, each once
    path: str  # a string, to be cheap to send to a worker


@dataclass(frozen=True)
class Tolerance:
    """How far a result may be off; `strict` is a share of the largest expected magnitude."""

    rtol: float
    atol: float
    strict: float


@dataclass(frozen=True)
class Predict:
    """Run the model and compare. Arrays, images, dictionaries and strings in one mapping each."""

    inputs: dict[str, Any]
    expected: dict[str, Any]


@dataclass(frozen=True)
class ReadState:
    """Compare one state with what it should hold by now."""

    name: str
    expected: Any


@dataclass(frozen=True)
class WriteState:
    """Put a value into one state."""

    name: str
    value: Any


Step = Predict | ReadState | WriteState


@dataclass(frozen=True)
class Case:
    """A case in memory, all but its model."""

    caseid: str
    tolerance: Tolerance
    steps: tuple[Step, ...]
    function: str | None
    stateful: bool
    shapes_only: bool  # the model draws random numbers
    relaxed_shape: bool


def shared_data() -> Path:
    """Where the recorded cases live: `$CMLC_SHARED`, by default next to the repository."""
    return Path(os.environ.get("CMLC_SHARED", ROOT.parent / "shared")) / "conformance"


def read_index(folder: Path) -> list[Entry]:
    """All cases below a folder that holds an index, in the index's order."""
    with (folder / "index.jsonl").open() as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [entry_of(row, folder) for row in rows]


def entry_of(row: dict[str, Any], folder: Path) -> Entry:
    """One row of the index."""
    kinds = ("model_types", "nn_layers", "mil_ops")
    types = dict.fromkeys(name for kind in kinds for name in row.get(kind, ()))
    kept = tuple(name for name in types if name not in HIDDEN_TYPES)
    return Entry(row["caseid"], row["suite"], kept, str(folder / row["path"]))


def select(entries: Iterable[Entry], suites: Sequence[str], types: Sequence[str]) -> list[Entry]:
    """Cases of these suites that contain one of these types; nothing given means any."""
    return [
        entry
        for entry in entries
        if (not suites or entry.suite in suites)
        and (not types or not set(types).isdisjoint(entry.types))
    ]


def spread(entries: Sequence[Entry], count: int, seed: int, first: str = "") -> list[Entry]:
    """A sample that meets as many types as it can, the same for the same seed.

    Every type of the suite `first` comes at least once, even when that takes more than `count`;
    then types still unseen; then whatever the seed draws.
    """
    shuffled = sorted(entries, key=lambda entry: entry.caseid)
    random.Random(seed).shuffle(shuffled)
    preferred = [entry for entry in shuffled if entry.suite == first]
    chosen = newcomers(preferred, set())
    seen = {name for entry in chosen for name in entry.types}
    chosen += newcomers(shuffled, seen)[: max(0, count - len(chosen))]
    taken = {entry.caseid for entry in chosen}
    rest = [entry for entry in shuffled if entry.caseid not in taken]
    return chosen + rest[: max(0, count - len(chosen))]


def newcomers(entries: Iterable[Entry], seen: set[str]) -> list[Entry]:
    """Entries that bring a type none before them had. Adds to `seen`."""
    chosen: list[Entry] = []
    for entry in entries:
        if not seen.issuperset(entry.types):
            seen.update(entry.types)
            chosen.append(entry)
    return chosen


def load_case(archive: zipfile.ZipFile) -> Case:
    """The case in an open archive.

    Raises:
        InvalidCaseError: a part is missing, or of a kind the format does not know.
    """
    try:
        meta = json.loads(archive.read("meta.json"))
        steps = tuple(load_step(archive, step) for step in meta["steps"])
        return Case(
            caseid=meta["caseid"],
            tolerance=tolerance_of(meta),
            steps=steps,
            function=meta["features"].get("function_name"),
            stateful=bool(meta["states"] or meta["features"].get("state")),
            shapes_only=bool(meta["random"]),
            relaxed_shape=bool(meta["relaxed_shape"]),
        )
    except (KeyError, ValueError, TypeError) as reason:
        raise InvalidCaseError(f"unreadable case: {type(reason).__name__}: {reason}") from reason


def extract_model(archive: zipfile.ZipFile, folder: Path) -> Path:
    """Unpack the model, a file or a folder, and say where it is."""
    members = [name for name in archive.namelist() if name.startswith("model.")]
    if not members:
        raise InvalidCaseError("the archive has no model")
    archive.extractall(folder, members)
    return folder / members[0].partition("/")[0]


def tolerance_of(meta: dict[str, Any]) -> Tolerance:
    """The case's own tolerance, and the strict one its precision asks for."""
    given = meta["tolerance"]
    strict = 1e-2 if meta["precision"] in ("fp16", "mixed") else 1e-4
    return Tolerance(float(given["rtol"]), float(given["atol"]), strict)


def load_step(archive: zipfile.ZipFile, step: dict[str, Any]) -> Step:
    """One step, with its arrays."""
    match step["op"]:
        case "predict":
            return load_predict(archive, step)
        case "read_state":
            return ReadState(step["name"], single(archive, step))
        case "write_state":
            return WriteState(step["name"], single(archive, step))
        case other:
            raise InvalidCaseError(f"unknown step '{other}'")


def load_predict(archive: zipfile.ZipFile, step: dict[str, Any]) -> Predict:
    """Inputs as `predict` takes them; expected outputs, dictionaries as such.

    Cases of what must be refused expect nothing.
    """
    stored = arrays(archive, step["inputs"]) | step.get("inputs_other", {})
    metas = step.get("input_meta", {})
    unknown = {"kind": "array"}
    inputs = {name: feature(value, metas.get(name, unknown)) for name, value in stored.items()}
    others = step.get("expected_other", {})
    expected = arrays(archive, step["expected"]) if "expected" in step else {}
    expected |= {name: plain(value) for name, value in others.items()}
    return Predict(inputs, expected)


def feature(value: Any, meta: dict[str, Any]) -> Any:
    """One input, as its kind is passed to Core ML."""
    match meta["kind"]:
        case "array":
            return np.asarray(value)
        case "scalar":
            return np.asarray(value).item()
        case "image":
            return image(np.asarray(value), meta["mode"])
        case "dict":
            return pairs(value)
        case "string":
            return value if isinstance(value, str) else str(np.asarray(value).item())
        case "string-array":
            return np.asarray(value).tolist()
        case other:
            raise InvalidCaseError(f"unknown kind of input '{other}'")


def image(pixels: Any, mode: str) -> Any:
    """A PIL image of a stored array, [H, W] or [H, W, C]."""
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32)  # PIL's mode F; it has no half precision
    return Image.fromarray(pixels).convert(mode)


def plain(value: Any) -> Any:
    """An output that is not an array: [key, value] pairs as a dictionary, others unchanged."""
    looks_paired = isinstance(value, list) and all(
        isinstance(item, list) and len(item) == 2 for item in value
    )
    return pairs(value) if looks_paired else value


def pairs(value: Any) -> dict[Any, Any]:
    """[key, value] pairs: JSON has no dictionaries with integer keys."""
    return dict(value)


def arrays(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """All arrays of an npz member."""
    with np.load(io.BytesIO(archive.read(name)), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def single(archive: zipfile.ZipFile, step: dict[str, Any]) -> Any:
    """The array of a state: under the state's name, or the only one there is."""
    stored = arrays(archive, step["file"])
    return stored[step["name"]] if step["name"] in stored else next(iter(stored.values()))
