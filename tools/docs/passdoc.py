"""The reference of passes: options, patterns, contracts, an example that is also a test."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cli.pass_list import PassFacts

FILE = Path("passes/PASSES.md")
_CASES = Path("tests/passes")
_HEAD = """\
# Passes

Made from the passes and their tests by `python -m cmlc.tools.docs`: change those, not this file.
`cmlc-opt --help-pass NAME` prints the same on the terminal, also for your own passes. A *pattern*
rewrites one op where it applies; `cmlc-opt --explain NAME` shows where it declined, and why. Passes
without patterns change the module as a whole. How to write one:
[the tutorial](../docs/tutorial.md).
"""


def passes_document(root: Path) -> str:
    """Every built-in pass, by name."""
    from ...backends.table import TARGETS, load_target
    from ...passes.known import own_passes
    from ..cli.pass_list import all_passes

    items = all_passes(own_passes())
    lines = [_HEAD, *(f"- [`{item.name}`](#{item.name}): {item.summary}" for item in items)]
    lines += ["\n## Pipelines\n", "| target | passes | after lowering |", "|---|---|---|"]
    targets = map(load_target, TARGETS)
    lines += [
        f"| {target.title} | `{target.preparation}` | {f'`{target.after}`' * bool(target.after)} |"
        for target in targets
    ]
    for item in items:
        lines += ["", *_pass(item, root)]
    return "\n".join(lines) + "\n"


def _pass(item: "PassFacts", root: Path) -> Iterator[str]:
    from ..cli.pass_list import example

    yield f"## {item.name}\n"
    yield f"{item.summary} [{item.file}](../{item.file})"
    if item.text:
        yield f"\n{item.text}"
    if item.options:
        yield "\n| option | values | default | meaning |\n|---|---|---|---|"
    for option, meaning in item.options:
        kind = option.kind.replace("|", " &#124; ")
        default = "" if option.required else f"`{str(option.default).lower()}`"
        yield f"| `{option.name}` | {kind} | {default} | {meaning} |"
    for title, text in (("Requires", item.requires), ("Ensures", item.ensures)):
        if text:
            yield f"\n{title}: {text}."
    if item.patterns:
        yield "\n| pattern | rewrite | file |\n|---|---|---|"
    for name, doc, where in item.patterns or ():
        # Without line numbers, which every change of the file moves.
        file = where.partition(":")[0]
        yield f"| `{name}` | {_cell(doc)} | {file} |"
    yield f"\n```sh\n{example(item)}\n```"
    yield from _case(item.name, root)


def _cell(text: str) -> str:
    return text.rstrip(".").replace("|", "&#124;").replace("*", "\\*").replace("_", "\\_")


def _case(name: str, root: Path) -> Iterator[str]:
    """The first case in which the pass runs alone: before, and after."""
    from ..cases import read_cases

    for path in sorted((root / _CASES).glob(f"{name.replace('-', '_')}*.cmir")):
        for case in read_cases(path.read_text(encoding="utf-8")):
            changes = case.expected and case.expected.strip() != _code(case.before)
            if case.run and case.run.partition("{")[0] == name and changes:
                yield f"\nFor example ({case.run}; {case.name}), before and after:\n"
                after = (case.expected or "").strip()
                yield f"```mlir\n{_code(case.before)}\n// becomes\n{after}\n```"
                return


def _code(text: str) -> str:
    """The IR of a case, without its directives."""
    return "\n".join(line for line in text.strip().splitlines() if not line.startswith("//"))
