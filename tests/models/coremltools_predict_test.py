"""`cmlc.enable_coremltools_predict`: coremltools' own models predict on this machine."""

import importlib
import threading
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler import coremltools_predict
from cmlc.compiler.runtime import CompiledModel
from PIL import Image
from support.mil.files import package
from support.networks.transformers import STEPS, WIDTH, transformer

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits.mlmodel"
MODEL, COMPILED = "coremltools.models.model", "coremltools.models._compiled_model"
PLACES = [
    *((MODEL, name) for name in ("_MLModelProxy", "_is_macos", "_macos_version")),
    *((COMPILED, name) for name in ("_MLModelProxy", "_macos_version")),
]


@pytest.fixture(scope="module")
def ct():
    """Imported here: it takes seconds, also of those who only collect tests."""
    return importlib.import_module("coremltools")


def replaceable():
    return [getattr(importlib.import_module(module), name) for module, name in PLACES]


@pytest.fixture(scope="module")
def originals(ct):
    return replaceable()


@pytest.fixture
def is_original(originals):
    """Whether each place holds what it held before any test."""
    return lambda: [a is b for a, b in zip(replaceable(), originals, strict=True)]


@pytest.fixture(autouse=True)
def undone(is_original):
    yield
    assert all(is_original())


@pytest.fixture
def enabled():
    with cmlc.enable_coremltools_predict() as found:
        yield found


def sum_and_bias(options=(), inputs=("a", "b")):
    """The message of a network: the inputs' sum, and that + [1, 2, 3]."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    array = datatypes.Array(3)
    features = [(name, array) for name in inputs]
    outputs = [("sum", array), ("biased", array)]
    builder = NeuralNetworkBuilder(features, outputs, disable_rank5_shape_mapping=True)
    builder.add_add_broadcastable("add", list(inputs), "sum")
    bias = np.array([1.0, 2.0, 3.0])
    builder.add_load_constant_nd("constant", "bias", bias, (3,))
    builder.add_add_broadcastable("second", ["sum", "bias"], "biased")
    for name in options:
        feature = next(one for one in builder.spec.description.input if one.name == name)
        feature.type.isOptional = True
    return builder.spec


def opposite(source, result):
    """The message of a network: 255 - x."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    features = [[(name, datatypes.Array(*shape))] for name, shape in (source, result)]
    builder = NeuralNetworkBuilder(*features, disable_rank5_shape_mapping=True)
    builder.add_activation("opposite", "LINEAR", source[0], result[0], [-1, 255])
    return builder.spec


def converted(build, *shapes, **choices):
    """An ML Program of a function of arrays, as coremltools converts it."""
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

    specs = [mb.TensorSpec(shape=shape) for shape in shapes]
    decorate = mb.program(input_specs=specs, opset_version=ct.target.iOS16)
    program = decorate(lambda x: build(mb, x))
    return ct.convert(program, convert_to="mlprogram", **choices)


# -- turning it on and off -----------------------------------------------------------------------


def test_a_call_replaces_until_it_is_undone(is_original):
    enabled = cmlc.enable_coremltools_predict()
    assert not any(is_original())
    enabled.disable()
    assert all(is_original())
    enabled.disable()  # a second time does nothing
    assert all(is_original())


def test_importing_and_reading_replace_nothing(is_original):
    cmlc.load(DIGITS)
    assert all(is_original())


def test_the_first_one_to_end_leaves_the_others(is_original):
    outer, inner = cmlc.enable_coremltools_predict(), cmlc.enable_coremltools_predict()
    outer.disable()
    assert not any(is_original())
    inner.disable()
    assert all(is_original())


def test_an_error_inside_undoes_it(is_original):
    with pytest.raises(ZeroDivisionError), cmlc.enable_coremltools_predict():
        raise ZeroDivisionError
    assert all(is_original())


def test_the_innermost_choices_count(ct):
    def proxy():
        return ct.models.MLModel(sum_and_bias()).__proxy__

    with cmlc.enable_coremltools_predict(precision="keep"):
        with cmlc.enable_coremltools_predict(batch="static"):
            assert proxy()._options == cmlc.Options(batch="static")
        assert proxy()._options == cmlc.Options(precision="keep")


