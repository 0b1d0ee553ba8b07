#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# The pass common::fuse_elementwise_to_batchnorm turns x * gamma + beta, per channel, into
# batch_norm with mean 0 and variance 1. For that to be the same function, its epsilon has to be 0
# (or gamma be divided by sqrt(1 - epsilon)): batch_norm is gamma * (x - mean) / sqrt(variance +
# epsilon) + beta. The same product after a convolution is folded into the weights exactly.
#
# Instead:
# The pass names no epsilon, so batch_norm's default of 1e-5 counts: every factor is 0.999995 of
# what was written, in a model that was converted with compute precision float32. It is 84 units in
# the last place; no tolerance was asked for.
#
# Seen:
#   written: mul, add, relu; saved: batch_norm, relu
#   epsilon: 1e-05
#   factors written: [2.0, 4.0]
#   factors saved:   [1.9999899864196777, 3.9999799728393555]
#   in units of the last place: [-84, -84]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    coremltools==9.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb

iOS18 = ct.target.iOS18
gamma, beta = (np.float32(pair).reshape(1, 2, 1, 1) for pair in ([2, 4], [0, 1]))


@mb.program(input_specs=[mb.TensorSpec(shape=(1, 2, 3, 3))], opset_version=iOS18)
def program(x):
    return mb.relu(x=mb.add(x=mb.mul(x=x, y=gamma), y=beta), name="y")


model = ct.convert(program, minimum_deployment_target=iOS18, compute_precision=ct.precision.FLOAT32)
block = model.get_spec().mlProgram.functions["main"].block_specializations["CoreML8"]
types = [operation.type for operation in block.operations if operation.type != "const"]
constants = {
    operation.outputs[0].name: operation.attributes["val"].immediateValue.tensor.floats.values
    for operation in block.operations
    if operation.type == "const"
}
norm = next(operation for operation in block.operations if operation.type == "batch_norm")
values = {
    name: list(constants[norm.inputs[name].arguments[0].name])
    for name in ("mean", "variance", "gamma", "beta", "epsilon")
}
deviations = np.sqrt(np.float32(values["variance"]) + np.float32(values["epsilon"]))
factors = np.float32(values["gamma"]) / deviations
print("written: mul, add, relu; saved:", ", ".join(types))
print("epsilon:", np.float32(values["epsilon"][0]))
print("factors written:", gamma.ravel().tolist())
print("factors saved:  ", factors.tolist())
steps = np.float32(factors).view(np.int32) - gamma.ravel().view(np.int32)
print("in units of the last place:", steps.tolist())
if types != ["batch_norm", "relu"] or not (-100 < steps).all() or not (steps < -10).all():
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
