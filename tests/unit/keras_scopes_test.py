"""The check of names in generated code."""

import pytest
from cmlc.backends.keras.scopes import unbound_names

RIGHT = '''
import keras
from keras import layers as parts

WIDTH = 4


def block(x: keras.KerasTensor, units: int = WIDTH, *, name: str) -> keras.KerasTensor:
    """Two layers."""
    for i, factor in enumerate((1, 2)):
        x = parts.Dense(factor * units, name=f"{name}_{i}")(x)
    return x


def build():
    """Everything."""
    x = keras.Input((WIDTH,))
    x, y = block(x, name="a"), [other for other in (1, 2)]
    return keras.Model(x, later(y))


def later(y):
    """Defined after its caller."""
    return y if __name__ == "__main__" else len(y)
'''


def test_all_names_of_a_program_mean_something():
    assert unbound_names(RIGHT) == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("factor * units", "factor * filters", "filters"),
        ("return x\n", "return j\n", "j"),
        ("x = keras.Input((WIDTH,))\n", "y = x\n", "x"),
        ("later(y))", "latest(y))", "latest"),
        ("import keras\n", "", "keras"),
        ("def block(x: keras.KerasTensor, ", "def block(", "x"),
        ("units: int = WIDTH", "units: int = HEIGHT", "HEIGHT"),
        ("in (1, 2)]", "in others]", "others"),
    ],
)
def test_a_name_that_nothing_binds_is_found(old, new, name):
    assert old in RIGHT
    assert name in {found.split(": ")[1] for found in unbound_names(RIGHT.replace(old, new))}
