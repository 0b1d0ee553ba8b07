import json
import re
from pathlib import Path
from random import Random

import cmlc
import pytest
from cmlc.ir.diff import EDIT_KINDS
from cmlc.ir.text.archive import write_archive
from cmlc.tools import cmlc_diff
from cmlc.tools.cli import console
from cmlc.tools.view import diff_facts
from support.modules.module_edits import EDITS
from support.modules.module_twins import rename, shuffle

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
TEXT = """
func @main(%x: f32[2]) -> ("y": f32[2]) {
  %a = nn.relu(%x) : f32[2]
  %y = nn.leaky_relu(%a) {alpha = 0.5} : f32[2]
  return %y
}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old.cmir").write_text(TEXT)


def against(text: str, *arguments: str) -> int:
    Path("new.cmir").write_text(text)
    return cmlc_diff.main(["old.cmir", "new.cmir", *arguments])


def test_a_model_and_its_ir(capsys):
    module = shuffle(rename(cmlc.load(DIGITS), Random(0))[0], Random(0))[0]
    write_archive(module, Path("digits.cmir"))
    assert cmlc_diff.main([str(DIGITS), "digits.cmir"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [f"- {DIGITS}", "+ digits.cmir", "no differences; 20 ops matched"]


def test_unified(capsys):
    changed = TEXT.replace("0.5", "0.25").replace("%a = nn.relu(%x)", "%a = tensor.exp(%x)")
    assert against(changed) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[2] == "2 edits: 1 op replaced, 1 attribute; 2 ops matched"
    assert out[4:] == [
        "@main",
        "- %a = nn.relu(%x) : f32[2]",
        "+ %a = tensor.exp(%x) : f32[2]",
        "~ %y = nn.leaky_relu",
        "    alpha        0.5 → 0.25",
    ]
    assert "\033" not in "".join(out)


def test_side_by_side(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "83")
    removed = TEXT.replace("  %a = nn.relu(%x) : f32[2]\n", "").replace(
        "(%a) {alpha = 0.5}", "(%x)"
    )
    assert against(removed, "--side-by-side") == 1
    out = capsys.readouterr().out
    assert re.search(r"^%a = nn\.relu\(%x\) : f32\[2\] +<$", out, re.MULTILINE)
    assert re.search(
        r"^%y = nn\.leaky_relu\(%a\) .* \| %y = nn\.leaky_relu\(%x\)", out, re.MULTILINE
    )
    assert max(map(len, out.splitlines())) <= 83


def test_added_ops_together(capsys):
    more = "  %b = tensor.exp(%a) : f32[2]\n  %c = tensor.sin(%b) : f32[2]\n"
    text = TEXT.replace("  %y", f"{more}  %y").replace("leaky_relu(%a)", "leaky_relu(%c)")
    assert against(text) == 1
    out = capsys.readouterr().out
    assert "2 edits: 2 ops added; 2 ops matched of 2 and 4" in out
    assert "  2 ops between %a and %y\n+ %b = tensor.exp(%a) : f32[2]\n+ %c" in out


def test_like_edits_are_folded_and_lines_limited(capsys):
    lines = "".join(
        f"  %v{i + 1} = nn.leaky_relu(%v{i}) {{alpha = 0.5}} : f32[2]\n" for i in range(9)
    )
    text = f'func @main(%v0: f32[2]) -> ("y": f32[2]) {{\n{lines}  return %v9\n}}\n'
    Path("old.cmir").write_text(text)
    changed = text.replace("0.5", "0.25")
    assert against(changed) == 1
    folded = capsys.readouterr().out
    assert "~ 9 × nn.leaky_relu: %v1, %v2, %v3 and 6 more\n    alpha        0.5 → 0.25\n" in folded
    assert against(changed, "--limit=0") == 1
    assert capsys.readouterr().out.count("0.5 → 0.25") == 9
    assert against(changed, "--limit=2") == 1
    assert "… 2 more lines; --limit=0 shows all" in capsys.readouterr().out


def test_quiet(capsys):
    assert against(TEXT.replace("0.5", "0.25"), "--quiet") == 1
    assert capsys.readouterr().out == "1 edit: 1 attribute; 2 ops matched\n"


def test_ignored_kinds(capsys):
    changed = TEXT.replace("0.5", "0.25")
    assert against(changed, "--ignore=attribute,weight") == 0
    assert "no differences" in capsys.readouterr().out
    assert against(changed, "--ignore=weight") == 1


def test_json(capsys):
    assert against(TEXT.replace("0.5", "0.25"), "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["equal"], found["counts"], found["matched"]) == (False, {"attribute": 1}, 2)
    (edit,) = found["edits"]
    assert (edit["kind"], edit["what"], edit["old"], edit["new"]) == (
        *("attribute", "alpha", "0.5", "0.25"),
    )
    assert edit["before"]["op"] == "nn.leaky_relu"
    assert against(TEXT, "--json") == 0
    assert json.loads(capsys.readouterr().out)["edits"] == []


def test_weights_in_all_forms(capsys):
    module, _ = EDITS["fine-tune"](cmlc.load(DIGITS), Random(0))
    write_archive(module, Path("tuned.cmir"))
    assert cmlc_diff.main([str(DIGITS), "tuned.cmir", "--html=page.html"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"weight +f32\[16,1,3,3\]: all 144 elements differ, max 0\.\d+ \(\S+% of", out)
    assert "layers[0] 'conv1'" in out
    page = Path("page.html").read_text()
    assert "<meter " in page
    assert "layers[0] &#x27;conv1&#x27;" in page


def test_the_page_is_self_contained(capsys):
    changed = TEXT.replace("0.5", "0.25").replace('"y"', '"<y>"')
    assert against(changed, "--html=page.html") == 1
    page = Path("page.html").read_text()
    assert "<y>" not in page
    assert "&lt;y&gt;" in page
    assert not re.search(r"https?:|src=|href=|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "0.5 → 0.25" in page
    assert against(TEXT, "--html=page.html") == 0
    assert "no differences" in Path("page.html").read_text()


def test_stages(capsys):
    assert cmlc_diff.main([str(DIGITS), "--stages=imported..optimized"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("- imported\n+ optimized\n")
    assert "- %bn1 = nn.batch_norm(" in out
    assert "transposed by [2, 3, 1, 0]" in out
    assert cmlc_diff.main([str(DIGITS), "--stages=lowered..lowered", "--quiet"]) == 0
    assert cmlc_diff.main([str(DIGITS), str(DIGITS), "--stage=optimized", "--quiet"]) == 0


def test_ops_of_one_layer_are_paired_across_stages(capsys):
    assert cmlc_diff.main([str(DIGITS), "--stages=imported..lowered", "--json"]) == 1
    edits = json.loads(capsys.readouterr().out)["edits"]
    replaced = {(edit["old"], edit["new"]) for edit in edits if edit["kind"] == "replaced"}
    assert {("nn.conv", "tf.nn.conv2d"), ("nn.linear", "tf.linalg.matmul")} <= replaced


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("old.cmir",),
        ("old.cmir", "nothing.cmir"),
        ("nothing.mlmodel", "--stages=imported..lowered"),
        ("old.cmir", "--stages=imported"),
        ("old.cmir", "--stages=first..last"),
        ("old.cmir", "old.cmir", "--stages=imported..lowered"),
        ("old.cmir", "--stages=imported..lowered", "--stage=lowered"),
        ("old.cmir", "old.cmir", "--ignore=everything"),
        ("old.cmir", "old.cmir", "--limit=-1"),
        ("old.cmir", "old.cmir", "--html=missing/page.html"),
        ("old.cmir", "old.cmir", "--function=other"),
        ("broken.cmir", "old.cmir"),
    ],
)
def test_trouble_is_status_2(capsys, arguments):
    Path("broken.cmir").write_text("func")
    assert cmlc_diff.main(list(arguments)) == 2
    found = capsys.readouterr()
    assert "error:" in found.err
    assert found.out == ""


def test_a_bug_is_no_difference(capsys, monkeypatch):
    def fails(*_arguments, **_named):
        raise RuntimeError("no")

    monkeypatch.setattr("cmlc.ir.diff.compare", fails)
    assert against(TEXT) == console.BUG
    assert "this is a bug" in capsys.readouterr().err


def test_every_kind_has_a_word():
    assert set(diff_facts.NOUNS) == set(EDIT_KINDS)
