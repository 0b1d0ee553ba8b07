"""Images to other sizes, known and computed; boxes cut out of them."""

import numpy as np
import pytest
from cmlc.ir.reference import resize as reference
from support.mil.programs import I32, assert_refused, op, program, result

X = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype("f4")


def resized(size, mode, coordinates):
    return reference.resize(X, axes=(2, 3), size=size, mode=mode, coordinates=coordinates)


def check(kind, size, want, opset=16, /, **given):
    made = program(op(kind, "y", (1, 2, *size), x="x", **given), x=X.shape, opset=opset)
    np.testing.assert_allclose(result(made, X), want, rtol=1e-5, atol=1e-6)


def test_upsample():
    factors = {"scale_factor_height": 2, "scale_factor_width": 3}
    check("upsample_nearest_neighbor", (6, 12), X.repeat(2, 2).repeat(3, 3), **factors)
    factors = {"scale_factor_height": 1.5, "scale_factor_width": 0.6}
    check("upsample_nearest_neighbor", (4, 2), resized((4, 2), "nearest", "default"), **factors)
    for flags, coordinates in (
        ({}, "strict_align_corners"),
        ({"align_corners": False}, "unalign_corners"),
        ({"align_corners": False, "half_pixel_centers": False}, "default"),
    ):
        want = resized((4, 2), "bilinear", coordinates)
        check("upsample_bilinear", (4, 2), want, **factors, **flags)


def test_resize_to_sizes():
    size = {"target_size_height": 5, "target_size_width": 2}
    want = resized((5, 2), "nearest", "unalign_corners")
    check("resize_nearest_neighbor", (5, 2), want, **size)
    for name in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "OFFSET_CORNERS", "UNALIGN_CORNERS"):
        want = resized((5, 2), "bilinear", name.lower())
        check("resize_bilinear", (5, 2), want, sampling_mode=name, **size)
    check("resize_bilinear", (1, 1), resized((1, 1), "bilinear", "default"))


MODES = [
    ("LINEAR", "DEFAULT"),
    ("LINEAR", "ALIGN_CORNERS"),
    ("LINEAR", "STRICT_ALIGN_CORNERS"),
    ("LINEAR", "OFFSET_CORNERS"),
    ("LINEAR", "UNALIGN_CORNERS"),
    ("NEAREST_NEIGHBOR", "UNALIGN_CORNERS"),
    ("NEAREST_NEIGHBOR", "ALIGN_CORNERS"),
]


@pytest.mark.parametrize(("mode", "sampling"), MODES)
@pytest.mark.parametrize("size", [(5, 1), (0, 7)])
def test_resize_is_the_same_with_computed_sizes(mode, sampling, size):
    given = {"interpolation_mode": mode, "sampling_mode": sampling, "resized_dims": 2}
    height, width = size[0] or 3, size[1]
    name = "bilinear" if mode == "LINEAR" else "nearest"
    want = resized((height, width), name, sampling.lower())
    check("resize", (height, width), want, 17, shape=[9, *size], **given)
    row = op("resize", "y", (1, 2, None, None), x="x", shape="s", **given)
    computed = program(row, x=X.shape, s=(3,), dtypes={"s": I32}, opset=17)
    got = result(computed, X, [9, *size])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_the_pixel_a_sample_lies_in():
    given = {"interpolation_mode": "NEAREST_NEIGHBOR", "resized_dims": 1, "shape": [3]}
    made = program(op("resize", "y", (3,), x="x", **given), x=(2,), opset=17)
    np.testing.assert_array_equal(result(made, [4, 6]), [4, 6, 6])


def test_boxes_of_both_forms():
    boxes = np.array([[0, 1, 2, 3], [1, 0, 1, 9]], "f4")
    given = {"target_height": 2, "target_width": 3, "pad_value": 5.0}
    want = reference.crop_resize(
        *(X, boxes, np.array([0, 0])),
        **{"axes": (2, 3), "size": (2, 3), "pad_value": 5.0, "normalized": False},
        **{"spatial_scale": 1.0, "box_mode": "corners_height_first", "coordinates": "default"},
    )
    rois = boxes.reshape(2, 1, 4, 1, 1)
    row = op("crop_resize", "y", (2, 1, 2, 2, 3), x="x", roi=rois, **given)
    got = result(program(row, x=X.shape, opset=16), X)
    np.testing.assert_allclose(got[:, 0], want, rtol=1e-5)
    numbered = np.concatenate([np.zeros((2, 1, 1, 1, 1), "f4"), rois], 2)
    row = op("crop_resize", "y", (2, 1, 2, 2, 3), x="x", roi=numbered, **given)
    np.testing.assert_allclose(result(program(row, x=X.shape, opset=16), X)[:, 0], want, rtol=1e-5)
    row = op("crop_resize", "y", (2, 2, 2, 3), x="x", boxes=boxes, box_indices=[0, 0], **given)
    np.testing.assert_allclose(result(program(row, x=X.shape, opset=17), X), want, rtol=1e-5)


def refused(message, kind, opset=16, /, reason="unsupported", **given):
    made = program(op(kind, "y", (1, 2, 1, 1), x="x", **given), x=X.shape, opset=opset)
    assert_refused(made, message, kind=reason)


def test_refusals():
    both = {"align_corners": True, "half_pixel_centers": True}
    refused("pixel centres at halves", "upsample_bilinear", **both)
    refused("'half_pixel_centers', which", "upsample_bilinear", 15, half_pixel_centers=False)
    refused("sampling mode 'ELSE'", "resize_bilinear", sampling_mode="ELSE")
    shapes = {"shape": [1, 1, 1], "resized_dims": 3}
    refused("resizes 3 dimensions at once", "resize", 17, **shapes)
    refused("mode 'CUBIC'", "resize", 17, interpolation_mode="CUBIC", **shapes)
    boxes = {"boxes": np.zeros((2, 4), "f4")}
    refused("2 boxes for 1 images", "crop_resize", 17, reason="malformed", **boxes)
    unaligned = {"roi": np.zeros((1, 1, 5, 1, 1), "f4"), "sampling_mode": "UNALIGN_CORNERS"}
    refused("sampling mode 'UNALIGN_CORNERS'", "crop_resize", **unaligned)
    refused("parameter 'pad_value'", "crop_resize", 15, roi=unaligned["roi"], pad_value=1.0)
