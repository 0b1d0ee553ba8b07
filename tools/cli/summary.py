"""What `cmlc` tells about a compilation: facts as plain data, and their form for people."""

import importlib.util
import json
import keyword
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from ...compiler.artefacts.write import Written
from ...compiler.binding import inputs_of
from ...compiler.description import describe
from ...compiler.driver import count_ops
from ...compiler.source.counts import counted
from ...compiler.source.survey import Survey
from ...compiler.watch import Watch
from ...ir import alike
from ...ir.dialects.builtin import held_by
from ...ir.dialects.core.control import Assert
from ...ir.ssa import Module
from . import printing

_SHOWN_TYPES = 6
_PRECISIONS = {
    "float64": "computed in doubles",
    "float32": "rounded: doubles are computed in float32",
}


def written_facts(written: Written, watch: Watch, source: Path) -> dict[str, Any]:
    """What programs are told of a model that was written."""
    path = written.path
    if written.source is not None:
        facts = _message_facts(written.source.spec, watch, source)
    else:
        *_, last = written.modules.values()
        facts = _module_facts(last, watch, source)
        if len(written.modules) > 1:
            facts |= _staged_facts(written.modules)
    for name, value in written.facts.items():  # a form may say more of what is said already
        facts[name] = facts[name] | value if isinstance(facts.get(name), dict) else value
    size = folder_size(path) if path.is_dir() else path.stat().st_size
    return facts | {"output": str(path), "output_bytes": size, "seconds": dict(watch.seconds)}


def _module_facts(module: Module, watch: Watch, source: Path) -> dict[str, Any]:
    """Facts that need nothing but a module."""
    function, survey, described = module.main, watch.survey, describe(module)
    return {
        "ok": True,
        "model": module.name or source.stem,
        "kind": module.attributes.get("source", "IR"),
        "spec_version": module.attributes.get("spec_version"),
        "inputs": described["inputs"],
        "outputs": described["outputs"],
        "states": described.get("states", []),
        "state_arguments": list(module.attributes.get("state_arguments", ())),
        "functions": list(module.public_functions),
        "fixed_batch": module.attributes.get("fixed_batch", ""),
        "fixed_shapes": module.attributes.get("fixed_shapes", ""),
        "shapes": _shapes(module) if "fixed_shapes" in module.attributes else {},
        "ignored": module.attributes.get("ignored", ""),
        "classes": len(function.classifier.class_labels),
        "precision": module.attributes.get("precision", ""),
        **_contents(survey or Survey()),
        "ops": {"written": count_ops(module)},
        "weights": {**_weights(module), "encodings": dict(survey.encodings) if survey else {}},
        "passes": [
            {"name": run.name, "seconds": run.seconds, "ops": run.after.total()}
            for runs in watch.runs.values()
            for run in runs
        ],
    }


def _message_facts(spec: Any, watch: Watch, source: Path) -> dict[str, Any]:
    """Facts of a specification that was not compiled."""
    survey = watch.survey or Survey()
    return {
        "ok": True,
        "model": source.resolve().stem,
        "kind": spec.WhichOneof("Type"),
        "spec_version": spec.specificationVersion,
        "inputs": [_described(feature) for feature in spec.description.input],
        "outputs": [_described(feature) for feature in spec.description.output],
        "states": [_described(feature) for feature in spec.description.state],
        "state_arguments": [],
        "functions": [function.name for function in spec.description.functions],
        "fixed_batch": "",
        "fixed_shapes": "",
        "shapes": {},
        "ignored": "",
        "classes": 0,
        "precision": "",
        **_contents(survey),
        "ops": {},
        "weights": {
            "tensors": survey.encodings.total(),
            "bytes": survey.weight_bytes,
            "encodings": dict(survey.encodings),
        },
        "passes": [],
    }


