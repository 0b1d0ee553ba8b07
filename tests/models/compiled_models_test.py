"""Other people's compiled models: they compile, save, load and agree; with their sources, too.

Without the shared folder these are skipped.
"""

import json
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import network_of
from cmlc.compiler.source.survey import survey
from cmlc.ir.interpret import run
from support.running.messages import write_message
from support.running.saved_models import assert_agrees, inputs_of, run_saved, save
from support.running.shared_folder import FOREIGN, needs_models

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, needs_models]

COMPILED = sorted(FOREIGN.glob("*/*.mlmodelc"))
NETWORKS = [path for path in COMPILED if (path / "model.espresso.net").exists()]
OTHERS = [p for p in COMPILED if p not in NETWORKS and not (p / "model.mil").exists()]

# Compiled models and their sources. Half-precision weights were rounded after batch normalization
# was folded into them, in the sources before: on noise, where classes are close, probabilities
# differ by up to 2.5e-3. With single precision the difference is 1.9e-6, and none at all where
# nothing was folded.
HALF, SINGLE, SAME = 3e-3, 2e-6, 0.0
CARDS, WAIFU = "getbouncer__cardscan-ios", "imxieyi__waifu2x-ios"
ENLARGE = "adib__Core-ML-Playgrounds/Photo-Explorations__EnlargeImages.playground__Resources"
PAIRS = [
    (f"{CARDS}/CardScan__Assets__FourRecognize", f"{CARDS}/OriginalModels__FourRecognize", HALF),
    (
        f"{CARDS}/CardScan__Assets__FourRecognize@7a74223",
        f"{CARDS}/OriginalModels__FourRecognize@66f1832",
        SINGLE,
    ),
    (f"{ENLARGE}__photo_noise0_model", f"{WAIFU}/waifu2x__models__photo_noise0_model", SAME),
]
# Layer types that the compiler merges into others, or splits.
MERGED = {"ActivationReLU", "PaddingConstant", "BatchNorm", "Convolution", "InnerProduct"}
# How metadata.json spells types that are not spelled like the specification's.
SPELLED = {
    **{"PoolingMax": "pooling", "ActivationSigmoid": "activation", "ConcatND": "concatND"},
    **{"SoftmaxND": "softmaxND", "LoadConstantND": "loadConstantND"},
}


def named(path):
    return str(path.relative_to(FOREIGN)).replace("/", ":")


def pair(compiled, source):
    paths = FOREIGN / f"{compiled}.mlmodelc", FOREIGN / f"{source}.mlmodel"
    if not all(path.exists() for path in paths):
        pytest.skip("the pair is not here")
    return paths


def outputs(model, inputs=None):
    """What the interpreter computes from noise, and the noise."""
    module = cmlc.load(model)
    inputs = inputs_of(module) if inputs is None else inputs
    return run(module, dict(inputs), module.main.name), inputs


def assert_same(ours, theirs, tolerance=0.0):
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        if array.dtype.kind == "f":
            scale = max(float(np.abs(array).max()), 1e-6)
            np.testing.assert_allclose(theirs[name], array, rtol=0, atol=tolerance * scale)
        else:
            np.testing.assert_array_equal(theirs[name], array)


def test_there_are_networks():
    assert len(NETWORKS) == 12


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(folder, model by path), saved and run again."""
    folder = tmp_path_factory.mktemp("saved")
    found = {}
    for position, path in enumerate(NETWORKS):
        model = cmlc.compile(str(path), verify_each=True)
        save(model, folder, str(position))
        found[path] = str(position), model
    run_saved(folder)
    return folder, found


@pytest.mark.parametrize("path", NETWORKS, ids=named)
def test_agrees_with_the_interpreter_after_saving(models, path):
    folder, found = models
    name, model = found[path]
    assert_agrees(model, folder, name)


def test_a_compiled_pipeline_agrees_with_its_coefficients():
    (path,) = (path for path in OTHERS if path.name.endswith("MarsHabitatPricer.mlmodelc"))
    columns, linear = read_spec(path).pipelineRegressor.pipeline.models
    order = [column.inputColumn for column in columns.featureVectorizer.inputList]
    assert order == ["solarPanels", "greenhouses", "size"]
    weights, model = list(linear.glmRegressor.weights[0].value), cmlc.compile(path)
    for row in ([3, 2, 1500], [0.5, 0, 750], [5, 5, 0]):
        expected = np.dot(row, weights) + linear.glmRegressor.offset[0]
        found = model.predict(dict(zip(order, map(float, row), strict=True)))
        np.testing.assert_allclose(found["price"], expected, rtol=1e-12)


@pytest.mark.parametrize(("compiled", "source", "tolerance"), PAIRS, ids=[p[0] for p in PAIRS])
def test_agrees_with_its_source(compiled, source, tolerance):
    compiled, source = pair(compiled, source)
    theirs, inputs = outputs(source)
    assert_same(outputs(compiled, inputs)[0], theirs, tolerance)


@pytest.mark.parametrize(("compiled", "source", "tolerance"), PAIRS, ids=[p[0] for p in PAIRS])
def test_is_its_source_with_other_weights(compiled, source, tolerance):
    """The source with the compiled weights, and nothing left to normalize, gives every bit."""
    compiled, source = pair(compiled, source)
    spec = read_spec(source)
    layers = {layer.name: layer for layer in network_of(read_spec(compiled)).layers}
    for layer in network_of(spec).layers:
        if layer.WhichOneof("layer") == "convolution":
            folded = layers[layer.name].convolution
            layer.convolution.weights.CopyFrom(folded.weights)
            layer.convolution.bias.CopyFrom(folded.bias)
            layer.convolution.hasBias = True
        elif layer.WhichOneof("layer") == "batchnorm":
            make_identity(layer.batchnorm)
    theirs, inputs = outputs(spec)
    assert_same(outputs(compiled, inputs)[0], theirs)


def make_identity(params):
    for name, value in (("gamma", 1), ("beta", 0), ("mean", 0), ("variance", 1 - params.epsilon)):
        weights = getattr(params, name)
        weights.Clear()
        weights.floatValue.extend([value] * params.channels)


@pytest.mark.parametrize("path", NETWORKS, ids=named)
def test_has_the_layers_that_its_compiler_counted(path):
    """Newer compilers wrote how many layers of each type the source had."""
    if not (path / "metadata.json").exists():
        pytest.skip("its compiler wrote no metadata.json")
    (metadata,) = json.loads((path / "metadata.json").read_text())
    found = survey(read_spec(path)).layers
    for spelled, count in metadata["neuralNetworkLayerTypeHistogram"].items():
        if spelled not in MERGED:
            kind = SPELLED.get(spelled, spelled[0].lower() + spelled[1:])
            assert found[kind] >= count if kind == "activation" else found[kind] == count


@pytest.mark.parametrize("path", NETWORKS, ids=named)
def test_is_the_same_as_a_mlmodel(tmp_path, path):
    file = tmp_path / "m.mlmodel"
    written = write_message(path, file)
    assert read_spec(file) == written
    theirs, inputs = outputs(path)
    assert_same(outputs(file, inputs)[0], theirs)


def test_coremltools_reads_what_is_written(tmp_path):
    import coremltools

    for position, path in enumerate(NETWORKS):
        file = tmp_path / f"{position}.mlmodel"
        written = write_message(path, file)
        model = coremltools.models.MLModel(str(file), skip_model_load=True)
        assert model.get_spec() == written
