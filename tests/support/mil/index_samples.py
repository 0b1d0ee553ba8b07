"""Samples of operations that move elements, make them, or keep them from step to step."""

import numpy as np
from support.mil.samples import ABOVE, HALVES, IMAGE, N, X, Y, each, ints, one
from support.networks.builders import numbers

_LONG = numbers(1, 6, 4)
_LOCAL = {"begin": ints(0, 1, 0), "end": ints(2, 3, 4)}
SHAPES = [
    one("shape", {"x": X}),
    one("reshape", {"x": X}, shape=ints(4, -1)),
    one("reshape", {"x": X}, shape=ints(0, -1, 2)),
    one("reshape", {"x": X}, since=17, shape=ints(-1, 0)),
    one(
        "reshape_like",
        {"x": X, "ref_tensors": (numbers(6, 2), numbers(4, 5, 4))},
        since=16,
        begins=(0, 2),
        ends=(1, 0),
        end_masks=(False, True),
    ),
    one("transpose", {"x": X}, perm=ints(2, 0, -2)),
    one("expand_dims", {"x": X}, axes=ints(0, -1)),
    one("squeeze", {"x": _LONG}),
    one("squeeze", {"x": _LONG}, axes=ints([-3])),
    *(one("flatten2d", {"x": X}, **given) for given in ({}, {"axis": -1}, {"axis": 0})),
    one("concat", {"values": (X, Y[:, :1])}, axis=1),
    one("concat", {"values": (X, Y)}, axis=-2, interleave=True),
    one("stack", {"values": (X, Y)}, axis=-1),
    one("reverse", {"x": X}),
    one("reverse", {"x": X}, axes=ints(0, -1)),
    one("reverse_sequence", {"x": X, "lengths": ints(2, 3)}, seq_axis=1),
    one("reverse_sequence", {"x": X, "lengths": ints(1, 0, 2)}, batch_axis=1),
    *each("depth_to_space", {"x": IMAGE}, block_size=2),
    one("space_to_depth", {"x": numbers(2, 3, 4, 6)}, block_size=2),
    one("pixel_shuffle", {"x": IMAGE}, upscale_factor=2),
    one("pixel_unshuffle", {"x": numbers(2, 3, 4, 6)}, since=16, downscale_factor=np.uint32(2)),
    one("space_to_batch", {"x": IMAGE}, block_shape=ints(2, 3), paddings=ints([[1, 0], [0, 3]])),
    one(
        "batch_to_space",
        {"x": numbers(12, 2, 3, 4)},
        block_shape=ints(2, 3),
        crops=ints([[1, 0], [0, 3]]),
    ),
    one("slice_by_index", {"x": X}, **_LOCAL),
    one(
        "slice_by_index",
        {"x": X},
        begin=ints(1, -1, 3),
        end=ints(0, 0, -3),
        stride=ints(1, -1, -2),
        begin_mask=[False, True, False],
        end_mask=[False, True, True],
        squeeze_mask=[True, False, False],
    ),
    one("slice_by_size", {"x": X}, begin=ints(0, 1, 2), size=ints(1, -1, 2)),
    one("slice_by_size", {"x": X}, begin=ints(-1, -2, 2), size=ints(1, 1, 2)),
    one("slice_update", {"x": X, "update": Y[:, 1:3]}, since=18, **_LOCAL),
    one(
        "slice_update",
        {"x": X, "update": Y[1, ::2, :3]},
        since=18,
        begin=ints(1, 0, 0),
        end=ints(0, 3, -1),
        stride=ints(1, 2, 1),
        begin_mask=[False, True, False],
        end_mask=[False, True, False],
        squeeze_mask=[True, False, False],
    ),
    one("split", {"x": X}, num_splits=2, axis=-1),
    one("split", {"x": X}, split_sizes=ints(1, 2), axis=1),
    one("split", {"x": X}, num_splits=2, split_sizes=ints(3, 1), axis=2),
    one("sliding_windows", {"x": X}, axis=1, size=2),
    one("sliding_windows", {"x": X}, axis=-1, size=2, stride=2),
    one("tile", {"x": X}, reps=ints(1, 2, 3)),
    *(
        one("band_part", {"x": X}, **given)
        for given in ({}, {"lower": 1, "upper": 0}, {"lower": 0, "upper": -1})
    ),
]

