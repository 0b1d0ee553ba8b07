#!/usr/bin/env bash
# Packages: ai-edge-litert 2.3.0, numpy 2.4.6. TensorFlow 2.21's tf.lite.Interpreter does the same.
#
# Expected:
# A model whose output has as many rows as there are things, as a detector's boxes, may find none: an
# array of the shape [0, 4], which numpy has, and which the file format and the runtime compute.
#
# Instead:
# The run succeeds, and reading the output raises ValueError: Invalid tensor size. The signature's
# runner, which reads all outputs at the end of a run, gives none of them. The details of the output
# have the right shape.
#
# Seen, of the first n of three numbers:
#   n = 2   shape [2]
#   n = 0   ValueError: Invalid tensor size.  details: shape [0]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    ai-edge-litert==2.3.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys
import zlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter

# x[:n] for x of the shape [3] and a number n, converted by TensorFlow 2.21.
MODEL = """
eNqFVL9v00AUfo7TH4QQqGpChDxkYEBIDU1bgdQBKUqCqJSmqESoE8ZKDLFIHMlxq7IyMzIwMGZg7MiA+hcwMjAwsrAxdAXzvfM7
142QuOiTz+/e993zd+9iE1HvYWfToirZVCGLrlERsWXKY06IEX0AzoCvBtEPYJYnMvGOKbJ5FBSLOQW8FYW3BVwFpl545AcvnYH3
wj0cRYoHCXobx/GCzDn2GsgBFYmV/8SxXjsGPiPfyOQHkr8lse9YX5b5KtDc6z5t7z/Z2es6u+1eo9XoNVBjUifnLWVyx37ghIdB
5I8958gLp/4koEusyd8NfAE+ATPx4x0QCf9U6nye+sH+ldJ9OHZLRRdVbFF4pLzSnueVb+2fV1r3e+0DU74tr1hEG7WNem2d6E6c
7MWa9do9DqXD/h3HVaArOdqnZ5l3Hi3kPAI6AJ/Pbmdnv9qcBPjuyBvUFMdSmaW0Oq67JHFbfPgInIju2PX5OFTNwwz/pvAvC99O
Sqjysyr1ZX0xBAuZerUPpvSa7s+Ceib9pvsiJ3Mzo5MTHUO8nGHSAX5J/cO0rrK6A5TeAtZfQjShW9KbFdG5LZqwN36PHljB/LEb
Rn6E7vEGTXc02l7PfNMD5GkdS2rj8rg3voF/ne9KFPoDb+BMR37fuzuN3P4rp57ReDOnIR7luH4ba+yxG/rRsNafBKAH0Tn3dI5r
CpfP4QBrq//eP+Vrf25IRyTjoj/Wud9K90TrXvwPcIJt3bll1WP0H01D7lBe/ZI7O695DE199jnpL849Qw1rid5aUfUiqZWi2j0p
4i+9FLbr
"""
runner = Interpreter(model_content=zlib.decompress(base64.b64decode(MODEL))).get_signature_runner()
x = np.ones(3, np.float32)
two = runner(x=x, n=np.int32(2))["y"].shape
print("n = 2  ", "shape", list(two))
try:
    seen = str(list(runner(x=x, n=np.int32(0))["y"].shape))
except ValueError as error:
    seen = f"ValueError: {error}"
shape = runner.get_output_details()["y"]["shape"].tolist()
print("n = 0  ", seen, " details: shape", shape)
if two != (2,) or "Invalid tensor size" not in seen or shape != [0]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
