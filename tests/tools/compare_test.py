"""`cmlc-run --compare` and `--probe`: numpy and TensorFlow op by op, values in the middle."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from cmlc.backends.tf import dialect
from cmlc.backends.tf.target import TARGET
from cmlc.ir.dialects.core import TABLE, activation
from cmlc.ir.interpret import random_inputs
from cmlc.ir.text.parser import parse
from cmlc.tools import cmlc_run
from cmlc.tools.cli import console
from cmlc.tools.debug import compare
from cmlc.tools.debug.experiment import computing_ops, keep_results
from cmlc.tools.debug.probe import Probe, parse_probe
from support.networks.builders import layer, network

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"
TEXT = """func @main(%x: f32[N,2]) -> ("y": f32[N,2], "z": f32[N,2]) {
  %a = tensor.neg(%x) : f32[N,2]
  %y = nn.relu(%a) : f32[N,2]
  %z = nn.sigmoid(%y) : f32[N,2]
  return %y, %z
}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments: str) -> tuple[int, str]:
    status = cmlc_run.main([str(DIGITS), "--random=0", *arguments])
    return status, capsys.readouterr().out


# -- comparing -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_op_is_compared(capsys):
    status, out = run(capsys, "--compare", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["ok"]
    assert sorted(row["position"] for row in facts["ops"]) == list(range(1, 14))
    relative = [row["relative"] for row in facts["ops"]]
    assert relative == sorted(relative, reverse=True)
    assert any(row["relative"] > 0 for row in facts["ops"]), "nothing was computed twice"
    (conv,) = (row for row in facts["ops"] if row["position"] == 4)
    assert conv["op"] == "nn.conv"
    assert "layers[0] 'conv1'" in conv["locations"]
    assert [row["name"] for row in facts["results"]] == ["digitProbabilities", "digit"]


@pytest.mark.slow
def test_a_batch_before_arrays_and_values_of_rank_0(capsys, tmp_path):
    half, total = layer("unary", scale=0.5, type="ABS"), layer("reduceSum", reduceAll=True)
    for rank5, layers, batch in ((True, [half], "dynamic"), (False, [half, total], "static")):
        path = tmp_path / "model.mlmodel"
        path.write_bytes(network(*layers, x=(4,), rank5=rank5).SerializeToString())
        status = cmlc_run.main([str(path), "--random=0", "--compare", "--json", f"--batch={batch}"])
        facts = json.loads(capsys.readouterr().out)
        assert status == 0
        assert [(row["name"], row["passes"]["error"]) for row in facts["results"]] == [("y", 0)]


def wrong_relu(op):
    return dialect.Tanh(op.x, result_types=op.result.type).result


@pytest.mark.slow
def test_a_wrong_lowering_is_named(capsys, monkeypatch):
    rules = {**TARGET.lowering, activation.Relu: wrong_relu}
    monkeypatch.setattr(
        "cmlc.backends.tf.target.TARGET", dataclasses.replace(TARGET, lowering=rules)
    )
    status, out = run(capsys, "--compare", "--json")
    facts = json.loads(out)
    (first,) = (row for row in facts["ops"] if row["position"] == facts["first"])
    assert status == console.INPUT_ERROR
    assert first["op"] == "nn.relu"
    assert "layers[2] 'relu1'" in first["locations"]
    status, out = run(capsys, "--compare", "--top=2")
    assert status == console.INPUT_ERROR
    assert "first beyond the tolerance: %" in out
    assert "nn.relu of layers[" in out
    assert "--bisect-passes" not in out, "passes are right here"


@pytest.mark.slow
def test_a_large_model_is_compared_in_groups(capsys, monkeypatch):
    monkeypatch.setattr(compare, "GROUP_BYTES", 4096)
    _, out = run(capsys, "--compare", "--json")
    assert len(json.loads(out)["ops"]) == 13


def test_groups_hold_every_op_once():
    module = parse(TEXT, "m.cmir", TABLE)
    arrays = random_inputs(module.main, N=4)  # results of 32 bytes each
    for limit, sizes in ((1, [1, 1, 1]), (64, [2, 1]), (1000, [3])):
        groups = list(compare.groups(module.main, arrays, limit))
        assert [len(group) for group in groups] == sizes
        assert [op for group in groups for op in group] == computing_ops(module.main)


def test_kept_results_come_after_the_functions_own():
    module = parse(TEXT, "m.cmir", TABLE)
    kept, names = keep_results(module, computing_ops(module.main)[:2])
    assert kept.main.result_names == ["y", "z", *names[0], *names[1]]
    assert [v.op.name for v in kept.main.results][2:] == ["tensor.neg", "nn.relu"]
    assert len(module.main.results) == 2


# -- probing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "probe"),
    [
        ("conv1", Probe("conv1")),
        ("conv1=a/b.npy", Probe("conv1", Path("a/b.npy"))),
        ("a=b", Probe("a=b")),
        ("a=b=c.npz", Probe("a=b", Path("c.npz"))),
    ],
)
def test_what_is_asked_for(text, probe):
    assert parse_probe(text) == probe


@pytest.mark.parametrize("name", ["conv1", "c*v1"])
def test_a_value_of_the_interpreter(capsys, name):
    status, out = run(capsys, "--interpret", f"--probe={name}")
    assert status == 0
    assert out.startswith("%conv1: float32 1×16×8×8, min -")
    assert "nn.conv of layers[0] 'conv1'" in out


def test_all_ops_of_a_kind_go_into_one_file(capsys):
    status, out = run(capsys, "--interpret", "--probe=nn.relu=found.npz", "--probe=bn1=found.npz")
    assert status == 0
    assert out == "found.npz: 3 values\n"
    found = np.load("found.npz")
    assert sorted(found) == ["bn1", "relu1", "relu2"]
    assert np.array_equal(found["relu1"], np.maximum(found["bn1"], 0))


def test_one_value_goes_into_a_file(capsys):
    assert run(capsys, "--interpret", "--probe=pool1=pool.npy")[0] == 0
    assert np.load("pool.npy").shape == (1, 16, 4, 4)
    assert [path.name for path in Path().iterdir()] == ["pool.npy"]


@pytest.mark.slow
def test_a_value_of_tensorflow_by_its_layer(capsys):
    """Layers that passes made one op of have one value."""
    assert run(capsys, "--probe=bn1=bn1.npy")[0] == 0
    assert run(capsys, "--interpret", "--probe=bn1=reference.npy")[0] == 0
    ours = np.load("bn1.npy")
    np.testing.assert_allclose(ours, np.load("reference.npy").transpose(0, 2, 3, 1), 1e-4, 1e-5)


def test_json_of_a_probe(capsys):
    _, out = run(capsys, "--interpret", "--probe=pool1", "--json")
    row = json.loads(out)["probes"]["pool1"]
    assert (row["op"], row["location"]) == ("nn.max_pool", "layers[3] 'pool1'")
    assert row["shape"] == [1, 16, 4, 4]


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("convv1", "there is no value, op or layer 'convv1'; there is conv1"),
        ("nn.relu=one.npy", "'nn.relu' names 2 values, but a .npy file holds one"),
    ],
)
def test_probes_that_find_nothing(capsys, probe, message):
    assert cmlc_run.main([str(DIGITS), "--random=0", "--interpret", f"--probe={probe}"]) == 2
    assert message in capsys.readouterr().err
