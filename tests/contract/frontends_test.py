"""Every frontend keeps the contract of its table."""

import inspect
import typing
from pathlib import Path

import cmlc.compiler.frontends
import pytest
from cmlc.compiler.frontends import table
from cmlc.compiler.frontends.classical.table import MODELS, PIPELINES
from cmlc.compiler.frontends.opaque import OPAQUE
from cmlc.compiler.options import Options
from cmlc.compiler.source.reading import ModelSource, read_model
from cmlc.compiler.source.spec import messages
from cmlc.compiler.source.weight_files import WeightFiles
from cmlc.ir.diagnostics import CompileError
from support.networks.builders import layer, network
from support.tables.language import parameters

FOLDER = Path(cmlc.compiler.frontends.__file__).parent
MODEL = messages("Model_pb2").Model
TYPES = sorted(field.name for field in MODEL.DESCRIPTOR.oneofs_by_name["Type"].fields)
TABLES = {"importers": table.IMPORTERS, "weights": table.WEIGHT_READERS}
SIGNATURES = {"importers": table.Importer, "weights": table.WeightReader}
ROWS = [(name, kind) for name, rows in TABLES.items() for kind in rows]


def model_of(kind):
    """A model of a type, empty."""
    spec = MODEL(specificationVersion=4)
    getattr(spec, kind).SetInParent()
    if kind == "neuralNetworkClassifier":
        spec.neuralNetworkClassifier.stringClassLabels.vector.append("cat")
    return ModelSource(spec, WeightFiles(None))


@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_rows_name_functions_of_the_signature(name, kind):
    assert kind in TYPES
    function = table.loaded(TABLES[name][kind])
    given, returned = typing.get_args(SIGNATURES[name])
    signature = inspect.signature(function)
    assert [item.annotation for item in signature.parameters.values()] == list(given)
    assert signature.return_annotation == returned


@pytest.mark.parametrize("path", sorted({*table.IMPORTERS.values()}))
@pytest.mark.parametrize("kind", TYPES)
def test_models_of_another_type_are_refused(path, kind):
    if table.IMPORTERS.get(kind) == path:
        return
    with pytest.raises(CompileError, match=f"the model is of type {kind}, not an? ") as caught:
        table.loaded(path)(model_of(kind), Options())
    assert caught.value.diagnostics[0].kind == "unsupported"


def test_every_frontend_is_in_the_table():
    packages = {f".{path.parent.name}:import_model" for path in FOLDER.glob("*/__init__.py")}
    assert packages == set(table.IMPORTERS.values())


@pytest.mark.parametrize("kind", sorted(OPAQUE))
def test_types_that_only_apple_can_run_are_refused_for_cause(kind):
    with pytest.raises(CompileError) as caught:
        table.import_model(model_of(kind), Options())
    (problem,) = caught.value.diagnostics
    assert problem.message.startswith(f"{kind} can't run elsewhere: ")
    assert problem.remedy
    assert problem.kind == "unsupported"


@pytest.mark.parametrize(
    ("kind", "number", "said", "remedy"),
    [
        ("textClassifier", 4, "of a maximum-entropy model,", "labels, and of maximum entropy its"),
        ("textClassifier", 6, "(transfer learning), are", "cmlc --emit=weights writes its labels"),
        ("wordTagger", 1, "of a conditional random field, are", "writes its tags"),
    ],
)
def test_refusals_of_text_models_say_the_algorithm(kind, number, said, remedy):
    source = model_of(kind)
    getattr(source.spec, kind).modelParameterData = parameters([], [], [], kind=number)
    with pytest.raises(CompileError) as caught:
        table.import_model(source, Options())
    (problem,) = caught.value.diagnostics
    assert said in problem.message
    assert remedy in problem.remedy


def test_pipelines_refuse_all_models_that_cannot_run():
    spec = MODEL(specificationVersion=4)
    for kind in ("gazetteer", "wordTagger"):
        inner = spec.pipeline.models.add(specificationVersion=4)
        getattr(inner, kind).SetInParent()
    with pytest.raises(CompileError) as caught:
        table.import_model(ModelSource(spec, WeightFiles(None)), Options())
    assert [problem.subject for problem in caught.value.diagnostics] == ["gazetteer", "wordTagger"]


def test_the_table_has_what_the_package_lowers():
    assert set(table.CLASSICAL) == {*MODELS, *PIPELINES}


def test_every_type_is_imported_or_refused_for_cause():
    assert set(TYPES) == {*table.IMPORTERS, *OPAQUE}


def test_a_type_that_these_messages_do_not_have_is_refused():
    with pytest.raises(CompileError) as caught:
        table.import_model(ModelSource(MODEL(specificationVersion=4), WeightFiles(None)), Options())
    (problem,) = caught.value.diagnostics
    assert problem.message == "models of type (none) are not supported yet"
    assert all(known in problem.remedy for known in table.IMPORTERS)
    assert table.weight_reader("") is None


@pytest.mark.parametrize("kind", table.IMPORTERS)
def test_functions_that_a_model_does_not_have(kind):
    with pytest.raises(CompileError, match="has no function 'other'; its functions are main"):
        table.import_model(model_of(kind), Options(function="other"))


def test_the_only_function_may_be_named():
    source = read_model(network(layer("activation", ReLU={}), x=(1, 3)))
    assert list(table.import_model(source, Options(function="main")).functions) == ["main"]