_SUMS = ("add", "sub", "mul", "div", "max", "min", "update")
INDICES = [
    one("gather", {"x": X, "indices": ints([[1, 0], [0, 1]])}),
    one("gather", {"x": X, "indices": ints(2, 0)}, axis=-2),
    one("gather", {"x": X, "indices": ints(-1, 0)}, until=16, axis=1),
    one("gather", {"x": X, "indices": ints([[2, 0], [1, 1]])}, since=16, axis=1, batch_dims=1),
    one("gather", {"x": X}, since=17, indices=ints(1), axis=2, validate_indices=True),
    one("gather_nd", {"x": X, "indices": ints([[1, 2], [0, 1]])}),
    one("gather_nd", {"x": X, "indices": ints([[2, 3], [0, 1]])}, since=16, batch_dims=1),
    one("gather_nd", {"x": X}, since=17, indices=ints([[1, 2, 3]]), validate_indices=True),
    one("gather_along_axis", {"x": X, "indices": ints([[[1, 0, 1, 0]] * 3])}),
    one("gather_along_axis", {"x": X, "indices": ints([[[2, 0, 1, 1]]] * 2)}, axis=1),
    one(
        "gather_along_axis",
        {"x": X},
        since=17,
        indices=ints([[[1, 0, 1, 0]] * 3]),
        axis=0,
        validate_indices=True,
    ),
    *(
        one(
            "scatter",
            {"data": ABOVE, "indices": ints(2, 0), "updates": numbers(2, 2, 4, seed=3)},
            axis=1,
            mode=mode,
        )
        for mode in _SUMS
    ),
    one("scatter", {"data": X, "indices": ints([1]), "updates": Y[:1]}),
    one(
        "scatter", {"data": X, "updates": Y[:1]}, since=17, indices=ints([1]), validate_indices=True
    ),
    *(
        one(
            "scatter_along_axis",
            {"data": ABOVE, "indices": ints([[[2, 0, 1, 1]]] * 2), "updates": Y[:, :1]},
            axis=-2,
            mode=mode,
        )
        for mode in _SUMS
    ),
    one("scatter_along_axis", {"data": X, "indices": ints([[[1] * 4] * 3]), "updates": Y[:1]}),
    one(
        "scatter_along_axis",
        {"data": X, "updates": Y[:1]},
        since=17,
        indices=ints([[[1] * 4] * 3]),
        validate_indices=True,
    ),
    *(
        one(
            "scatter_nd",
            {"data": ABOVE, "indices": ints([[0, 2], [1, 0]]), "updates": Y[:, 0]},
            mode=mode,
        )
        for mode in _SUMS
    ),
    one("scatter_nd", {"data": X, "indices": ints([[1]]), "updates": Y[:1]}),
    one(
        "scatter_nd",
        {"data": X, "updates": Y[:1]},
        since=17,
        indices=ints([[1]]),
        validate_indices=True,
    ),
    one("one_hot", {"indices": ints(0, 2, 1)}, one_hot_vector_size=3),
    one(
        "one_hot",
        {"indices": ints(0, 2, 5)},
        one_hot_vector_size=3,
        axis=0,
        on_value=np.float32(2),
        off_value=np.float32(-1),
    ),
    one("non_zero", {"x": N % 2}),
    *(
        one(
            "non_maximum_suppression",
            {
                "boxes": np.abs(numbers(1, 8, 4)) + 0.1,
                "scores": np.abs(numbers(1, 8, 3, seed=4)),
            },
            until=16,
            iou_threshold=np.float32(0.3),
            score_threshold=np.float32(0.4),
            max_boxes=5,
            **given,
        )
        for given in ({}, {"per_class_suppression": True})
    ),
    *(
        one(
            "non_maximum_suppression",
            {
                "boxes": np.abs(numbers(1, 4, 8)) + 0.1,
                "scores": np.abs(numbers(1, 3, 8, seed=4)),
            },
            since=17,
            iou_threshold=np.float32(0.3),
            max_boxes=5,
            **given,
        )
        for given in ({}, {"per_class_suppression": True})
    ),
]

