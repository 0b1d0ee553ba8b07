"""Espresso layers that move data; shapes were worked out by hand."""

from support.espresso.rows import R3, V4, one, row
from support.networks.builders import edges, layer, numbers
from support.networks.compiled_models import espresso

MOVES = [
    one(
        "flatten",
        R3,
        ("flatten", {"mode": 1, "nd_axis": 0}),
        layer("flatten", mode=1),
        (1, 1, 192, 1, 1),
        exact=False,
    ),
    one(
        "reshape",
        R3,
        (
            "reshape",
            {
                "dst_seq": 1,
                "dst_n": 0,
                "dst_k": 2,
                "dst_h": -1,
                "dst_w": 3,
                "mode": 1,
                "version": 1,
            },
        ),
        layer("reshape", mode=1, targetShape=[2, -1, 3]),
        (1, 1, 2, 32, 3),
        exact=False,
    ),
    one(
        "reshape to a sequence",
        R3,
        ("reshape", {"dst_seq": -1, "dst_n": 1, "dst_k": 4, "dst_h": 1, "dst_w": 1, "mode": 0}),
        layer("reshape", targetShape=[-1, 4, 1, 1]),
        (48, 1, 4, 1, 1),
        exact=False,
    ),
    one(
        "reshape to a rank",
        V4,
        (
            "reshape",
            {
                **{"dst_seq": 1, "dst_n": 1, "dst_k": 1, "dst_h": -1, "dst_w": 16, "mode": 0},
                **{"dst_nd_rank": 3, "dynamic_shape": False, "version": 1},
            },
        ),
        layer("reshapeStatic", targetShape=[1, -1, 16]),
        (1, 12, 16),
    ),
    one(
        "permute",
        R3,
        ("transpose", {"axis_w": 2, "axis_h": 0, "axis_k": 1, "axis_n": 3, "axis_seq": 4}),
        layer("permute", axis=[0, 2, 3, 1]),
        (1, 1, 6, 8, 4),
        exact=False,
    ),
    one(
        "permute with the sequence",
        R3,
        ("transpose", {"axis_w": 4, "axis_h": 1, "axis_k": 2, "axis_n": 3, "axis_seq": 0}),
        layer("permute", axis=[3, 1, 2, 0]),
        (8, 1, 4, 6, 1),
        exact=False,
    ),
    one(
        "transpose",
        V4,
        ("transpose", {"axis_w": 1, "axis_h": 2, "axis_k": 0, "axis_n": 3, "axis_seq": 4}),
        layer("transpose", axes=[0, 3, 1, 2]),
        (1, 8, 4, 6),
    ),
    row(
        "concat",
        {"x": (4, 6, 8), "z": (2, 6, 8)},
        [espresso("concat", (1, 1, 6, 6, 8))],
        [layer("concat")],
        exact=False,
    ),
    row(
        "sequence_concat",
        {"x": (4,), "z": (4,)},
        [espresso("sequence_concat", (2, 1, 4, 1, 1), simple_concat=1)],
        [layer("concat", sequenceConcat=True)],
        exact=False,
    ),
    row(
        "general_concat",
        {"x": (3, 4), "z": (3, 2)},
        [espresso("general_concat", (3, 6), axis=1, nd_mode=True)],
        [layer("concatND", axis=1)],
    ),
    row(
        "stack_nd",
        {"x": (3, 4), "z": (3, 4)},
        [espresso("stack_nd", (3, 4, 2), nd_axis=-1)],
        [layer("stack", axis=-1)],
    ),
    row(
        "split_nd",
        {"x": (3, 4)},
        [espresso("split_nd", (3, 1), (3, 3), outputs=["y", "z"], nd_axis=1, begin_0=0, begin_9=0)],
        [layer("splitND", outputs=["y", "z"], axis=1, numSplits=2, splitSizes=[1, 3])],
    ),
    one(
        "squeeze",
        {"x": (1, 3, 1)},
        ("squeeze", {"size_of_axes": 1, "axes_0": -1, "nd_axis": 0, "version": 1}),
        layer("squeeze", axes=[-1]),
        (1, 3),
    ),
    one(
        "squeeze all",
        {"x": (1, 3, 1)},
        ("squeeze", {"size_of_axes": 0, "squeeze_all": True}),
        layer("squeeze", squeezeAll=True),
        (3,),
    ),
    one(
        "expand_dims",
        {"x": (3, 4)},
        ("expand_dims", {"size_of_axes": 2, "axes_0": 0, "axes_1": 3, "nd_axis": 0}),
        layer("expandDims", axes=[0, 3]),
        (1, 3, 4, 1),
    ),
    row(
        "load_constant",
        {"x": (4, 1, 2)},
        [
            espresso(
                "load_constant",
                (1, 1, 4, 1, 2),
                **{"inputs": [], "n": 1, "k": 4, "h": 1, "w": 2},
                constant_blob=numbers(4, 1, 2),
            ),
            espresso("concat", (1, 1, 8, 1, 2), inputs=["x", "t0"]),
        ],
        [
            layer("loadConstant", [], ["t0"], shape=[4, 1, 2], data=numbers(4, 1, 2)),
            layer("concat", ["x", "t0"]),
        ],
        exact=False,
    ),
    row(
        "load_constant of a rank",
        {"x": (2, 3)},
        [
            espresso(
                "load_constant",
                (2, 3),
                **{"inputs": [], "n": 1, "k": 1, "h": 2, "w": 3, "nd_rank": 2},
                constant_blob=numbers(2, 3),
            ),
            espresso("general_concat", (4, 3), inputs=["x", "t0"], axis=0, nd_mode=True),
        ],
        [
            layer("loadConstantND", [], ["t0"], shape=[2, 3], data=numbers(2, 3)),
            layer("concatND", ["x", "t0"], axis=0),
        ],
    ),
    one("copy", V4, ("copy", {}), layer("copy"), V4["x"]),
]
PARTS = [
    *(
        one(
            f"slice of axis {axis}",
            R3,
            ("slice", {"axis": axis, "start": 1, "end": 3}),
            layer("slice", axis=2 - axis, startIndex=1, endIndex=3, stride=1),
            shape,
            exact=False,
        )
        for axis, shape in enumerate([(1, 1, 4, 6, 2), (1, 1, 4, 2, 8), (1, 1, 2, 6, 8)])
    ),
    one(
        "slice beyond the end",
        R3,
        ("slice", {"axis": 2, "start": 1, "end": 3420}),
        layer("slice", axis=0, startIndex=1, endIndex=3420, stride=1),
        (1, 1, 3, 6, 8),
        exact=False,
    ),
    one(
        "general_slice: w is the first dimension",
        {"x": (9, 16)},
        (
            "general_slice",
            {
                **{"begin_w": 0, "end_w": 9, "end_mask_w": True, "begin_h": 2, "end_h": 8},
                **{"stride_h": 3, "use_static_sizes": False, "static_sizes_k": 0, "end_k": 1},
            },
        ),
        layer(
            "sliceStatic",
            **{"beginIds": [0, 2], "endIds": [9, 8], "strides": [1, 3]},
            **{"beginMasks": [False, False], "endMasks": [True, False]},
            squeezeMasks=[False, False],
        ),
        (9, 2),
    ),
    one(
        "tensor_zero_pad",
        V4,
        (
            "tensor_zero_pad",
            {"nd_mode": True, "value": 0.5, "pads_3": 2, "pads_6": 1, "pads_63": 0},
        ),
        layer("constantPad", value=0.5, padAmounts=[0, 0, 0, 2, 0, 0, 1, 0]),
        (1, 6, 6, 9),
    ),
    *(
        one(
            f"general_padding {mode}",
            R3,
            ("general_padding", {"pad_pad_mode": mode, "pad_t": 1, "pad_r": 2, "pad_value": value}),
            layer("padding", paddingAmounts=edges(1, 0, 0, 2)["paddingAmounts"], **{kind: given}),
            (1, 1, 4, 7, 10),
            exact=False,
        )
        for mode, kind, value, given in (
            (0, "constant", 0.5, {"value": 0.5}),
            (1, "reflection", 0, {}),
            (2, "replication", 0, {}),
        )
    ),
    one(
        "crop",
        R3,
        ("crop", {"t": 1, "b": 2, "l": 0, "r": 3}),
        layer("crop", cropAmounts=edges(1, 2, 0, 3)["paddingAmounts"]),
        (1, 1, 4, 3, 5),
        exact=False,
    ),
    one(
        "upsample",
        R3,
        ("upsample", {"mode": 0, "scaling_factor_x": 2, "scaling_factor_y": 3}),
        layer("upsample", scalingFactor=[3, 2]),
        (1, 1, 4, 18, 16),
        exact=False,
    ),
    *(
        one(
            f"linear upsample, aligned: {aligned}",
            V4,
            (
                "upsample",
                {
                    **{
                        "mode": 1,
                        "scaling_factor_x": 2,
                        "scaling_factor_y": 2,
                        "is_legacy_mode": 0,
                    },
                    **{"align_corners": aligned, "use_fractional_scale_factors": False},
                    **{"fractional_scaling_factor_x": 1, "fractional_scaling_factor_y": 1},
                },
            ),
            layer("upsample", mode=1, linearUpsampleMode=2 - aligned, scalingFactor=[2, 2]),
            (1, 4, 12, 16),
        )
        for aligned in (0, 1)
    ),
    one(
        "space_to_depth",
        V4,
        ("space_to_depth", {"block_size": 2, "reverse": 0, "pixel_shuffle": 0}),
        layer("reorganizeData", mode=0, blockSize=2),
        (1, 16, 3, 4),
    ),
    one(
        "depth to space",
        V4,
        ("space_to_depth", {"block_size": 2, "reverse": 1}),
        layer("reorganizeData", mode=1, blockSize=2),
        (1, 1, 12, 16),
    ),
]
