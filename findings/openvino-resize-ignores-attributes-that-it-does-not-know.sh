#!/usr/bin/env bash
# Packages: openvino 2026.4.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
#
# Expected:
# A frontend that has no counterpart for an attribute refuses the model: OpenVINO does so for Resize
# with half_pixel_symmetric or tf_crop_and_resize. From opset 18 on Resize has antialias,
# exclude_outside (from 11) and keep_aspect_ratio_policy; the latter decides about the shape of the
# result.
#
# Instead:
# These three are ignored without a word. A 3 by 4 image that is to fit into 7 by 7 becomes 7 by 7
# instead of 5 by 7, an antialiased reduction isn't antialiased, and cubic interpolation at the
# border counts what is outside. onnxruntime and the reference evaluator agree with the
# specification in all three.
#
# Seen:
#   keep_aspect_ratio_policy: onnxruntime (5, 7) OpenVINO (7, 7)
#   antialias:                onnxruntime [1.625, 3.375] OpenVINO [1.5, 3.5]
#   exclude_outside:          onnxruntime [0.8989999890327454, 1.371000051498413] OpenVINO [0.9129999876022339, 1.406000018119812]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper

core = openvino.Core()


def run(x, sizes, **attributes):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 4)],
        [helper.make_tensor("sizes", TensorProto.INT64, [len(sizes)], sizes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data = model.SerializeToString()
    runtime = onnxruntime.InferenceSession(data).run(None, {"x": x})[0]
    compiled = core.compile_model(
        core.read_model(data, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return runtime, compiled([x])[0]


image = np.zeros((1, 1, 3, 4), np.float32)
fitted = run(image, [7, 7], axes=[2, 3], keep_aspect_ratio_policy="not_larger")
row = np.float32([1, 2, 3, 4]).reshape(1, 1, 1, 4)
smooth = run(row, [1, 1, 1, 2], mode="linear", antialias=1)
cubic = run(row, [1, 1, 1, 6], mode="cubic", exclude_outside=1)
shapes = [result.shape[2:] for result in fitted]
smooth, cubic = ([np.round(y.ravel(), 3).tolist() for y in pair] for pair in (smooth, cubic))
print("keep_aspect_ratio_policy: onnxruntime", shapes[0], "OpenVINO", shapes[1])
print("antialias:                onnxruntime", smooth[0], "OpenVINO", smooth[1])
print("exclude_outside:          onnxruntime", cubic[0][:2], "OpenVINO", cubic[1][:2])
if shapes != [(5, 7), (7, 7)] or smooth != [[1.625, 3.375], [1.5, 3.5]] or cubic[0] == cubic[1]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
