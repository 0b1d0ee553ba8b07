#!/usr/bin/env bash
# Packages: onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# An optimizer that computes the constant part of a graph changes nothing but the time it takes.
# LpNormalization with p=1 divides by the sum of absolute values ("the lp-norm"): 3, 4, -5 becomes
# 0.25, 0.333, -0.417. So says onnxruntime, before optimization, and with its own constant folding.
#
# Instead:
# onnxscript.optimizer.optimize folds with onnx's reference evaluator, which takes the sum of x ** p
# without the absolute value: for p=1 it divides by 3 + 4 - 5 = 2. What was a fault of a reference
# that nobody deploys is then a constant of the optimized model, for every runtime. (So it is with
# AveragePool in ceil_mode, LRN and Resize with align_corners and scales, where that evaluator
# differs as well.)
#
# Seen:
#   as written: [0.25, 0.3333, -0.4167]
#   optimized:  [1.5, 2.0, -2.5] ['Mul']
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

model = parser.parse_model("""
    <ir_version: 10, opset_import: ["": 21]>
    g (float[1, 3] x) => (float[1, 3] y) <float[1, 3] weights = {3, 4, -5}>
    { scale = LpNormalization<p=1>(weights)  y = Mul(x, scale) }
""")
x = np.ones((1, 3), np.float32)


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return [round(value, 4) for value in session.run(None, {"x": x})[0].ravel().tolist()]


optimized = optimizer.optimize(model)
left = [node.op_type for node in optimized.graph.node]
before, after = run(model), run(optimized)
print("as written:", before)
print("optimized: ", after, left)
if (before, after) != ([0.25, 0.3333, -0.4167], [1.5, 2.0, -2.5]):
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
