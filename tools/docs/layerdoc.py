"""The table of NeuralNetwork layers: what each does, its parameters and modes, its test."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path("compiler/frontends/nn/LAYERS.md")
_TESTS = Path("tests/frontends/nn")
_HEAD = """\
# NeuralNetwork layers

Made from the rules, the specification's messages and the tests by `python -m cmlc.tools.docs`.
Parameters are the fields of the layer's message, with the choices of a mode in brackets. Weights
are left out. *Test* is the file that tests the layer; `make conformance` replays recorded cases.

"""


def layers_document(root: Path) -> str:
    """Every layer type, by name."""
    from ...compiler.frontends.nn import LAYERS

    tests = tested_names(root / _TESTS)
    titles = ("layer", "what it does", "parameters and modes", "rule", "test")
    lines = [f"{_HEAD}| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, message in layer_messages():
        rule = LAYERS.get(name)
        if rule is None:
            lines.append(f"| `{name}` | *not supported* | | | |")
            continue
        family = rule.__module__.rsplit(".", 1)[1]
        files = tests.get(name, [])
        test = f"{family}_test.py" if f"{family}_test.py" in files else "".join(files[:1])
        cells = (f"`{name}`", summary(rule), _parameters(message), family, test)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def layer_messages() -> Iterator[tuple[str, Any]]:
    """(name, message descriptor) of every layer type of the specification, by name."""
    from ...compiler.source.spec import messages

    layer = messages("NeuralNetwork_pb2").NeuralNetworkLayer.DESCRIPTOR
    fields = layer.oneofs_by_name["layer"].fields
    for field in sorted(fields, key=lambda field: field.name):
        yield field.name, field.message_type


def summary(rule: Any) -> str:
    """The first sentence of the rule's docstring, or of the op's that it makes."""
    made = (v for v in inspect.getclosurevars(rule).nonlocals.values() if inspect.isclass(v))
    text = inspect.getdoc(rule) or next((inspect.getdoc(cls) or "" for cls in made), "")
    text = " ".join(text.split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".")


def _parameters(message: Any, depth: int = 0) -> str:
    """Fields and their choices."""
    groups = ((g.name, " ".join(_choice(f, depth) for f in g.fields)) for g in message.oneofs)
    shown = [f"{name} ({choices})" for name, choices in groups]
    for field in message.fields:
        if field.containing_oneof is not None or _is_data(field):
            continue
        if field.enum_type is not None:
            choices = " ".join(value.name for value in field.enum_type.values)
            shown.append(f"{field.name} ({choices})")
        elif field.message_type is not None and depth == 0 and _is_plain(field.message_type):
            shown.append(f"{field.name} ({_parameters(field.message_type, 1)})")
        else:
            shown.append(field.name)
    return ", ".join(shown)


def _choice(field: Any, depth: int) -> str:
    """One member of a oneof, with its own modes."""
    modes = _parameters(field.message_type, depth + 1) if field.message_type and depth < 1 else ""
    return f"{field.name}[{modes}]" if modes else field.name


def _is_data(field: Any) -> bool:
    name = field.message_type.name if field.message_type is not None else ""
    return name in ("WeightParams", "LSTMWeightParams", "NeuralNetwork")


def _is_plain(message: Any) -> bool:
    """Whether a message is a group of parameters, not a structure."""
    return all(field.message_type is None for field in message.fields)


def tested_names(folder: Path) -> dict[str, list[str]]:
    """The test files that name each layer type or operation, directly or in builders."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*_test.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names = [name.split(".") for name in sorted(filter(None, modules))]
        builders = [folder.parents[1].joinpath(*name).with_suffix(".py") for name in names]
        trees = (ast.parse(b.read_text(encoding="utf-8")) for b in builders if b.is_file())
        for name in {name for each in (tree, *trees) for name in _texts(each)}:
            found.setdefault(name, []).append(path.name)
    return found


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
