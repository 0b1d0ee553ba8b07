"""`python -m cmlc.tools.docs`: documents made from the code, so that they can't be wrong.

Writes `ir/OPS.md` (every core op, what makes it, what targets make of it), `passes/PASSES.md` (see
`passdoc`), the tables of NeuralNetwork layers (see `layerdoc`) and of ML Program operations (see
`operationdoc`), the document of other models (see `modeldoc`), and what stands between markers such
as `<!-- support:begin -->` and their ends: in README.md how much is supported, in `docs/` the
grammar and the API (see `apidoc`). `--check` only compares.
"""

import argparse
import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

from ..cli import console
from . import apidoc, modeldoc, operationdoc, passdoc
from .layerdoc import FILE, layers_document, summary

if typing.TYPE_CHECKING:
    from ...ir.declare import AttributeField, Field, OperandField
    from ...ir.ssa import Op

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = """\
  python -m cmlc.tools.docs            write the documents
  python -m cmlc.tools.docs --check    exit with 1 if they are not current
"""
_HEAD = """\
# Core ops

Made from the declarations by `python -m cmlc.tools.docs`: change those, not this file. `(Cn)` are
constraints, which are checked whenever an op is made and named in messages. An *axis* may be
negative in Python and text; it is stored as positive.

*Made by* names the NeuralNetwork layers, ML Program operations and passes that can make the op. It
is read from the source of their rules (`tools/docs/constructed.py`), all branches together, without
the code around rules (weights, conversions, expanded dimensions). *TensorFlow* and *Keras* say what
an op becomes: one call, or a rule and the calls that it can make, read in the same way. *Batch* is
how `dynamic-batch` treats entries apart: the rule that `Op.batch` declares, or why there is none.
"""


def make_parser() -> console.CommandParser:
    """The options of `opdoc`."""
    parser = console.CommandParser("opdoc", "", "Write the generated documents.", EXAMPLES)
    parser.add_argument("--check", action="store_true", help="only say whether they are current")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    return console.run(make_parser(), lambda given: _run(ROOT, given), argv)


def _run(root: Path, given: argparse.Namespace) -> int:
    stale = False
    for path, text in documents(root).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        name = path.relative_to(root)
        if given.check:
            print(f"{name} is not current: run python -m cmlc.tools.docs", file=sys.stderr)
            stale = True
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return int(stale)


def documents(root: Path) -> dict[Path, str]:
    """The content of every generated document, by path."""
    found = {root / "ir" / "OPS.md": ops_document()}
    if (root / FILE).parent.is_dir():
        found[root / FILE] = layers_document(root)
    if (root / operationdoc.PARAMETERS).exists():
        found[root / operationdoc.FILE] = operationdoc.operations_document(root)
    if (root / passdoc.FILE).parent.is_dir():
        found[root / passdoc.FILE] = passdoc.passes_document(root)
    if (root / modeldoc.FILE).parent.is_dir():
        found[root / modeldoc.FILE] = modeldoc.models_document()
    for page, name, make in (
        ("text.md", "grammar", grammar),
        ("api.md", "api", apidoc.api_reference),
    ):
        path = root / "docs" / page
        if path.exists():
            found[path] = _between(path.read_text(encoding="utf-8"), name, make)
    readme = root / "README.md"
    if readme.exists():
        found[readme] = _between(readme.read_text(encoding="utf-8"), "support", support_table)
    return found


