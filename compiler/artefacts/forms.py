"""What is written of a model whatever its target: IR, pictures of it, Core ML's own forms, weights.

Nothing heavy is imported here before something is written: commands list all forms in `--help`.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from ...backends.form import Form
from ...ir.choices import Choice, Chosen
from ..choices import Stage

if TYPE_CHECKING:
    from ...backends.artefact import Artefact
    from ...ir.diagnostics import Diagnostic
    from ...ir.ssa import Module
    from ...ir.text.printer import PrintOptions
    from ..source.reading import ModelSource
    from ..watch import Watch

_STAGES = get_args(Stage)


class OfStages(NamedTuple):
    """A form of IR.

    Attributes:
        make: of modules by the names of their stages: of one, or of all three.
        all_stages: whether it needs all; else the choice "stage" says which one.
        text: what standard output gets of the module, if the form is text.
        stored: the text of the model as it is stored, if the form can show that.
    """

    make: "Callable[[Mapping[str, Module], Chosen], Artefact]"
    all_stages: bool = False
    text: "Callable[[Module, Chosen], str] | None" = None
    stored: "Callable[[ModelSource], str] | None" = None


class OfSource(NamedTuple):
    """A form of the model as it is stored: nothing is compiled, no choice changes it."""

    make: "Callable[[ModelSource, Watch], Artefact]"


def _print_options(chosen: Chosen) -> "PrintOptions":
    from ...ir.text.printer import PrintOptions

    return PrintOptions(
        locations=chosen.get("locations", False), statistics=chosen.get("statistics", False)
    )


def _ir_text(module: "Module", chosen: Chosen) -> str:
    from ...ir.text.printer import print_module

    return print_module(module, _print_options(chosen))


def _is_ir(chosen: Chosen) -> "Iterator[Diagnostic]":
    from ...ir.diagnostics import Diagnostic

    if chosen.get("stage") == "stored":
        message = "--stage=stored means nothing for --emit=ir: what is stored is not IR yet"
        yield Diagnostic(message, "usage", remedy="it is for --emit=dot, html")


def _ir(modules: "Mapping[str, Module]", chosen: Chosen) -> "Artefact":
    from ...backends.artefact import Artefact
    from ...ir.text.archive import write_archive

    (module,) = modules.values()

    def write(path: Path) -> Path | None:
        weights = write_archive(module, path, _print_options(chosen))
        return weights if weights.exists() else None

    return Artefact(write)


def _dot_text(module: "Module", chosen: Chosen) -> str:
    from ...ir.view.dot import dot

    return dot(module)


def _dot(modules: "Mapping[str, Module]", chosen: Chosen) -> "Artefact":
    (module,) = modules.values()
    return text_file(_dot_text(module, chosen))


def _stored_dot(source: "ModelSource") -> str:
    from ...ir.view.dot import drawn
    from ..frontends.stored_graph import stored_graph

    return drawn(stored_graph(source))


def _stored_page(source: "ModelSource") -> str:
    from ...ir.view.page import drawn
    from ..frontends.stored_graph import stored_graph

    return drawn({"stored": stored_graph(source)}, source.name)


def _html(modules: "Mapping[str, Module]", chosen: Chosen) -> "Artefact":
    from ...ir.view.page import page

    return text_file(page(modules))


def text_file(text: str) -> "Artefact":
    """A file with this text."""
    from ...backends.artefact import Artefact
    from ...ir.writing import writing_whole

    def write(path: Path) -> None:
        with writing_whole(path) as new:
            new.write_text(text, encoding="utf-8")

    return Artefact(write)


def _message(source: "ModelSource", watch: "Watch") -> "Artefact":
    from ...backends.artefact import Artefact
    from ..source.spec import write_spec

    return Artefact(lambda path: write_spec(source.spec, path))


def _package(source: "ModelSource", watch: "Watch") -> "Artefact":
    from ...backends.artefact import Artefact
    from ..source.package_writer import write_package

    def write(path: Path) -> None:
        write_package(source, path)

    return Artefact(write)


def _weights(source: "ModelSource", watch: "Watch") -> "Artefact":
    from dataclasses import asdict

    from ...backends.artefact import Artefact
    from ..frontends.all_weights import weights_of
    from .weights_folder import entries_of, write_weights

    found = weights_of(source)
    weights, unread = found.weights, found.unread
    entries = entries_of(weights)

    def progress(index: int) -> None:
        if watch.started is not None:
            watch.started("write", f"{index} of {len(weights)}")

    facts: dict[str, Any] = {
        "tensors": len(entries),
        "bytes": sum(entry["bytes"] for entry in entries),
    }
    if unread:
        facts["unread"] = [asdict(one) for one in unread]
    rows = tuple(("not read", f"{one.kind} '{one.layer}': {one.reason}") for one in unread)

    def write(folder: Path) -> None:
        write_weights(weights, unread, folder, progress)

    return Artefact(write, {"weights": facts}, rows)


_STAGE = Choice(
    "stage",
    "which stage ir, dot and html show; by default, as imported, and of html all of them; stored, "
    "for dot and html: the model's own layers, whether it can be compiled or not",
    ("stored", *_STAGES),
    group="output",
)
_BY_COREMLTOOLS = "import coremltools\nmodel = coremltools.models.MLModel({path})"

FORMS: "tuple[Form[OfStages] | Form[OfSource], ...]" = (
    Form(
        name="weights",
        title="weights",
        default="_weights",
        sign="manifest.json",
        made_of=OfSource(_weights),
        loading='import numpy as np\nweights = np.load({path} + "/weights.npz")',
    ),
    Form(
        name="ir",
        title="IR text",
        suffix=".cmir",
        choices=(
            _STAGE,
            Choice(
                "locations",
                "print where in the model each op comes from",
                group="output",
                spelling="flag",
            ),
            Choice(
                "statistics",
                "print what weights hold, in comments: least, largest, mean, deviation, zeros",
                group="output",
                spelling="flag",
            ),
        ),
        check=_is_ir,
        made_of=OfStages(_ir, text=_ir_text),
        loading="cmlc-opt {shell} --passes=canonicalize\ncmlc {shell}",
    ),
    Form(
        name="dot",
        title="Graphviz text",
        suffix=".dot",
        choices=(_STAGE,),
        made_of=OfStages(_dot, text=_dot_text, stored=_stored_dot),
        loading="dot -Tsvg {shell} -o graph.svg",
    ),
    Form(
        name="html",
        title="page",
        suffix=".html",
        default=".html",
        choices=(_STAGE,),
        made_of=OfStages(_html, all_stages=True, stored=_stored_page),
        loading="open {shell} in a browser",
    ),
    Form(
        name="mlmodel",
        title=".mlmodel",
        suffix=".mlmodel",
        made_of=OfSource(_message),
        loading=_BY_COREMLTOOLS,
    ),
    Form(
        name="mlpackage",
        title=".mlpackage",
        suffix=".mlpackage",
        made_of=OfSource(_package),
        loading=_BY_COREMLTOOLS,
    ),
)
