"""The folder that Keras code is written to: its README, and its test, in processes of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.tools import cmlc
from support.networks import keras as keras_networks

pytestmark = pytest.mark.slow
RULES = "E,F,W,I,N,UP,B,C4,SIM,RUF,PT,D,PERF"
NAMES = ("digits", "transformer_encoder", "unet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Networks' folders by name: pictures, tokens and weights of no layer, pictures of pictures."""
    folder = tmp_path_factory.mktemp("written")
    networks = keras_networks.write_all(folder)
    for name in NAMES:
        path, options = networks[name]
        assert cmlc.main([str(path), "--emit=keras-code", "-o", str(folder / name), *options]) == 0
    return folder


def outcome(folder, *names, backend="tensorflow"):
    """What pytest says of folders, each with a process of its own."""
    found = ""
    for name in names:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=folder / name,
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
        )
        found += done.stdout + done.stderr[-2000:]
    return found


def copied(folder, name, tmp_path):
    """A copy of a folder, which can be damaged."""
    copy = tmp_path / name
    copy.mkdir()
    for file in filter(Path.is_file, (folder / name).iterdir()):
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_written_test_passes(folder, backend):
    pytest.importorskip(backend)
    names = NAMES if backend == "tensorflow" else NAMES[:1]  # JAX compiles each call
    found = outcome(folder, *names, backend=backend)
    assert found.count("1 passed") == len(names), found


def test_it_fails_when_one_weight_is_another(folder, tmp_path):
    copy = copied(folder, "digits", tmp_path)
    import h5py

    with h5py.File(copy / "model.weights.h5", "r+") as file:
        kernel = file["layers/conv2d/vars/0"]
        numbers = kernel[...]
        numbers[1, 1, 0, 0] += 1.0
        kernel[...] = numbers
    found = outcome(tmp_path, "digits")
    assert "1 failed" in found
    assert "Not equal to tolerance" in found


def test_it_fails_when_an_edit_changes_what_is_computed(folder, tmp_path):
    copy = copied(folder, "digits", tmp_path)
    code = (copy / "model.py").read_text()
    edited = code.replace("layers.MaxPooling2D(", "layers.AveragePooling2D(")
    assert edited != code
    (copy / "model.py").write_text(edited)
    assert "1 failed" in outcome(tmp_path, "digits")


READ_ME = """\
# digits

Keras code, made of the Core ML model `digits.mlmodel` by cmlc.

Recognizes a handwritten digit in an 8x8 grayscale image.

Author: The cmlc authors

License: Apache-2.0; trained on the UCI optical recognition of digits (CC BY 4.0)

Version: 1.0

| | name | shape | dtype | |
|-|------|-------|-------|-|
| input | `image` | `(None, 8, 8, 1)` | float32 | pictures: gray, from 0 to 255; model.py scales them |
| output | `digitProbabilities` | `(None, 10)` | float32 | probabilities of 10 classes, `LABELS` in model.py |

```python
from model import load

model = load()  # build() is the same network with fresh weights
found = model.predict(x)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y, epochs=10)

model.save("model.keras")
model.export("model")  # a SavedModel; on TensorFlow also format="litert", "onnx"
```

`pytest` runs `test_model.py`, which compares what the code computes with numbers of the
Core ML model, in `test_model.npz`: run it after editing the code.
"""  # noqa: E501


def test_the_readme_of_the_sample(folder):
    assert (folder / "digits" / "README.md").read_text() == READ_ME


GIVEN = {
    "digits": "x, y = np.zeros((4, 8, 8, 1)), np.zeros(4, int)",
    "transformer_encoder": "x, y = np.zeros((4, 16, 32)), np.zeros((4, 4))",
    "unet": "x, y = np.zeros((2, 64, 64, 3)), np.zeros((2, 64, 64, 1))",
}