def test_choices_are_checked_before_anything_is_replaced(is_original):
    with pytest.raises(cmlc.CompileError, match="precision is 'half'"):
        cmlc.enable_coremltools_predict(precision="half")
    with pytest.raises(TypeError, match="speed"):
        cmlc.enable_coremltools_predict(speed="high")
    assert all(is_original())


def test_another_coremltools_is_refused_by_version(ct, monkeypatch):
    monkeypatch.setattr(ct, "__version__", "99.0")
    with monkeypatch.context() as patch:
        patch.delattr(f"{COMPILED}._MLModelProxy")
        with pytest.raises(cmlc.CompileError) as caught:
            cmlc.enable_coremltools_predict()
    name = "coremltools.models._compiled_model._MLModelProxy"
    assert f"coremltools 99.0 has no {name} to be replaced" in str(caught.value)


def test_models_made_meanwhile_keep_predicting(ct):
    with cmlc.enable_coremltools_predict():
        model = ct.models.MLModel(sum_and_bias())
    inputs = {"a": np.ones(3), "b": np.zeros(3)}
    assert model.predict(inputs)["biased"].tolist() == [2, 3, 4]


def test_two_threads_share_a_model(ct, enabled):
    model = ct.models.MLModel(sum_and_bias())
    found = {}

    def run(number):
        inputs = {"a": np.full(3, number), "b": np.zeros(3)}
        found[number] = model.predict(inputs)["sum"].tolist()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [number] * 3 for number in range(4)}


# -- what models take and give -------------------------------------------------------------------


def test_construction_compiles_nothing(ct, enabled, monkeypatch):
    monkeypatch.setattr(coremltools_predict, "compile", None)
    model = ct.models.MLModel(sum_and_bias())
    assert model.load_duration_in_nano_seconds is None


def test_a_list_of_dictionaries(ct, enabled):
    model = ct.models.MLModel(sum_and_bias())
    batch = [{"a": np.full(3, i), "b": np.ones(3)} for i in range(3)]
    assert [found["sum"].tolist() for found in model.predict(batch)] == [[1] * 3, [2] * 3, [3] * 3]
    assert model.last_predict_duration_in_nano_seconds > 0


def test_a_list_runs_as_one_batch_where_the_model_has_one(ct, enabled, monkeypatch):
    counts, run = [], CompiledModel._run

    def counted(self, callee, arrays):
        counts.append(len(next(iter(arrays.values()))))
        return run(self, callee, arrays)

    monkeypatch.setattr(CompiledModel, "_run", counted)
    model = ct.models.MLModel(str(DIGITS))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).astype(np.uint8)
    batch = [{"image": Image.fromarray(image)} for image in pixels]
    single = [model.predict(entry) for entry in batch]
    found = model.predict(batch)
    assert counts == [1, 1, 1, 3]
    assert [entry["digit"] for entry in found] == [entry["digit"] for entry in single]
    with pytest.raises(RuntimeError, match=r"inputs\[1\]: input 'image' has shape"):
        model.predict([batch[0], {"image": Image.new("L", (9, 9))}])


def test_entries_of_different_shapes_run_one_after_the_other(ct, enabled):
    """Each by the model for its sequence."""
    features = [("x", ct.models.datatypes.Array(3))], [("y", ct.models.datatypes.Array(3))]
    builder = ct.models.neural_network.NeuralNetworkBuilder(*features)
    builder.add_activation("relu", "RELU", "x", "y")
    model = ct.models.MLModel(builder.spec)
    batch = [{"x": np.ones((steps, 1, 3, 1, 1), np.float32)} for steps in (2, 3)]
    assert [len(entry["y"]) for entry in model.predict(batch)] == [2, 3]


def test_a_missing_optional_input_is_zero(ct, enabled):
    model = ct.models.MLModel(sum_and_bias(options=["b"]))
    assert model.predict({"a": np.array([1.0, 2.0, 3.0])})["sum"].tolist() == [1, 2, 3]


