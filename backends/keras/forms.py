"""What the Keras target writes."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...ir.choices import Choice
from ..form import Form, OfTarget, plural
from .file_names import CHECK, CODE

if TYPE_CHECKING:
    from ..artefact import Artefact, Request
    from ..recorded import Recording
    from .emit import KerasModule


def _keras_code(made: "KerasModule", request: "Request") -> "Artefact":
    from ..artefact import Artefact
    from .files import write_code

    facts, rows = _code(made)

    def artefact(recording: "Recording | None") -> Artefact:
        told = () if recording is None else _told_of_test(recording)
        return Artefact(
            lambda folder: write_code(made, folder, request.source, recording),
            {**facts, "test": recording is not None and not recording.problem},
            (*rows, *told),
        )

    without = artefact(None)
    if request.chosen.get("without_test"):
        return without
    return replace(without, with_recording=artefact)


def _told_of_test(recording: "Recording") -> tuple[tuple[str, str], ...]:
    if recording.problem:
        return (("test", f"not written: {recording.problem}"),)
    return (("test", f"{CHECK} compares the code with numbers of the model"),)


def _keras(made: "KerasModule", request: "Request") -> "Artefact":
    from ..artefact import Artefact
    from .files import write_model

    facts, rows = _code(made)
    if made.custom_objects:
        names = ", ".join(made.custom_objects)
        rows += (("needs", f"{names}, of the code that --emit=keras-code writes"),)
    facts |= {"custom_objects": made.custom_objects}
    return Artefact(lambda path: write_model(made, path), facts, rows)


def _code(made: "KerasModule") -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """What is told of the code; the model is built, so that what fails does before writing."""
    from ..names import facts_of, rows_of

    _ = made.model
    lines = made.text.count("\n")
    text = f"{plural(lines, 'line')}, {plural(made.blocks, 'block')}"
    facts = {"lines": lines, "functions": made.blocks, "copies": made.copies}
    facts["needs_tensorflow"] = made.needs_tensorflow
    copied = (f"{weight}, in {' and '.join(names)}" for weight, names in made.copies.items())
    titles = ("copies", *[""] * len(made.copies))
    rows = (("code", text), *zip(titles, copied, strict=False))
    if made.needs_tensorflow:
        rows += (("backend", f"TensorFlow only, for {' and '.join(made.needs_tensorflow)}"),)
    return {"code": facts, **facts_of(made.renamed)}, (*rows, *rows_of(made.renamed, "--json"))


FORMS = (
    Form(
        name="keras-code",
        title="Keras code",
        default="_keras",
        sign=CODE,
        choices=(
            Choice(
                "without_test",
                f"of keras-code: leave out {CHECK}, for which the interpreter runs the model once",
                group="output",
                spelling="flag",
            ),
        ),
        made_of=OfTarget(_keras_code),
        loading="{load}\nmodel = load()  # a keras.Model",
    ),
    Form(
        name="keras",
        title="Keras file",
        suffix=".keras",
        default=".keras",
        made_of=OfTarget(_keras),
        loading="import keras\nmodel = keras.models.load_model({path})",
    ),
)
