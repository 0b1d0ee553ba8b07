"""What the Keras target writes."""

from typing import TYPE_CHECKING, Any

from ..form import Artefact, Request, TargetForm, plural
from .file_names import CODE

if TYPE_CHECKING:
    from .emit import KerasModule

_WITHOUT = frozenset(("weights", "precision"))  # layers hold dense weights and compute in float32


def _keras_code(made: "KerasModule", request: Request) -> Artefact:
    from .files import write_code

    facts, row = _code(made)
    return Artefact(lambda folder: write_code(made, folder), facts, (row,))


def _keras(made: "KerasModule", request: Request) -> Artefact:
    from .files import write_model

    facts, row = _code(made)
    rows = [row]
    if made.custom_objects:
        names = ", ".join(made.custom_objects)
        rows.append(("needs", f"{names}, of the code that --emit=keras-code writes"))
    facts |= {"custom_objects": made.custom_objects}
    return Artefact(lambda path: write_model(made, path), facts, tuple(rows))


def _code(made: "KerasModule") -> tuple[dict[str, Any], tuple[str, str]]:
    """What is told of the code; the model is built, so that what fails does before writing."""
    _ = made.model
    lines = made.text.count("\n")
    text = f"{plural(lines, 'line')}, {plural(made.blocks, 'block')}"
    return {"code": {"lines": lines, "functions": made.blocks}}, ("code", text)


FORMS = (
    TargetForm(
        name="keras-code",
        title="Keras code",
        default="_keras",
        sign=CODE,
        without=_WITHOUT,
        make=_keras_code,
        loading="{load}\nmodel = load()  # a keras.Model",
    ),
    TargetForm(
        name="keras",
        title="Keras file",
        suffix=".keras",
        default=".keras",
        without=_WITHOUT,
        make=_keras,
        loading="import keras\nmodel = keras.models.load_model({path})",
    ),
)
