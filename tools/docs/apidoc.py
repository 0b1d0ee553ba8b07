"""The reference of the API: signatures and docstrings of what users call."""

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Section → (module, names; without names, all in `__all__`).
SECTIONS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Compiling and running": (("cmlc", ()),),
    "Text and numbers": (
        ("cmlc.compiler.driver", ("load_text",)),
        ("cmlc.ir.text.parser", ("parse",)),
        ("cmlc.ir.text.printer", ("PrintOptions", "print_module", "structurally_equal")),
        ("cmlc.ir.text.archive", ("write_archive", "read_archive")),
        ("cmlc.ir.verify", ("verify", "Legal")),
        ("cmlc.ir.interpret", ("run", "random_inputs")),
    ),
    "Writing passes": (
        ("cmlc.passes.patterns", ("pattern", "no", "Pattern", "Trace")),
        ("cmlc.passes.manager", ("Pass", "PatternPass", "parse_pipeline", "Pipeline")),
        ("cmlc.passes.manager", ("Instrumentation",)),
        ("cmlc.passes.measure", ("PassRun", "PatternCount")),
        ("cmlc.ir.rewrite", ("replace", "replace_op", "clone_module", "adopt")),
        ("cmlc.ir.ssa", ("Value",)),
        ("cmlc.ir.interface", ("Description", "Argument", "Result", "Classifier")),
        ("cmlc.ir.types", ("Tensor",)),
        ("cmlc.ir.dialects.builtin", ("constant", "array_of", "splat_of", "scalar")),
        ("cmlc.compiler.plugins", ("load_plugin",)),
    ),
}
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def api_reference() -> str:
    """All sections."""
    lines: list[str] = []
    for title, modules in SECTIONS.items():
        lines.append(f"\n## {title}\n")
        for path, names in modules:
            module = importlib.import_module(path)
            for name in names or module.__all__:
                lines += _entry(module, name)
    return "\n".join(lines) + "\n"


def _entry(module: ModuleType, name: str) -> Iterator[str]:
    item = getattr(module, name)
    yield f"### {module.__name__}.{name}\n"
    yield f"```\n{_signature(name, item)}\n```\n\n{_text(item)}\n"
    if inspect.isclass(item):
        for method, member in vars(item).items():
            is_property = isinstance(member, property)
            function = member.fget if is_property else member
            is_public = inspect.isfunction(function) and not method.startswith("_")
            if is_public and inspect.getdoc(function):
                bare = "" if is_property else "()"
                shown = _signature(method, function).replace("(self, ", "(").replace("(self)", bare)
                yield f"#### {name}.{method}\n\n```\n{shown}\n```\n\n{_text(function)}\n"


def _signature(name: str, item: Any) -> str:
    try:
        signature = inspect.signature(item)
    except (TypeError, ValueError):
        return name
    parts = [_parameter(parameter) for parameter in signature.parameters.values()]
    returns = signature.return_annotation
    gives = "" if returns in (inspect.Signature.empty, None) else f" -> {_annotation(returns)}"
    return f"{name}({', '.join(parts)}){'' if inspect.isclass(item) else gives}"


def _parameter(parameter: inspect.Parameter) -> str:
    text = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(
        parameter.kind.name, ""
    ) + parameter.name
    if parameter.annotation is not inspect.Parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is not inspect.Parameter.empty:
        default = _ADDRESS.sub("", repr(parameter.default))
        text += " = …" if default.startswith("<") else f" = {default}"
    return text


def _annotation(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text).replace("~", "")


def _text(item: Any) -> str:
    """A docstring as Markdown: sections become bold words, their entries lists."""
    text = inspect.getdoc(item) or ""
    if inspect.isclass(item) and text.startswith(f"{item.__name__}("):  # made by dataclass
        return ""
    lines: list[str] = []
    for line in text.splitlines():
        title = re.fullmatch(r"(Args|Attributes|Raises|Returns|Options|Example):", line)
        entry = re.fullmatch(r" {4}(\*{0,2}[\w.]+): (.*)", line)
        if title:
            lines.append(f"**{title[1]}**\n")
        elif entry:
            lines.append(f"- `{entry[1]}`: {entry[2]}")
        else:
            lines.append(f"  {line.strip()}" if line.startswith(" ") else line)
    return "\n".join(lines).replace("<", "&lt;")
