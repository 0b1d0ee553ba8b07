"""The files that clients read: models as IR text, and what is written of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..release.environments import ROOT

SAMPLE = ROOT / "tests" / "data" / "digits.mlmodel"
OPEN = 11  # steps of a sequence whose length is open
# How many steps: a known length is a loop whose stride divides it, or that leaves a rest.
LENGTHS = {"lstm": (8, 12, 16, OPEN), "gru": (8, 12, OPEN), "rnn": (8, 12, OPEN)}
_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_RESULTS = {"lstm": 3, "gru": 2, "rnn": 2}
INPUTS, UNITS = 6, 10

DETECTOR = """
func @main(%x: f32[1,3,16,16]) -> ("boxes": f32[1,8,4], "scores": f32[1,8,2]) {
  %w = const {value = resource<"w">} : f32[8,3,3,3]
  %v = const {value = resource<"v">} : f32[6,8,1,1]
  %iou = const {value = dense<0.5>} : f32[]
  %least = const {value = dense<0.1>} : f32[]
  %most = const {value = dense<8>} : i32[]
  %a = nn.conv(%x, %w) {strides = [2, 2], pad_type = #same} : f32[1,8,8,8]
  %b = nn.relu(%a) : f32[1,8,8,8]
  %c = nn.conv(%b, %v) : f32[1,6,8,8]
  %d = tensor.transpose(%c) {perm = [0, 2, 3, 1]} : f32[1,8,8,6]
  %e = tensor.reshape(%d) {shape = [1, 64, 6]} : f32[1,64,6]
  %f, %g = tensor.split(%e) {sizes = [4, 2], axis = 2} : f32[1,64,4], f32[1,64,2]
  %h = tensor.exp(%f) : f32[1,64,4]
  %i = nn.sigmoid(%g) : f32[1,64,2]
  %j, %k, %l, %m = image.non_maximum_suppression(%h, %i, %iou, %least, %most)
      {dims = [8]} : f32[1,8,4], f32[1,8,2], i32[1,8], i32[1]
  return %j, %k
}
resources {
  "w" : f32[8,3,3,3] = random(1)
  "v" : f32[6,8,1,1] = random(2)
}
"""

TRANSFORMER = """
func @main(%x: f32[1,12,16]) -> ("y": f32[1,12,16]) {
  %wq = const {value = resource<"wq">} : f32[16,16]
  %wk = const {value = resource<"wk">} : f32[16,16]
  %wv = const {value = resource<"wv">} : f32[16,16]
  %w1 = const {value = resource<"w1">} : f32[16,32]
  %w2 = const {value = resource<"w2">} : f32[32,16]
  %n = nn.mean_variance_norm(%x) {axes = [2]} : f32[1,12,16]
  %q = nn.matmul(%n, %wq) : f32[1,12,16]
  %k = nn.matmul(%n, %wk) : f32[1,12,16]
  %v = nn.matmul(%n, %wv) : f32[1,12,16]
  %a = nn.attention(%q, %k, %v) : f32[1,12,16]
  %b = tensor.add(%a, %x) : f32[1,12,16]
  %m = nn.mean_variance_norm(%b) {axes = [2]} : f32[1,12,16]
  %c = nn.matmul(%m, %w1) : f32[1,12,32]
  %d = nn.gelu(%c) : f32[1,12,32]
  %e = nn.matmul(%d, %w2) : f32[1,12,16]
  %y = tensor.add(%e, %b) : f32[1,12,16]
  return %y
}
resources {
  "wq" : f32[16,16] = random(1)
  "wk" : f32[16,16] = random(2)
  "wv" : f32[16,16] = random(3)
  "w1" : f32[16,32] = random(4)
  "w2" : f32[32,16] = random(5)
}
"""


def recurrent(kind: str, steps: int) -> str:
    """A recurrent layer over a sequence of this length, or of any length."""
    gates, length = _GATES[kind], "T" if steps == OPEN else str(steps)
    results = ["y", *(f"s{i}" for i in range(1, _RESULTS[kind]))]
    types = [f"f32[{length},1,{UNITS}]", *[f"f32[1,{UNITS}]"] * (len(results) - 1)]
    return f"""
func @main(%x: f32[{length},1,{INPUTS}]) -> ("y": {types[0]}) {{
  %w = const {{value = resource<"w">}} : f32[{gates * UNITS},{INPUTS}]
  %r = const {{value = resource<"r">}} : f32[{gates * UNITS},{UNITS}]
  %b = const {{value = resource<"b">}} : f32[{gates * UNITS}]
  {", ".join(f"%{name}" for name in results)} = nn.{kind}(%x, %w, %r, %b) : {", ".join(types)}
  return %y
}}
resources {{
  "w" : f32[{gates * UNITS},{INPUTS}] = random(1)
  "r" : f32[{gates * UNITS},{UNITS}] = random(2)
  "b" : f32[{gates * UNITS}] = random(3)
}}
"""


@dataclass(frozen=True)
class File:
    """A model of the table.

    Attributes:
        name: what its folder is called.
        group: what the table calls its kind.
        source: IR text, or a model's file.
    """

    name: str
    group: str
    source: str | Path


def files() -> Iterator[File]:
    """All models, in the order of the table's columns."""
    for kind, lengths in LENGTHS.items():
        for steps in lengths:
            length = "open" if steps == OPEN else str(steps)
            yield File(f"{kind}_{length}", kind.upper(), recurrent(kind, steps))
    yield File("detector", "detector", DETECTOR)
    yield File("transformer", "transformer", TRANSFORMER)
    yield File("classifier", "classifier", SAMPLE)


def write_files(folder: Path) -> None:
    """Write, for each model, a SavedModel, a frozen graph and a TFLite file, and what they compute.

    In `folder`/NAME: `savedmodel/`, `graph.pb`, `model.tflite`; `inputs.npz` and `expected.npz`, by
    the model's names, computed by the interpreter; `names.json`: what is called how in each form.
    """
    from ...compiler.artefacts.meant import form_for
    from ...compiler.artefacts.write import write
    from ...compiler.driver import load_text
    from ...compiler.stages import Stages
    from ...ir.interpret import random_inputs, run

    for item in files():
        made = folder / item.name
        made.mkdir(parents=True, exist_ok=True)
        source = load_text(item.source) if isinstance(item.source, str) else item.source
        stages = Stages(source)
        module = stages.batched
        given = random_inputs(module.main, 0, T=OPEN, N=1)
        np.savez(made / "inputs.npz", allow_pickle=False, **given)
        expected = run(module, given, module.main.name)
        np.savez(made / "expected.npz", allow_pickle=False, **_numbers(expected))
        graph = write(stages, form_for("graph.pb"), made / "graph.pb", {})
        write(stages, form_for("savedmodel", "savedmodel"), made / "savedmodel", {})
        write(stages, form_for("model.tflite"), made / "model.tflite", {})
        names = {"graph": graph.facts["tensors"], "tflite": _order(made / "model.tflite")}
        (made / "names.json").write_text(json.dumps(names))


def _numbers(arrays: Any) -> dict[str, Any]:
    """Labels are left out: not every program has strings."""
    return {name: array for name, array in arrays.items() if array.dtype != object}


def _order(file: Path) -> dict[str, list[str]]:
    """The names of a TFLite file's inputs and outputs, in the file's order."""
    from ...backends.tflite.contents import Contents

    content = Contents(file.read_bytes())
    return {
        kind.lower(): content.tensors("serving_default", kind)[1] for kind in ("Inputs", "Outputs")
    }
