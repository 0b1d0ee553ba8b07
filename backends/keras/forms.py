"""What the Keras target writes."""

from typing import TYPE_CHECKING, Any

from ..form import Form, OfTarget, plural
from .file_names import CODE

if TYPE_CHECKING:
    from ..artefact import Artefact, Request
    from .emit import KerasModule


def _keras_code(made: "KerasModule", request: "Request") -> "Artefact":
    from ..artefact import Artefact
    from .files import write_code

    facts, rows = _code(made)
    return Artefact(lambda folder: write_code(made, folder), facts, rows)


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