def _contents(survey: Survey) -> dict[str, Any]:
    """What is in the model: layers or operations by type, models by place."""
    return {
        "layers": dict(survey.layers.most_common()),
        "structure": survey.structure,
        "models": [asdict(one) for one in survey.models],
    }


def _described(feature: Any) -> dict[str, Any]:
    kind = feature.type.WhichOneof("Type") or ""
    return {"name": feature.name, "type": kind.removesuffix("Type"), "kind": ""}


def _staged_facts(stages: Mapping[str, Module]) -> dict[str, Any]:
    """How many ops each stage has, and what stops a run."""
    return {
        "ops": {stage: count_ops(module) for stage, module in stages.items()},
        "transposes": sum(op.name == "tensor.transpose" for op in stages["optimized"].walk()),
        "stops": [op.message for op in stages["optimized"].walk() if isinstance(op, Assert)],
    }


def _weights(module: Module) -> dict[str, int]:
    """Those of more than one element; one that is used twice counts once."""
    found = [item for item in held_by(module) if item.origin is not None and item.size > 1]
    return {"tensors": len(found), "bytes": sum(item.stored_bytes for item in found)}


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def print_summary(facts: Mapping[str, Any], told: Iterable[tuple[str, str]], loading: str) -> None:
    """The facts for people, and how to load what was written, on standard output.

    Args:
        facts: of `written_facts`.
        told: rows that the form adds.
        loading: lines of code, see `Form`.
    """
    version = facts["spec_version"]
    suffix = f", specification version {version}" if version else ""
    print(f"{printing.style(facts['model'], 'bold', sys.stdout)}: {facts['kind']}{suffix}\n")
    rows = [
        *_features("inputs", facts["inputs"], 0),
        *_features("outputs", facts["outputs"], facts["classes"]),
        *_features("states", facts["states"], 0),
        ("states", _exposed(facts["state_arguments"])),
        ("functions", _functions(facts["functions"])),
        ("batch", _because("a batch of one", facts["fixed_batch"])),
        ("shapes", _because(_shapes_text(facts["shapes"]), facts["fixed_shapes"])),
        *(("" if i else "stops", f"if {text}") for i, text in enumerate(facts.get("stops", ()))),
        ("ignored", facts["ignored"]),
        ("models", facts["structure"]),
        *_models(facts["models"]),
        ("precision", _PRECISIONS.get(facts["precision"], "")),
        ("layers", _layers(facts["layers"])),
        ("ops", _ops(facts)),
        *told,
        ("weights", _weight_text(facts["weights"])),
        ("time", _times(facts["seconds"])),
        ("written", _written(facts)),
    ]
    printing.print_rows(row for row in rows if any(row[1:]))
    print()
    for line in _loading(loading, facts["output"]).splitlines():
        print(f"  {line}")


def _loading(lines: str, output: str) -> str:
    """The lines, see `Form`, for one output."""
    path = json.dumps(output, ensure_ascii=False)  # a Python string, too
    return lines.format(shell=shlex.quote(output), path=path, load=_import_of(Path(output)))


def _import_of(folder: Path) -> str:
    """Code that imports `load` of `model.py` in the folder, run from the current one."""
    names = folder.parts
    importable = all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    # A folder without __init__.py gives way to every other package of its name.
    other = importlib.util.find_spec(names[0]) if importable and names else None
    if importable and (other is None or other.origin is None):
        return f"from {'.'.join((*names, 'model'))} import load"
    path = json.dumps(str(folder / "model.py"), ensure_ascii=False)
    return f'import runpy\nload = runpy.run_path({path})["load"]'


def _features(title: str, features: list[dict[str, Any]], classes: int) -> list[tuple[str, ...]]:
    def shown(feature: dict[str, Any]) -> tuple[str, str]:
        optional = ", optional" if feature.get("optional") else ""
        return feature["type"], _kind(feature, classes) + optional

    rows: list[tuple[str, ...]] = []
    for run in alike.runs(features, shown):
        type_, kind = shown(run[0])
        names = alike.named([feature["name"] for feature in run])
        count = f"{len(run):,} of " if len(run) > 1 else ""
        rows.append(("" if rows else title, names, type_, count + kind))
    return rows


