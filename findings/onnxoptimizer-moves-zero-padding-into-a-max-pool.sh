#!/usr/bin/env bash
# Packages: onnxoptimizer 0.4.2, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# Pad with zeros and a convolution can be made one, since a convolution pads with zeros itself.
# MaxPool doesn't: its pads are left out of the maximum, as if they were minus infinity. So Pad with
# 0 and MaxPool stay two, unless the padding value is minus infinity.
#
# Instead:
# The pass fuse_pad_into_pool moves a padding of 0 into the pads of MaxPool. Where the border of the
# input is negative, the result is too: [0, -1, -2, 0] becomes [-1, -1, -2, -3]. The pass is part of
# the fusion passes that get_fuse_and_elimination_passes (the default) runs.
#
# Seen:
#   as written: [0.0, -1.0, -2.0, 0.0]
#   optimized:  [-1.0, -1.0, -2.0, -3.0] ['MaxPool'] by default: True
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    onnxoptimizer==0.4.2 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxoptimizer
import onnxruntime
from onnx import parser

model = parser.parse_model("""
    <ir_version: 10, opset_import: ["": 21]>
    g (float[1, 1, 3] x) => (float[1, 1, n] y) <int64[6] pads = {0, 0, 1, 0, 0, 1}>
    { padded = Pad(x, pads)  y = MaxPool<kernel_shape=[2]>(padded) }
""")
x = np.float32([-1, -2, -3]).reshape(1, 1, 3)


def run(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})[0].ravel().tolist()


default = "fuse_pad_into_pool" in onnxoptimizer.get_fuse_and_elimination_passes()
optimized = onnxoptimizer.optimize(model)
before, after = run(model), run(optimized)
print("as written:", before)
left = [node.op_type for node in optimized.graph.node]
print("optimized: ", after, left, f"by default: {default}")
if (before, after, default) != ([0.0, -1.0, -2.0, 0.0], [-1.0, -1.0, -2.0, -3.0], True):
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
