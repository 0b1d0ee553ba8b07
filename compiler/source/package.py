"""Model packages: their items, and which file is the model.

A `.mlpackage` is recognized by its Manifest.json, not by its name. Packages are read from folders
and from inside archives.
"""

import json
import posixpath
import warnings
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, NoReturn

from ...ir.diagnostics import CompileError, CompileWarning, Diagnostic

MANIFEST = "Manifest.json"
_VERSION = "1"
_COPY_AGAIN = "copy or download the whole package again"
# Files that Create ML and Xcode put next to the model; they override its description.
_METADATA, _FEATURES = "Metadata.json", "FeatureDescriptions.json"
_METADATA_FIELDS = {
    "MLModelDescriptionKey": "shortDescription",
    "MLModelVersionStringKey": "versionString",
    "MLModelAuthorKey": "author",
    "MLModelLicenseKey": "license",
}
_USER_DEFINED = "MLModelCreatorDefinedKey"
_FEATURE_LISTS = {"Inputs": "input", "Outputs": "output", "TrainingInputs": "trainingInput"}
_FEATURE_TEXT = "MLFeatureShortDescription"


class Package(NamedTuple):
    """The content of a manifest.

    Attributes:
        folder: the package's folder.
        root: the model's path below Data/.
        items: paths below Data/ by the names of items.
    """

    folder: Traversable
    root: str
    items: Mapping[str, str]

    def at(self, path: str) -> Traversable:
        """The file at a path below Data/."""
        return self.folder.joinpath("Data").joinpath(*path.split("/"))

    @property
    def model(self) -> Traversable:
        """The model file."""
        return self.at(self.root)


def is_package(folder: Traversable) -> bool:
    """Whether the folder has a manifest."""
    return folder.joinpath(MANIFEST).is_file()


def open_package(folder: Traversable) -> Package:
    """The package in a folder.

    Raises:
        CompileError: the folder is not a package, its manifest is broken, or the model is missing.
    """
    manifest = folder.joinpath(MANIFEST)
    if not manifest.is_file():
        raise CompileError(_no_manifest(folder))
    content = _read_manifest(manifest)
    root = content.get("rootModelIdentifier")
    if not isinstance(root, str):
        _broken(manifest, "it has no rootModelIdentifier")
    entries = content.get("itemInfoEntries")
    entries = entries if isinstance(entries, dict) else {}
    if not isinstance(entries.get(root), dict):
        _broken(manifest, f"itemInfoEntries has no item '{root}', the rootModelIdentifier")
    path = _path(manifest, root, entries[root])
    items = {
        str(entry.get("name")): _path(manifest, key, entry)
        for key, entry in entries.items()
        if isinstance(entry, dict) and entry.get("path")
    }
    package = Package(folder, path, items)
    if not package.model.is_file():
        message = f"the package's model file Data/{path} is missing"
        raise CompileError(Diagnostic(message, "malformed", file=str(folder), remedy=_COPY_AGAIN))
    return package


def _read_manifest(manifest: Traversable) -> dict[str, Any]:
    try:
        content: Any = json.loads(manifest.read_bytes())
    except ValueError as error:
        _broken(manifest, f"it is not JSON: {error}")
    except RecursionError:
        _broken(manifest, "it is not JSON of this kind: it is nested too deeply")
    except OSError as error:
        _broken(manifest, f"it can't be read: {error.strerror}")
    if not isinstance(content, dict):
        return {}
    version = str(content.get("fileFormatVersion", _VERSION))
    if version.partition(".")[0] != _VERSION:
        message = f"packages of version {version} are not known, only of version {_VERSION}"
        raise CompileError(Diagnostic(message, "unsupported", file=str(manifest)))
    return content


def _path(manifest: Traversable, name: str, entry: Mapping[str, Any]) -> str:
    """The path of an item below Data/; links there may lead anywhere."""
    path = entry.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        _broken(manifest, f"the item '{name}' has no path")
    plain = posixpath.normpath(path)
    if plain.startswith(("/", "../")) or plain in (".", "..") or "\\" in plain:
        _broken(manifest, f"it places the item '{name}' outside the package: '{path}'")
    return plain


def add_overlays(package: Package, description: Any) -> None:
    """Add the package's metadata to the model's description: author, texts about features, ….

    The metadata don't affect results: damaged files are ignored with a warning.

    Args:
        package: the package.
        description: the ModelDescription message of its model.
    """
    for key, value in _overlay(package, _METADATA).items():
        if key in _METADATA_FIELDS and isinstance(value, str):
            setattr(description.metadata, _METADATA_FIELDS[key], value)
        elif key == _USER_DEFINED and isinstance(value, dict):
            for name, text in value.items():
                description.metadata.userDefined[name] = str(text)
    overlay = _overlay(package, _FEATURES)
    for key, field in _FEATURE_LISTS.items():
        texts = dict(_feature_texts(overlay.get(key)))
        for feature in getattr(description, field):
            feature.shortDescription = texts.get(feature.name, feature.shortDescription)


def _overlay(package: Package, name: str) -> dict[str, Any]:
    if name not in package.items:
        return {}
    file = package.at(package.items[name])
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        message = f"what the package says about its model in {name} can't be read: {error}"
        problem = Diagnostic(message, "malformed", file=str(file), remedy=_COPY_AGAIN)
        warnings.warn(CompileWarning(problem), stacklevel=2)
        return {}
    return content if isinstance(content, dict) else {}


def _feature_texts(features: Any) -> Iterator[tuple[str, str]]:
    for name, entry in features.items() if isinstance(features, dict) else ():
        text = entry.get(_FEATURE_TEXT) if isinstance(entry, dict) else None
        if isinstance(text, str):
            yield name, text


def _broken(manifest: Traversable, what: str) -> NoReturn:
    message = f"the package's manifest is broken: {what}"
    raise CompileError(Diagnostic(message, "malformed", file=str(manifest), remedy=_COPY_AGAIN))


def _no_manifest(folder: Traversable) -> Diagnostic:
    file = str(folder)
    if folder.joinpath("Data").is_dir():
        return Diagnostic(
            f"the package has no {MANIFEST}", "malformed", file=file, remedy=_COPY_AGAIN
        )
    inside = sorted(p.name for p in folder.iterdir() if p.name.endswith((".mlmodel", ".mlpackage")))
    remedy = "name a .mlmodel file, or a .mlpackage or .mlmodelc folder"
    if inside:
        remedy = f"name a model inside it, such as {inside[0]}"
    message = f"this folder is not a model package: it has no {MANIFEST}"
    return Diagnostic(message, "malformed", file=file, remedy=remedy)
