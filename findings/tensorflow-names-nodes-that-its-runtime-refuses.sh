#!/usr/bin/env bash
# Packages: tensorflow 2.21.0.
#
# Expected:
# tf.name_scope checks names against a pattern that has a backslash in it, and its documentation
# gives the pattern: what it lets through can be run, as everything else that it takes.
#
# Instead:
# The pattern of the runtime has no backslash. A function with a scope called `a\b` is traced
# without a word, and its graph can be printed and looked at; it fails when it is first called:
# "Node name contains invalid characters". The same is true of a > that isn't followed by a letter,
# a digit or a dot.
#
# Seen:
#   conv/1: traced, ran: 6.0
#   conv>1: traced, ran: 6.0
#   conv\1: traced, then InvalidArgumentError: Node 'conv\1/mul/y': Node name contains invalid …
#   conv>_1: traced, then InvalidArgumentError: Node 'conv>_1/mul/y': Node name contains invalid …
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    tensorflow==2.21.0
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import tensorflow as tf

seen = {}
for name in ("conv/1", "conv>1", r"conv\1", "conv>_1"):

    @tf.function(autograph=False)
    def double(x, name=name):
        with tf.name_scope(name):
            return tf.reduce_sum(x * 2)

    traced = double.get_concrete_function(tf.TensorSpec([2]))
    assert any(node.name.startswith(f"{name}/") for node in traced.graph.as_graph_def().node)
    try:
        seen[name] = float(traced(tf.constant([1.0, 2.0])))
        print(f"{name}: traced, ran: {seen[name]}")
    except tf.errors.InvalidArgumentError as error:
        seen[name] = "contains invalid characters" in str(error)
        print(f"{name}: traced, then InvalidArgumentError: {str(error).splitlines()[0]}")
if list(seen.values()) != [6.0, 6.0, True, True]:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
