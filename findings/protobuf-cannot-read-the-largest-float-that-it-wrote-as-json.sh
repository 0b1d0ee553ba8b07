#!/usr/bin/env bash
# Packages: protobuf 7.36.2.
#
# Expected:
# json_format.Parse reads what json_format.MessageToJson wrote; the text format does. The largest
# float32, 3.4028234663852886e38, is what masks and padding of models are filled with.
#
# Instead:
# A float is written with as few digits as tell it from other float32s, 3.4028235e+38. Read as a
# double that is above the largest float32 (by less than half a step), and the parser compares the
# double with the limit before it rounds: "Float value too large". The same for the smallest. All
# other floats pass.
#
# Seen:
#   as JSON: 3.4028235e+38
#   read again: Float value too large at FloatValue.value
#   as text: value: 3.4028235e+38 read again: 3.4028234663852886e+38
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    protobuf==7.36.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from google.protobuf import json_format, text_format, wrappers_pb2

largest = 3.4028234663852886e38
message = wrappers_pb2.FloatValue(value=largest)
written = json_format.MessageToJson(message)
print("as JSON:", written)
try:
    json_format.Parse(written, wrappers_pb2.FloatValue())
    refusal = ""
except json_format.ParseError as error:
    refusal = str(error)
print("read again:", refusal)
text = text_format.MessageToString(message, as_one_line=True)
back = text_format.Parse(text, wrappers_pb2.FloatValue()).value
print("as text:", text, "read again:", back)
if "too large" not in refusal or back != largest:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
