"""Compiled layers that must be refused: what is said, and the network."""

import numpy as np
from support.espresso.rows import F5, R3, V4
from support.networks.builders import numbers
from support.networks.compiled_models import espresso

CONV = {"K": 4, "C": 3, "Ny": 3, "Nx": 2, "has_biases": 0, "blob_weights": numbers(3, 4, 3, 2)}
POOL = {"avg_or_max": 1, "size_x": 2, "size_y": 2, "pad_mode": 0}
TRANSPOSE = {"axis_w": 0, "axis_h": 1, "axis_k": 2, "axis_n": 3, "axis_seq": 4}
TO = {"dst_seq": 1, "dst_n": 1, "dst_k": 4, "dst_h": 6, "dst_w": 8, "mode": 0}
SLICE = {"axis": 2, "start": 0, "end": 2}
NORM = {"C": 4, "training": 1, "training_instancenorm": 1, "training_eps": 0.1}
NORM |= {"blob_batchnorm_params": np.zeros((4, 4), np.float32)}
PRODUCT = {"nB": 8, "nC": 2, "blob_weights": numbers(2, 8)}


def refused(fragment, kind, *shapes, exact=True, inputs=None, outputs=None, x=None, z=None, **keys):
    """What is said of a network of one layer."""
    given = {"x": x or (V4 if exact else R3)["x"]} | ({} if z is None else {"z": z})
    made = espresso(kind, *(shapes or [V4["x"]]), inputs=inputs, outputs=outputs, **keys)
    return fragment, given, made, exact


def old(fragment, kind, *shapes, **keys):
    """The same where all blobs have five dimensions."""
    return refused(fragment, kind, *(shapes or [F5]), exact=False, **keys)


