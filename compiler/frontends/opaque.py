"""Models whose computation is not in the file: why they can't run elsewhere, and what can."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...ir.diagnostics import Diagnostic
from ..source.language import algorithm_of
from ..source.spec import model_kind

_WRITES = "cmlc --emit=weights writes its"


@dataclass(frozen=True)
class Opaque:
    """A type of models that only Apple's systems, or an application, can run.

    Attributes:
        reason: what is missing, after "…: ".
        remedy: what can be done instead.
        tail: whether the models after it in a pipeline can be compiled without it.
    """

    reason: str
    remedy: str
    tail: bool = False

    def diagnostic(self, spec: Any, *, inside: bool) -> Diagnostic:
        """The refusal of a model, which is perhaps inside a pipeline."""
        kind = model_kind(spec)
        message, remedy = f"{kind} can't run elsewhere: {self.told(spec)}", self.remedy
        outputs = [feature.name for feature in spec.description.output]
        if inside and self.tail and outputs:
            options = " ".join(f"--inputs={name}" for name in outputs)
            remedy = f"compile what follows it: {options}"
        return Diagnostic(message, "unsupported", subject=kind, remedy=remedy)

    def told(self, spec: Any) -> str:
        """The reason, with what the model says of itself."""
        model = getattr(spec, model_kind(spec))
        algorithm = algorithm_of(getattr(model, "modelParameterData", b""))
        return self.reason.format(model=model, of=f", of {algorithm}," if algorithm else "")


_IN_SYSTEM = "its network is part of Apple's systems, not of the file"
_LANGUAGE = "its parameters{of} are in a format of Apple's Natural Language framework"

OPAQUE: Mapping[str, Opaque] = {
    "visionFeaturePrint": Opaque(
        _IN_SYSTEM, "take features from a network that you have, and train the last layer", True
    ),
    "audioFeaturePrint": Opaque(
        _IN_SYSTEM, "take features from a network that you have, and train the last layer", True
    ),
    "textClassifier": Opaque(
        f"{_LANGUAGE}, and so is the tokenizer that they go with",
        "train a classifier of text with Keras on the same examples; "
        f"{_WRITES} labels, and of maximum entropy its words and their weights",
    ),
    "wordTagger": Opaque(
        f"{_LANGUAGE}, and so is what it computes of words",
        f"train a tagger on the same examples; {_WRITES} tags",
    ),
    "wordEmbedding": Opaque(_LANGUAGE, "use embeddings that are published as a table", True),
    "gazetteer": Opaque(_LANGUAGE, "use the table that it was made of"),
    "customModel": Opaque(
        "its function, '{model.className}', is code of the application",
        "write that function in Python around the compiled rest",
        True,
    ),
    "linkedModel": Opaque(
        "the model is in another file, '{model.linkedModelFile.linkedModelFileName.defaultValue}', "
        "which is not part of this one",
        "compile that file",
        True,
    ),
    "serializedModel": Opaque(
        "it is a private message of the type '{model.identifier}', which only its framework reads",
        "export the model in a documented type",
        True,
    ),
}