def _between(text: str, name: str, make: Callable[[], str]) -> str:
    """The text with the part between a pair of markers replaced; unchanged without markers."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in text or end not in text:
        return text
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{make()}{end}{rest.split(end, 1)[1]}"


# -- ops ------------------------------------------------------------------------------------------


def ops_document() -> str:
    """All core ops, family by family."""
    from ...ir.dialects import core

    lines = [_HEAD]
    families = {family.__name__.rsplit(".", 1)[1]: family for family in core.FAMILIES}
    for name, family in families.items():
        links = ", ".join(f"[{op.name}](#{_anchor(op.name)})" for op in family.OPS)
        lines.append(f"- **{name}**: {links}")
    for name, family in families.items():
        lines.append(f"\n## {name}\n\n{_flow(inspect.getdoc(family) or '')}")
        lines += [_op(op) for op in family.OPS]
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", title.lower())


def _op(op: "type[Op]") -> str:
    from .opmap import becomes, made_by

    description, constraints, example = _docstring(op)
    parts = [f"\n### {op.name}\n", description]
    rows = [
        *(f"| `{f.name}` | {_operand(f)} | {_default(f)} |" for f in op.spec.operands),
        *(f"| `{f.name}` | {_attribute(f)} | {_default(f)} |" for f in op.spec.attributes),
        *(f"| `{f.name}` | region | |" for f in op.spec.regions),
    ]
    if rows:
        parts.append("\n".join(["", "| field | what | default |", "|---|---|---|", *rows]))
    if constraints:
        parts.append("\n" + "\n".join(f"- {item}" for item in constraints))
    if example:
        parts.append(f"\n```mlir\n{example}\n```")
    parts.append(f"\nBatch: {summary(op.batch)}")
    parts += [f"\nMade by: {made_by(op)}", *(f"\n{line}" for line in becomes(op))]
    return "\n".join(parts)


def _docstring(op: "type[Op]") -> tuple[str, list[str], str]:
    """(description, constraints, example) of an op class."""
    text, _, example = (inspect.getdoc(op) or "").partition("\nExample:\n")
    constraints: list[str] = []
    description: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        if paragraph.startswith("(C"):
            items = re.split(r"^(?=\(C\d+\))", paragraph, flags=re.MULTILINE)
            constraints += [_flow(item) for item in items if item]
        else:
            description.append(paragraph)
    return "\n\n".join(description), constraints, dedent(example).strip()


def _flow(text: str) -> str:
    return " ".join(text.split())


def _operand(item: "OperandField") -> str:
    parts = [_dtypes(item.dtypes)]
    if item.rank is not None:
        parts.append(f"rank {', '.join(map(str, item.rank))}")
    if item.like:
        parts.append(f"dtype of `{item.like}`")
    return ("list of values: " if item.variadic else "") + ", ".join(parts)


def _dtypes(allowed: frozenset[Any]) -> str:
    from ...ir import types as ir_types

    names = {
        ir_types.ANY: "any dtype",
        ir_types.NUMERIC: "numbers",
        ir_types.FLOAT: "floats",
        ir_types.INTEGER: "integers",
        ir_types.SIGNED: "signed integers",
    }
    return names.get(allowed) or ", ".join(sorted(dtype.value for dtype in allowed))


def _attribute(item: "AttributeField") -> str:
    from ...ir.attributes import Kind

    kind = item.kind.name.lower().replace("_", " ")
    return kind if item.kind is not Kind.PLAIN else _annotation(item.annotation)


def _annotation(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_annotation, arguments))
    if origin is tuple:
        return f"list of {_annotation(arguments[0])}"
    if annotation is type(None):
        return "none"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        choices = [str(member.value) for member in annotation]
        # Element types are a long list that everyone knows.
        return "dtype" if annotation.__name__ == "DType" else " ".join(f"`#{c}`" for c in choices)
    return getattr(annotation, "__name__", str(annotation)).lower()


def _default(item: "Field") -> str:
    from ...ir.attributes import literal

    if item.required:
        return ""
    shown = getattr(item, "variadic", False)
    return "" if shown else f"`{literal(item.default)}`"


def grammar() -> str:
    """The grammar of the text form, as the parser reads it."""
    from ...ir import text

    path = Path(inspect.getfile(text)).with_name("grammar.lark")
    return f"\n```\n{path.read_text(encoding='utf-8').strip()}\n```\n"


# -- the README -----------------------------------------------------------------------------------


def support_table() -> str:
    """How many layers and operations are read, and which are not."""
    from ...compiler.frontends.classical.table import MODELS
    from ...compiler.frontends.mil import BUILTIN, OPERATIONS
    from ...compiler.frontends.nn import LAYERS
    from ...compiler.frontends.opaque import OPAQUE
    from .layerdoc import layer_messages

    known = [name for name, _ in layer_messages()]
    missing = [name for name in known if name not in LAYERS]
    count = f"{len(known) - len(missing)} of the {len(known)}"
    text = f"{count} NeuralNetwork layer types are supported: [the table]({FILE}).\n"
    text += f"Not yet: {', '.join(f'`{name}`' for name in missing)}.\n" if missing else ""
    operations = len({*OPERATIONS, *BUILTIN})
    return text + (
        f"{operations} operations of ML Programs are supported, in each version that iOS 15 to\n"
        f"iOS 18 have of them: [the table]({operationdoc.FILE}).\n"
        f"{len(MODELS)} other types of models, and pipelines of all of them, are supported:\n"
        f"[what they compute]({modeldoc.FILE}). {len(OPAQUE)} types can't run outside of Apple's\n"
        "systems or of the application; what follows them in a pipeline can.\n"
    )
