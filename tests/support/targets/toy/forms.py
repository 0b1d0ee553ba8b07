"""The toy target's one form: the names of its calls, one a line."""

from cmlc.backends.artefact import Artefact
from cmlc.backends.form import Form, OfTarget
from cmlc.ir.choices import Choice
from cmlc.ir.writing import writing_whole


def _make(made, request):
    lines = [op.name for op in made.module.walk() if op.name.startswith("toy.")]
    if request.chosen.get("shout") == "loud":
        lines = [line.upper() for line in lines]

    def write(path):
        with writing_whole(path) as new:
            new.write_text("\n".join(lines) + "\n")

    return Artefact(write, {"lines": len(lines)}, (("lines", str(len(lines))),))


FORMS = (
    Form(
        name="toy-text",
        title="toy text",
        suffix=".toy",
        default=".toy",
        choices=(Choice("shout", "of toy-text: how to spell", ("soft", "loud")),),
        made_of=OfTarget(_make),
        loading="cat {shell}",
    ),
)
