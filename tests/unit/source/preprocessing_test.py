"""How compiled networks want their images: two files say it, and must agree."""

import ast
import inspect
import struct
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.source import preprocessing
from cmlc.compiler.source.reading import read_spec
from cmlc.compiler.source.spec import network_of
from cmlc.ir.diagnostics import CompileWarning
from support.networks.builders import BGR, GRAY, RGB
from support.networks.compiled_models import (
    change_json,
    compiled,
    espresso,
    image,
    problem,
    text,
    transform,
)

IMAGES, NET = "model/coremldata.bin", "model.espresso.net"


def pictures(tmp_path, given, shape=(1, 3, 2, 2), exact=True):
    made = espresso("activation", shape, mode=0)
    return compiled(tmp_path, made, exact=exact, images={"x": given}, x=shape)


@pytest.mark.parametrize(
    ("given", "shape", "expected"),
    [
        (image(RGB), (1, 3, 2, 2), {}),
        (
            image(RGB, 0.5, (1, 2, 3)),
            (1, 3, 2, 2),
            {"channelScale": 0.5, "blueBias": 1, "greenBias": 2, "redBias": 3},
        ),
        (image(BGR, 1, (-104, 0, 0)), (1, 3, 2, 2), {"channelScale": 1, "blueBias": -104}),
        (image(GRAY, 1 / 255), (1, 1, 2, 2), {"channelScale": float(np.float32(1 / 255))}),
    ],
)
def test_images(tmp_path, given, shape, expected):
    read = network_of(read_spec(pictures(tmp_path, given, shape)))
    assert read.imageInputShapeMapping == 1
    found = [
        (item.featureName, {field.name: value for field, value in item.scaler.ListFields()})
        for item in read.preprocessing
    ]
    assert found == ([("x", expected)] if expected else [])


def test_images_of_five_dimensions(tmp_path):
    folder = pictures(tmp_path, image(RGB), (1, 1, 3, 2, 2), exact=True)
    assert network_of(read_spec(folder)).imageInputShapeMapping == 0


def test_a_gray_bias_is_in_one_file_only(tmp_path):
    folder = pictures(tmp_path, image(GRAY, 2, gray=0.5), (1, 1, 2, 2))
    assert "preprocessed differently" in problem(folder).message
    change_json(folder / NET, lambda net: net.pop("transform_params"))
    (item,) = network_of(read_spec(folder)).preprocessing
    assert (item.scaler.channelScale, item.scaler.grayBias) == (2, 0.5)


def test_one_of_both_files_is_enough(tmp_path):
    folder = pictures(tmp_path, image(RGB, 0.5))
    before = read_spec(folder)
    (folder / IMAGES).rename(tmp_path / "kept")
    assert read_spec(folder) == before
    (tmp_path / "kept").rename(folder / IMAGES)
    change_json(folder / NET, lambda net: net.pop("transform_params"))
    assert read_spec(folder) == before


def params(**keys):
    def change(folder):
        path = folder / NET
        change_json(path, lambda net: net["transform_params"]["x"].update(keys))

    return change


def maps(*given, name="x"):
    """Another model/coremldata.bin."""
    data = b"".join(
        struct.pack("<Q", 1) + text(name) + struct.pack("<f", number) for number in given
    )
    return lambda folder: (folder / IMAGES).write_bytes(data)


def without_images(folder):
    (folder / IMAGES).unlink()
    change_json(folder / NET, lambda net: net.pop("transform_params"))


def renamed(folder):
    change = lambda net: net.update(transform_params={"z": transform([1] * 8)})  # noqa: E731
    change_json(folder / NET, change)


