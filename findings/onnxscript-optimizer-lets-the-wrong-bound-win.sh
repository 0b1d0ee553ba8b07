#!/usr/bin/env bash
# Packages: onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# Relu after Clip gives nothing below 0; a second Clip gives nothing outside of its own bounds. Two
# of them can be made one, if the second's bounds win where the two ranges don't meet: Clip(-3, -1)
# then Relu is the constant 0, Clip(0, 1) then Clip(3, 5) is the constant 3.
#
# Instead:
# The rewritten model gives -1 after the Relu and 1 after the Clip to 3..5. The rules (part of the
# default optimizer.optimize) take the maximum of the lower and the minimum of the upper bounds;
# with a lower bound above the upper one ONNX's Clip gives the upper, here the first operator's.
# Ranges that meet are right. A Relu whose result is negative is hard to suspect.
#
# Seen:
#   Clip(-3, -1), Relu     as written [0.0, 0.0, 0.0], optimized [-1.0, -1.0, -1.0]
#   Clip(0, 1), Clip(3, 5) as written [3.0, 3.0, 3.0], optimized [1.0, 1.0, 1.0]
#   Clip(0, 4), Clip(3, 5) as written [3.0, 3.0, 4.0], optimized [3.0, 3.0, 4.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    onnxscript==0.7.2 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import parser
from onnxscript import optimizer

x = np.float32([-5, 0, 7])


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})[0].tolist()


seen = {}
for name, bounds, body in (
    ("Clip(-3, -1), Relu", (-3, -1, 0, 0), "a = Clip(x, l, h)  y = Relu(a)"),
    ("Clip(0, 1), Clip(3, 5)", (0, 1, 3, 5), "a = Clip(x, l, h)  y = Clip(a, m, i)"),
    ("Clip(0, 4), Clip(3, 5)", (0, 4, 3, 5), "a = Clip(x, l, h)  y = Clip(a, m, i)"),
):
    l, h, m, i = (f"{{{bound}.0}}" for bound in bounds)
    model = parser.parse_model(f"""
        <ir_version: 10, opset_import: ["": 21]> g (float[n] x) => (float[k] y)
        <float l = {l}, float h = {h}, float m = {m}, float i = {i}> {{ {body} }}
    """)
    seen[name] = run(model), run(optimizer.optimize(model))
    print(f"{name:22} as written {seen[name][0]}, optimized {seen[name][1]}")
stated = [([0.0] * 3, [-1.0] * 3), ([3.0] * 3, [1.0] * 3), ([3.0, 3.0, 4.0], [3.0, 3.0, 4.0])]
if list(seen.values()) != stated:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
