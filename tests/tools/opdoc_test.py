import re
from pathlib import Path

import pytest
from cmlc.backends.target import load_target
from cmlc.ir.dialects.core import CORE_OPS
from cmlc.passes import PASSES
from cmlc.tools import layerdoc, opdoc, operationdoc

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


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_is_listed(name):
    assert f"| `{name}` |" in opdoc.passes_table()


def test_no_readme_is_needed(tmp_path):
    assert opdoc.documents(tmp_path).keys() == {Path(tmp_path, "ir", "OPS.md")}


def test_every_layer_is_described_and_tested():
    rows = layerdoc.layers_document(opdoc.ROOT).splitlines()[8:]
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
    rows = operationdoc.operations_document(opdoc.ROOT).splitlines()[9:]
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
