#!/usr/bin/env bash
# Packages: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6.
#
# Expected:
# Unique of 2, NaN, 1 has three different entries: a NaN equals nothing. numpy's unique counts all
# NaN as one, which is three as well, and so does the reference evaluator. inverse_indices give the
# input back: Y[inverse_indices] is X.
#
# Instead:
# onnxruntime gives [1, 2] and says that the NaN is a 2: so it comes out of an ordered map, whose
# "less than" finds a NaN equal to whatever it is compared with. Y[inverse_indices] is then [2, 2,
# 1]: a missing number has become a number, and its count is 2. Where the NaN comes first, it takes
# everything: NaN, 1, 2 gives [NaN], three times.
#
# Seen:
#   [2.0, nan, 1.0]: [1.0, 2.0], counts [1, 2], y[inverse] [2.0, 2.0, 1.0]; reference evaluator [1.0, 2.0, nan], [2.0, nan, 1.0]
#   [nan, 1.0, 2.0]: [nan], counts [3], y[inverse] [nan, nan, nan]; reference evaluator [1.0, 2.0, nan], [nan, 1.0, 2.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import parser
from onnx.reference import ReferenceEvaluator

model = parser.parse_model("""
    <ir_version: 10, opset_import: ["": 21]>
    g (float[3] x) => (float[n] y, int64[n] first, int64[3] inverse, int64[n] counts)
    { y, first, inverse, counts = Unique<sorted=1>(x) }
""")
session = onnxruntime.InferenceSession(model.SerializeToString())
seen = []
for x in (np.float32([2, np.nan, 1]), np.float32([np.nan, 1, 2])):
    y, _, inverse, counts = session.run(None, {"x": x})
    reference, _, back, _ = ReferenceEvaluator(model).run(None, {"x": x})
    print(
        f"{x.tolist()}: {y.tolist()}, counts {counts.tolist()}, y[inverse] {y[inverse].tolist()}; "
        f"reference evaluator {reference.tolist()}, {reference[back].tolist()}"
    )
    seen.append((str(y.tolist()), counts.tolist(), str(reference[back].tolist())))
stated = [("[1.0, 2.0]", [1, 2], "[2.0, nan, 1.0]"), ("[nan]", [3], "[nan, 1.0, 2.0]")]
if seen != stated:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
