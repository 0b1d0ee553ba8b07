"""Documents hold what they say: commands are run, files written, links followed."""

import os
import re

import pytest
from support.running.doc_models import write_models
from support.running.doc_runner import ROOT, Reader, agrees, blocks, commands, shims

PAGES = sorted((ROOT / "docs").glob("*.md"))
FOLLOWED = [
    path for path in PAGES if {"console", "python"} & {b.kind for b in blocks(path.read_text())}
]
SKIPPED = {".venv", "build", ".git", ".pytest_cache"}
MARKDOWN = sorted(
    path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts)
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_PICTURE = re.compile(r"""(?:!\[[^\]]*\]\(|<img src=")([^)"]+)""")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@pytest.fixture
def reader(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    write_models(folder)
    bin_ = shims(tmp_path / "bin")
    environment = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    environment |= {"PATH": f"{bin_}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    return Reader(folder, environment)


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda path: path.stem)
def test_a_page_can_be_followed(reader, page):
    reader.follow(page.read_text())
    assert not reader.problems, "\n".join(reader.problems)
    assert reader.commands


def test_the_tutorial_is_short():
    """ "Under 60 lines" is promised: code and project file, tests as they are written."""
    text = (ROOT / "docs" / "tutorial.md").read_text()
    written = [block for block in blocks(text) if block.file and block.file != "powers.cmir"]
    assert [block.file for block in written] == [
        *("unroll_power.py", "unroll_power.cmir", "pyproject.toml"),
    ]
    code = [line for block in written for line in block.text.splitlines() if line.strip()]
    added = 2  # to the pass, by the reader
    assert len(code) + added < 60
    assert f"ship it: {len(code) + added} lines" in text


# -- links -----------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    result = set()
    for title in re.findall(r"^#+ +(.*?)\s*$", _CODE_BLOCK.sub("", text), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = found[slug] = found.get(slug, -1) + 1
        result.add(f"{slug}-{count}" if count else slug)
    return result


_CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        file, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / file).resolve() if file else page
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target.read_text()):
            broken.append(f"{link}: no such heading")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_pictures_are_there_and_small(page):
    for name in _PICTURE.findall(page.read_text()):
        size = (page.parent / name).stat().st_size
        assert size < 200_000, f"{name} takes {size:,} bytes; `make pictures` takes smaller ones"


def test_people_finish_the_readme():
    assert (ROOT / "README.md").read_text().count("\n") <= 150


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    missing = [
        path.name for path in PAGES if path.name != "README.md" and f"({path.name}" not in index
    ]
    assert not missing


# -- the reader itself -----------------------------------------------------------------------------


def test_what_is_printed_is_compared():
    assert agrees("a\n…\nz\n", "a\nb\nc\nz\n")
    assert agrees("a\n…\nz\n", "a\nz\n")
    assert agrees("in … s\n", "in 1.5 s\n")
    assert not agrees("in … s\n", "in 1\n2 s\n")
    assert not agrees("a\n", "a\nb\n")
    assert not agrees("", "a\n")


def test_commands_and_their_status():
    first, second = commands("$ a \\\n  b\nc\n$ d  # exit status 2\n")
    assert (first.line, first.expected, first.status) == ("a \\\n  b", "c\n", 0)
    assert (second.line, second.expected, second.status) == ("d  # exit status 2", "", 2)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("```console\n$ echo a\na\n```\n", 0),
        ("```console\n$ echo a\nb\n```\n", 1),
        ("```console\n$ false\n```\n", 1),
        ("```console\n$ false  # exit status 1\n```\n", 0),
        ("```console\n$ true  # exit status 1\n```\n", 1),
        ("`a.txt`:\n\n```text\nx\n```\n\n```console\n$ cat a.txt\nx\n```\n", 0),
        ("```python\nprint(1)\nx = 2\n```\n```python\nprint(x)\n```\n```text\n2\n```\n", 0),
        ("```python\nprint(1)\n```\n```text\n2\n```\n", 1),
        ("```python\n1 / 0\n```\n", 1),
    ],
)
def test_documents_that_hold_and_that_do_not(reader, text, problems):
    reader.follow(text)
    assert len(reader.problems) == problems
