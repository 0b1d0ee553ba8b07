#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# An operation on constants is computed while the program is built, and means what it means at run
# time. concat with interleave=True takes turns: the documentation's own example puts in1 at 0::2
# and in2 at 1::2. scatter_along_axis adds in its default mode ("mode: default to add").
#
# Instead:
# concat's value inference never looks at interleave, and scatter_along_axis's never at mode: it
# overwrites, whatever the mode. The results replace the operations (common::const_elimination), so
# a wrong constant is all that the saved model has; with an input instead of the constant the same
# program is right.
#
# Seen:
#   concat, interleaved: [10.0, 2.0, 3.0, 7.0, 8.0, 9.0] instead of [10.0, 7.0, 2.0, 8.0, 3.0, 9.0]
#   scatter, mode add:   [7.0, 9.0, 3.0] instead of [17.0, 19.0, 3.0]
#   scatter, mode max:   [7.0, 9.0, 3.0] instead of [10.0, 9.0, 3.0]
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
one, two = np.float32([10, 2, 3]), np.float32([7, 8, 9])
place = np.int32([0, 1, 1])


@mb.program(input_specs=[], opset_version=iOS18)
def program():
    return (
        mb.concat(values=[one, two], axis=0, interleave=True),
        mb.scatter_along_axis(data=one, indices=place, updates=two, axis=0, mode="add"),
        mb.scatter_along_axis(data=one, indices=place, updates=two, axis=0, mode="max"),
    )


concat, added, largest = (output.val.tolist() for output in program.functions["main"].outputs)
right_add, right_max = one.copy(), one.copy()
np.add.at(right_add, place, two)
np.maximum.at(right_max, place, two)
print("concat, interleaved:", concat, "instead of", np.stack([one, two], 1).ravel().tolist())
print("scatter, mode add:  ", added, "instead of", right_add.tolist())
print("scatter, mode max:  ", largest, "instead of", right_max.tolist())
if (concat, added) != ([10, 2, 3, 7, 8, 9], [7, 9, 3]):
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
