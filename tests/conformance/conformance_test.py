"""A fixed, spread sample of the recorded cases: every type of layers, ops and models once."""

import os

import pytest
from case import read_index, shared_data, spread
from replay import replay_all, report_on
from report import Tally

SAMPLE = 300
SEED = 7
AGREE_RATE = 0.99


@pytest.mark.slow
def test_spread_sample_agrees():
    folder = shared_data()
    if not (folder / "index.jsonl").exists():
        pytest.skip(f"no recorded cases in {folder}: set CMLC_SHARED to the folder that has them")
    entries = spread(read_index(folder), SAMPLE, SEED, first="nn-numpy")
    report = report_on(entries, replay_all(entries, jobs=min(2, os.cpu_count() or 1)))
    counted = Tally.of(item for item in report.outcomes if item.caseid not in report.known)
    text = "\n".join(report.lines(list_failures=True, only_supported=True))
    assert counted.supported, text
    assert counted.agree_rate >= AGREE_RATE, text
