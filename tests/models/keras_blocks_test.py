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
    return agreed_by_name(model, "x", shape)


def agreed_by_name(model, name, shape):
    """As `agreed`, of an input of this name."""
    made = cmlc.compile(model, target="keras")
    given = {name: numbers(*shape)}
    (ours,), (theirs,) = made.interpret(given).values(), made.predict(given).values()
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


@pytest.mark.parametrize("name", ["i", "units", "layer_name", "range", "enumerate"])
@pytest.mark.parametrize("block", ["block_{}", "q{:02}"])
def test_a_loop_changes_no_value_that_is_read_after_it(name, block):
    """Numbers, names and widths of a loop are variables, too, and so are a network's values."""
    layers, last = [layer("innerProduct", ["x"], [name], name, **dense_fields(4, 4, 90))], name
    for i in range(4):
        values = [f"{part}{i}" for part in ("a", "b", "c")]
        named = block.format(i)
        layers += [
            layer("innerProduct", [last], [values[0]], f"{named}_in", **dense_fields(4, 5 + i, i)),
            layer("activation", [values[0]], [values[1]], f"{named}_tanh", tanh={}),
            layer(
                *("innerProduct", [values[1]], [values[2]], f"{named}_out"),
                **dense_fields(5 + i, 4, 10 + i),
            ),
        ]
        last = values[2]
    layers.append(layer("multiplyBroadcastable", [last, name], ["y"], "y"))
    text = agreed(network(*layers, x=(2, 4)), (2, 4))
    assert "    for " in text
    layers[0] = layer("innerProduct", [name], ["z"], "z", **dense_fields(4, 4, 90))
    layers[1] = layer("innerProduct", ["z"], ["a0"], block.format(0), **dense_fields(4, 5, 0))
    agreed_by_name(network(*layers, **{name: (2, 4)}), name, (2, 4))


@pytest.mark.parametrize("name", ["units", "filters", "i"])
def test_a_value_inside_a_block_is_not_a_parameter(name):
    """The function around the layer `units` takes its units as `units`."""
    layers, last = [], "x"
    for i in range(4):
        width, part = 5 + i, f"block_{i}_"
        a, b, c, d, e = (f"{part}{name}_{letter}" for letter in "abcde")
        layers += [
            layer("innerProduct", [last], [a], part + name, **dense_fields(4, width, i)),
            layer("innerProduct", [a], [b], part + "two", **dense_fields(width, width, 10 + i)),
            layer("activation", [b], [c], part + "tanh", tanh={}),
            layer("multiplyBroadcastable", [c, a], [d], part + "mul"),
            layer("innerProduct", [d], [e], part + "out", **dense_fields(width, 4, 20 + i)),
        ]
        last = e
    layers.append(layer("activation", [last], ["y"], "y", tanh={}))
    assert "    for " in agreed(network(*layers, x=(2, 4)), (2, 4))


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