def test_a_classifier_of_images(ct, enabled):
    model = ct.models.MLModel(str(DIGITS))
    with np.load(DIGITS.with_suffix(".npz")) as arrays:
        pixels, label = arrays["images"][0], arrays["labels"][0]
    found = model.predict({"image": Image.fromarray(pixels)})
    assert found["digit"] == str(label)
    (probabilities,) = (value for value in found.values() if isinstance(value, dict))
    assert list(probabilities) == [str(digit) for digit in range(10)]
    assert all(type(value) is float for value in probabilities.values())
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_images_come_out_as_rgba(ct, enabled):
    spec = opposite(("x", (3, 4, 5)), ("y", (3, 4, 5)))
    for feature in (spec.description.input[0], spec.description.output[0]):
        image = feature.type.imageType
        image.width, image.height, image.colorSpace = 5, 4, image.ColorSpace.Value("RGB")
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    found = ct.models.MLModel(spec).predict({"x": Image.fromarray(pixels)})["y"]
    assert (found.mode, found.size) == ("RGBA", (5, 4))
    assert np.array_equal(np.asarray(found)[..., :3], 255 - pixels)
    assert (np.asarray(found)[..., 3] == 255).all()


def test_float16_comes_out_as_float32(ct, enabled):
    spec = opposite(("x", (3,)), ("y", (3,)))
    for feature in (spec.description.input[0], spec.description.output[0]):
        array = feature.type.multiArrayType
        array.dataType = array.ArrayDataType.Value("FLOAT16")
    spec.specificationVersion = 7
    found = ct.models.MLModel(spec).predict({"x": np.array([0.5, 1, 1.5], np.float16)})["y"]
    assert (found.dtype, found.tolist()) == (np.float32, [254.5, 254, 253.5])


def test_a_converted_program_agrees_with_numpy(ct, enabled):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 3)).astype("f"), rng.normal(size=4).astype("f")

    def build(mb, x):
        return mb.softmax(x=mb.linear(x=x, weight=weight, bias=bias), axis=-1, name="y")

    model = converted(build, (2, 3), compute_precision=ct.precision.FLOAT32)
    x = rng.normal(size=(2, 3)).astype("f")
    powers = np.exp(x @ weight.T + bias)
    expected = powers / powers.sum(-1, keepdims=True)
    np.testing.assert_allclose(model.predict({"x": x})["y"], expected, rtol=1e-5)


def test_flexible_shapes(ct, enabled):
    from coremltools.converters.mil.mil import get_new_symbol

    shape = (ct.RangeDim(1, 5, default=2),)
    model = converted(
        lambda mb, x: mb.add(x=x, y=np.float32(1), name="y"),
        (get_new_symbol(),),
        inputs=[ct.TensorType(name="x", shape=shape)],
    )
    for size in (2, 5):
        found = model.predict({"x": np.arange(size, dtype="f")})["y"]
        assert found.tolist() == list(range(1, size + 1))
    with pytest.raises(RuntimeError, match="6"):
        model.predict({"x": np.zeros(6, "f")})


def test_a_network_that_only_a_sequence_fits(ct, enabled):
    """Of its declared shape, a sequence of one, it would not compile."""
    rng = np.random.default_rng(0)
    table, dense = (rng.standard_normal(shape, np.float32) for shape in ((4, 10), (2, 4 * 15)))
    given = [("data", ct.models.datatypes.Array(1, 1, 1))], [("y", ct.models.datatypes.Array(1))]
    builder = ct.models.neural_network.NeuralNetworkBuilder(*given)
    builder.add_embedding("embed", table, None, 10, 4, False, "data", "rows")
    builder.add_permute("permute", [3, 1, 2, 0], "rows", "columns")
    builder.add_flatten("flatten", 0, "columns", "flat")
    builder.add_inner_product("dense", dense, None, 4 * 15, 2, False, "flat", "y")
    del builder.spec.description.output[0].type.multiArrayType.shape[:]
    model = ct.models.MLModel(builder.spec)

    for seed in range(2):
        indices = np.random.default_rng(seed).integers(0, 10, 15)
        found = model.predict({"data": indices.reshape(15, 1, 1, 1, 1).astype(np.float32)})["y"]
        np.testing.assert_allclose(found.ravel(), dense @ table[:, indices].ravel(), rtol=1e-4)
    with pytest.raises(RuntimeError, match="4 features, weight expects 60"):
        model.predict({"data": np.ones((1, 1, 1), np.float32)})


