"""The models that pages of `docs/` name, in a folder, as their readers have them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.mil.files import package
from support.networks.builders import layer, network
from support.networks.transformers import transformer
from support.running.doc_runner import ROOT
from support.tables.builders import model, pipeline
from support.tables.detectors import detector, street


def write_models(folder: Path) -> None:
    """Write them:

    digits.mlmodel, digits.npz  the sample, and what it was trained on
    photos/                     some of its images
    swish.mlmodel               a network of one custom layer
    decoder.mlpackage           a program with states and two functions
    squares.mlmodel, street.png  a detector, and what it finds three things in
    houses.mlmodel              a pipeline for tables: a category and two numbers give a price
    """
    for name in ("digits.mlmodel", "digits.npz"):
        shutil.copy(ROOT / "tests" / "data" / name, folder)
    (folder / "photos").mkdir()
    for number, pixels in enumerate(np.load(folder / "digits.npz")["images"][:8]):
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    swish = layer("custom", className="Swish", weights=[{"floatValue": [2]}])
    model = network(swish, x=(2,)).SerializeToString()
    (folder / "swish.mlmodel").write_bytes(model)
    (folder / "squares.mlmodel").write_bytes(detector("optional").SerializeToString())
    scene = ("red", 4, 8), ("green", 20, 20), ("blue", 0, 20)
    street(*scene, size=(640, 480)).save(folder / "street.png")
    package(folder, transformer(), name="decoder.mlpackage")
    (folder / "houses.mlmodel").write_bytes(houses().SerializeToString())


def houses() -> Any:
    """price = 100 + 2 area + 5 rooms, and 40 more on a hill; unknown rooms are 3."""
    inputs, kinds = {"area": "double", "rooms": "double", "place": "string"}, "f64[2]"
    where, message = model("oneHotEncoder", {"place": "string"}, {"kind": kinds})
    message.stringCategories.vector.extend(["valley", "hill"])
    filled, message = model("imputer", {"rooms": "double"}, {"known_rooms": "double"})
    message.imputedDoubleValue = 3
    sizes = {"area": 1, "known_rooms": 1, "kind": 2}
    taken = {name: kinds if size > 1 else "double" for name, size in sizes.items()}
    joined, message = model("featureVectorizer", taken, {"all": "f64[4]"})
    for name, size in sizes.items():
        message.inputList.add(inputColumn=name, inputDimensions=size)
    last, message = model("glmRegressor", {"all": "f64[4]"}, {"price": "double"})
    message.weights.add(value=[2, 5, 0, 40])
    message.offset.append(100)
    return pipeline(inputs, {"price": "double"}, where, filled, joined, last)
