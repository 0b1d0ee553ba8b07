#!/usr/bin/env bash
# Packages: numpy 2.4.6.
#
# Expected:
# A quantile lies between the smallest and the largest entry; the default method interpolates
# between two of them and gives float64 for integers. It is how percentile clipping of quantized
# activations is calibrated. The same numbers as int16 or float32 give it, and so does numpy.median
# of the int8.
#
# Instead:
# The difference of the two neighbours is taken in int8 and wraps around: from -100 to 100 is a step
# of -56. The quartiles of [-100, 100] are -114, 128 and 114, all outside, and not in order. Wider
# integers do the same at their own limits, unsigned ones not. (For a single q instead of a list
# there is at least a RuntimeWarning.)
#
# Seen:
#   int8  quartiles of [-100, 100]: [-114.0, 128.0, 114.0]
#   int16 quartiles of [-100, 100]: [-50.0, 0.0, 50.0]
#   int16 of [-32768, 32767]: median -0.5, quantile 0.5 32767.5
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np

seen = {}
for dtype in (np.int8, np.int16):
    data = np.array([-100, 100], dtype)
    seen[dtype] = np.quantile(data, [0.25, 0.5, 0.75]).tolist()
    print(f"{dtype.__name__:5} quartiles of {data.tolist()}: {seen[dtype]}")
limits = np.array([-(2**15), 2**15 - 1], np.int16)
median, middle = float(np.median(limits)), np.quantile(limits, [0.5])[0].item()
print(f"int16 of {limits.tolist()}: median {median}, quantile 0.5 {middle}")
if seen != {np.int8: [-114.0, 128.0, 114.0], np.int16: [-50.0, 0.0, 50.0]} or median == middle:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
