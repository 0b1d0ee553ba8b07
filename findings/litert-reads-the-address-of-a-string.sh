#!/usr/bin/env bash
# Packages: ai-edge-litert 2.3.0, numpy 2.4.6. TensorFlow 2.21's tf.lite.Interpreter does the same.
#
# Expected:
# The Python interpreter of TFLite files takes strings as numpy arrays of Python's objects, as numpy
# holds strings of any length, and gives them so. An array without dimensions is one string: the
# model's input has the shape [], and its type is string.
#
# Instead:
# Of such an array the interpreter takes the eight bytes of the object's address for the text. With
# one dimension, the same array is right. Of numpy's own type for text it takes the four bytes of each
# character, for which TensorFlow would take UTF-8. Nothing fails: a lookup finds nothing, and the
# class is that of unknown words. Only numpy's type for bytes is right for a single string.
#
# Seen, of a model that gives its input in the shape [1]:
#   object, []   8 bytes, others in each run
#   <U4, []      w...o...r...d...
#   S4, []       word
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

# tf.reshape(x, [1]) for a string x of the shape [], converted by TensorFlow 2.21.
MODEL = """
eNptUj1P21AUvTFOikKUFtWCDAxBymwltCzZohQEUkIqiFiNRUxryXmRnBcEa9Wl/6BjBwYGRjaYEL8C0bX/oUvdc5+vTRTxkmM/
n/fO/d4gouFu74NDddqgGjn0jirglsnGnsARfQeegasC0S3gLBHhT9jiNq+yUbGmjK+K6D4Cb4FpEJ+H6os3Cs78WaSNzmZ7SZJY
smfuUt78/edfkmT8BWCJPeaeoSvK/j3QHRwc7xwe7Q8OvP7OsPOpM+wgljSeZbmX3R2HyotnSofjwDsP4mk4UVQC/wjcA9fAT0CL
RiVpHCd5rlybam6buYZhS4YriY5MHbJ62qYmd4O/d/3N3z8Kko9tVERb7lbLbRI9iS+22XK3mcoXW7Zf8ZPV6Ar1uga43v3e/mG9
O1HITwcj15w7RlvNI2IbVeG5Vz3gM8+C2Bz7oaKFHmdzUTbvtM9ZLpbEWZjjCsLxrPwC9sT2N+TJx474X0qvFet4RDhb5Vj8WIca
3QlGXT+K2s052w8LevFtcR43OOO8/DjUX93TiZpqX+kXLdGamfN1qUK63oBNw6/hUXuJvdgwMdv5/CzMsnfRbtJ8nSr4rUjHKsZb
6vQ/XApumQ==
"""
runner = Interpreter(model_content=zlib.decompress(base64.b64decode(MODEL))).get_signature_runner()
seen = []
for word in (np.array("word", object), np.array("word"), np.array(b"word")):
    text = runner(x=word)["y"][0]
    name = "object" if word.dtype == object else word.dtype.str
    shown = text.decode("ascii", "replace").replace("\0", ".") if name != "object" else ""
    print(f"{name + ', []':12} {shown or f'{len(text)} bytes, others in each run'}")
    seen.append(text)
wide = seen[1] == "word".encode("utf-32-le")
if seen[0] == b"word" or not wide or seen[2] != b"word":
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
