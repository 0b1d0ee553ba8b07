"""The documentation of each pass, for `--list-passes`, `--help-pass` and documents."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from ...ir.verify import Legal
from ...passes.known import KNOWN, Origin, origin_of
from ...passes.manager import Pass, PatternPass, load_pass, parse_pipeline
from ...passes.options import Option, option_text, options_of
from . import printing

_SECTION = re.compile(r"^(Options|Example):\n", re.MULTILINE)
_ENTRY = re.compile(r"^ +(\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class PassFacts:
    """One pass, for people.

    Attributes:
        summary: the first line of its docstring.
        text: the rest of the docstring, without options and example.
        options: its options and their meaning.
        patterns: (name, what it rewrites, file) of each; None for a pass without patterns.
        requires: what the module must satisfy before, in words; may depend on options.
        ensures: what it satisfies after.
        example: the example in the docstring; empty without one.
        file: where it is defined.
        origin: the plugin or package that it comes from; None for built-in passes.
    """

    name: str
    summary: str
    text: str
    options: tuple[tuple[Option, str], ...]
    patterns: tuple[tuple[str, str, str], ...] | None
    requires: str
    ensures: str
    example: str
    file: str
    origin: Origin | None

    @property
    def option_texts(self) -> tuple[str, ...]:
        """`name=kind (default …)` of each option."""
        return tuple(f"{o.name}={o.kind}{_default(o)}" for o, _ in self.options)


def all_passes(names: Iterable[str] | None = None) -> list[PassFacts]:
    """Every known pass by name, or the named ones."""
    return [pass_facts(name) for name in (KNOWN if names is None else sorted(names))]


def pass_facts(name: str) -> PassFacts:
    """The documentation of one pass.

    Raises:
        CompileError: there is no pass of that name.
    """
    cls = load_pass(name, KNOWN)
    sections = _sections(cls)
    summary, _, text = sections[""].partition("\n")
    meaning = {m[1]: " ".join(m[2].split()) for m in _ENTRY.finditer(sections["Options"])}
    options = tuple((option, meaning.get(option.name, "")) for option in options_of(cls))
    made = None if any(option.required for option, _ in options) else cls()
    return PassFacts(
        name,
        summary,
        text.strip(),
        options,
        _patterns(cls, made),
        legal_text(made.requires if made else None),
        legal_text(made.ensures if made else None),
        dedent(sections["Example"]).strip(),
        _file(cls),
        origin_of(name),
    )


def _sections(cls: type[Pass]) -> Mapping[str, str]:
    """The docstring in parts: "" before all titles, Options, Example."""
    own = cls.__dict__.get("__doc__") or ""
    text = "" if own.startswith(f"{cls.__name__}(") else inspect.cleandoc(own)  # made by dataclass
    first, *rest = _SECTION.split(text)
    return {
        "Options": "",
        "Example": "",
        **dict(zip(rest[::2], rest[1::2], strict=True)),
        "": first,
    }


def _patterns(cls: type[Pass], made: Pass | None) -> tuple[tuple[str, str, str], ...] | None:
    if not issubclass(cls, PatternPass):
        return None
    rules = made.rules() if isinstance(made, PatternPass) else cls.patterns
    return tuple((rule.name, rule.doc, rule.where) for rule in rules)


def legal_text(legal: Legal | None) -> str:
    """What a module must satisfy, in words; empty for nothing."""
    if legal is None:
        return ""
    parts = [
        f"ops are {', '.join(f'{prefix}*' for prefix in legal.prefixes)}" if legal.prefixes else "",
        f"no {', '.join(sorted(legal.forbidden))}" if legal.forbidden else "",
        f"layouts are {legal.spatial_layout}" if legal.spatial_layout else "",
        "" if legal.calls else "no call",
    ]
    return "; ".join(filter(None, parts))


def _file(cls: type[Pass]) -> str:
    """The file that defines a pass, relative to the package for built-in passes."""
    path, package = Path(inspect.getfile(cls)), Path(__file__).resolve().parents[2]
    return path.relative_to(package).as_posix() if path.is_relative_to(package) else str(path)


def _default(option: Option) -> str:
    return "" if option.required else f" (default {option_text(option.default)})"


def check_names(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Refuse names that are neither a pass nor one of the others.

    Raises:
        CompileError: there is no such pass.
    """
    for name in names:
        if name not in others:
            load_pass(name, KNOWN)


def check_pipeline(text: str) -> None:
    """Refuse a pipeline before a model is read for it.

    Raises:
        CompileError: the text is not a pipeline.
    """
    parse_pipeline(text)


# -- on the terminal ------------------------------------------------------------------------------


def print_list() -> None:
    """Print all passes with their options."""
    rows: list[tuple[str, ...]] = []
    for item in all_passes():
        origin = f" [{item.origin}]" if item.origin else ""
        rows.append((item.name, item.summary + origin))
        rows += [("", f"  {option}") for option in item.option_texts]
    printing.print_rows(rows)


def print_help(item: PassFacts) -> None:
    """Print the documentation of one pass."""
    print(f"{item.name} ({item.origin or item.file})\n")
    print(f"  {item.summary}")
    for line in item.text.splitlines():
        print(f"  {line}".rstrip())
    _print_part("options", (_option_row(*pair) for pair in item.options))
    rules = item.patterns or ()
    _print_part("patterns", ((name, doc) for name, doc, _ in rules))
    _print_part("requires", [(item.requires,)] if item.requires else [])
    _print_part("ensures", [(item.ensures,)] if item.ensures else [])
    _print_part("example", ((line,) for line in example(item).splitlines()))


def _option_row(option: Option, meaning: str) -> tuple[str, ...]:
    default = "must be given" if option.required else f"default {option_text(option.default)}"
    return (f"{option.name}={option.kind}", default, meaning)


def _print_part(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    rows = list(rows)
    if rows:
        print(f"\n{title}:")
        printing.print_rows(rows)


def example(item: PassFacts) -> str:
    """The docstring's example, or else a command that runs the pass with all its options."""
    if item.example:
        return item.example
    given = " ".join(
        f"{option.name}={option.kind if option.required else option_text(option.default)}"
        for option, _ in item.options
    )
    spec = f"{item.name}{{{given}}}" if given else item.name
    plugin = f" --plugin {item.origin.plugin}" if item.origin and item.origin.plugin else ""
    return f"cmlc-opt model.mlmodel{plugin} --passes='{spec}'"


def as_facts(item: PassFacts) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "name": item.name,
        "summary": item.summary,
        "text": item.text,
        "options": [dict(_option_facts(*pair)) for pair in item.options],
        "patterns": None
        if item.patterns is None
        else [{"name": name, "rewrite": doc, "file": file} for name, doc, file in item.patterns],
        "requires": item.requires,
        "ensures": item.ensures,
        "example": example(item),
        "file": item.file,
        "origin": str(item.origin) if item.origin else None,
    }


def _option_facts(option: Option, meaning: str) -> Iterator[tuple[str, Any]]:
    yield "name", option.name
    yield "kind", option.kind
    yield "default", None if option.required else option_text(option.default)
    yield "required", option.required
    yield "meaning", meaning
