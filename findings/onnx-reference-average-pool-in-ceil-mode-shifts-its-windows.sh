#!/usr/bin/env bash
# Packages: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# AveragePool without pads: window i starts at i * stride, and ceil_mode=1 lets the last one hang
# over the right end. Of 1, 2, 3, 4, 5, 6 with kernel 4 and stride 4 that gives the mean of 1 to 4
# and the mean of 5 and 6: [2.5, 5.5], in onnxruntime and OpenVINO. The reference evaluator of onnx
# is "to help understand an ONNX operator" and to check runtimes against.
#
# Instead:
# The reference evaluator makes the room that ceil_mode needs by padding on both sides, half of it
# in front. All windows move: here they are 1 to 3 and 3 to 6. With count_include_pad=1 it differs
# too. MaxPool in ceil mode and AveragePool in floor mode are right.
#
# Seen:
#   AveragePool reference evaluator [2.0, 4.5], onnxruntime [2.5, 5.5]
#   MaxPool     reference evaluator [4.0, 6.0], onnxruntime [4.0, 6.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import parser
from onnx.reference import ReferenceEvaluator

x = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 6)
seen = {}
for operator in ("AveragePool", "MaxPool"):
    model = parser.parse_model(f"""
        <ir_version: 10, opset_import: ["": 21]>
        g (float[1, 1, 6] x) => (float[1, 1, n] y)
        {{ y = {operator}<kernel_shape=[4], strides=[4], ceil_mode=1>(x) }}
    """)
    reference = ReferenceEvaluator(model).run(None, {"x": x})[0].ravel().tolist()
    session = onnxruntime.InferenceSession(model.SerializeToString())
    runtime = session.run(None, {"x": x})[0].ravel().tolist()
    seen[operator] = reference, runtime
    print(f"{operator:11} reference evaluator {reference}, onnxruntime {runtime}")
if seen != {"AveragePool": ([2.0, 4.5], [2.5, 5.5]), "MaxPool": ([4.0, 6.0], [4.0, 6.0])}:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
