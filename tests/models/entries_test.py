"""How many entries inputs are of: all the same number, whatever is left out."""

import cmlc
import numpy as np
import pytest
from support.networks.builders import add_image, layer, network, numbers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def total():
    """x + z, of which z may be left out; compiled for batches."""
    made = network(layer("add", ["x", "z"]), rank5=True, x=(4,), z=(4,))
    made.description.input[1].type.isOptional = True
    return cmlc.compile(made, batch="dynamic")


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4)])
def test_an_input_that_is_left_out_has_as_many_entries_as_the_others(total, shape):
    x = numbers(*shape)
    for found in (total.predict({"x": x}), total.interpret({"x": x})):
        np.testing.assert_allclose(found["y"], x, rtol=1e-6)  # also the shape


def test_entries_of_a_list_may_leave_out_different_inputs(total):
    x, z = numbers(4), numbers(4, seed=1)
    first, second = total.predict([{"x": x}, {"x": x, "z": z}])
    np.testing.assert_allclose(first["y"], x, rtol=1e-6)
    np.testing.assert_allclose(second["y"], x + z, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_other_numbers_of_entries_are_refused(total, count):
    given = {"x": numbers(2, 4), "z": numbers(count, 4)}
    for computed in (total.predict, total.interpret):
        with pytest.raises(
            cmlc.CompileError, match=f"'z' has a batch of {count}, input 'x' one of 2"
        ):
            computed(given)


def test_an_image_that_is_left_out_is_not_a_batch():
    made = network(layer("activation", ["z"], ["y"], linear={"alpha": 1.0}), rank5=True, z=(4,))
    add_image(made.description.input, "picture")
    made.description.input[-1].type.isOptional = True
    found = cmlc.compile(made, batch="dynamic").predict({"z": numbers(4)})
    assert found["y"].shape == (4, 1, 1)


@pytest.mark.parametrize("given", [5, None, "x", [5], [[{}]], ["x"], np.zeros(4)])
def test_what_is_not_a_dictionary_is_refused(total, given):
    with pytest.raises(cmlc.CompileError, match="inputs are dictionaries by name") as caught:
        total.predict(given)
    assert "or a list of such" in str(caught.value)
    with pytest.raises(cmlc.CompileError, match="inputs are dictionaries by name"):
        total.interpret(given)


def test_a_sequence_for_a_model_of_batches_is_refused_alike(total):
    for computed in (total.predict, total.interpret):
        with pytest.raises(cmlc.CompileError, match=r"has shape \[5, 1, 4, 1, 1\], expected"):
            computed({"x": numbers(5, 1, 4, 1, 1)})
