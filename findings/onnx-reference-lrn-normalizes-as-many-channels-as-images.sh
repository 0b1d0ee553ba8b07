#!/usr/bin/env bash
# Packages: onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# LRN divides each entry by a power of the sum of squares over its neighbouring channels, in every
# channel of every image: square_sum[n, c, ...] is defined for all n and c.
#
# Instead:
# The reference evaluator's loop over the channels runs to the number of images: of a batch of one
# image only channel 0 is normalized, of a batch of two channels 0 and 1. The other channels are
# divided by bias ** beta, 1 by default, so they look untouched. The same image has other results in
# a larger batch.
#
# Seen:
#   1 image(s): first by the reference evaluator [0.1667, 2.0, 3.0, 4.0], by onnxruntime [0.1667, 0.1333, 0.1, 0.1538]
#   2 image(s): first by the reference evaluator [0.1667, 0.1333, 3.0, 4.0], by onnxruntime [0.1667, 0.1333, 0.1, 0.1538]
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

model = parser.parse_model("""
    <ir_version: 10, opset_import: ["": 21]>
    g (float[n, 4, 1, 1] x) => (float[n, 4, 1, 1] y) { y = LRN<size=3, alpha=3.0, beta=1.0>(x) }
""")
image = np.float32([1, 2, 3, 4]).reshape(1, 4, 1, 1)
session = onnxruntime.InferenceSession(model.SerializeToString())
seen = {}
for images in (1, 2):
    x = np.repeat(image, images, axis=0)
    reference = ReferenceEvaluator(model).run(None, {"x": x})[0][0].ravel()
    runtime = session.run(None, {"x": x})[0][0].ravel()
    seen[images] = np.isclose(reference, runtime).tolist()
    rounded = [np.round(y.astype(float), 4).tolist() for y in (reference, runtime)]
    print(
        f"{images} image(s): first by the reference evaluator {rounded[0]}, "
        f"by onnxruntime {rounded[1]}"
    )
if seen != {1: [True, False, False, False], 2: [True, True, False, False]}:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
