"""The functions that import each type of model, and read its weights.

A type of models is a row in each table and a package next to this file; nothing else depends on
types. Functions are loaded when a model first needs them.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...ir.diagnostics import CompileError, Diagnostic
from ...ir.ssa import Module
from ..options import Options
from ..source.reading import ModelSource
from ..source.spec import model_kind, parts
from .opaque import OPAQUE
from .stored_weights import Stored

# Imports a model that was read.
Importer: TypeAlias = Callable[[ModelSource, Options], Module]
# Reads the weights of a model, not of models inside it; the text is the prefix of their names.
WeightReader: TypeAlias = Callable[[ModelSource, str], Iterator[Stored]]

# The types that are neither networks nor programs.
CLASSICAL = (
    *("pipeline", "pipelineClassifier", "pipelineRegressor"),
    *("glmClassifier", "glmRegressor", "treeEnsembleClassifier", "treeEnsembleRegressor"),
    *("supportVectorClassifier", "supportVectorRegressor", "kNearestNeighborsClassifier"),
    *("bayesianProbitRegressor", "soundAnalysisPreprocessing"),
    "itemSimilarityRecommender",
    *("scaler", "imputer", "normalizer", "identity", "arrayFeatureExtractor"),
    *("oneHotEncoder", "dictVectorizer", "featureVectorizer", "categoricalMapping"),
    *("classConfidenceThresholding", "nonMaximumSuppression"),
)

# A model's type, as the specification spells it, to "module:function" below this package.
IMPORTERS: Mapping[str, str] = {
    "neuralNetwork": ".nn:import_model",
    "neuralNetworkClassifier": ".nn:import_model",
    "neuralNetworkRegressor": ".nn:import_model",
    "mlProgram": ".mil:import_model",
    **dict.fromkeys(CLASSICAL, ".classical:import_model"),
}
WEIGHT_READERS: Mapping[str, str] = {
    "neuralNetwork": ".nn.stored_weights:stored_weights",
    "neuralNetworkClassifier": ".nn.stored_weights:stored_weights",
    "neuralNetworkRegressor": ".nn.stored_weights:stored_weights",
    "mlProgram": ".mil.stored_weights:stored_weights",
    **dict.fromkeys(
        (*(kind for kind in CLASSICAL if not kind.startswith("pipeline")), *OPAQUE),
        ".classical.stored_weights:stored_weights",
    ),
}


def import_model(source: ModelSource, options: Options) -> Module:
    """The core IR of a model.

    Args:
        source: the model.
        options: of these, `batch`, `fixed_shapes`, `shapes`, `precision` and `function` are used;
            of pipelines, the models that `inputs` and `outputs` need are imported.

    Raises:
        CompileError: the model's type, that of a model inside it, or something else in it, is not
            supported; all problems of one of these at once.
    """
    if model_kind(source.spec).startswith("pipeline") and (options.inputs or options.outputs):
        trimmed = loaded(".classical.trimming:trimmed")
        source = replace(source, spec=trimmed(source.spec, options.inputs, options.outputs))
    if problems := [told for part in parts(source.spec) for told in _problems(part, source.spec)]:
        raise CompileError(problems)
    kind = model_kind(source.spec)
    importer: Importer = loaded(IMPORTERS[kind])
    return importer(source, options)


def _problems(part: Any, whole: Any) -> Iterator[Diagnostic]:
    """Why a model, or one inside it, can't be imported."""
    kind = model_kind(part)
    if kind in OPAQUE:
        yield OPAQUE[kind].diagnostic(part, inside=part is not whole)
    elif kind not in IMPORTERS:
        message = f"models of type {kind or '(none)'} are not supported yet"
        shown = "--emit=html --stage=stored shows what is in it"
        remedy = f"supported are {', '.join(IMPORTERS)}; {shown}"
        yield Diagnostic(message, "unsupported", subject=kind, remedy=remedy)


def weight_reader(kind: str) -> WeightReader | None:
    """The function that reads the weights of a type of models; None if it has no weights."""
    path = WEIGHT_READERS.get(kind)
    return None if path is None else loaded(path)


def loaded(path: str) -> Any:
    """The function that a row of a table names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module, __package__), name)
