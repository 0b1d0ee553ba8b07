"""Rates, excuses and the exit status they lead to."""

import json

import pytest
from case import Entry
from play import Outcome, Status
from report import Report, Tally, read_known

ENTRIES = {name: Entry(name, "s", ("relu", name), "") for name in "abcdef"}
OUTCOMES = [
    Outcome("a", Status.AGREE, strict=True),
    Outcome("b", Status.AGREE),
    Outcome("c", Status.DISAGREE, reason="far off"),
    Outcome("d", Status.UNSUPPORTED, unsupported=("crop", "gru")),
    Outcome("e", Status.UNSUPPORTED, unsupported=("gru",)),
    Outcome("f", Status.ERROR, reason="KeyError: 'x'"),
]


def report(**known: str) -> Report:
    return Report(ENTRIES, OUTCOMES, known)


def test_rates_are_over_supported_cases():
    tally = Tally.of(OUTCOMES)
    assert tally == Tally(6, 2, 1, 1, 1, 0, 2)
    assert tally.supported == 4
    assert (tally.agree_rate, tally.strict_share) == (0.5, 0.25)
    assert Tally.of([]).agree_rate == 0.0


def test_known_disagreements_are_no_failures():
    assert [item.caseid for item in report().failures()] == ["c", "f"]
    assert [item.caseid for item in report(c="ties").failures()] == ["f"]
    assert report(a="was wrong once").fixed() == ["a"]


def test_text():
    text = "\n".join(report().lines(list_failures=True))
    assert "disagree s/c [relu,c] far off" in text
    assert "    2  gru" in text
    assert "agree 50.00% of supported, strict 25.00%" in text
    assert "6 cases, 2 agree" in text


def test_only_supported_types():
    text = "\n".join(report().lines(list_failures=True, only_supported=True))
    rows = [line.split()[0] for line in text.partition("\n\n")[0].splitlines()[1:]]
    assert rows == ["a", "b", "c", "f", "relu"]


def test_json(tmp_path):
    report().write_json(tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["totals"]["agree"] == 2
    assert written["cases"][2]["status"] == "disagree"
    assert written["cases"][2]["types"] == ["relu", "c"]


def test_known_disagreements_have_reasons(tmp_path):
    read_known()
    (tmp_path / "known.toml").write_text('abc = ""\n')
    with pytest.raises(ValueError, match="'abc' needs a reason"):
        read_known(tmp_path / "known.toml")
