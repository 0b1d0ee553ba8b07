#!/usr/bin/env bash
# Packages: coremltools 9.0, numpy 2.4.6.
#
# Expected:
# The pass common::fuse_onehot_matmul_to_gather replaces one_hot and matmul by gather where
# "axis=-1", the last one: row i of the product is then row indices[i] of the matrix. With axis=0
# the one-hot matrix stands the other way up (its columns are one-hot), and the product puts row i
# of the matrix, so to speak, at place indices[i]. That isn't a gather.
#
# Instead:
# The pass normalizes a non-negative axis with the rank of the indices instead of the rank of the
# result, which is one more: axis 0 of a vector of indices counts as -1, and the real last axis, 1,
# counts as 0. With as many indices as classes the shapes agree, so nothing complains: the rows come
# in the order of the indices instead of its inverse. And what could be fused, axis=1, isn't.
#
# Seen:
#   axis 0: matmul of the one-hot matrix gives [20.0, 0.0, 10.0]; saved: gather
#   axis 1: matmul of the one-hot matrix gives [10.0, 20.0, 0.0]; saved: one_hot, matmul
#   gather of the same indices gives [10.0, 20.0, 0.0]
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
from coremltools.converters.mil.mil import types

iOS16 = ct.target.iOS16
matrix = np.float32([[0, 0], [10, 10], [20, 20]])
indices = np.int32([1, 2, 0])


def saved(axis):
    @mb.program(
        input_specs=[mb.TensorSpec(shape=(3,), dtype=types.int32)], opset_version=iOS16
    )
    def program(x):
        hot = mb.one_hot(indices=x, one_hot_vector_size=3, axis=axis, on_value=1.0, off_value=0.0)
        return mb.matmul(x=hot, y=matrix, name="y")

    model = ct.convert(
        program, minimum_deployment_target=iOS16, compute_precision=ct.precision.FLOAT32
    )
    block = model.get_spec().mlProgram.functions["main"].block_specializations["CoreML6"]
    return [operation.type for operation in block.operations if operation.type != "const"]


rows = np.eye(3, dtype=np.float32)[indices]
product = {0: rows.T @ matrix, 1: rows @ matrix}
seen = {axis: saved(axis) for axis in product}
for axis in seen:
    print(
        f"axis {axis}: matmul of the one-hot matrix gives {product[axis][:, 0].tolist()}; "
        f"saved: {', '.join(seen[axis])}"
    )
print("gather of the same indices gives", matrix[indices][:, 0].tolist())
if seen != {0: ["gather"], 1: ["one_hot", "matmul"]} or (product[0] == matrix[indices]).all():
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
