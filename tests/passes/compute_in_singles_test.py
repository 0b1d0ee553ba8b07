"""Models of doubles in single precision: what rounding changes, and what it must not change."""

import operator

import numpy as np
import pytest
from cmlc.passes.compute_in_singles import split_alike
from support.tables.builders import compiled, model, run

COMPARE = [operator.le, operator.lt, operator.ge, operator.gt, operator.eq, operator.ne]


@pytest.mark.parametrize("mode", range(6))
def test_rounded_thresholds_split_numbers_of_single_precision_as_before(mode):
    random = np.random.default_rng(mode)
    singles = random.normal(size=300).astype(np.float32)
    singles = np.concatenate([singles, np.float32([0, -0.0, 1e-45, 3e38, -3e38, np.inf, -np.inf])])
    wide = singles.astype(np.float64)
    near = [np.nextafter(wide, np.inf), np.nextafter(wide, -np.inf), wide, wide * 1.5]
    thresholds = np.concatenate([*near, [1e39, -1e39, 1e-50, np.inf, -np.inf]])
    rounded = split_alike(thresholds, np.full(thresholds.shape, mode))
    assert rounded.dtype == np.float32
    compare = COMPARE[mode]
    expected = compare(wide[:, None], thresholds)
    np.testing.assert_array_equal(compare(singles[:, None], rounded), expected)


def glm():
    spec, message = model("glmRegressor", {"x": "f32[3]"}, {"y": "double"})
    message.weights.add(value=[0.1, 0.2, 0.3])
    message.offset.append(0.4)
    return spec


def test_single_precision_may_be_chosen():
    whole = compiled(glm(), precision="float32")
    assert {str(value.type) for value in whole.optimized.main.results} == {"f32[N]"}
    assert whole.optimized.attributes["precision"] == "float32"
    x = np.float32([1, 2, 3])
    assert run(glm(), x=x)["y"] == pytest.approx(1.8, rel=1e-12)


@pytest.mark.parametrize(("target", "dtype"), [("tf", "f64"), ("tflite", "f32"), ("keras", "f32")])
def test_targets_without_doubles_have_singles(target, dtype):
    whole = compiled(glm(), target=target)
    assert whole.module.attributes["precision"] == "float64"
    assert {value.type.dtype.value for value in whole.optimized.main.results} == {dtype}