FINE = (1, 0, 0, 0, 0, 0, 0, 1)
PICTURES = [
    (params(is_network_bgr=1), "preprocessed differently"),
    (params(is_network_bgr=2), "has is_network_bgr = 2, which is not understood"),
    (params(center_mean=1), "has center_mean = 1, which is not understood"),
    (params(is_image_bgr=1), "has is_image_bgr = 1, which is not understood"),
    (params(gamma=1), "has gamma = 1, which is not understood"),
    (params(scale="1"), "has image parameters that are not numbers"),
    (renamed, "the input 'z' has image parameters, but is not an image input"),
    (maps(*FINE, name="z"), "the input 'z' has image parameters, but is not an image input"),
    (without_images, "has no image parameters: the file is missing"),
    (lambda f: (f / IMAGES).write_bytes(bytes(64)), "has no image parameters"),
    (lambda f: (f / IMAGES).write_bytes(bytes(63)), "the file is cut short"),
    (lambda f: (f / IMAGES).write_bytes(bytes(65)), "1 bytes at the end are not understood"),
    (maps(2, *FINE[1:]), "a factor of 'x' is 2, which is not understood"),
    (maps(1, 3, *FINE[2:]), "isBGR of 'x' is 3, which is not understood"),
    (maps(*FINE[:7], float("inf")), "'x' has a parameter that is not a number"),
    (
        lambda f: (f / IMAGES).write_bytes((f / IMAGES).read_bytes()[:-21] + bytes(8)),
        "scale is given for [], others for ['x']",
    ),
]


@pytest.mark.parametrize(("change", "fragment"), PICTURES)
def test_image_parameters(tmp_path, change, fragment):
    folder = pictures(tmp_path, image(RGB))
    change(folder)
    found = problem(folder)
    assert fragment in found.message
    assert found.kind in ("malformed", "unsupported")
    assert Path(found.file) in (folder / IMAGES, folder / NET)


def test_a_remedy_for_files_that_differ(tmp_path):
    folder = pictures(tmp_path, image(RGB))
    params(is_network_bgr=1)(folder)
    assert "correct transform_params in model.espresso.net, or remove it" in problem(folder).remedy


def test_edited_numbers_count_and_users_are_warned(tmp_path):
    folder = pictures(tmp_path, image(RGB))
    params(scale=0.5, bias_r=1)(folder)
    with pytest.warns(CompileWarning) as caught:
        (item,) = network_of(read_spec(folder)).preprocessing
    assert (item.scaler.channelScale, item.scaler.redBias) == (0.5, 1)
    text = str(caught[0].message)
    assert "input 'x': warning: " in text
    assert "x' is preprocessed differently by model/coremldata.bin (RGB, scale 1, " in text
    assert "and by transform_params (RGB, scale 0.5, biases 1, 0, 0)" in text
    assert "transform_params are used; correct transform_params" in text


@pytest.mark.parametrize("given", [image(GRAY), image(BGR)])
def test_colors_that_differ(tmp_path, given):
    folder = pictures(tmp_path, given | {"color": RGB})
    change_json(folder / NET, lambda net: net.pop("transform_params"))
    assert "is described as RGB, but used as" in problem(folder).message


def test_gray_images_with_biases_of_colors(tmp_path):
    folder = pictures(tmp_path, image(GRAY), (1, 1, 2, 2))
    params(bias_r=1)(folder)
    assert "is gray and has biases, which are not understood" in problem(folder).message


def test_images_of_other_ranks(tmp_path):
    folder = pictures(tmp_path, image(RGB), (3, 2, 2))
    assert "images of 3 dimensions are not understood" in problem(folder).message


def pieces_of(module):
    """The texts of more than two words in a module's diagnostics."""
    for node in ast.walk(ast.parse(Path(inspect.getfile(module)).read_text())):
        called = getattr(node, "func", None)
        if getattr(called, "attr", getattr(called, "id", "")) in ("fail", "_fail", "_problem"):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and str(part.value).count(" ") > 1:
                    yield part.value.strip(" '")


@pytest.mark.parametrize("piece", sorted(set(pieces_of(preprocessing))))
def test_every_message_has_a_test(piece):
    assert piece[:20] in Path(__file__).read_text()
