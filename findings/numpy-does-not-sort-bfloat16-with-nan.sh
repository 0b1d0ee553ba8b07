#!/usr/bin/env bash
# Packages: ml_dtypes 0.6.0, numpy 2.4.6.
#
# Expected:
# numpy.sort: "in numpy versions >= 1.4.0 nan values are placed at the end"; numpy.unique gives "the
# sorted unique elements", numpy.nan_to_num replaces NaN "with zero". For the float types of numpy's
# own they do. ml_dtypes registers bfloat16 and the 8-bit floats with numpy as float types, with
# NaN, comparison and arithmetic.
#
# Instead:
# Without a NaN bfloat16 is sorted. One NaN and the order is whatever the algorithm leaves: user
# types are sorted with a plain "less than", which is false on both sides of a NaN. unique, median
# and whatever else sorts first follow; and nan_to_num, which asks whether the type is a subtype of
# inexact, gives the NaN back.
#
# Seen:
#   float16     sort [1.0, 3.0, 4.0, 5.0, nan, nan]
#               unique [1.0, 3.0, 4.0, 5.0, nan]
#               nan_to_num [5.0, 0.0, 3.0, 4.0, 0.0, 1.0]
#   bfloat16    sort [5.0, nan, 3.0, 4.0, nan, 1.0]
#               unique [5.0, nan, 3.0, 4.0, nan, 1.0]
#               nan_to_num [5.0, nan, 3.0, 4.0, nan, 1.0]
#   float8_e5m2 sort [5.0, nan, 3.0, 4.0, nan, 1.0]
#               unique [5.0, nan, 3.0, 4.0, nan, 1.0]
#               nan_to_num [5.0, nan, 3.0, 4.0, nan, 1.0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    ml_dtypes==0.6.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import ml_dtypes
import numpy as np

warnings.simplefilter("ignore")
numbers = [5, np.nan, 3, 4, np.nan, 1]
seen = {}
for dtype in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e5m2):
    x = np.array(numbers, dtype)
    results = [np.sort(x), np.unique(x), np.nan_to_num(x)]
    seen[dtype.__name__] = [result.astype(np.float32).tolist() for result in results]
    print(f"{dtype.__name__:11} sort {seen[dtype.__name__][0]}")
    print(f"{'':11} unique {seen[dtype.__name__][1]}")
    print(f"{'':11} nan_to_num {seen[dtype.__name__][2]}")
as_it_was = str(np.float32(numbers).tolist())
right = [
    "[1.0, 3.0, 4.0, 5.0, nan, nan]",
    "[1.0, 3.0, 4.0, 5.0, nan]",
    "[5.0, 0.0, 3.0, 4.0, 0.0, 1.0]",
]
stated = {"float16": right, "bfloat16": [as_it_was] * 3, "float8_e5m2": [as_it_was] * 3}
if {name: [str(result) for result in results] for name, results in seen.items()} != stated:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
