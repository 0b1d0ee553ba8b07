"""Other people's models: they compile, save, load and agree, or are refused for a known reason.

Without the shared folder these are skipped.
"""

from pathlib import Path

import cmlc
import pytest
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import model_kind
from support.running.saved_models import assert_agrees, assert_all_stages_print, run_saved, save
from support.running.shared_folder import FOREIGN, needs_models

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, needs_models]

# Models that must fail, by a part of their path, and what the message says.
RANK_4 = "input 'input': error: an array of 4 dimensions in a network that maps arrays to rank 5"
REFUSED = {
    # Its own default shape contradicts its weights.
    "CoreML-TransferLearning-Demo/coreml_no_train.mlmodel": (
        "layers[9] 'dense_17': error: 'nn.linear' (C1) x has 7 features, weight expects 49"
    ),
    # A 4-dimensional array in a network of the old kind.
    "kraken/tests__resources__model_small.mlmodel": RANK_4,
    "kraken/tests__resources__model_small@0003065.mlmodel": RANK_4,
    # Layers whose meaning is in the app.
    "merge_codec_nfd.mlmodel": "custom layer 'dropout' has no definition",
    "overfit.mlmodel": "custom layer 'groupnorm' has no definition",
    "overfit_newpoly.mlmodel": "custom layer 'groupnorm' has no definition",
    # A pre-release format.
    "simple_layer.mlmodel": "its mlProgram is damaged or in a pre-release format",
    "simple_layer@00991ec.mlmodel": "its mlProgram is damaged or in a pre-release format",
}


def refusal(path):
    return next((text for part, text in REFUSED.items() if str(path).endswith(part)), None)


def is_network(path):
    try:
        return model_kind(read_spec(path)).startswith("neuralNetwork")
    except cmlc.CompileError:
        return False


FILES = sorted(FOREIGN.glob("*/*.mlmodel"))
ACCEPTED = [path for path in FILES if refusal(path) is None and is_network(path)]


def named(path):
    return str(path.relative_to(FOREIGN)).replace("/", ":")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(folder, model by name) of all models that are accepted, saved and run again."""
    folder = tmp_path_factory.mktemp("saved")
    compiled = {}
    for position, path in enumerate(ACCEPTED):
        model = cmlc.compile(str(path))
        save(model, folder, str(position))
        compiled[path] = str(position), model
    run_saved(folder)
    return folder, compiled


@pytest.mark.parametrize("path", ACCEPTED, ids=named)
def test_agrees_with_the_interpreter_after_saving(models, path):
    folder, compiled = models
    name, model = compiled[path]
    assert_agrees(model, folder, name)


@pytest.mark.parametrize("path", ACCEPTED, ids=named)
def test_prints_and_parses_at_every_stage(path):
    assert_all_stages_print(cmlc.compile(str(path), verify_each=True))


@pytest.mark.parametrize("part", REFUSED)
def test_is_refused(part):
    (path,) = (path for path in FILES if str(path).endswith(part))
    with pytest.raises(cmlc.CompileError) as caught:
        cmlc.compile(str(path))
    assert REFUSED[part] in str(caught.value)
    assert path.name in str(caught.value)
    assert all(d.kind in ("malformed", "unsupported") for d in caught.value.diagnostics)


def test_every_custom_layer_is_named():
    (path,) = (path for path in FILES if path.name.endswith("overfit.mlmodel"))
    layers = read_spec(path).neuralNetwork.layers
    custom = [layer.name for layer in layers if layer.WhichOneof("layer") == "custom"]
    with pytest.raises(cmlc.CompileError) as caught:
        cmlc.load(str(path))
    assert [d.location.name for d in caught.value.diagnostics] == custom
    assert len(custom) > 1
