"""The models that pages of `docs/` name, in a folder, as their readers have them."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from support.mil.files import package
from support.networks.builders import layer, network
from support.networks.transformers import transformer
from support.running.doc_runner import ROOT


def write_models(folder: Path) -> None:
    """Write them:

    digits.mlmodel, digits.npz  the sample, and what it was trained on
    photos/                     some of its images
    swish.mlmodel               a network of one custom layer
    decoder.mlpackage           a program with states and two functions
    """
    for name in ("digits.mlmodel", "digits.npz"):
        shutil.copy(ROOT / "tests" / "data" / name, folder)
    (folder / "photos").mkdir()
    for number, pixels in enumerate(np.load(folder / "digits.npz")["images"][:8]):
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    swish = layer("custom", className="Swish", weights=[{"floatValue": [2]}])
    model = network(swish, x=(2,)).SerializeToString()
    (folder / "swish.mlmodel").write_bytes(model)
    package(folder, transformer(), name="decoder.mlpackage")
