#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6, onnx 1.23.2, onnxoptimizer 0.4.2, onnxruntime 1.32.0.
#
# Expected:
# Of two reshapes in a row only the last shape counts, unless it copies: a 0 stands for the
# dimension at that place of the reshape's own input (ONNX: "the actual dimension value is unchanged
# (i.e. taken from the input tensor)"; MIL: "0 means inheriting from the corresponding dimension in
# x.shape"). Reshaped from (2, 6) to (3, 4) to (0, -1), the result is (3, 4).
#
# Instead:
# onnxoptimizer's eliminate_consecutive_idempotent_ops and coremltools'
# common::merge_consecutive_reshapes, both in their default pipelines, keep the 0 but change what it
# is copied from: (2, 6). Neither says a word, and coremltools declares the output of the saved
# model as (2, 6) too. onnxruntime's own optimizer and onnxscript's don't do it.
#
# Seen:
#   ONNX as written, and optimized: (3, 4) (2, 6)
#   MIL as built, and converted:    (3, 4) (2, 6)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    coremltools==9.0 numpy==2.4.6 onnx==1.23.2 onnxoptimizer==0.4.2 onnxruntime==1.32.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import coremltools as ct
import numpy as np
import onnxoptimizer
import onnxruntime
from coremltools.converters.mil import Builder as mb
from onnx import parser

x = np.arange(12, dtype=np.float32).reshape(2, 6)
model = parser.parse_model("""
    <ir_version: 10, opset_import: ["": 21]>
    g (float[2, 6] x) => (float[a, b] y) <int64[2] s = {3, 4}, int64[2] t = {0, -1}>
    { middle = Reshape(x, s)  y = Reshape(middle, t) }
""")


def shape(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": x})[0].shape


@mb.program(input_specs=[mb.TensorSpec(shape=(2, 6))], opset_version=ct.target.iOS18)
def program(x):
    return mb.reshape(x=mb.reshape(x=x, shape=[3, 4]), shape=[0, -1], name="y")


built = program.functions["main"].outputs[0].shape
converted = ct.convert(program, minimum_deployment_target=ct.target.iOS18)
declared = tuple(converted.get_spec().description.output[0].type.multiArrayType.shape)
seen = [shape(model), shape(onnxoptimizer.optimize(model)), built, declared]
print("ONNX as written, and optimized:", *seen[:2])
print("MIL as built, and converted:   ", *seen[2:])
if seen != [(3, 4), (2, 6), (3, 4), (2, 6)]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
