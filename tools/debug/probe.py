"""`cmlc-run --probe NAME`: intermediate values of a model, printed or saved."""

import argparse
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.diagnostics import usage_error
from ...ir.writing import failures_told
from ..cli import printing
from .experiment import (
    Experiment,
    computing_ops,
    interpret,
    keep_results,
    origins_text,
    run_lowered,
)

if TYPE_CHECKING:
    from ...ir.ssa import Function, Module, Op, Value
    from ...ir.types import Array

_SUFFIXES = (".npy", ".npz")


@dataclass(frozen=True)
class Probe:
    """A requested value: a name or a pattern such as `conv*`, and the file to save it to."""

    name: str
    file: Path | None = None


def parse_probe(text: str) -> Probe:
    """`NAME`, or `NAME=FILE` with a .npy or .npz file."""
    name, equals, file = text.rpartition("=")
    if equals and name and file.endswith(_SUFFIXES):
        return Probe(name, Path(file))
    return Probe(text)


def matching(function: "Function", probe: Probe, names: "dict[Value, str]") -> "list[Op]":
    """The ops whose value, kind or Core ML layer has the name.

    For a layer that became several ops, these are the ops whose results leave it.
    """
    ops = computing_ops(function)
    by_value = [op for op in ops if any(fnmatchcase(names[v], probe.name) for v in op.results)]
    if by_value:
        return by_value
    by_kind = [op for op in ops if fnmatchcase(op.name, probe.name)]
    if by_kind:
        return by_kind
    layers = {op: _layers(op) for op in ops}
    # A fused op computes the result of its last layer.
    ending = {op for op in ops if layers[op] and fnmatchcase(layers[op][-1], probe.name)}
    part = {op for op in ops if any(fnmatchcase(name, probe.name) for name in layers[op])}
    chosen = ending or part
    return [op for op in ops if op in chosen and _is_used_outside(op, chosen)]


def _layers(op: "Op") -> list[str]:
    from ...ir.location import InModel, leaves

    return [part.name for part in leaves(op.location) if isinstance(part, InModel)]


def _is_used_outside(op: "Op", chosen: "set[Op]") -> bool:
    return any(user not in chosen for value in op.results for user in value.users)


def run_probes(given: argparse.Namespace, experiment: Experiment, progress: Any) -> int:
    """Run, then print or save every requested value."""
    from ...compiler.stages import Stages
    from ...ir.text.printer import value_names

    probes = [parse_probe(text) for text in given.probe]
    module = experiment.module
    if not given.interpret:
        module = Stages(module, experiment.options).optimized
    names = value_names(module.main)
    found = {probe: matching(module.main, probe, names) for probe in probes}
    _check(found, names)
    wanted = list(dict.fromkeys(op for ops in found.values() for op in ops))
    progress("the interpreter" if given.interpret else "the graph")
    values = _interpreted(experiment, module, wanted) if given.interpret else {}
    if not given.interpret:
        values = _computed(experiment, module, wanted)
    files: dict[Path, dict[str, Array]] = {}
    rows: list[tuple[str, Op, Array]] = []
    for probe, ops in found.items():
        for op in ops:
            for value, array in zip(op.results, values[op], strict=True):
                if probe.file is None:
                    rows.append((names[value], op, array))
                else:
                    files.setdefault(probe.file, {})[names[value]] = array
    for path, arrays in files.items():
        _save(path, arrays)
    _print(rows, files, given)
    return 0


def _check(found: "dict[Probe, list[Op]]", names: "dict[Value, str]") -> None:
    from difflib import get_close_matches

    for probe, ops in found.items():
        if not ops:
            near = get_close_matches(probe.name, names.values(), 3)
            remedy = f"there is {', '.join(near)}" if near else "cmlc MODEL --emit=ir names values"
            raise usage_error(f"there is no value, op or layer '{probe.name}'", remedy)
        count = sum(len(op.results) for op in ops)
        if probe.file is not None and probe.file.suffix == ".npy" and count > 1:
            raise usage_error(
                f"'{probe.name}' names {count} values, but a .npy file holds one",
                "name a .npz file",
            )


def _interpreted(
    experiment: Experiment, module: "Module", wanted: "list[Op]"
) -> "dict[Op, list[Array]]":
    values: dict[Op, list[Array]] = {}
    ops = set(wanted)

    def observe(op: "Op", results: "tuple[Array, ...]") -> None:
        if op in ops:
            values[op] = list(results)

    interpret(module, experiment.arrays, observe)
    return values


def _computed(
    experiment: Experiment, module: "Module", wanted: "list[Op]"
) -> "dict[Op, list[Array]]":
    kept, names = keep_results(module, wanted)
    values = run_lowered(experiment, kept)
    return {op: [values[n] for n in row] for op, row in zip(wanted, names, strict=True)}


def _save(path: Path, arrays: "dict[str, Array]") -> None:
    from ...ir.writing import writing_whole
    from ..cli.outputs import save_outputs

    with failures_told(path):
        if path.suffix == ".npz":
            save_outputs(arrays, path)
        else:
            (array,) = arrays.values()
            with writing_whole(path) as file:
                np.save(file, array)


def _print(rows: "list[tuple[str, Op, Array]]", files: Any, given: argparse.Namespace) -> None:
    from ..cli.outputs import as_facts, print_outputs

    if given.json:
        probed = {
            name: {"op": op.name, "location": str(op.location), **as_facts(array, given.top)}
            for name, op, array in rows
        }
        printing.print_json({"ok": True, "probes": probed, "files": [str(path) for path in files]})
        return
    for name, op, array in rows:
        print_outputs({f"%{name}": array}, given.top)
        print(f"  {op.name} of {origins_text(op.location) or 'no layer'}")
    for path, arrays in files.items():
        print(f"{path}: {printing.plural(len(arrays), 'value')}")
