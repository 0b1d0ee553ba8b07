"""Model folders: what is inside, and which file is the model.

A `.mlpackage` is recognised by its Manifest.json, whatever the folder is called.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from ...ir.diagnostics import CompileError, Diagnostic

_MANIFEST = "Manifest.json"
_COPY_AGAIN = "copy or download the whole package again"


def is_package(folder: Path) -> bool:
    """Whether the folder has a manifest."""
    return (folder / _MANIFEST).is_file()


def model_file(folder: Path) -> Path:
    """The model file of a `.mlpackage` folder.

    Raises:
        CompileError: the folder is no package, or its manifest is broken.
    """
    manifest = folder / _MANIFEST
    if not manifest.is_file():
        raise CompileError(_no_manifest(folder))
    item = _root_item(manifest)
    data = (folder / "Data").resolve()
    path = (data / item).resolve()
    if not path.is_relative_to(data):
        _broken(manifest, f"it places the model outside the package: '{item}'")
    if not path.is_file():
        message = f"the package's model file Data/{item} is missing"
        raise CompileError(Diagnostic(message, "malformed", file=str(folder), remedy=_COPY_AGAIN))
    return path


def _root_item(manifest: Path) -> str:
    """The path, below Data/, of the item that `rootModelIdentifier` names."""
    try:
        content: Any = json.loads(manifest.read_bytes())
    except ValueError as error:
        _broken(manifest, f"it is no JSON: {error}")
    except OSError as error:
        _broken(manifest, f"it can't be read: {error.strerror}")
    root = content.get("rootModelIdentifier") if isinstance(content, dict) else None
    if not isinstance(root, str):
        _broken(manifest, "it has no rootModelIdentifier")
    entries = content.get("itemInfoEntries")
    entry = entries.get(root) if isinstance(entries, dict) else None
    if not isinstance(entry, dict):
        _broken(manifest, f"itemInfoEntries has no item '{root}', the rootModelIdentifier")
    path = entry.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        _broken(manifest, f"the item '{root}' has no path")
    return path


def _broken(manifest: Path, what: str) -> NoReturn:
    message = f"the package's manifest is broken: {what}"
    raise CompileError(Diagnostic(message, "malformed", file=str(manifest), remedy=_COPY_AGAIN))


def _no_manifest(folder: Path) -> Diagnostic:
    file = str(folder)
    if (folder / "Data").is_dir():
        return Diagnostic(
            f"the package has no {_MANIFEST}", "malformed", file=file, remedy=_COPY_AGAIN
        )
    inside = sorted(p.name for p in folder.iterdir() if p.suffix in (".mlmodel", ".mlpackage"))
    remedy = "name a .mlmodel file, or a .mlpackage or .mlmodelc folder"
    if inside:
        remedy = f"name a model inside it, such as {inside[0]}"
    message = f"this folder is no model package: it has no {_MANIFEST}"
    return Diagnostic(message, "malformed", file=file, remedy=remedy)