MADE = [
    one("fill", {}, shape=ints(2, 3)),
    one("fill", {}, shape=ints(2, 3), value=np.float32(0.5)),
    one("fill", {}, shape=ints(2, 3), value=5),
    one("fill_like", {"ref_tensor": X}, since=16),
    one("fill_like", {"ref_tensor": X}, since=16, value=5),
    one("range_1d", {}, start=2, end=11, step=3),
    one("range_1d", {}, start=np.float32(2), end=np.float32(-1), step=np.float32(-0.5)),
    *(
        one(kind, {}, shape=ints(2, 3), **given)
        for kind, given in (
            ("random_bernoulli", {"prob": np.float32(0.25), "seed": 1}),
            ("random_normal", {"mean": np.float32(1), "stddev": np.float32(2), "seed": 1}),
            ("random_uniform", {"low": np.float32(1), "high": np.float32(2), "seed": 1}),
        )
    ),
    *(
        one("random_categorical", {"x": ABOVE[0]}, mode=mode, size=3, seed=1)
        for mode in ("logits", "probs")
    ),
]


def _recurrent(kind, gates, since=15, h=2, **given):
    weights = {
        "weight_ih": numbers(gates * h, 3),
        "weight_hh": numbers(gates * h, h, seed=1),
        "bias": numbers(gates * h, seed=2),
    }
    states = {"initial_h": numbers(2, h, seed=3)}
    if kind == "lstm":
        states["initial_c"] = numbers(2, h, seed=4)
    return one(kind, {"x": numbers(4, 2, 3)} | states, since=since, **weights, **given)


def _bidirectional(h=2):
    names = {
        f"{name}_back": numbers(*sizes, seed=9)
        for name, sizes in (
            ("weight_ih", (4 * h, 3)),
            ("weight_hh", (4 * h, h)),
            ("bias", (4 * h,)),
            ("peephole", (3 * h,)),
        )
    }
    made = _recurrent(
        "lstm",
        4,
        direction="bidirectional",
        output_sequence=True,
        peephole=numbers(3 * h, seed=8),
        **names,
    )
    made.inputs.update(initial_h=numbers(2, 2 * h), initial_c=numbers(2, 2 * h, seed=1))
    return made


RECURRENT = [
    *(
        _recurrent(kind, gates, **given)
        for kind, gates in (("rnn", 1), ("gru", 3), ("lstm", 4))
        for given in (
            {},
            {"direction": "reverse", "output_sequence": True, "activation": "relu"},
        )
    ),
    _recurrent("gru", 3, recurrent_activation="tanh"),
    _recurrent("gru", 3, since=18, reset_after=True, input_bias=numbers(6, seed=5)),
    _recurrent("gru", 3, since=18, input_bias=numbers(6, seed=5)),
    _recurrent(
        "lstm",
        4,
        recurrent_activation="hard_sigmoid",
        cell_activation="relu",
        peephole=numbers(6, seed=5),
        clip=np.float32(0.2),
    ),
    _bidirectional(),
]

_CODES = (np.arange(12, dtype=np.uint8) % 4).reshape(3, 4)
QUANTISED = [
    *(
        one("quantize", {"input": x}, since=17, output_dtype=name, **given)
        for x, name, given in (
            (4 * X, "int8", {"scale": np.float32(0.5)}),
            (4 * X, "uint8", {"scale": np.float32(0.5), "zero_point": np.uint8(7)}),
            (4 * X, "int8", {"scale": ABOVE[0, :, 0], "zero_point": np.int8([1, 2, 3]), "axis": 1}),
        )
    ),
    *(
        one("dequantize", {"input": x}, since=17, **given)
        for x, given in (
            (_CODES, {"scale": np.float32(0.5)}),
            (_CODES, {"scale": np.float32(0.5), "zero_point": np.uint8(7)}),
            (
                _CODES.astype(np.int8),
                {"scale": ABOVE[0, :, 0], "axis": -2, "zero_point": np.int8([1, 2, 3])},
            ),
        )
    ),
    one("constexpr_cast", {}, since=16, source_val=HALVES, output_dtype="fp32"),
    one(
        "constexpr_affine_dequantize",
        {},
        since=16,
        quantized_data=_CODES,
        axis=0,
        scale=ABOVE[0, :, 0],
        zero_point=np.uint8([1, 2, 3]),
    ),
    one(
        "constexpr_lut_to_dense",
        {},
        since=16,
        until=17,
        lut=numbers(4),
        shape=np.uint32([3, 4]),
        indices=np.uint8([27, 228, 57]),
    ),
    one(
        "constexpr_sparse_to_dense",
        {},
        since=16,
        until=17,
        nonzero_data=numbers(5),
        mask=np.uint8([0b10011, 0b1001]),
        shape=np.uint32([3, 4]),
    ),
]

SAMPLES = (*SHAPES, *INDICES, *MADE, *RECURRENT, *QUANTISED)
