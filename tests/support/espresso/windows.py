"""Espresso layers that move windows over images; images have 6 × 8 pixels, kernels 3 × 2."""

import numpy as np
from support.espresso.rows import R3, V4, floats, one
from support.networks.builders import edges, layer, numbers

W = numbers(3, 4, 3, 2)
B = numbers(3, seed=1)
CONV = {"K": 4, "C": 3, "Ny": 3, "Nx": 2, "n_groups": 1, "has_biases": 1, "blob_biases": B}
CONV |= {"blob_weights": W, "pad_mode": 0, "n_parallel": 1, "has_batch_norm": 0, "fused_relu": 0}
CONV_SPEC = {"outputChannels": 3, "kernelChannels": 4, "nGroups": 1, "kernelSize": [3, 2]}
CONV_SPEC |= {"stride": [1, 1], "dilationFactor": [1, 1], "hasBias": True, "weights": W, "bias": B}
NO_EDGES = edges(0, 0, 0, 0)
POOL = {"avg_or_max": 1, "size_x": 3, "size_y": 2, "stride_x": 2, "stride_y": 2, "pad_mode": 2}
POOL |= {"average_count_exclude_padding": 1, "top_shape_style": 0}
POOL_SPEC = {"kernelSize": [2, 3], "stride": [2, 2]}

