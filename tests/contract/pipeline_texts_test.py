"""Pipelines that documents, docstrings and messages show can be run as they stand."""

import re
from pathlib import Path

import pytest
from cmlc.passes.known import own_passes
from cmlc.passes.manager import parse_pipeline

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("backends", "compiler", "docs", "ir", "passes", "tools")
FILES = sorted(
    path
    for folder in (ROOT, *(ROOT / name for name in FOLDERS))
    for path in (folder.glob("*") if folder == ROOT else folder.rglob("*"))
    if path.suffix in (".md", ".py") and path.name != "conftest.py"
)
# What readers are to write themselves.
OWN = ("my-pass", "unroll-power", "halve", "magnitudes")
OPTION = re.compile(r"--(?:passes|after)=(?:'([^'\n]+)'|\"([^\"\n]+)\"|([\w-]+))")
HOLE = re.compile(r"\{[\w.]*\}")  # in a text that is made
QUOTED = re.compile(r"`([^`\n]+)`")


def shown():
    """(file and line, text) of everything that looks like a pipeline."""
    starts = tuple(own_passes())
    for path in FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            texts = ["".join(groups) for groups in OPTION.findall(line)]
            texts += [text for text in QUOTED.findall(line) if is_pipeline(text, starts)]
            for text in texts:
                if not HOLE.search(text) and not any(name in text for name in OWN):
                    yield f"{path.relative_to(ROOT)}:{number}", text


def is_pipeline(text, starts):
    first = re.match(r"\(?([a-z-]+)(?=[{,)])", text)
    return first is not None and first[1] in starts


SHOWN = list(shown())


@pytest.mark.parametrize(("place", "text"), SHOWN, ids=[place for place, _ in SHOWN])
def test_it_can_be_parsed(place, text):
    parse_pipeline(text)


def test_they_are_found():
    places = {place.partition(":")[0] for place, _ in SHOWN}
    assert {"passes/manager.py", "tools/cmlc_opt.py", "README.md", "docs/debugging.md"} <= places