@pytest.mark.parametrize("name", NAMES[:2])
def test_what_the_readme_says_runs(folder, name, tmp_path):
    copied(folder, name, tmp_path)
    text = (tmp_path / name / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = code.replace("epochs=10", "epochs=1")
    code = f"import numpy as np\n{GIVEN[name]}\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / name,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / name / "model.keras").exists()
    assert (tmp_path / name / "model" / "saved_model.pb").exists()


TWO_RESULTS = """
module @pair {shortDescription = "Has | and `ticks`\\nand\\t<b>", author = "A *star*"} {
func @main(%x: f32[1,3], %s: f32[2]) -> ("a|b": f32[1,3], "n": i32[2]) {
  %y = tensor.neg(%x) : f32[1,3]
  %w = tensor.cast(%s) {dtype = i32} : i32[2]
  return %y, %w
}
}
"""
USELESS = """
func @main(%x: f32[3], %i: i32[2]) -> ("y": f32[2]) {
  %far = const {value = dense<100>} : i32[]
  %at = tensor.add(%i, %far) : i32[2]
  %y = tensor.gather(%x, %at) : f32[2]
  return %y
}
"""


def written_of(text, tmp_path, *options):
    path = tmp_path / "model.cmir"
    path.write_text(text)
    made = tmp_path / "made"
    assert cmlc.main([str(path), "--emit=keras-code", "-o", str(made), *options]) == 0
    return made


def test_text_of_a_model_stays_text(tmp_path):
    text = (written_of(TWO_RESULTS, tmp_path) / "README.md").read_text()
    assert r"Has \| and \`ticks\` and \<b\>" in text
    assert r"Author: A \*star\*" in text
    assert r"| output | `a\|b` | `(1, 3)` | float32 |  |" in text
    assert "model([x0, x1])  # its first dimensions are not those of one batch" in text
    assert "fit(" not in text
    assert "2 passed" in outcome(tmp_path, "made")


def test_a_fixed_batch_is_told(tmp_path):
    text = TWO_RESULTS.replace("f32[2]", "f32[1]").replace("i32[2]", "i32[1]")
    text = (written_of(text, tmp_path) / "README.md").read_text()
    assert 'trained = keras.Model(model.input, model.output["a|b"])' in text
    assert "trained.fit([x0, x1], y, epochs=10, batch_size=1)" in text
    assert "It takes batches of 1. Code for any batch: `cmlc --batch=dynamic`." in text


def test_why_there_is_no_test(tmp_path, capsys):
    made = written_of(USELESS, tmp_path)
    assert sorted(file.name for file in made.iterdir()) == [
        "README.md",
        "model.py",
        "model.weights.h5",
    ]
    assert "There is no test_model.py: " in (made / "README.md").read_text()
    assert re.search(r"test +not written: .*out of", capsys.readouterr().out)


def test_the_test_can_be_left_out(tmp_path, capsys):
    made = written_of(TWO_RESULTS, tmp_path, "--without-test")
    assert not (made / "test_model.py").exists()
    assert not (made / "test_model.npz").exists()
    assert "pytest" not in (made / "README.md").read_text()
    assert "record" not in capsys.readouterr().out


def test_recorded_numbers_are_small(folder):
    for name in NAMES:
        path = folder / name / "test_model.npz"
        assert path.stat().st_size < 600_000
        with np.load(path, allow_pickle=False) as numbers:
            assert "output_0" in numbers.files


@pytest.mark.parametrize("name", NAMES)
def test_the_written_test_is_clean(folder, name):
    path = Path(folder / name / "test_model.py")
    assert path.read_text().startswith('"""Checks that model.py computes')
    for command in (
        ["check", "--select=E,F,W,I,N,UP,B,C4,SIM,RUF,PT,D,PERF"],
        ["format", "--diff"],
    ):
        convention = ["--config", 'lint.pydocstyle.convention="google"']
        ruff = [sys.executable, "-m", "ruff", *command, *convention, "--isolated", "--no-cache"]
        for where in (folder, folder / name):  # its neighbour is or isn't known to be one
            done = subprocess.run(
                [*ruff, str(path)], cwd=where, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
