#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# select(cond, a, b): MIL documents that "the return shape is based on broadcast rules from cond, a,
# b". So a condition of shape (2, 1, 1) with a and b of shape (2, 3) gives (2, 2, 3), as numpy.where
# and tf.where do.
#
# Instead:
# Type inference looks at a and b only. The builder states (2, 3); a constant select has a value of
# another shape than its own type; and the saved model declares an output of 6 numbers where the
# operation computes 12. Whoever allocates by the declaration has too little room.
#
# Seen:
#   numpy.where:                      (2, 2, 3)
#   output declared by the model:     (2, 3)
#   type of a constant select:        (2, 3)
#   value of the same constant select: (2, 2, 3)
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
cond = np.bool_([[[True]], [[False]]])
a, b = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)


@mb.program(
    input_specs=[mb.TensorSpec(shape=(2, 3)), mb.TensorSpec(shape=(2, 3))], opset_version=iOS18
)
def program(x, z):
    return mb.select(cond=cond, a=x, b=z, name="y")


@mb.program(input_specs=[], opset_version=iOS18)
def folded():
    return mb.select(cond=cond, a=a, b=b)


model = ct.convert(program, minimum_deployment_target=iOS18, compute_precision=ct.precision.FLOAT32)
declared = tuple(model.get_spec().description.output[0].type.multiArrayType.shape)
constant = folded.functions["main"].outputs[0]
print("numpy.where:                     ", np.where(cond, a, b).shape)
print("output declared by the model:    ", declared)
print("type of a constant select:       ", constant.shape)
print("value of the same constant select:", constant.val.shape)
if (declared, constant.shape, constant.val.shape) != ((2, 3), (2, 3), (2, 2, 3)):
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
