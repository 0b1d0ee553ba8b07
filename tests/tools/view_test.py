"""Pictures of modules: Graphviz text that parses, and a page that a browser draws."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import cmlc
import pytest
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.text.parser import parse
from cmlc.ir.view.dot import dot
from cmlc.ir.view.graph import graph
from cmlc.ir.view.page import page, page_data
from cmlc.tools import cmlc as command
from cmlc.tools.bench.large_program import many_operations

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
NESTED = r"""func @f(%"a\"b\\": f32[2], %p: bool[]) -> ("</script>": f32[2]) {
  %w = const {value = dense<[1.0, 3.0]>} : f32[2]
  %y = ctl.cond(%p) ({
    %t = tensor.add(%"a\"b\\", %w) : f32[2]
    yield %t
  }, {
    yield %"a\"b\\"
  }) : f32[2]
  %z = nn.relu(%y) : f32[2]
  return %z
}
"""


def nested():
    return parse(NESTED, table=TABLE)


# -- the graph ----------------------------------------------------------------------------------


def test_nodes_come_after_what_they_need():
    nodes = graph(nested())
    kinds = {node.kind: node for node in nodes}
    assert [node.kind for node in nodes if node.kind == "const"] == []
    assert kinds["tensor.add"].groups == ("@f", "y 0")
    assert kinds["tensor.add"].weights[0][0] == "y"
    assert kinds["ctl.cond"].layer < kinds["tensor.add"].layer < kinds["nn.relu"].layer
    assert kinds["output"].operands == [nodes.index(kinds["nn.relu"])]


def test_places_are_taken_once():
    for module in (cmlc.load(DIGITS), nested(), cmlc.load(many_operations(200))):
        nodes = graph(module)
        assert len({(node.layer, node.column) for node in nodes}) == len(nodes)
        for node in nodes:
            assert all(nodes[i].layer < node.layer for i in node.operands)


def test_wide_layers_are_placed_in_linear_time():
    width = 3000
    lines = "".join(f"  %v{i} = nn.relu(%x) : f32[2]\n" for i in range(width))
    module = parse(f"func @f(%x: f32[2]) -> f32[2] {{\n{lines}  return %v0\n}}")
    assert max(node.column for node in graph(module)) == width - 1


def test_what_is_known_of_inputs_and_outputs():
    module = cmlc.load(DIGITS)
    nodes = {node.name: node for node in graph(module) if node.kind in ("input", "output")}
    assert nodes["image"].attributes["color"] == '"GRAYSCALE"'
    labels = json.loads(nodes["digitProbabilities"].attributes["class_labels"])
    assert labels == list(module.main.classifier.class_labels)
    assert "class_labels" not in nodes["digit"].attributes


def test_many_arguments_that_are_alike_are_one_node():
    names = [f"%f{i}" for i in range(40)]
    arguments = ", ".join(f"{name}: f32[1]" for name in names)
    body = f"  %y = tensor.stack({', '.join(names)}, %x) {{axis = 0}} : f32[41,1]"
    module = parse(f"func @f({arguments}, %x: f32[1]) -> f32[41,1] {{\n{body}\n  return %y\n}}")
    # All are alike but for the result; another type ends the run.
    first, stack, _ = graph(module)
    assert (first.name, first.type, first.attributes) == ("f0 … x", "f32[1]", {"count": "41"})
    assert stack.operands == [0]
    few = parse("func @f(%a: f32[1], %b: f32[1]) -> f32[1] { return %a }")
    assert [node.name for node in graph(few)] == ["a", "b", "a"]
    mixed = f"func @f({arguments}, %x: f32[2]) -> f32[2] {{ return %x }}"
    assert [node.name for node in graph(parse(mixed))][:2] == ["f0 … f39", "x"]


# -- Graphviz -----------------------------------------------------------------------------------


def test_dot_names_every_node_once():
    text = dot(nested())
    assert len(re.findall(r"^ +n\d+ \[", text, re.MULTILINE)) == len(graph(nested()))
    assert text.count("subgraph") == 2  # a region without ops has none
    assert r"input\n%a\"b\\: f32[2]" in text


def test_private_functions_say_so():
    text = "func @f() -> () { return } func private @g(%x: f32[2]) -> f32[2] { return %x }"
    assert 'label="private @g"' in dot(parse(text))


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz' dot is not installed")
def test_dot_is_graphviz():
    for module in (nested(), cmlc.load(DIGITS)):
        done = subprocess.run(["dot", "-Tplain"], input=dot(module), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout.count("\nnode ") == len(graph(module))


def test_dot_on_standard_output_and_in_files(capsys, tmp_path):
    assert command.main([str(DIGITS), "--emit=dot"]) == 0
    text = capsys.readouterr().out
    assert command.main([str(DIGITS), "-o", str(tmp_path / "d.dot")]) == 0
    assert (tmp_path / "d.dot").read_text() == text


# -- the page -----------------------------------------------------------------------------------


def embedded(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_page_holds_its_data_and_nothing_foreign():
    text = page({"imported": nested()})
    data = embedded(text)
    assert data == json.loads(json.dumps(page_data({"imported": graph(nested())})))
    assert "</script>" in [node[1] for node in data["stages"][0]["nodes"]]
    assert not re.search(r"(src|href)=|@import|url\(|fetch\(", text)
    (weight,) = data["weights"]
    assert (sum(weight["bins"]), weight["ends"]) == (2, [1, 3])


def test_stages_share_origins(tmp_path):
    assert command.main([str(DIGITS), "--emit=html", "-o", str(tmp_path / "d.html")]) == 0
    data = embedded((tmp_path / "d.html").read_text())
    assert [stage["name"] for stage in data["stages"]] == ["imported", "optimized", "lowered"]
    origin = data["texts"].index("layers[4] 'conv2'")
    for stage in data["stages"]:
        assert any(origin in node[4] for node in stage["nodes"])


BROWSER = shutil.which("chromium")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt install chromium)")
def test_a_browser_draws_five_thousand_ops_soon(tmp_path):
    module = cmlc.load(many_operations(5000))
    path = tmp_path / "large.html"
    path.write_text(page({"imported": module}))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{path.as_uri()}#relu_2"]
    done = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=120)
    drawn = re.search(r'data-first-draw="(\d+)"', done.stdout)
    assert drawn, done.stderr[-2000:]
    assert int(drawn[1]) < 3000
    assert "<h2>nn.relu</h2>" in done.stdout  # the script ran to its end