WINDOWS = [
    one(
        "convolution",
        R3,
        ("convolution", CONV | {"pad_t": 1, "pad_r": 2, "stride_y": 2, "pad_fill_mode": 0}),
        layer("convolution", **CONV_SPEC | {"stride": [2, 1], "valid": edges(1, 0, 0, 2)}),
        (1, 1, 3, 3, 9),  # (6 + 1 - 3) // 2 + 1, 8 + 2 - 2 + 1
        exact=False,
    ),
    one(
        "half-precision, dilated, grouped, without bias",
        V4,
        (
            "convolution",
            {
                **{"K": 4, "C": 4, "Ny": 1, "Nx": 2, "n_groups": 2, "dilation_x": 3},
                "blob_weights_f16": numbers(4, 2, 1, 2).astype(np.float16),
            },
        ),
        layer(
            "convolution",
            **{"outputChannels": 4, "kernelChannels": 2, "nGroups": 2, "kernelSize": [1, 2]},
            **{"stride": [1, 1], "dilationFactor": [1, 3], "valid": NO_EDGES},
            weights={"float16Value": numbers(4, 2, 1, 2).astype(np.float16).tobytes()},
        ),
        (1, 4, 6, 5),  # 8 - (3 + 1) + 1
    ),
    one(
        "bytes with a scale and a bias per channel, as half precision",
        V4,
        (
            "convolution",
            {
                **{"K": 4, "C": 2, "Ny": 1, "Nx": 1, "n_groups": 2},
                "weights": {
                    "W_U8": np.array([[0, 255], [100, 200]], np.uint8),
                    "per_ch_qscale": floats(0.25, 0.5),
                    "per_ch_qbias": floats(-1, 0.03),
                },
            },
        ),
        layer(
            "convolution",
            **{"outputChannels": 2, "kernelChannels": 2, "nGroups": 2, "kernelSize": [1, 1]},
            **{"stride": [1, 1], "dilationFactor": [1, 1], "valid": NO_EDGES},
            weights={"float16Value": np.array([-1, 62.75, 50.03, 100.03], np.float16).tobytes()},
        ),
        (1, 2, 6, 8),
    ),
    one(
        "same",
        R3,
        ("convolution", CONV | {"pad_mode": 1, "stride_x": 3}),
        layer("convolution", **CONV_SPEC | {"stride": [1, 3], "same": {"asymmetryMode": 0}}),
        (1, 1, 3, 6, 3),
        exact=False,
    ),
    one(
        "same, more at the top left",
        R3,
        ("convolution", CONV | {"pad_mode": 4}),
        layer("convolution", **CONV_SPEC | {"same": {"asymmetryMode": 1}}),
        (1, 1, 3, 6, 8),
        exact=False,
    ),
    one(
        "valid; what fills no pads is irrelevant",
        R3,
        ("convolution", CONV | {"pad_mode": 2, "pad_fill_mode": 3, "pad_value": 7}),
        layer("convolution", **CONV_SPEC | {"valid": NO_EDGES}),
        (1, 1, 3, 4, 7),
        exact=False,
    ),
    one(
        "convolution and relu",
        R3,
        ("convolution", CONV | {"fused_relu": 1, "hint_fallback_from_metal": 1}),
        [
            layer("convolution", ["x"], ["y_before_ReLU"], **CONV_SPEC, valid=NO_EDGES),
            layer("activation", ["y_before_ReLU"], ["y"], name="l0_ReLU", ReLU={}),
        ],
        (1, 1, 3, 4, 7),
        exact=False,
    ),
    one(
        "convolution and tanh; biases with room behind them",
        R3,
        (
            "convolution",
            CONV | {"fused_tanh": 1, "blob_biases": np.concatenate([B, floats(*[0] * 9)])},
        ),
        [
            layer("convolution", ["x"], ["y_before_tanh"], **CONV_SPEC, valid=NO_EDGES),
            layer("activation", ["y_before_tanh"], ["y"], name="l0_tanh", tanh={}),
        ],
        (1, 1, 3, 4, 7),
        exact=False,
    ),
    one(
        "deconvolution",
        R3,
        (
            "deconvolution",
            {
                **{"K": 4, "C": 6, "Ny": 3, "Nx": 2, "n_groups": 2, "has_biases": 0},
                **{"stride_x": 2, "stride_y": 2, "pad_t": 1, "pad_l": 1, "pad_r": 1},
                **{"blob_weights": W, "deconv_out_height": 12, "deconv_out_width": 14},
            },
        ),
        layer(
            "convolution",
            **{"outputChannels": 6, "kernelChannels": 4, "nGroups": 2, "kernelSize": [3, 2]},
            **{"stride": [2, 2], "isDeconvolution": True, "weights": W, "valid": edges(1, 0, 1, 1)},
        ),
        (1, 1, 6, 12, 14),  # 5 * 2 + 3 - 1, 7 * 2 + 2 - 2
        exact=False,
    ),
    one(
        "largest of a window",
        R3,
        ("pool", POOL),
        layer("pooling", type=0, **POOL_SPEC, valid=NO_EDGES),
        (1, 1, 4, 3, 3),
        exact=False,
    ),
    one(
        "mean of a window",
        V4,
        ("pool", POOL | {"avg_or_max": 0, "pad_mode": 0, "pad_l": 1}),
        layer("pooling", type=1, **POOL_SPEC, valid=edges(0, 0, 1, 0), avgPoolExcludePadding=True),
        (1, 4, 3, 4),
    ),
    one(
        "l2 of a window of the same size",
        V4,
        ("pool", POOL | {"avg_or_max": 2, "pad_mode": 1}),
        layer("pooling", type=2, **POOL_SPEC, same={"asymmetryMode": 0}),
        (1, 4, 3, 4),
    ),
    one(
        "mean of all",
        V4,
        ("pool", POOL | {"avg_or_max": 0, "is_global": 1, "average_count_exclude_padding": 0}),
        layer("pooling", type=1, globalPooling=True, valid={}),
        (1, 4, 1, 1),
    ),
    one(
        "including the last pixel",
        V4,
        ("pool", POOL | {"pad_mode": 0, "top_shape_style": 2, "size_y": 3}),
        layer(
            "pooling",
            **{"type": 0, "kernelSize": [3, 3], "stride": [2, 2]},
            includeLastPixel={"paddingAmounts": [0, 0]},
        ),
        (1, 4, 3, 4),  # ceil(3 / 2) + 1, ceil(5 / 2) + 1
    ),
    one(
        "including the last pixel, padded: no window starts behind it",
        {"x": (1, 4, 5, 5)},
        (
            "pool",
            {
                **{"avg_or_max": 1, "size_x": 2, "size_y": 2, "stride_x": 3, "stride_y": 3},
                **{"top_shape_style": 2, "pad_t": 1, "pad_b": 1, "pad_l": 1, "pad_r": 1},
            },
        ),
        layer(
            "pooling",
            **{"type": 0, "kernelSize": [2, 2], "stride": [3, 3]},
            includeLastPixel={"paddingAmounts": [1, 1]},
        ),
        (1, 4, 2, 2),  # ceil(5 / 3) + 1 = 3; the third would start at 6 = 5 + 1
    ),
]
