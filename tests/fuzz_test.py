"""Damaged models: what a seed does never changes, and the command refuses what is left."""

from pathlib import Path

import fuzz
import pytest
from support.modules import mutations
from support.running.samples import write_samples

DIGITS = Path(__file__).parent / "data" / "digits.mlmodel"


def test_damage_is_reproducible(tmp_path):
    for seed in range(12):
        said = [mutations.damage(DIGITS, tmp_path / f"{run}.mlmodel", seed) for run in range(2)]
        assert said[0] == said[1]
        first, second = ((tmp_path / f"{run}.mlmodel").read_bytes() for run in range(2))
        assert first == second


def test_damage_of_folders(tmp_path):
    source = tmp_path / "m.mlmodelc"
    source.mkdir()
    (source / "net.json").write_text('{"layers": [{"size": 3}, {"size": 4}], "kind": "x"}')
    (source / "weights").write_bytes(bytes(range(100)))
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    done = set()
    for seed in range(60):
        target = tmp_path / f"{seed}.mlmodelc"
        done.add(mutations.damage(source, target, seed))
        after = {path.name: path.read_bytes() for path in target.iterdir()}
        assert sum(after.get(name) != data for name, data in before.items()) <= 1
    assert {"net.json: damage_json", "weights: flip", "weights: truncate"} <= done


@pytest.mark.slow
def test_damaged_models_are_refused(tmp_path):
    found = list(fuzz.outcomes([DIGITS, *write_samples(tmp_path)], 140, 2, 60))
    assert len(found) == 140
    assert not [f"{t.source.name} {t.seed}: {o.problem}" for t, o in found if o.problem]
    assert max(outcome.peak for _, outcome in found) < 2e9
    statuses = {outcome.status for _, outcome in found}
    assert statuses == {0, 1}


def test_what_is_wrong_is_seen(tmp_path, monkeypatch):
    """A traceback, another status, and an output beside an error are problems."""
    from cmlc.tools import cmlc

    def said(status, text="", *, output=False):
        def main(arguments):
            import sys

            print(text, file=sys.stderr)
            if output:
                Path(arguments[2]).mkdir()
            return status

        monkeypatch.setattr(cmlc, "main", main)
        return fuzz.play(fuzz.Task(DIGITS, 0)).problem

    assert said(0, output=True) == ""
    assert said(1, "m: error: bad") == ""
    assert said(70, "m: error: bad") == "exit status 70"
    assert said(1, "Traceback") == "a traceback"
    assert said(1, "oh") == "no diagnostic"
    assert said(1, "m: error: bad", output=True) == "an output beside an error"
    assert said(0) == "no output"
