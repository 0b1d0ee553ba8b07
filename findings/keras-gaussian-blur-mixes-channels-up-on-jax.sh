#!/usr/bin/env bash
# Packages: keras 3.15.1, jax 0.10.2, numpy 2.4.6, scipy 1.17.1.
#
# Expected:
# keras.ops.image.gaussian_blur: "data_format: … if not specified, the value will default to
# keras.config.image_data_format", which is channels_last. A constant image stays constant but at
# the border, and all backends give the same numbers.
#
# Instead:
# None reaches the backend, which compares with one of the two names: NumPy's (and TensorFlow's)
# asks whether it is channels_first, JAX's (and torch's) whether it is channels_last. So without
# data_format the latter two take an image (height, width, channels) for (channels, height, width):
# with one channel it is blurred along one axis only and loses more than half of its brightness,
# with three the colours run into each other. With data_format="channels_last" all agree.
#
# Seen:
#   numpy no data_format: the middle of a white image is 1.0
#   numpy {'data_format': 'channels_last'}: the middle of a white image is 1.0
#   jax   no data_format: the middle of a white image is 0.4519
#   jax   {'data_format': 'channels_last'}: the middle of a white image is 1.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 numpy==2.4.6 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import os
import subprocess
import sys

CODE = """
import json, sys
import numpy as np
from keras import config, ops
assert config.image_data_format() == "channels_last"
image = np.ones((1, 5, 5, 1), "float32")
options = json.loads(sys.argv[1])
blurred = ops.image.gaussian_blur(image, **options)
print(round(float(ops.convert_to_numpy(blurred)[0, 2, 2, 0]), 4))
"""
seen = {}
for backend in ("numpy", "jax"):
    for options in ({}, {"data_format": "channels_last"}):
        done = subprocess.run(
            [sys.executable, "-c", CODE, json.dumps(options)],
            env=os.environ | {"KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=True,
        )
        seen[backend, bool(options)] = value = float(done.stdout.split()[-1])
        print(f"{backend:5} {options or 'no data_format'}: the middle of a white image is {value}")
if list(seen.values()) != [1.0, 1.0, 0.4519, 1.0]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
