#!/usr/bin/env bash
# Packages: safetensors 0.8.0, ml_dtypes 0.6.0, numpy 2.4.6.
#
# Expected:
# safetensors.numpy.load gives back what safetensors.numpy.save wrote. save knows bfloat16 and the
# 8-bit floats of ml_dtypes: its error for other types lists them as supported ("bfloat16,
# float8_e4m3fn, ..."), and the same holds for save_file and load_file.
#
# Instead:
# save writes a right file with dtype BF16 (or F8_E4M3). load raises KeyError: 'BF16', for the whole
# file, also for the float32 tensors in it: its table from names to types lacks them. So a
# checkpoint can be written with numpy and not read with it; the header and the bytes have to be
# read by hand, or with another framework's loader.
#
# Seen:
#   float16       saved as F16, loaded: float16
#   bfloat16      saved as BF16, loaded: KeyError 'BF16'
#   float8_e4m3fn saved as F8_E4M3, loaded: KeyError 'F8_E4M3'
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    safetensors==0.8.0 ml_dtypes==0.6.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import load, save

seen = {}
for dtype in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
    data = save({"a": np.array([1, 2], dtype), "b": np.float32([3])})
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    try:
        result = str(load(data)["a"].dtype)
    except KeyError as error:
        result = f"KeyError {error}"
    seen[dtype.__name__] = result
    print(f"{dtype.__name__:13} saved as {header['a']['dtype']}, loaded: {result}")
if list(seen.values()) != ["float16", "KeyError 'BF16'", "KeyError 'F8_E4M3'"]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