UNSUPPORTED = [
    refused("mystery layer is of a type that is not supported", "mystery"),
    refused('has fused_magic = "on", which is not understood', "copy", fused_magic="on"),
    refused('has attributes = {"is_lookup": 1}, which', "copy", attributes={"is_lookup": 1}),
    refused('has weights = {"W_U8": 1}, which is not', "convolution", **CONV, weights={"W_U8": 1}),
    refused("has mode = 4, which is not understood", "activation", mode=4),
    refused("has alpha = 2, which is not understood", "activation", mode=0, alpha=2),
    refused("has C = 1, which is not understood", "softmax", C=1),
    old("counts dimensions, in a network where no blob", "softmax_nd", nd_axis=0),
    refused("followed by ReLU and tanh", "convolution", **CONV, fused_relu=1, fused_tanh=1),
    refused("has has_batch_norm = 1", "convolution", **CONV, has_batch_norm=1),
    refused("has n_parallel = 2", "convolution", **CONV, n_parallel=2),
    refused("has pad_mode = 3", "convolution", **CONV, pad_mode=3),
    refused("has pad_fill_mode = 1", "convolution", **CONV, pad_l=1, pad_fill_mode=1),
    refused("has pad_value = 1", "convolution", **CONV, pad_mode=1, pad_value=1),
    refused(
        "has quantization_lut_weights_blob = 3, which",
        "convolution",
        (1, 3, 4, 7),
        **CONV,
        quantization_lut_weights_blob=3,
    ),
    refused("has pad_mode = 1", "deconvolution", **CONV, pad_mode=1),
    refused("has deconv_out_height = 9", "deconvolution", **CONV, deconv_out_height=9),
    refused("has avg_or_max = 3", "pool", **POOL | {"avg_or_max": 3}),
    refused("has pad_mode = 4", "pool", **POOL | {"pad_mode": 4}),
    refused("has top_shape_style = 1", "pool", **POOL, top_shape_style=1),
    refused(
        "includes the last pixel although its padding is unequal, [1, 0, 0, 0]",
        "pool",
        **POOL,
        **{"top_shape_style": 2, "pad_t": 1},
    ),
    refused(
        "has operation = 103 of 2 inputs, which",
        "elementwise",
        **{"z": V4["x"], "operation": 103, "nd_mode": True},
    ),
    refused(
        "has operation = 33 of 2 inputs without nd_mode", "elementwise", z=V4["x"], operation=33
    ),
    refused("has operation = 28, which is not understood", "elementwise", operation=28),
    refused("has alpha = 2, which", "elementwise", operation=27, alpha=2),
    refused("has beta = 1, which", "elementwise", operation=1, alpha=2, beta=1),
    refused("has beta = 1, which", "elementwise", z=V4["x"], operation=0, beta=1),
    refused("has eps = 0.1, which", "elementwise", operation=27, eps=0.1),
    refused("has has_prelu = 1", "inner_product", x=(8,), **PRODUCT, has_prelu=1),
    refused("has is_lookup = 1", "inner_product", (2,), x=(8,), **PRODUCT, is_lookup=1),
    refused("has channel_mode = true", "batch_matmul", z=V4["x"], channel_mode=True),
    refused("adds an unknown epsilon to its variance", "batchnorm", **NORM | {"training": 0}),
    old("has axis_mode = 2", "reduce", mode=0, axis_mode=2),
    refused("has mode = 1", "reduce", mode=1, nd_mode=True, nd_axis=0),
    refused("flatten layer has no known meaning for blobs with ranks", "flatten", mode=0),
    refused(
        "sequence_concat layer has no known meaning for blobs", "sequence_concat", simple_concat=1
    ),
    refused("has dynamic_shape = true", "reshape", **TO, dst_nd_rank=4, dynamic_shape=True),
    old("changes the batch", "reshape", **TO | {"dst_n": 2}),
    old("moves the batch", "transpose", **TRANSPOSE | {"axis_n": 4, "axis_seq": 3}),
    refused("has begin_1 = 3", "split_nd", nd_axis=1, begin_1=3),
    old("has axis = 3", "slice", **SLICE | {"axis": 3}),
    refused("has use_static_sizes = true", "general_slice", use_static_sizes=True),
    refused("has squeeze_mask_h = true", "general_slice", squeeze_mask_h=True),
    refused("has nd_mode = false", "tensor_zero_pad", nd_mode=False),
    refused("has pad_pad_mode = 3", "general_padding", pad_pad_mode=3),
    refused("has pad_fill_mode = 1", "general_padding", pad_pad_mode=0, pad_fill_mode=1),
    refused(
        "has is_legacy_mode = 1",
        "upsample",
        **{"mode": 1, "scaling_factor_x": 2, "scaling_factor_y": 2, "is_legacy_mode": 1},
    ),
    refused("has mode = 2", "upsample", mode=2, scaling_factor_x=2, scaling_factor_y=2),
    refused("has pixel_shuffle = 1", "space_to_depth", block_size=2, pixel_shuffle=1),
    refused(f'has a = "{"x" * 55} …, which', "copy", a="x" * 99),
]

