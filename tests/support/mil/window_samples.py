"""Samples of operations on windows and images."""

import numpy as np
from support.mil.samples import IMAGE, LINE, VOLUME, X, each, ints, one
from support.networks.builders import numbers

_HALF = [([2], [3]), ([2, 2], [3, 2]), ([1, 2, 1], [2, 3, 1])]
_SPATIAL = tuple(zip((LINE, IMAGE, VOLUME), _HALF, strict=True))
WINDOWS = [
    *(
        one(
            kind,
            {"x": x},
            since=16 if pad_type == "same_lower" else 15,
            kernel_sizes=ints(kernel),
            strides=ints(strides),
            pad_type=pad_type,
        )
        for kind in ("max_pool", "avg_pool")
        for x, (strides, kernel) in _SPATIAL
        for pad_type in ("valid", "same", "same_lower")
    ),
    one("l2_pool", {"x": IMAGE}, kernel_sizes=ints(2, 3), pad_type="valid"),
    *each(
        "max_pool avg_pool l2_pool",
        {"x": IMAGE},
        kernel_sizes=ints(3, 2),
        strides=ints(2, 2),
        pad_type="custom",
        pad=ints(1, 1, 1, 1),
        ceil_mode=True,
    ),
    one(
        "avg_pool",
        {"x": IMAGE},
        kernel_sizes=ints(3, 2),
        pad_type="custom",
        pad=ints(1, 0, 0, 1),
        exclude_padding_from_average=True,
    ),
    *(
        one(
            "conv",
            {"x": x},
            since=16 if pad_type == "same_lower" else 15,
            weight=numbers(4, x.shape[1] // 2, *kernel),
            bias=numbers(4),
            strides=ints(strides),
            pad_type=pad_type,
            groups=2,
        )
        for x, (strides, kernel) in _SPATIAL
        for pad_type in ("valid", "same", "same_lower")
    ),
    one("conv", {"x": IMAGE}, weight=numbers(3, 4, 2, 2)),
    one(
        "conv_quantized",
        {"x": IMAGE},
        weight=np.arange(48, dtype=np.uint8).reshape(3, 4, 2, 2),
        bias=np.uint8([0, 1, 2]),
        quantization_type="linear",
        nbits=6,
        quant_scale=np.abs(numbers(3)),
        quant_bias=numbers(3, seed=1),
        strides=ints(2, 1),
        dilations=ints(1, 2),
        pad_type="custom",
        pad=ints(1, 0, 0, 1),
        groups=1,
    ),
    one("conv", {"x": IMAGE, "weight": numbers(3, 4, 2, 2)}),
    one(
        "conv",
        {"x": IMAGE},
        weight=numbers(3, 4, 2, 2),
        dilations=ints(2, 1),
        pad_type="custom",
        pad=ints(2, 1, 0, 1),
    ),
    *(
        one(
            "conv_transpose",
            {"x": x},
            weight=numbers(x.shape[1], 3, *kernel),
            strides=ints(strides),
            pad_type=pad_type,
        )
        for x, (strides, kernel) in _SPATIAL
        for pad_type in ("valid", "same")
    ),
    one(
        "conv_transpose",
        {"x": IMAGE},
        weight=numbers(4, 3, 2, 2),
        bias=numbers(6),
        groups=2,
        dilations=ints(1, 2),
        pad_type="custom",
        pad=ints(0, 1, 1, 0),
    ),
    one(
        "conv_transpose",
        {"x": IMAGE},
        weight=numbers(4, 3, 3, 3),
        strides=ints(2, 2),
        pad_type="same",
        output_shape=ints(2, 3, 10, 12),
    ),
    *(
        one("pad", {"x": X}, pad=ints(amounts), mode=mode)
        for mode, amounts in (
            ("constant", [1, 0, 2, 1]),
            ("reflect", [1, 0, 2, 1]),
            ("replicate", [1, 0, 2, 1]),
        )
    ),
    one("pad", {"x": X}, pad=ints(1, 2)),
    one("pad", {"x": X}, pad=ints(1, 2, 0, 0, 0, 1), constant_val=np.float32(7)),
    one("crop", {"x": IMAGE}, crop_height=ints(1, 2), crop_width=ints(0, 1)),
]

_BOXES = np.array([[0.5, 0.25, 3, 4], [1, 1, 2, 5]], np.float32)
IMAGES = [
    one("upsample_nearest_neighbor", {"x": IMAGE}),
    one("upsample_nearest_neighbor", {"x": IMAGE}, scale_factor_height=2, scale_factor_width=3),
    *(
        one(
            kind,
            {"x": IMAGE},
            scale_factor_height=np.float32(1.5),
            scale_factor_width=np.float32(2.5),
        )
        for kind in ("upsample_nearest_neighbor", "upsample_bilinear")
    ),
    one("upsample_bilinear", {"x": IMAGE}, align_corners=False, scale_factor_height=2),
    *(
        one("upsample_bilinear", {"x": IMAGE}, since=16, scale_factor_height=2, **given)
        for given in (
            {"align_corners": True, "half_pixel_centers": False},
            {"align_corners": False, "half_pixel_centers": True},
            {"align_corners": False, "half_pixel_centers": False},
        )
    ),
    one("resize_nearest_neighbor", {"x": IMAGE}, target_size_height=3, target_size_width=9),
    one("resize_bilinear", {"x": IMAGE}),
    *(
        one(
            "resize_bilinear",
            {"x": IMAGE},
            target_size_height=3,
            target_size_width=9,
            sampling_mode=mode,
        )
        for mode in (
            *("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT"),
            *("OFFSET_CORNERS", "UNALIGN_CORNERS"),
        )
    ),
    *(
        one(
            "resize",
            {"x": IMAGE},
            since=17,
            shape=ints(2, 0, 3, 9),
            resized_dims=np.uint32(2),
            interpolation_mode=mode,
            sampling_mode=where,
        )
        for mode in ("LINEAR", "NEAREST_NEIGHBOR")
        for where in ("DEFAULT", "UNALIGN_CORNERS", "STRICT_ALIGN_CORNERS", "OFFSET_CORNERS")
    ),
    one("resize", {"x": IMAGE}, since=17, shape=ints(3, 9), resized_dims=np.uint32(2)),
    one("crop_resize", {"x": IMAGE, "roi": _BOXES.reshape(2, 1, 4, 1, 1)}, until=16),
    *(
        one(
            "crop_resize",
            {"x": IMAGE[:1], "roi": np.insert(_BOXES / 6, 0, 0, 1).reshape(2, 1, 5, 1, 1)},
            until=16,
            since=16 if given else 15,
            target_height=3,
            target_width=2,
            normalized_coordinates=True,
            spatial_scale=np.float32(0.5),
            box_coordinate_mode=box_mode,
            sampling_mode=mode,
            **given,
        )
        for given in ({}, {"pad_value": np.float32(3)})
        for box_mode in (
            *("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST"),
            *("CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST"),
        )
        for mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")
    ),
    *(
        one(
            "crop_resize",
            {"x": IMAGE, "boxes": _BOXES, **indices},
            since=17,
            target_height=3,
            target_width=2,
            sampling_mode=mode,
            **given,
        )
        for indices in ({}, {"box_indices": ints(1, 0)})
        for given in ({}, {"pad_value": np.float32(3)})
        for mode in ("ALIGN_CORNERS", "DEFAULT")
    ),
    *(
        one(
            "resample",
            {"x": IMAGE, "coordinates": numbers(2, 3, 2, 2)},
            sampling_mode=mode,
            padding_mode=padding,
            padding_value=np.float32(0.5),
            coordinates_mode=where,
            align_corners=aligned,
        )
        for mode in ("nearest", "bilinear")
        for padding, where, aligned in (
            ("constant", "normalized_minus_one_to_one", True),
            ("border", "normalized_zero_to_one", False),
            ("reflection", "unnormalized", True),
            ("symmetric", "unnormalized", False),
        )
    ),
    one(
        "affine",
        {"x": IMAGE, "transform_matrix": numbers(2, 6)},
        output_height=3,
        output_width=4,
        sampling_mode="bilinear",
        padding_mode="constant",
        padding_value=np.float32(0),
        coordinates_mode="normalized_minus_one_to_one",
        align_corners=True,
    ),
]

SAMPLES = (*WINDOWS, *IMAGES)
