"""Text reads as an engineer would write it: "x is not a y", where German has "x ist kein y"."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".py", ".md", ".cmir", ".lark", ".html", ".toml"}
# Words may be divided by the end of a line, of a comment or of a string.
_GAP = r"""[\s"'#*/|]+"""
_IS_NO = re.compile(rf"\b(there{_GAP})?(?:is|are){_GAP}no{_GAP}(\w+|\{{)", re.IGNORECASE)
# "is no longer", "are no larger than": comparisons, which are fine.
COMPARED = {"bigger", "fewer", "greater", "larger", "less", "longer", "more", "smaller"}
# Files with exceptions, and the reason.
ALLOWED = {
    "tests/english_test.py": "it says what it looks for",
    "CONTRIBUTING.md": "it states the rule",
}


def said(text):
    """(line, words) of each "is no y"."""
    for match in _IS_NO.finditer(text):
        if not match[1] and match[2].lower() not in COMPARED:
            line = text.count("\n", 0, match.start()) + 1
            yield line, re.sub(r"\W+", " ", match[0])


def files():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if Path(name).suffix in SUFFIXES]


def test_nothing_is_no_something():
    found = [
        f"{name}:{line}: '{words}'; write 'is not a', or 'there is no'"
        for name in files()
        if name not in ALLOWED and (ROOT / name).exists()
        for line, words in said((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("'x' is no pass", [1]),
        ("they are no\n    # operands", [1]),
        ('f"it is "\n"no shape"', [1]),
        ("one\nThis is no Core ML model.", [2]),
        ("there is no such pass; There are no ops", []),
        ("if there\n    is no pass", []),
        ("it is no longer; they are no larger", []),
        ("it is not a number", []),
        ("this is nothing", []),
    ],
)
def test_what_is_found(text, lines):
    assert [line for line, _ in said(text)] == lines
