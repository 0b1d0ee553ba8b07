import dataclasses
import re
from pathlib import Path

import cmlc
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.frontends.nn import LAYERS
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import network_of
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.passes.known import own_passes
from cmlc.passes.manager import PatternPass, load_pass
from cmlc.tools.docs import apidoc, layerdoc, operationdoc, opmap, passdoc
from cmlc.tools.docs import generate as opdoc
from cmlc.tools.docs.constructed import constructed

pytestmark = pytest.mark.slow  # each writes whole documents
DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
# No case shows them alone: they change the interface, or nothing.
UNSHOWN = {"io-layout", "numeric-interface", "dynamic-batch", "check-keras", "recognize-loops"}
README = "# x\n<!-- support:begin -->\nold\n<!-- support:end -->\nkept\n"


def test_documents_are_current(capsys):
    assert opdoc.main(["--check"]) == 0, capsys.readouterr().err


def test_every_op_is_described():
    text = opdoc.ops_document()
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert headings == [op.name for op in CORE_OPS]
    target = load_target("tf")
    for op in CORE_OPS:
        section = text.split(f"\n### {op.name}\n")[1].split("\n### ")[0]
        assert all(f"| `{field.name}` |" in section for field in op.spec.fields), op.name
        assert ("TensorFlow: not supported" in section) == (op not in target.lowering), op.name


def section(name):
    return opdoc.ops_document().split(f"\n### {name}\n")[1].split("\n### ")[0]


@pytest.mark.parametrize(
    ("name", "made_by", "becomes"),
    [
        (
            "nn.conv_transpose",
            ("layers `convolution`, `convolution3d`", "operations `conv_transpose`"),
            ("Calls `kernels.conv_transpose`", "`keras.layers.Conv2DTranspose`"),
        ),
        ("nn.elu", ("layers `activation`; operations `elu`",), ("Calls `keras.layers.ELU`",)),
        ("nn.hard_swish", ("Made by: passes `recognize`",), ("`tf.nn.relu6`",)),
        ("ctl.cond", ("layers `branch`",), ("Calls `tf.cond`",)),
        ("ctl.while_loop", ("layers `loop`",), ("Keras: not supported: a functional",)),
        ("custom.call", ("layers `custom`",), ("`kernels.custom_call`",)),
        ("tensor.neg", ("passes `canonicalize`",), ("TensorFlow: `tf.negative`",)),
    ],
)
def test_what_makes_an_op_and_what_it_becomes(name, made_by, becomes):
    text = section(name)
    assert all(part in text for part in (*made_by, *becomes)), text


def test_what_rules_ask_the_walk_for_exists():
    for name, (frontend, layer) in opmap._BY_THE_WALK.items():
        assert frontend == "nn"
        assert layer in LAYERS
        assert name in {op.name for op in CORE_OPS}


def test_layers_make_what_the_reference_says():
    """Of the sample model, every op that a layer made is one that its rule can make."""
    spec = read_spec(DIGITS)
    kinds = {layer.name: layer.WhichOneof("layer") for layer in network_of(spec).layers}
    made = 0
    for op in cmlc.load(DIGITS).walk():
        layer = re.fullmatch(r"layers\[\d+\] '(.*)'", str(op.location))
        if layer and op.name not in ("const", "tensor.expand_dims", "tensor.squeeze"):
            assert type(op) in constructed(LAYERS[kinds[layer[1]]]), op
            made += 1
    assert made > 6


@pytest.mark.parametrize("name", own_passes())
def test_the_reference_of_passes(name):
    text = passdoc.passes_document(opdoc.ROOT)
    part = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
    cls = load_pass(name, own_passes())
    if issubclass(cls, PatternPass):
        assert all(f"| `{rule.name}` |" in part for rule in cls().rules())
    assert all(f"| `{field.name}` |" in part for field in dataclasses.fields(cls))
    if name not in UNSHOWN:
        assert "\n// becomes\n" in part


def test_the_reference_of_the_api_has_no_addresses():
    text = apidoc.api_reference()
    assert " at 0x" not in text
    assert "### cmlc.compile\n" in text
    assert "#### CompiledModel.predict" in text


def test_readme(tmp_path, monkeypatch):
    monkeypatch.setattr(opdoc, "ROOT", tmp_path)
    (tmp_path / "ir").mkdir()
    (tmp_path / "README.md").write_text(README)
    assert opdoc.main(["--check"]) == 1
    assert (tmp_path / "README.md").read_text() == README
    assert opdoc.main([]) == 0
    assert opdoc.main(["--check"]) == 0
    text = (tmp_path / "README.md").read_text()
    assert re.search(r"\d+ of the 158 NeuralNetwork layer types", text)
    assert "old" not in text
    assert text.endswith("<!-- support:end -->\nkept\n")


@pytest.mark.parametrize("name", own_passes())
def test_every_pass_is_listed(name):
    assert f"- [`{name}`](#{name}): " in passdoc.passes_document(opdoc.ROOT)


def test_no_readme_is_needed(tmp_path):
    assert opdoc.documents(tmp_path).keys() == {Path(tmp_path, "ir", "OPS.md")}


def rows_of(text):
    """The rows of a table of names."""
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_every_layer_is_described_and_tested():
    rows = rows_of(layerdoc.layers_document(opdoc.ROOT))
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(cells) == 158
    for name, summary, _, family, test in cells:
        if summary != "*not supported*":
            assert all((summary, family)), name
            assert test, f"no test in tests/frontends/nn names {name}"


def test_modes_of_a_layer():
    (row,) = [r for r in layerdoc.layers_document(opdoc.ROOT).splitlines() if "| `pooling` |" in r]
    assert "type (MAX AVERAGE L2)" in row
    assert "PoolingPaddingType (valid" in row
    assert "globalPooling" in row


def test_every_operation_is_described_and_tested():
    rows = rows_of(operationdoc.operations_document(opdoc.ROOT))
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(cells) >= 168
    for name, span, summary, parameters, rule, test in cells:
        if not summary.startswith("*not supported*"):
            assert all((span, summary, parameters, rule)), name
            assert test, f"no test in tests/frontends/mil names {name}"


def test_parameters_of_an_operation_by_version():
    text = operationdoc.operations_document(opdoc.ROOT)
    (row,) = [r for r in text.splitlines() if "| `gather` |" in r]
    assert "axis, indices, x, 16 batch_dims, 17 validate_indices" in row
    (row,) = [r for r in text.splitlines() if "| `non_maximum_suppression` |" in r]
    assert "-16 score_threshold" in row
