"""Passes from plugin files and installed packages: found, run, listed, explained, refused."""

import json
import sys
from pathlib import Path

import pytest
from cmlc.passes import PASSES, known
from cmlc.tools import cmlc, cmlc_opt, cmlc_run
from cmlc.tools.cli import console

PLUGIN = '''\
from __future__ import annotations

from dataclasses import dataclass

from cmlc.ir.dialects.core import activation, elementwise
from cmlc.passes.manager import Pass, PatternPass
from cmlc.passes.patterns import no, pattern


@dataclass(frozen=True)
class Shrink(PatternPass):
    """Turn relu into abs, where it is small enough.

    Options:
        threshold: elements up to which a tensor is small;
            all of them are by default.
    """

    name = "shrink"

    threshold: int = 3

    def rules(self):
        @pattern(activation.Relu)
        def relu_to_abs(op):
            """relu(x) → abs(x)."""
            if op.x.type.shape[0] > self.threshold:
                return no(f"it has {op.x.type.shape[0]} elements, more than {self.threshold}")
            return elementwise.Abs(op.x).result

        return (relu_to_abs,)


@dataclass(frozen=True)
class Idle(Pass):
    """Do nothing."""

    name = "idle"

    def apply(self, module, instrumentation):
        return False


PASSES = (Shrink, Idle)
'''
RELU = """func @main(%x: f32[4]) -> ("y": f32[4]) {
  %y = nn.relu(%x) : f32[4]
  return %y
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(known, "_ADDED", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    known._entry_points.cache_clear()
    Path("shrink.py").write_text(PLUGIN)
    Path("m.cmir").write_text(RELU)
    yield tmp_path
    known._entry_points.cache_clear()


def install(name, *rows, code=PLUGIN):
    """A package as pip leaves it behind, in a folder of its own."""
    site = Path(f"site-{name}")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[cmlc.passes]", *rows, ""]))
    (site / f"{name}.py").write_text(code)
    sys.path.append(str(site.resolve()))
    sys.modules.pop(name, None)


# -- plugin files ----------------------------------------------------------------------------------


def test_a_pass_of_a_plugin(capsys):
    arguments = ["m.cmir", "--plugin", "shrink.py", "--passes=canonicalize, shrink{threshold=4}"]
    assert cmlc_opt.main(arguments) == 0
    assert "tensor.abs" in capsys.readouterr().out


def test_it_is_explained(capsys):
    assert cmlc_opt.main(["m.cmir", "--plugin", "shrink.py", "--explain=shrink"]) == 0
    found = capsys.readouterr()
    assert "shrink: 0 rewrites, 1 near-miss" in found.err
    assert "relu-to-abs (shrink.py:24) at m.cmir:2:3" in found.err
    assert "declined: it has 4 elements, more than 3" in found.err
    assert "nn.relu" in found.out


def test_a_pass_without_patterns_says_that_it_explains_nothing(capsys):
    assert cmlc_opt.main(["m.cmir", "--plugin", "shrink.py", "--explain=idle"]) == 0
    assert "idle: is not a set of patterns" in capsys.readouterr().err


def test_it_is_traced_timed_and_counted(capsys):
    options = ["--trace-rewrites", "--timing-patterns", "--stats", "--print-after=shrink"]
    run = ["m.cmir", "--plugin", "shrink.py", "--passes=shrink{threshold=4}", *options]
    assert cmlc_opt.main(run) == 0
    found = capsys.readouterr().err
    assert "relu-to-abs (shrink.py:24)" in found
    assert "// ----- after shrink" in found
    assert found.count("shrink{threshold=4}") == 2
    assert found.count("relu-to-abs  ") == 2
    assert "nn.relu -1, tensor.abs +1" in found


@pytest.mark.parametrize("main", [cmlc.main, cmlc_opt.main, cmlc_run.main])
def test_every_command_takes_it(capsys, main):
    more = {cmlc: ["--emit=ir"], cmlc_run: ["--interpret", "--input", "x=[-1,0,1,2]"]}
    options = next((more[m] for m in more if m.main is main), [])
    run = ["m.cmir", "--plugin", "shrink.py", "--passes=shrink{threshold=4}", *options]
    assert main(run) == 0
    found = capsys.readouterr().out
    assert "[1 0 1 2]" in found if main is cmlc_run.main else "tensor.abs" in found


def test_the_target_s_passes_run_after_it(capsys):
    run = ["m.cmir", "--plugin", "shrink.py", "--emit=ir", "--passes=shrink", "--stats"]
    assert cmlc.main(run) == 0
    found = capsys.readouterr().err
    assert found.index("shrink") < found.index("canonicalize")


@pytest.mark.slow
def test_it_is_part_of_what_is_compiled(capsys):
    model = ["m.cmir", "--plugin", "shrink.py", "--passes=shrink{threshold=4}"]
    assert cmlc_run.main([*model, "--input", "x=[-1,0,1,2]"]) == 0
    assert "[1 0 1 2]" in capsys.readouterr().out


def test_no_passes_for_what_is_not_compiled(capsys):
    assert cmlc.main(["m.cmir", "--emit=ir", "--stage=imported", "--passes=dce"]) == 2
    assert "--stage=optimized" in capsys.readouterr().err
    assert cmlc.main(["m.cmir", "-o", "m.mlmodel", "--passes=dce"]) == 2
    assert "--passes means nothing for --emit=mlmodel" in capsys.readouterr().err
    assert cmlc.main(["nothing.mlmodel", "--passes=nonsense"]) == 2
    assert "no pass called 'nonsense'" in capsys.readouterr().err


def test_the_same_file_may_be_loaded_again():
    for _ in range(2):
        assert cmlc_opt.main(["m.cmir", "--plugin", "shrink.py", "--passes=shrink"]) == 0


def test_a_failing_pass_of_a_plugin_is_reproduced_with_it(capsys):
    text = PLUGIN.replace("        return False", "        return 1 // 0 == 0")
    Path("broken.py").write_text(text)
    assert cmlc_opt.main(["m.cmir", "--plugin", "broken.py", "--passes=idle"]) == console.BUG
    (path,) = Path().glob("cmlc-reproducer-*.cmir")
    assert path.read_text().startswith(
        f"// RUN: cmlc-opt {path.name} --plugin broken.py --passes='idle'\n"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("PASSES = (Shrink, Idle)", "PASSES = Shrink"), "PASSES is not a tuple of pass classes"),
        (("PASSES = (Shrink, Idle)", "PASSES = (Shrink())"), "PASSES is not a tuple"),
        (
            ("Idle)", "Idle())"),
            "Idle() is an object, not a pass class; write Idle without parentheses",
        ),
        (("Idle)", "dataclass)"), "is not a pass; derive a class from Pass"),
        (('name = "idle"', ""), "Idle is called ''; give it a name = 'verb-object'"),
        (('name = "idle"', 'name = "Do Nothing"'), "Idle is called 'Do Nothing'"),
        (('name = "idle"', 'name = "shrink"'), "two passes are called 'shrink'"),
        (("@dataclass(frozen=True)\nclass Idle", "class Idle"), "'idle' is not a dataclass"),
        (('name = "idle"', 'name = "dce"'), "defines a pass 'dce', as does cmlc itself"),
        (("threshold: int = 3", "threshold: dict = 3"), "its option 'threshold' is of type dict"),
        (("threshold: int = 3", "threshold: Nothing = 3"), "NameError: name 'Nothing'"),
    ],
)
def test_plugins_that_are_refused(capsys, change, message):
    assert change[0] in PLUGIN
    Path("shrink.py").write_text(PLUGIN.replace(*change))
    run = ["m.cmir", "--plugin", "shrink.py", "--passes=dce"]
    assert cmlc_opt.main(run) == console.USAGE_ERROR
    found = capsys.readouterr()
    assert "shrink.py: error: " in found.err
    assert message in found.err
    assert found.out == ""


def test_what_only_looks_like_a_pass(capsys):
    Path("shrink.py").write_text(PLUGIN.replace("class Idle(Pass)", "class Idle"))
    run = ["m.cmir", "--plugin", "shrink.py", "--passes=idle"]
    assert cmlc_opt.main(run) == console.USAGE_ERROR
    assert "'idle' is not a pass; derive Idle from Pass" in capsys.readouterr().err


def test_two_plugins_with_one_name(capsys):
    Path("other.py").write_text(PLUGIN)
    run = ["m.cmir", "--plugin", "shrink.py", "--plugin", "other.py"]
    assert cmlc_opt.main(run) == console.USAGE_ERROR
    message = "the plugin other.py defines a pass 'shrink', as does the plugin shrink.py"
    assert message in capsys.readouterr().err


# -- installed packages ----------------------------------------------------------------------------


def test_a_pass_of_a_package(capsys):
    install("noise", "shrink = noise:Shrink", "idle = noise:Idle")
    assert cmlc_opt.main(["m.cmir", "--passes=shrink{threshold=4}, idle"]) == 0
    assert "tensor.abs" in capsys.readouterr().out


def test_packages_are_read_only_for_names_that_are_not_known(capsys):
    install("noise", "shrink = noise:Shrink")
    assert cmlc_opt.main(["m.cmir", "--passes=canonicalize, (cse, dce)*"]) == 0
    assert known._entry_points.cache_info().currsize == 0
    assert "noise" not in sys.modules


def test_packages_are_listed_and_described(capsys):
    install("noise", "shrink = noise:Shrink")
    assert cmlc_opt.main(["--list-passes"]) == 0
    found = capsys.readouterr().out
    assert "where it is small enough. [the package noise 1.0]" in found
    assert all(f"  {name}" in found for name in known.own_passes())
    assert cmlc_opt.main(["--help-pass=shrink"]) == 0
    found = capsys.readouterr().out
    assert "shrink (the package noise 1.0)" in found
    assert "elements up to which a tensor is small; all of them are by default." in found
    assert "relu-to-abs  relu(x) → abs(x)." in found


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("shrink = noise:Nothing", "noise 1.0 (noise:Nothing): error: the pass 'shrink' can't be"),
        ("shrink = nowhere:Shrink", "ModuleNotFoundError: No module named 'nowhere'"),
        ("shrink = noise:Idle", "announces the pass 'idle' as 'shrink'"),
        ("shrink = noise:pattern", "is not a pass"),
    ],
)
def test_packages_that_are_refused(capsys, row, message):
    install("noise", row)
    assert cmlc_opt.main(["m.cmir", "--passes=shrink"]) == console.USAGE_ERROR
    assert message in capsys.readouterr().err


def test_two_packages_with_one_name(capsys):
    install("noise", "shrink = noise:Shrink")
    install("sound", "shrink = sound:Shrink")
    assert cmlc_opt.main(["m.cmir", "--passes=shrink"]) == console.USAGE_ERROR
    found = capsys.readouterr().err
    assert "the package noise 1.0" in found
    assert "the package sound 1.0" in found


def test_a_package_and_a_plugin_with_one_name(capsys):
    install("noise", "shrink = noise:Shrink")
    assert cmlc_opt.main(["m.cmir", "--plugin", "shrink.py"]) == console.USAGE_ERROR
    remedy = "leave out --plugin shrink.py, uninstall the package, or rename one of them"
    assert f"as does the package noise 1.0; {remedy}" in capsys.readouterr().err


def test_a_package_can_not_replace_our_own(capsys):
    install("noise", "dce = noise:Shrink")
    assert cmlc_opt.main(["m.cmir", "--passes=dce"]) == 0  # ours, without a look at packages
    assert cmlc_opt.main(["--list-passes"]) == console.USAGE_ERROR
    assert "the package noise 1.0 defines a pass 'dce'" in capsys.readouterr().err


# -- for machines ----------------------------------------------------------------------------------


def test_facts(capsys):
    run = ["m.cmir", "--plugin", "shrink.py", "--passes=(shrink{threshold=4}, dce)*, cse"]
    options = ["-o", "o.cmir", "--json", "--timing-patterns", "--stats", "--explain=shrink"]
    assert cmlc_opt.main([*run, *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["ok"], facts["output"], facts["ops"]) == (True, "o.cmir", 1)
    assert facts["explain"]["rewrites"] == 1
    stages = {item["name"]: item for item in facts["timing"]["children"]}
    assert list(stages) == ["read", "optimize"]
    group, cse = stages["optimize"]["children"]
    assert (group["rounds"], cse["name"]) == (2, "cse")
    shrink, dce = group["children"]
    assert [run["changed"] for run in shrink["runs"]] == [True, False]
    assert (shrink["patterns"]["relu-to-abs"]["rewrites"], dce["name"]) == (1, "dce")
    assert group["seconds"] == pytest.approx(sum(item["seconds"] for item in (shrink, dce)))
    assert facts["timing"]["share"] == 1.0
    assert [(item["name"], item["rounds"]) for item in facts["stats"]] == [
        *(("shrink", [1]), ("dce", [1]), ("shrink", [2]), ("dce", [2]), ("cse", [])),
    ]
    assert facts["stats"][0]["ops_before"] == {"nn.relu": 1}
    assert facts["stats"][0]["ops_after"] == {"tensor.abs": 1}


def test_facts_of_a_compilation(capsys):
    assert cmlc.main(["m.cmir", "-o", "o.cmir", "--json", "--timing", "--stats"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["timing"]["children"][-1]["name"] == "write"
    assert "canonicalize" in [row["name"] for row in facts["stats"]]


def test_facts_and_ir_can_not_share_an_output(capsys):
    assert cmlc_opt.main(["m.cmir", "--json"]) == console.USAGE_ERROR
    assert "add -o" in capsys.readouterr().out


def test_passes_as_facts(capsys):
    assert cmlc_opt.main(["--help-pass=constant-fold", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["passes"]
    assert facts["options"] == [
        {
            "name": "limit",
            "kind": "int",
            "default": "65536",
            "required": False,
            "meaning": "how many elements a result that is larger than its operands may have.",
        }
    ]
    assert facts["patterns"][0]["name"] == "view-of-constant"
    assert cmlc_opt.main(["--list-passes", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["passes"]) == len(known.own_passes())


# A pass refuses what is not a table.
TABLE = """
func @main(%x: f64[1] {kind = "double", batch = "added"}) -> ("y": f64[1]) {
  return %x
}
"""


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_is_described_and_explained(capsys, name):
    assert cmlc_opt.main([f"--help-pass={name}"]) == 0
    found = capsys.readouterr().out
    assert found.startswith(f"{name} (passes/")
    assert f"--passes='{name}" in found
    text = TABLE if name == "feature-matrix" else RELU.replace("f32[4]", "f32[1,4]")
    Path("batched.cmir").write_text(text)
    assert cmlc_opt.main(["batched.cmir", "--explain", name]) == 0
    assert capsys.readouterr().err.startswith(f"{name}: ")
