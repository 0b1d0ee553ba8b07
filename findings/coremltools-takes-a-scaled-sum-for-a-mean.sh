#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# A sum multiplied by a number is a mean only if the number is one divided by the count. The pass
# common::fuse_reduce_mean says so: "the operation reduce_sum/count == reduce_mean". A comparison of
# floating point numbers allows for a relative error.
#
# Instead:
# The factor is compared with 1/count to an absolute 1e-6. From a thousand elements on the gap
# between 1/n and 1/(n - 1) is smaller than that, so the unbiased variance becomes the biased one;
# from a million elements on 1/count is about 1e-6 itself, and any small factor passes for it: the
# sum over a 1024 by 1024 image times 1e-8 is saved as the mean, 95 times as large. (A divisor is
# compared to an absolute 0.01.)
#
# Seen:
#   sum of     500 * 0.002004: reduce_sum, mul (mean / written = 0.998)
#   sum of    2000 * 0.0005003: reduce_mean     (mean / written = 0.9995)
#   sum of 1048576 * 1e-08: reduce_mean     (mean / written = 95.37)
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


def saved(count, factor):
    """The operations that are left of a sum over `count` numbers, times `factor`."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(count,))], opset_version=iOS18)
    def program(x):
        return mb.mul(x=mb.reduce_sum(x=x, axes=[0]), y=np.float32(factor), name="y")

    model = ct.convert(
        program, minimum_deployment_target=iOS18, compute_precision=ct.precision.FLOAT32
    )
    block = model.get_spec().mlProgram.functions["main"].block_specializations["CoreML8"]
    return [operation.type for operation in block.operations if operation.type != "const"]


seen = {}
for count, factor in ((500, 1 / 499), (2000, 1 / 1999), (2**20, 1e-8)):
    seen[count] = saved(count, factor)
    off = 1 / count / factor
    operations = ", ".join(seen[count])
    print(f"sum of {count:7} * {factor:.4g}: {operations:15} (mean / written = {off:.4g})")
if seen != {500: ["reduce_sum", "mul"], 2000: ["reduce_mean"], 2**20: ["reduce_mean"]}:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
