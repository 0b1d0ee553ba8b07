#!/usr/bin/env bash
# Packages: networkx 3.6.1.
#
# Expected:
# Nodes of a networkx graph come in the order in which they were added, also from a subgraph view,
# so that topological_sort and whatever walks the nodes is the same in each run; programs that write
# code or files in that order rely on it.
#
# Instead:
# A view of more than half of the nodes comes in the graph's order. A view of fewer comes in the
# order of a set: of strings another one with every PYTHONHASHSEED. So an order that was stable in
# all tests changes from run to run once the graph around the same nodes has grown.
#
# Seen:
#    0 other nodes: 1 order(s) in 8 runs, such as scale bias relu
#   10 other nodes: 4 order(s) in 8 runs, such as bias scale relu
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/venv"
python3 -m pip --python "$folder/venv" install --quiet --no-compile --disable-pip-version-check \
    networkx==3.6.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import subprocess
import sys

CODE = """
import sys
import networkx as nx
graph = nx.DiGraph()
graph.add_nodes_from(["scale", "bias", "relu"])
graph.add_nodes_from(range(int(sys.argv[1])))
print(*nx.topological_sort(graph.subgraph(["scale", "bias", "relu"])))
"""
seen = {}
for others in (0, 10):
    seen[others] = set()
    for seed in range(8):
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(others)],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        )
        seen[others].add(done.stdout.strip())
    count = len(seen[others])
    print(f"{others:2} other nodes: {count} order(s) in 8 runs, such as", min(seen[others]))
if len(seen[0]) != 1 or len(seen[10]) < 2:
    sys.exit("This is not what the comment of this script states: has a version changed it?")
PYTHON