MALFORMED = [
    refused("has no mode", "activation"),
    refused("has no C", "softmax"),
    refused("has no pad_l", "convolution", **CONV, pad_l=None),
    refused("has no is_legacy_mode", "upsample", mode=1, scaling_factor_x=2, scaling_factor_y=2),
    refused('has mode = "relu", expected a whole number', "activation", mode="relu"),
    refused("has mode = true, expected a whole number", "activation", mode=True),
    refused("has mode = 1000", "activation", mode=10**30),
    refused('has alpha = "a", expected a number', "activation", mode=6, alpha="a"),
    refused("has alpha = 1e+300, expected a number", "activation", mode=6, alpha=1e300),
    refused("has alpha = true, expected a number", "activation", mode=6, alpha=True),
    refused("has 2 inputs, expected 1", "activation", mode=0, z=V4["x"]),
    refused("has 0 inputs, expected one or more", "elementwise", inputs=[], operation=0),
    refused("has 2 outputs, expected 1", "copy", V4["x"], V4["x"], outputs=["y", "z"]),
    refused("has an input of shape [8], expected rank 3", "softmax", x=(8,), C=2),
    refused("has nd_axis = 4 for rank 4", "softmax_nd", nd_axis=4),
    refused("makes [1, 4, 6, 8] by our rule", "copy", (1, 4, 6, 9)),
    refused("makes [1, 3, 4, 7] by our rule", "convolution", (1, 3, 6, 8), **CONV),
    refused("reads 'q', which no earlier layer makes", "copy", inputs=["q"]),
    refused("makes 'x' a second time", "copy", outputs=["x"]),
    refused("makes 'y' a second time", "copy", V4["x"], V4["x"], outputs=["y", "y"]),
    # -- weights
    refused(
        "has 3 bytes of W_U8, but 4 numbers take 4",
        "convolution",
        **{"K": 4, "C": 1, "Ny": 1, "Nx": 1},
        weights={
            "W_U8": np.zeros(3, np.uint8),
            "per_ch_qscale": np.ones(1, np.float32),
            "per_ch_qbias": np.ones(1, np.float32),
        },
    ),
    refused("has C = 0, expected 1 or more", "convolution", **CONV | {"C": 0}),
    refused("takes 5 channels, its input has 4", "convolution", **CONV | {"K": 5}),
    refused("has 3 groups of 4 channels to 3", "convolution", **CONV, n_groups=3),
    refused("has blob_weights = 77, but there are", "convolution", **CONV | {"blob_weights": 77}),
    refused("has no blob_weights", "convolution", **{k: v for k, v in CONV.items() if k[0] != "b"}),
    refused("has 288 bytes of blob_weights, but 96 numbers", "convolution", **CONV | {"C": 4}),
    refused(
        "has 12 bytes of blob_weights_f16, but 72 numbers take 144",
        "convolution",
        **{k: v for k, v in CONV.items() if k[0] != "b"},
        blob_weights_f16=numbers(3),
    ),
    refused(
        "has numbers after its biases",
        "convolution",
        **CONV | {"has_biases": 1, "blob_biases": numbers(12)},
    ),
    refused(
        "has 24 bytes of blob_biases, but 3 numbers take 12",
        "convolution",
        **CONV | {"has_biases": 1, "blob_biases": numbers(6)},
    ),
    refused("has n_groups = 0, expected 1", "convolution", **CONV | {"C": 2**31 - 1}, n_groups=0),
    refused("but 17,179,869,176 numbers take", "convolution", **CONV | {"C": 2**31 - 1, "Ny": 1}),
    # -- windows
    refused("has the padding [0, 0, -1, 0]", "convolution", **CONV, pad_l=-1),
    refused(
        "is padded to the same size and has explicit padding",
        "convolution",
        **CONV,
        pad_mode=1,
        pad_l=1,
    ),
    refused("is not padded but has explicit padding", "convolution", **CONV, pad_mode=2, pad_l=1),
    refused("is global and padded", "pool", **POOL, is_global=1, pad_l=1),
    # -- shapes that don't fit
    refused("combines blobs of shapes [2] and [3]", "elementwise", x=(2,), z=(3,), operation=0),
    refused("has 2 inputs, expected 3", "elementwise", x=(2,), z=(2,), operation=101, nd_mode=True),
    refused("takes 8 numbers, its input [7] has 7", "inner_product", x=(7,), **PRODUCT),
    refused("multiplies [2, 3] by [4, 5]", "batch_matmul", x=(2, 3), z=(4, 5)),
    refused("multiplies [3] by [3]", "batch_matmul", x=(3,), z=(3,)),
    refused("multiplies [2, 2, 3] by [3, 3, 5]", "batch_matmul", x=(2, 2, 3), z=(3, 3, 5)),
    refused("has 3 channels, its input 4", "batchnorm", **NORM | {"C": 3}),
    refused("has training_eps = 0", "batchnorm", **NORM | {"training_eps": 0}),
    refused("has an input of shape [8], expected rank 3", "reduce", x=(8,), mode=0, axis_mode=4),
    refused("has nd_axis = -5 for rank 4", "reduce", mode=0, nd_mode=True, nd_axis=-5),
    old(
        "can't reshape [1, 1, 4, 6, 8] to [1, 1, 4, -1, -1]",
        "reshape",
        **TO | {"dst_h": -1, "dst_w": -1},
    ),
    old(
        "can't reshape [1, 1, 4, 6, 8] to [1, 1, 5, -1, 8]",
        "reshape",
        **TO | {"dst_k": 5, "dst_h": -1},
    ),
    old("can't reshape [1, 1, 4, 6, 8] to [1, 1, 5, 6, 8]", "reshape", **TO | {"dst_k": 5}),
    old("can't reshape [1, 1, 4, 6, 8] to [1, 1, 4, 0, 8]", "reshape", **TO | {"dst_h": 0}),
    refused("has the rank 6", "reshape", **TO, dst_nd_rank=6),
    refused("reorders axes to [1, 1, 2, 3, 4]", "transpose", **TRANSPOSE | {"axis_w": 1}),
    refused(
        "reorders axes to [4, 1, 2, 3, 0], beyond rank 4",
        "transpose",
        **TRANSPOSE | {"axis_w": 4, "axis_seq": 0},
    ),
    refused(
        "can't join [2, 3] and [2, 4]", "general_concat", x=(2, 3), z=(2, 4), axis=0, nd_mode=True
    ),
    refused("can't join [2] and [2, 1]", "general_concat", x=(2,), z=(2, 1), axis=0, nd_mode=True),
    refused("can't stack [2] and [3]", "stack_nd", x=(2,), z=(3,), nd_axis=0),
    refused(
        "can't split 4 into [3, 3]", "split_nd", (3,), (3,), x=(4,), outputs=["y", "z"], nd_axis=0
    ),
    refused("changes the rank of its input", "split_nd", (4, 1), x=(4,), nd_axis=0),
    refused("can't squeeze the axes [0] of [4, 1]", "squeeze", x=(4, 1), size_of_axes=1, axes_0=0),
    refused(
        "squeezes all axes and some",
        "squeeze",
        x=(4, 1),
        **{"squeeze_all": True, "size_of_axes": 1, "axes_0": 1},
    ),
    refused("has 99 axes", "squeeze", x=(4, 1), size_of_axes=99),
    refused("adds the axes [0, 0]", "expand_dims", x=(4,), size_of_axes=2, axes_0=0, axes_1=0),
    refused(
        "has rank 1 for [1, 1, 2, 3]",
        "load_constant",
        **{"inputs": [], "h": 2, "w": 3, "nd_rank": 1, "constant_blob": numbers(6)},
    ),
    old(
        "has rank 0 and the batch 2",
        "load_constant",
        **{"inputs": [], "n": 2, "w": 3, "constant_blob": numbers(6)},
    ),
    old("can't slice 2 to 2 of 4", "slice", **SLICE | {"start": 2}),
    old("can't slice -1 to 2 of 4", "slice", **SLICE | {"start": -1}),
    refused(
        "slices more dimensions than its input has", "general_slice", x=(4,), begin_h=1, end_h=2
    ),
    refused("has a stride of 0", "general_slice", x=(4,), end_w=2, stride_w=0),
    refused("has padding that doesn't fit [4]", "tensor_zero_pad", x=(4,), nd_mode=True, pads_2=1),
    refused("has the padding [0, -1]", "tensor_zero_pad", x=(4,), nd_mode=True, pads_1=-1),
    refused("has the padding [-1, 0, 0, 0]", "general_padding", pad_pad_mode=0, pad_t=-1),
    refused("has the padding [0, 0, 0, -1]", "crop", r=-1),
    refused("can't make blocks of 9 from 4 channels", "space_to_depth", block_size=3, reverse=1),
    refused("can't make blocks of 4 from 6 × 8", "space_to_depth", block_size=4),
]
