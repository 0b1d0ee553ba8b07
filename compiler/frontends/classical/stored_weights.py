"""The weights of models that are neither networks nor programs: the arrays of their messages.

Nothing is imported, so models that can't run are read, too: classifiers of text as far as their
parameters are understood, of other models that are not in the file what the message has.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ....ir.diagnostics import CompileError
from ....ir.location import InModel
from ....ir.types import DType
from ....ir.weights.resources import ArrayResource, Resource
from ...source.language import read_sections
from ...source.reading import ModelSource
from ...source.spec import model_kind
from ..opaque import OPAQUE
from ..stored_weights import Stored, StoredWeight, Unread
from .message_arrays import arrays_in

# Names of axes, by the array's path and rank.
_AXES = {
    ("weights", 2): ("out", "in"),
    ("offset", 1): ("out",),
    ("treeEnsemble.basePredictionValue", 1): ("out",),
    ("denseSupportVectors", 2): ("vector", "in"),
    ("coefficients", 1): ("vector",),
    ("coefficients", 2): ("other_class", "vector"),
    ("rho", 1): ("pair",),
    ("probA", 1): ("pair",),
    ("probB", 1): ("pair",),
    ("numberOfSupportVectorsPerClass", 1): ("class",),
    ("nearestNeighborsIndex.floatSamples", 2): ("sample", "in"),
    ("scaleValue", 1): ("in",),
    ("shiftValue", 1): ("in",),
    ("stringClassLabels", 1): ("class",),
    ("int64ClassLabels", 1): ("class",),
}
_NODES = "treeEnsemble.nodes."
_PARAMETERS = "modelParameterData"
_LANGUAGE = ("textClassifier", "wordTagger", "wordEmbedding", "gazetteer")
# Their fields say what isn't in the file.
_NOTHING = frozenset(OPAQUE) - frozenset(_LANGUAGE)


def stored_weights(source: ModelSource, prefix: str = "") -> Iterator[Stored]:
    """Every array of a model's message, by the path of its field; and what can't be read.

    Args:
        source: a model of any type but networks, programs and pipelines.
        prefix: the prefix of names, which is the model's place and a dot.

    Raises:
        CompileError: the parameters of a classifier of text are damaged.
    """
    spec, kind = source.spec, model_kind(source.spec)
    message, place = getattr(spec, kind), prefix.removesuffix(".") or "model"
    if kind not in _NOTHING:
        for path, resource in arrays_in(message):
            yield _stored(prefix, place, kind, path, resource)
    read = list(_language(message.modelParameterData, place, kind)) if kind in _LANGUAGE else []
    for path, resource, axis in read:
        yield replace(_stored(prefix, place, kind, path, resource), axes=(axis,))
    if kind in OPAQUE and not read:
        yield Unread(place, kind, OPAQUE[kind].told(spec))


def _language(data: bytes, place: str, kind: str) -> Iterator[tuple[str, Resource, str]]:
    """(path, array, axis) of what parameters hold; nothing if they aren't understood."""
    try:
        found = read_sections(data)
    except CompileError as error:
        where = InModel(place, None, kind)
        problems = (replace(d, location=where, subject=kind) for d in error.diagnostics)
        raise CompileError(problems) from None
    if found is None:
        return
    arrays = {
        ("labels", "label"): np.array(found.labels, object),
        ("words", "word"): np.array(found.words, object),
        ("weights.word", "entry"): found.word,
        ("weights.label", "entry"): found.label,
        ("weights", "entry"): found.weight,
        ("documents", "word"): found.documents,
    }
    for (name, axis), array in arrays.items():
        path = f"{_PARAMETERS}.{name}"
        yield path, ArrayResource(array, path), axis


def _stored(prefix: str, place: str, kind: str, path: str, resource: Resource) -> StoredWeight:
    axes = _AXES.get((path, resource.type.rank), ())
    if path.startswith(_NODES):
        axes = ("entry",) if ".evaluationInfo." in path else ("node",)
    dtype = resource.type.dtype
    encoding = "string" if dtype is DType.STR else dtype.numpy.name
    return StoredWeight(f"{prefix}{path}", resource, axes, kind, place, path, encoding)
