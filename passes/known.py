"""Every pass there is: this project's own, those of plugin files, and those of installed packages.

A package announces passes as entry points, `drop-noise = "noise.passes:DropNoise"` in the group
`cmlc.passes`. They are looked up only to resolve an unknown name or to list all passes. Names are
unique: a second pass with the same name is refused.
"""

import inspect
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from ..ir.diagnostics import CompileError, Diagnostic, usage_error
from . import TABLES
from .options import PASS_NAME, options_of

GROUP = "cmlc.passes"


@dataclass(frozen=True)
class Origin:
    """Where a pass comes from that is not built in.

    Attributes:
        plugin: the file, as the user named it; empty for packages.
        package: the distribution that has the entry point, with its version.
    """

    plugin: str = ""
    package: str = ""

    def __str__(self) -> str:
        return f"the plugin {self.plugin}" if self.plugin else f"the package {self.package}"


# Filled by `add_passes`.
_ADDED: dict[str, tuple[type[Any], Origin]] = {}


def own_passes() -> dict[str, str]:
    """This project's own passes, including those of targets: name → "module:class"."""
    return {name: entry for table in TABLES for name, entry in table.items()}


class KnownPasses(Mapping[str, str | type[Any]]):
    """Passes by name, as `load_pass` takes them: "module:class", or the class itself."""

    def __getitem__(self, name: str) -> str | type[Any]:
        own = own_passes()
        if name in own:
            return own[name]
        return _ADDED[name][0] if name in _ADDED else _load(_entry_points()[name])

    def __iter__(self) -> Iterator[str]:
        installed = _entry_points()
        for name in installed:
            _refuse_clash(name, Origin(package=_package(installed[name])))
        yield from sorted({*own_passes(), *_ADDED, *installed})

    def __len__(self) -> int:
        return len({*own_passes(), *_ADDED, *_entry_points()})


KNOWN = KnownPasses()


def origin_of(name: str) -> Origin | None:
    """Where a pass comes from; None for built-in passes."""
    if name in own_passes():
        return None
    return _ADDED[name][1] if name in _ADDED else Origin(package=_package(_entry_points()[name]))


def plugin_options(names: Iterable[str]) -> str:
    """The options that give a command the passes of plugin files; each begins with a space."""
    files = dict.fromkeys(_ADDED[name][1].plugin for name in names if name in _ADDED)
    return "".join(f" --plugin {shlex.quote(file)}" for file in files)


def add_passes(classes: Any, plugin: str) -> None:
    """Make the passes of a plugin known: those in its `PASSES`.

    Loading a file again replaces its passes.

    Raises:
        CompileError: an entry is not a pass, or has the name of another pass.
    """
    if not isinstance(classes, tuple | list):
        raise _bad(plugin, "PASSES is not a tuple of pass classes", "write PASSES = (MyPass,)")
    found = [_checked(item, plugin) for item in cast(tuple[Any, ...], classes)]
    names = [cls.name for cls in found]
    for cls in found:
        if names.count(cls.name) > 1:
            raise _bad(plugin, f"two passes are called '{cls.name}'", "rename one of them")
        _refuse_clash(cls.name, Origin(plugin))
        if cls.name in _entry_points():
            raise _clash(cls.name, Origin(plugin), origin_of(cls.name))
        _ADDED[cls.name] = (cls, Origin(plugin))


def _checked(cls: Any, file: str) -> type[Any]:
    """The class, if it is a usable pass.

    Raises:
        CompileError: of kind "usage", naming the file that it is from.
    """
    if not _is_like_pass(cls):
        if _is_like_pass(type(cls)):
            name = type(cls).__name__
            raise _bad(
                file, f"{cls!r} is an object, not a pass class", f"write {name} without parentheses"
            )
        raise _bad(file, f"{cls!r} is not a pass", "derive a class from Pass or PatternPass")
    name = cls.name
    if not PASS_NAME.fullmatch(name):
        raise _bad(file, f"{cls.__name__} is called '{name}'", "give it a name = 'verb-object'")
    if not is_dataclass(cast(object, cls)):
        raise _bad(
            file, f"the pass '{name}' is not a dataclass", "put @dataclass(frozen=True) above"
        )
    try:
        options_of(cls)
    except TypeError as error:
        remedy = "options are bool, int, float, str, a Literal, or a tuple of them"
        raise _bad(file, f"the pass '{name}' can't be used: {error}", remedy) from None
    return cls


def _is_like_pass(item: Any) -> bool:
    return inspect.isclass(item) and hasattr(item, "apply") and hasattr(item, "name")


def _bad(file: str, message: str, remedy: str) -> CompileError:
    return CompileError(Diagnostic(message, "usage", file=file, remedy=remedy))


@cache
def _entry_points() -> dict[str, EntryPoint]:
    """The entry points of installed packages, by name.

    Raises:
        CompileError: two of them announce the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            raise _clash(
                point.name, Origin(package=_package(point)), Origin(package=_package(first))
            )
    return found


def _package(point: EntryPoint) -> str:
    dist = point.dist
    return f"{dist.name} {dist.version}" if dist is not None else "?"


def _load(point: EntryPoint) -> type[Any]:
    where = f"{_package(point)} ({point.value})"
    try:
        loaded = point.load()
    except Exception as error:
        message = f"the pass '{point.name}' can't be loaded: {type(error).__name__}: {error}"
        raise _bad(where, message, "fix or uninstall the package") from error
    cls = _checked(loaded, where)
    if cls.name != point.name:
        message = f"announces the pass '{cls.name}' as '{point.name}'"
        raise _bad(where, message, "give the entry point the name of the pass")
    return cls


def _refuse_clash(name: str, origin: Origin) -> None:
    if name in own_passes():
        raise _clash(name, origin, None)
    if name in _ADDED and _ADDED[name][1] != origin:
        raise _clash(name, origin, _ADDED[name][1])


def _clash(name: str, second: Origin, first: Origin | None) -> CompileError:
    other = "cmlc itself" if first is None else str(first)
    remedy = "rename one of them"
    if first is not None and second.plugin and first.package:
        remedy = f"leave out --plugin {second.plugin}, uninstall the package, or {remedy}"
    return usage_error(f"{second} defines a pass '{name}', as does {other}", remedy)
