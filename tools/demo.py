"""The tour: compiles the sample model, saves it, loads it back and reads real digits with it.

The exit status is 1 if the SavedModel recognizes the held-out digits less (or more) well than the
network did when it was trained.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import compile as compile_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
OUTPUT = ROOT / "build" / "digits_savedmodel"
SHOWN = 5
SHADES = " .:-=+*#%@"
MARGIN = 0.005  # tolerance of the accuracy: it allows for rounding of a pixel, no more


@dataclass(frozen=True)
class Answers:
    """The SavedModel's answers for K images."""

    digits: list[str]
    probabilities: NDArray[np.float32]


def recognize(savedmodel: Path, images: NDArray[np.uint8]) -> Answers:
    """Recognize all images in one batch, using only the SavedModel's signature."""
    import tensorflow

    loaded: Any = tensorflow.saved_model.load(str(savedmodel))
    signature = loaded.signatures["serving_default"]
    wanted = signature.structured_input_signature[1]["image"]
    batch = tensorflow.cast(images[..., None], wanted.dtype)
    outputs = signature(image=batch)
    digits = [label.decode() for label in outputs["digit"].numpy().tolist()]
    return Answers(digits, outputs["digitProbabilities"].numpy())


def art(image: NDArray[np.uint8]) -> list[str]:
    """An image as lines of text, two characters to a pixel."""
    levels = image.astype(int) * (len(SHADES) - 1) // 255
    return ["".join(SHADES[level] * 2 for level in row) for row in levels]


def gallery(images: NDArray[np.uint8], answers: Answers, labels: NDArray[np.int64]) -> str:
    """The first few digits side by side, with the answers."""
    pictures = [art(image) for image in images[:SHOWN]]
    width = 2 * images.shape[2]
    lines = ["  ".join(row) for row in zip(*pictures, strict=True)]
    seen = [
        f"{digit} ({share.max():.1%})".center(width)
        for digit, share in zip(answers.digits, answers.probabilities[:SHOWN], strict=False)
    ]
    written = [f"written: {label}".center(width) for label in labels[:SHOWN]]
    return "\n".join([*lines, "", "  ".join(seen).rstrip(), "  ".join(written).rstrip()])


def main() -> int:
    """Compile, save, load, recognize, compare."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is first imported
    started = time.perf_counter()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    model = compile_model(str(DATA / "digits.mlmodel"))
    model.write(str(OUTPUT))
    print(f"compiled tests/data/digits.mlmodel in {time.perf_counter() - started:.1f} s\n")

    held_out = np.load(DATA / "digits.npz")
    images, labels = held_out["images"], held_out["labels"]
    answers = recognize(OUTPUT, images)
    print(gallery(images, answers, labels))

    right = sum(digit == str(label) for digit, label in zip(answers.digits, labels, strict=True))
    accuracy = right / len(labels)
    recorded = json.loads((DATA / "digits.json").read_text())["accuracy"]
    print(f"\n{right} of {len(labels)} held-out digits right: {accuracy:.2%}", end="")
    print(f" (when trained: {recorded:.2%})")
    print(f"SavedModel: {OUTPUT}")
    if abs(accuracy - recorded) > MARGIN:
        print("the SavedModel is not the network that was trained", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
