"""The table of ML Program operations: what each does, its parameters by version, its test."""

import json
from pathlib import Path

from .layerdoc import summary, tested_names

FILE = Path("compiler/frontends/mil/OPERATIONS.md")
# {operation: {opset: its parameters}}, as coremltools declares them; a test compares.
PARAMETERS = Path("tests/data/mil_parameters.json")
_TESTS = Path("tests/frontends/mil")
_HEAD = """\
# Operations of ML Programs

Made from the rules, coremltools' registry and the tests by `python -m cmlc.tools.docs`. A number
before a parameter is the first iOS version that has it; -16 means that iOS 16 is the last one.
*Test* is the file that tests the operation; samples with every parameter are compared with
coremltools (`tests/differential/mil_registry_test.py`), and `make conformance` replays recorded
cases.

"""
# Operations of the registry that programs don't have.
ABSENT = {
    "_const_symbolic": "never in a program",
}
# Operations of programs that the registry lacks: coremltools makes these when it writes a program.
_WRITTEN = {
    "coreml_update_state": {"18": ["state", "value"]},
    "write_state": {"18": ["input", "data"]},
}


def operations_document(root: Path) -> str:
    """Every operation, by name."""
    from ...compiler.frontends.mil import BUILTIN, FAMILIES, OPERATIONS

    families = {name: f.rules.family for f in FAMILIES for (name, _), _ in f.rules.items()}
    tests = tested_names(root / _TESTS)
    known = json.loads((root / PARAMETERS).read_text(encoding="utf-8")) | _WRITTEN
    titles = ("operation", "iOS", "what it does", "parameters", "rule", "test")
    lines = [f"{_HEAD}| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name in sorted({*known, *OPERATIONS}):
        opsets = known.get(name, {})
        span = _span(opsets)
        if name in BUILTIN:
            cells = (f"`{name}`", span, "A constant", "val", "walk", "walk_test.py")
        elif name in OPERATIONS:
            rule = OPERATIONS[name][min(OPERATIONS[name])]
            file, files = families[name], tests.get(name, [])
            test = f"{file}_test.py" if f"{file}_test.py" in files else "".join(files[:1])
            cells = (f"`{name}`", span, summary(rule), _parameters(opsets), file, test)
        else:
            cells = (f"`{name}`", span, f"*not supported*: {ABSENT.get(name, '')}", "", "", "")
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _span(opsets: dict[str, list[str]]) -> str:
    return " to ".join(dict.fromkeys((min(opsets), max(opsets)))) if opsets else ""


def _parameters(opsets: dict[str, list[str]]) -> str:
    """All parameters, with their first or last version."""
    first, last = min(opsets, default=""), max(opsets, default="")
    shown: list[str] = []
    for name in dict.fromkeys(name for names in opsets.values() for name in names):
        having = [opset for opset, names in opsets.items() if name in names]
        since = "" if having[0] == first else f"{having[0]} "
        until = "" if having[-1] == last else f"-{having[-1]} "
        shown.append(f"{since}{until}{name}")
    return ", ".join(shown)
