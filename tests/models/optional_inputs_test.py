"""Optional inputs that are left out of what is written: the numbers of a call without them."""

import cmlc
import numpy as np
import pytest
from support.networks.builders import numbers
from support.networks.recurrences import optional_states

pytestmark = pytest.mark.slow


X = numbers(3)


@pytest.mark.parametrize("default", [None, 0.5])
@pytest.mark.parametrize("omit", [["h"], ["h", "c"]])
def test_signatures_without_optional_inputs(default, omit, tmp_path):
    import tensorflow as tf

    source = optional_states(default)
    expected = cmlc.compile(source).predict({"x": X})
    given = {"x": X.astype(np.float32)} | ({} if "c" in omit else {"c": np.zeros(2, np.float32)})
    model = cmlc.compile(source, omit=omit)
    found = [model.predict({"x": X}), model.interpret({"x": X})]
    loaded = tf.saved_model.load(str(model.write(tmp_path / "model")))
    found.append(loaded.signatures["serving_default"](**given))
    file = cmlc.write(source, tmp_path / "m.tflite", omit=omit)
    runner = tf.lite.Interpreter(str(file)).get_signature_runner("serving_default")
    assert sorted(runner.get_input_details()) == sorted(given)
    found.append(runner(**given))
    for results in found:
        for name, array in expected.items():
            np.testing.assert_allclose(results[name], array, atol=1e-6)
    if default:
        plain = cmlc.compile(optional_states()).predict({"x": X})
        assert np.abs(expected["y"] - plain["y"]).max() > 1e-3


def test_what_is_left_out_is_not_an_input():
    model = cmlc.compile(optional_states(), omit=["h"])
    with pytest.raises(cmlc.CompileError, match=r"there is no input 'h'.*the inputs are x, c"):
        model.predict({"x": X, "h": [1, 2]})


@pytest.mark.parametrize(
    ("omit", "said"),
    [
        (["x"], "input 'x' can't be left out: it is not optional.*those that are: h, c"),
        (["hh"], "there is no input 'hh' to leave out.*did you mean 'h'"),
        ("h", "omit is 'h', expected a list of names"),
    ],
)
def test_what_cannot_be_left_out(omit, said):
    with pytest.raises(cmlc.CompileError, match=said) as caught:
        cmlc.compile(optional_states(), omit=omit)
    assert caught.value.diagnostics[0].kind == "usage"
