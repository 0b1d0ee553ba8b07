"""Rows of Espresso layers and of the layers of the specification that they are."""

import numpy as np
import pytest
from support.networks.compiled_models import espresso

V4 = {"x": (1, 4, 6, 8)}  # an image of any kind of network
R3 = {"x": (4, 6, 8)}  # the same, for networks where all blobs have five dimensions
F5 = (1, 1, 4, 6, 8)


def floats(*values):
    return np.asarray(values, np.float32)


def row(name, inputs, layers, expected, exact=True):
    return pytest.param(inputs, layers, expected, exact, id=name)


def one(name, inputs, made, expected, *shape, exact=True):
    """A row of one layer; `expected` is one, or several in a chain."""
    kind, keys = made
    expected = expected if isinstance(expected, list) else [expected]
    return row(name, inputs, [espresso(kind, *shape, **keys)], expected, exact)
