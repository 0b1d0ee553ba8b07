"""The document of model types: what each computes, and why some can't run elsewhere."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path("compiler/frontends/classical/MODELS.md")
_HEAD = """\
# Models that are neither networks nor programs

Made from the rules by `python -m cmlc.tools.docs`: change their docstrings, not this file. Numbers
are computed in doubles where the target has them (TFLite and Keras compute in float32). A *row* is
what a model takes from a table: models of rows take any number of them at once. What the
specification leaves open is said here, with what cmlc does.

"""
_PIPELINES = """\
`pipeline`, `pipelineClassifier` and `pipelineRegressor` hold models, of any type, that run in
order. Each sees the pipeline's inputs and what all models before it have made; the latest of one
name counts, and a name may change its type. Each becomes a private function that `@main` calls."""


def models_document() -> str:
    """Every type of models, by family, and those that are refused."""
    from ...compiler.frontends.classical.table import FAMILIES

    parts = [_HEAD + _PIPELINES]
    for family in sorted(FAMILIES, key=lambda family: family.__name__):
        title = _flow(inspect.getdoc(family) or "").partition(". ")[0].rstrip(".")
        parts.append(f"\n## {title}")
        parts += [_model(kind, known) for kind, known in family.rules.types.items()]
    parts.append("\n## What can't run elsewhere\n")
    parts += [*_opaque()]
    return "\n".join(parts) + "\n"


def _model(kind: str, known: Any) -> str:
    text = "\n\n".join(_flow(part) for part in (inspect.getdoc(known.rule) or "").split("\n\n"))
    rows = "It computes rows." if known.entries else "It computes one input at a time."
    return f"\n### {kind}\n\n{text}\n\n{rows}"


def _opaque() -> Iterator[str]:
    from ...compiler.frontends.opaque import OPAQUE

    yield "| type | why | what can be done |\n|---|---|---|"
    for kind, known in sorted(OPAQUE.items()):
        reason = re.sub(r",? ?'\{model[^}]*\}',?", "", known.reason)
        tail = "; compile what follows it in a pipeline (`--inputs`)" if known.tail else ""
        yield f"| `{kind}` | {reason} | {known.remedy}{tail} |"


def _flow(text: str) -> str:
    return " ".join(text.split())
