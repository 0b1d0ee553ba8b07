"""Espresso layers and the layers of the specification that they are.

Every row is a compiled network and the network it means, as messages; shapes were worked out by
hand.
"""

import pytest
from cmlc.compiler.source.espresso import RULES
from cmlc.compiler.source.spec import network_of, read_spec
from compiled_models import compiled
from espresso_compute import ACTIVATIONS, ARITHMETIC, PRODUCTS
from espresso_shapes import MOVES, PARTS
from espresso_windows import WINDOWS
from networks import network

ROWS = [*ACTIVATIONS, *ARITHMETIC, *PRODUCTS, *WINDOWS, *MOVES, *PARTS]


@pytest.mark.parametrize(("inputs", "layers", "expected", "exact"), ROWS)
def test_layers(tmp_path, inputs, layers, expected, exact):
    read = network_of(read_spec(compiled(tmp_path, *layers, exact=exact, **inputs)))
    meant = network(*expected, rank5=not exact, **inputs).neuralNetwork
    names = [item.name for item in meant.layers]
    assert [item.name for item in read.layers] == names
    assert list(read.layers) == list(meant.layers)
    assert read.arrayInputShapeMapping == meant.arrayInputShapeMapping


def test_every_type_has_a_row():
    assert {made[0] for param in ROWS for made in param.values[1]} == RULES.keys()
