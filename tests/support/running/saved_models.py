"""Whole models: saved, run again in a fresh process, compared with the interpreter."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from cmlc.backends.table import load_target
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import print_module, structurally_equal
from cmlc.ir.verify import verify

SCRIPT = Path(__file__).resolve().parents[2] / "models" / "reload.py"


def save(model, folder, name):
    """Save a model as `name`, with random inputs for `run_saved`."""
    model.write(folder / name)
    np.savez(folder / f"{name}.inputs.npz", **inputs_of(model.stages.batched))


def inputs_of(module):
    """Random inputs; a batch has two entries, other open extents their default size."""
    symbols = {"N": 2}
    for value, known in zip(module.main.arguments, module.main.inputs, strict=True):
        shape = known.shape
        for dim, size in zip(value.type.shape[-len(shape) or None :], shape, strict=False):
            if not isinstance(dim, int):
                symbols.setdefault(str(dim), size)
    return random_inputs(module.main, 0, **symbols)


def run_saved(folder):
    """Run all models saved in the folder, in one process that knows nothing of this package."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def assert_agrees(model, folder, name):
    """What the fresh process computed is what the interpreter computes, to 1e-4 of its scale."""
    with np.load(folder / f"{name}.inputs.npz") as inputs:
        module = model.stages.batched
        expected = run(module, dict(inputs), module.main.name)
    with np.load(folder / f"{name}.outputs.npz") as outputs:
        assert set(outputs.files) == set(expected)
        for key, array in expected.items():
            assert_close(array, outputs[key], key)


def assert_close(ours, theirs, what):
    assert ours.shape == theirs.shape, what
    if ours.dtype.kind in "OSU":
        assert [label.decode() for label in theirs.ravel().tolist()] == ours.ravel().tolist()
    elif ours.dtype.kind == "u":  # images: rounded halves may fall to either side
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1, what
    elif ours.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs, what)
    else:
        assert ours.dtype == theirs.dtype, what
        scale = max(float(np.abs(ours).max(initial=0.0)), 1e-6)
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4 * scale, err_msg=what)


def assert_text_says_everything(module, table=TABLE):
    text = print_module(module)
    again = parse(text, "", table)
    verify(again)
    assert print_module(again) == text
    assert structurally_equal(module, again)


def assert_all_stages_print(model):
    assert_text_says_everything(model.module)
    assert_text_says_everything(model.optimized)
    assert_text_says_everything(model.lowered, load_target("tf").ops)
