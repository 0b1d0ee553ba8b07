"""Espresso layers and the layers of the specification that they are.

Every row is a compiled network and the network it means, as messages; shapes were worked out by
hand.
"""

import contextlib
import itertools
import json

import cmlc
import pytest
from cmlc.compiler.source.espresso import RULES
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import network_of
from cmlc.ir.diagnostics import CompileError
from support.espresso.compute import ACTIVATIONS, ARITHMETIC, PRODUCTS
from support.espresso.shapes import MOVES, PARTS
from support.espresso.windows import WINDOWS
from support.networks.builders import network
from support.networks.compiled_models import compiled

ROWS = [*ACTIVATIONS, *ARITHMETIC, *PRODUCTS, *WINDOWS, *MOVES, *PARTS]


@pytest.mark.parametrize(("inputs", "layers", "expected", "exact"), ROWS)
def test_layers(tmp_path, inputs, layers, expected, exact):
    read = network_of(read_spec(compiled(tmp_path, *layers, exact=exact, **inputs)))
    meant = network(*expected, rank5=not exact, **inputs).neuralNetwork
    names = [item.name for item in meant.layers]
    assert [item.name for item in read.layers] == names
    assert list(read.layers) == list(meant.layers)
    assert read.arrayInputShapeMapping == meant.arrayInputShapeMapping


ODD = [None, [], {}, "a", -1, 7, 2**31 - 1, 2**31, 1.5, True, float("nan"), 1e308, ""]


@pytest.mark.slow
def test_damaged_layers_are_never_worse_than_refused(tmp_path):
    """Every key of every row becomes something else."""
    odd = itertools.cycle(ODD)
    for position, param in enumerate(ROWS):
        inputs, layers, _, exact = param.values
        folder = compiled(tmp_path / str(position), *layers, exact=exact, **inputs)
        path = folder / "model.espresso.net"
        text = path.read_text()
        for key in json.loads(text)["layers"][-1]:
            content = json.loads(text)
            content["layers"][-1][key] = next(odd)
            path.write_text(json.dumps(content))
            with contextlib.suppress(CompileError):
                cmlc.load(folder)


def test_every_type_has_a_row():
    assert {made[0] for param in ROWS for made in param.values[1]} == RULES.keys()
