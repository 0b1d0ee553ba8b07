"""Generated functions for repeated structure: what they read, and what their layers are called."""

import cmlc
import numpy as np
import pytest
from support.networks.builders import layer, network, numbers

pytestmark = pytest.mark.slow


def dense_fields(inputs, outputs, seed):
    weights = numbers(outputs, inputs, seed=seed) / inputs
    return {"inputChannels": inputs, "outputChannels": outputs, "weights": weights}


def dense(inputs, outputs, seed):
    return layer("innerProduct", **dense_fields(inputs, outputs, seed))


def wide(width, seed):
    """A block that widens and narrows back to the width of its input.

    It begins with what no dense layer takes as its activation, so a block ends before it.
    """
    return [
        layer("sin"),
        dense(width, 4 * width, seed),
        layer("activation", tanh={}),
        dense(4 * width, width, seed + 1),
    ]


def agreed(model, shape):
    """The text of the code, which computes what the interpreter does."""
    made = cmlc.compile(model, target="keras")
    x = numbers(*shape)
    (ours,), (theirs,) = made.interpret({"x": x}).values(), made.predict({"x": x}).values()
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)
    return made.executable.text


def test_a_width_is_that_of_the_input():
    """By the last layer, `x` would be the widened tensor."""
    stages = [*wide(4, 0), *wide(4, 2), *wide(4, 4), dense(4, 8, 6)]
    stages += [*wide(8, 7), *wide(8, 9), *wide(8, 11)]
    text = agreed(network(*stages, x=(4,)), (4,))
    assert "inputs.shape[-1]" in text


def test_names_of_layers_are_unique_when_functions_add_to_them():
    """A call without a name of its own has a layer `relu`, and so has the function around it."""
    layers = []
    for i in range(5):
        before = layers[-1][2][0] if layers else "x"
        layers += [
            layer("innerProduct", [before], [f"a{i}"], f"a{i}", **dense_fields(4, 4, i)),
            layer("activation", [f"a{i}"], [f"ra{i}"], ReLU={}),
            layer(
                "innerProduct", [f"ra{i}"], [f"m_{i}_c2"], f"m_{i}_c2", **dense_fields(4, 4, 9 + i)
            ),
            layer("activation", [f"m_{i}_c2"], [f"rb{i}"], ReLU={}),
            layer("add", [f"rb{i}", before], [f"s{i}"]),
            layer("activation", [f"s{i}"], [f"y{i}" if i < 4 else "y"], ReLU={}),
        ]
    agreed(network(*layers, x=(4,)), (4,))


MASK = """
func @main(%x: f32[2,300,300]) -> ("y": f32[2,300,300]) {
  %row = const {value = resource<"row">} : f32[1,300]
  %column = const {value = resource<"column">} : f32[300,1]
  %mask = tensor.sub(%row, %column) : f32[300,300]
  %y = tensor.add(%x, %mask) : f32[2,300,300]
  return %y
}
resources {
  "row" : f32[1,300] = random(0)
  "column" : f32[300,1] = random(1)
}
"""


def test_what_depends_on_constants_alone_is_a_weight(tmp_path):
    """A mask of attention, larger than what is folded for targets that can compute it."""
    path = tmp_path / "mask.cmir"
    path.write_text(MASK)
    agreed(path, (2, 300, 300))
