#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# floor_div of floats is documented as "x / y element-wise, rounded towards negative infinity", so
# by 1 it is floor, and coremltools' own value inference gives 1.0 for 1.7. It is how `x // 1` of a
# traced model arrives. An optimization keeps it, or writes `floor`.
#
# Instead:
# The pass common::noop_elimination counts floor_div by 1 among the operations without effect, with
# add 0, multiply by 1, divide by 1 and the first power. That is true of integers only. The saved ML
# Program has no rounding left: 1.7 goes in, 1.7 comes out.
#
# Seen:
#   written: floor_div(x, 1), relu
#   saved:   relu
#   folded of the constant 1.7: [1.0]
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


@mb.program(input_specs=[mb.TensorSpec(shape=(3,))], opset_version=iOS18)
def program(x):
    return mb.relu(x=mb.floor_div(x=x, y=np.float32(1)), name="y")


@mb.program(input_specs=[], opset_version=iOS18)
def folded():
    return mb.floor_div(x=np.float32([1.7]), y=np.float32(1))


model = ct.convert(program, minimum_deployment_target=iOS18, compute_precision=ct.precision.FLOAT32)
block = model.get_spec().mlProgram.functions["main"].block_specializations["CoreML8"]
left = [operation.type for operation in block.operations if operation.type != "const"]
value = folded.functions["main"].outputs[0].val.tolist()
print("written: floor_div(x, 1), relu")
print("saved:  ", ", ".join(left))
print("folded of the constant 1.7:", value)
if left != ["relu"] or value != [1.0]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