def test_a_network_that_compiles_for_one_listed_shape_at_a_time(ct, enabled):
    given = [("x", ct.models.datatypes.Array(1, 2, 2))], [("y", ct.models.datatypes.Array(1))]
    builder = ct.models.neural_network.NeuralNetworkBuilder(*given)
    builder.add_upsample("wider", 2, 2, "x", "y", mode="BILINEAR")
    del builder.spec.description.output[0].type.multiArrayType.shape[:]
    utils = ct.models.neural_network.flexible_shape_utils
    utils.add_multiarray_ndshape_enumeration(builder.spec, "x", [(1, 2, 2), (1, 3, 4)])
    model = ct.models.MLModel(builder.spec)
    for sizes in ((2, 2), (3, 4)):
        found = model.predict({"x": np.full((1, *sizes), 5, np.float32)})["y"]
        assert found.shape[-2:] == (2 * sizes[0], 2 * sizes[1])
        assert (found == 5).all()
    with pytest.raises(RuntimeError, match=r"the model allows one of \[1, 2, 2\], \[1, 3, 4\]"):
        model.predict({"x": np.zeros((1, 3, 3), np.float32)})


# -- files, and what is refused ------------------------------------------------------------------


def test_a_file_may_go_after_it_was_loaded(ct, enabled, tmp_path):
    file = tmp_path / "sum.mlmodel"
    ct.utils.save_spec(sum_and_bias(), str(file))
    model = ct.models.MLModel(str(file))
    file.unlink()
    assert model.predict({"a": np.ones(3), "b": np.ones(3)})["sum"].tolist() == [2, 2, 2]


def test_wrong_inputs_are_runtime_errors(ct, enabled):
    model = ct.models.MLModel(sum_and_bias())
    with pytest.raises(RuntimeError, match=r"input 'a' has shape \[4\]"):
        model.predict({"a": np.ones(4), "b": np.ones(3)})
    with pytest.raises(cmlc.CompileError, match="input 'b' is missing"):
        model.predict({"a": np.ones(3)})


def test_an_unsupported_layer_is_told_when_the_model_predicts(ct, enabled):
    spec = sum_and_bias()
    spec.neuralNetwork.layers[0].custom.className = "Unheard"
    model = ct.models.MLModel(spec)
    with pytest.raises(RuntimeError, match="Unheard"):
        model.predict({"a": np.ones(3), "b": np.ones(3)})


def test_a_damaged_file_is_told_as_coremltools_does(ct, enabled, tmp_path):
    model_file = tmp_path / "Damaged.mlmodelc"
    model_file.mkdir()
    with pytest.raises(RuntimeError, match="Damaged"):
        ct.models.CompiledMLModel(str(model_file))


@pytest.mark.parametrize(
    "refused",
    [
        lambda models: models.MLModel(sum_and_bias()).get_compiled_model_path(),
        lambda models: models.MLModel.get_available_compute_devices(),
        lambda models: models.model.MLModelAsset.from_path("x.mlmodelc"),
        lambda models: models.model.MLModelAsset.from_memory(b""),
    ],
)
def test_what_only_apple_can_do(ct, enabled, refused):
    with pytest.raises(RuntimeError, match=r"Apple's own runtime|are not supported"):
        refused(ct.models)


def test_states_and_functions(ct, enabled, tmp_path):
    """64 steps with a state are one pass of another function."""
    path = str(package(tmp_path, transformer()))
    x = np.random.default_rng(0).standard_normal((STEPS, WIDTH)).astype(np.float32)
    whole = ct.models.MLModel(path, function_name="full").predict({"x": x})["y"]
    model = ct.models.MLModel(path, function_name="decode")
    state = model.make_state()
    rows = [
        model.predict({"x": x[i : i + 1], "position": np.int32([i])}, state)["y"]
        for i in range(STEPS)
    ]
    np.testing.assert_allclose(np.concatenate(rows), whole, atol=1e-5 * np.abs(whole).max())
    held = state.read_state("keys0")
    assert held.shape == (STEPS, WIDTH)
    assert held.any()
    state.write_state("keys0", np.zeros_like(held))
    assert not state.read_state("keys0").any()