def _models(models: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What is counted of each model; of those in pipelines with their place."""
    rows: list[tuple[str, str]] = []
    for model in models:
        text = counted(model["counts"])
        place = f"{model['place']}, {model['kind']}: " if model["place"] != "model" else ""
        rows.append(("" if rows else "holds", f"{place}{text}"))
    return rows


def _kind(feature: Mapping[str, Any], classes: int) -> str:
    """What an input or output is, from what is told of it."""
    match feature:
        case {"kind": "image", "color": color}:
            return f"{color} image"
        case {"detected": "confidence"} if classes:
            return f"boxes: confidence of {classes} classes"
        case {"detected": detected}:
            return f"boxes: {detected}"
        case {"feature": feature, "part": part}:
            return f"{part} of the dictionary '{feature}'"
        case {"kind": "dictionary"}:
            return f"probabilities of {classes} classes"
        case {"kind": "string" | "int64"} if classes:
            return "label"
        case {"kind": "double", "default": float(default)} if isfinite(default):
            return f"double, {default:g} by the model's own choice"
        case {"kind": kind}:
            return str(kind)
        case _:
            return "array"


def _shapes(module: Module) -> dict[str, list[str]]:
    """The types of flexible inputs, in the order of functions, by name."""
    found: dict[str, list[str]] = {}
    for function in module.public_functions.values():
        for value, known in inputs_of(function):
            if known.is_flexible or value.name in found:
                row = found.setdefault(value.name, [])
                row += [text for text in (str(value.type),) if text not in row]
    return found


def _shapes_text(shapes: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name} only as {' or '.join(types)}" for name, types in shapes.items())


def _functions(names: list[str]) -> str:
    return ", ".join([f"{names[0]} (the default; shown above)", *names[1:]]) if names[1:] else ""


def _exposed(names: list[str]) -> str:
    """What callers do with states that are inputs and outputs."""
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN_TYPES]) + (", …" if len(names) > _SHOWN_TYPES else "")
    return f"are inputs and outputs ({shown}): give what the last call returned, zeros at first"


def _because(what: str, reason: str) -> str:
    """What is less free than the model's interface, and why."""
    return f"{what}, because of {reason}" if reason else ""


def _layers(layers: Mapping[str, int]) -> str:
    if not layers:
        return ""
    shown = [f"{count} {kind}" for kind, count in list(layers.items())[:_SHOWN_TYPES]]
    more = ", …" if len(layers) > _SHOWN_TYPES else ""
    return f"{sum(layers.values())} ({', '.join(shown)}{more})"


def _ops(facts: Mapping[str, Any]) -> str:
    text = " → ".join(
        str(count) if stage == "written" else f"{count} {stage}"
        for stage, count in facts["ops"].items()
    )
    if "transposes" in facts:
        text += f"; {printing.plural(facts['transposes'], 'transpose')} left"
    return text


def _weight_text(weights: Mapping[str, Any]) -> str:
    if not weights["tensors"]:
        return ""
    text = (
        f"{printing.plural(weights['tensors'], 'tensor')}, {printing.size_text(weights['bytes'])}"
    )
    encodings = ", ".join(weights["encodings"])
    return f"{text} (stored as {encodings})" if encodings else text


def _times(seconds: Mapping[str, float]) -> str:
    long = {stage: value for stage, value in seconds.items() if value >= 0.01}
    parts = ", ".join(f"{stage} {value:.2f}" for stage, value in long.items()) or "all below 0.01"
    return f"{sum(seconds.values()):.2f} s ({parts})"


def _written(facts: Mapping[str, Any]) -> str:
    text = f"{facts['output']} ({printing.size_text(facts['output_bytes'])})"
    weights = facts.get("weights_file")
    return f"{text} and {weights}" if weights else text
