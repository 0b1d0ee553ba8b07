"""The test beside generated code, and the numbers that it compares with."""

import zipfile
from pathlib import Path

import numpy as np

from ..names import quoted
from ..recorded import Recording
from .file_names import CHECK, NUMBERS, WEIGHTS
from .source import CallText, statement

_HEAD = f'''"""Checks that model.py computes what the Core ML model does that it was made of.

{NUMBERS} has inputs, and what cmlc's interpreter of Core ML models computed
for them when this folder was written. `pytest {CHECK}` fails when an edit, or
other weights in {WEIGHTS}, change what is computed; write trained weights to a
file of their own.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

# Of the largest number of an output. Sums of float32 in another order are 1e-6 apart,
# or 1e-5 in deep networks. Devices that round factors (TF32, bfloat16) need 1e-2.
TOLERANCE = 1e-4
'''
_WHOLE = """# Of whole numbers, so many may differ: of two numbers that are equal but for rounding,
# either may be the larger one.
DIFFERENT = 1e-3
"""
_RUN = '''

@pytest.fixture(scope="module")
def numbers() -> dict[str, np.ndarray]:
    """What was recorded."""
    with np.load(Path(__file__).with_name("{numbers}")) as file:
        return dict(file)


@pytest.fixture(scope="module")
def found(numbers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the code computes for the recorded inputs; long ones repeat the numbers."""
    from model import load

    given = [
        np.resize(numbers[f"input_{{i}}"], shape).astype(dtype)
        for i, (shape, dtype) in enumerate(INPUTS.values())
    ]
    outputs = load()(given if len(given) > 1 else given[0])
    if not isinstance(outputs, dict):
        outputs = dict.fromkeys(OUTPUTS, outputs)
    return {{name: keras.ops.convert_to_numpy(outputs[name]) for name in OUTPUTS}}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_those_of_the_core_ml_model(
    name: str, found: dict[str, np.ndarray], numbers: dict[str, np.ndarray]
) -> None:
    """All that was recorded of an output is near what the code computes."""
    shape, step = OUTPUTS[name]
    expected = numbers[f"output_{{list(OUTPUTS).index(name)}}"]
    assert found[name].shape == shape
    got = found[name].reshape(-1)[::step]
'''
_WHOLE_COMPARED = """    if expected.dtype.kind != "f":
        assert np.mean(got != expected) <= DIFFERENT
        return
"""
_COMPARED = """    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max(initial=0)) or 1.0
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * scale)
"""


def check_text(recording: Recording, layers: list[str]) -> str:
    """The source of the test.

    Args:
        recording: of the lowered module's function.
        layers: the names of the layers that its inputs are.
    """
    whole = any(row.numbers.dtype.kind != "f" for row in recording.outputs)
    inputs = [
        CallText(f"{quoted(layer)}: (", [str(row.shape), quoted(row.dtype.numpy.name)])
        for layer, row in zip(layers, recording.inputs, strict=True)
    ]
    outputs = [
        CallText(f"{quoted(row.name)}: (", [str(row.shape), str(row.step)])
        for row in recording.outputs
    ]
    parts = [
        _HEAD,
        _WHOLE if whole else "",
        "# By name: (shape, dtype).\n",
        *(f"{line}\n" for line in statement("INPUTS = ", CallText("{", inputs, "}"), "")),
        "# By name: (shape, of so many numbers one is recorded).\n",
        *(f"{line}\n" for line in statement("OUTPUTS = ", CallText("{", outputs, "}"), "")),
        _RUN.format(numbers=NUMBERS),
        _WHOLE_COMPARED if whole else "",
        _COMPARED,
    ]
    return "".join(parts)


def write_numbers(recording: Recording, path: Path) -> None:
    """Write the recorded numbers to a .npz.

    Raises:
        OSError: it can't be written.
    """
    arrays = {f"input_{i}": row.numbers for i, row in enumerate(recording.inputs)}
    arrays |= {f"output_{i}": row.numbers for i, row in enumerate(recording.outputs)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            # With a date of its own, a file would differ each time.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
