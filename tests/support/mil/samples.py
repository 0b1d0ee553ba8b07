"""Programs of one operation, for every operation of MIL and every parameter that it has.

A sample has the values that a program takes as its inputs first, then constants. It holds for all
versions of its operation from `since` to `until`. Control flow and lists have tests of their own.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from support.networks.builders import numbers


@dataclass(frozen=True)
class Sample:
    """One operation.

    Attributes:
        kind: its type.
        inputs: values by parameter, tuples where a parameter takes several.
        constants: other parameters.
        since: the first opset.
        until: the last one.
    """

    kind: str
    inputs: dict[str, Any]
    constants: dict[str, Any] = field(default_factory=dict)
    since: int = 15
    until: int = 18

    def halved(self) -> "Sample":
        """The same with float16 in place of float32."""
        inputs, constants = _halved(self.inputs), _halved(self.constants)
        return replace(self, inputs=inputs, constants=constants)

    def __str__(self) -> str:
        shown = (f"{key}={np.asarray(value).tolist()}" for key, value in self.constants.items())
        return f"{self.kind}({', '.join(shown)})"[:70]


def _halved(value):
    if isinstance(value, dict):
        return {name: _halved(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_halved, value))
    floats = getattr(value, "dtype", None) == np.float32
    return value.astype(np.float16) if floats else value


def one(kind, inputs, since=15, until=18, **constants):
    """A sample."""
    return Sample(kind, inputs, constants, since, until)


def each(kinds, *rows, **constants):
    """Samples of several operations with the same parameters."""
    return [one(kind, row, **constants) for kind in kinds.split() for row in rows]


def ints(*values):
    """int32, of any shape."""
    return np.array(values[0] if len(values) == 1 else values, np.int32)


X, Y = numbers(2, 3, 4), numbers(2, 3, 4, seed=1)
SMALL, ABOVE = np.clip(X, -0.9, 0.9), np.abs(X) + 0.1
N = np.arange(-6, 6, dtype=np.int32).reshape(3, 4)
M = ints([[-3, 2, 5, 1]])
IMAGE = numbers(2, 4, 5, 6)
LINE = numbers(2, 4, 7)
VOLUME = numbers(1, 2, 4, 5, 3)
HALVES = X.astype(np.float16)
BYTES = np.arange(12, dtype=np.uint8).reshape(3, 4)
SIGNED = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
SHORTS = np.arange(12, dtype=np.uint16).reshape(3, 4)

ELEMENTS = [
    *each(
        "abs ceil cos cosh erf exp exp2 floor relu relu6 round sigmoid sign silu sin sinh softplus "
        "softsign square tan tanh identity softmax gelu",
        {"x": X},
    ),
    *each("abs sign square identity exp2", {"x": N}),
    *each("acos asin atanh atan", {"x": SMALL}),
    *each("sqrt log rsqrt inverse", {"x": ABOVE}),
    *each("log rsqrt inverse", {"x": ABOVE}, epsilon=np.float32(0.25)),
    *each(
        "add sub mul maximum minimum equal not_equal less less_equal greater greater_equal",
        {"x": X, "y": Y},
        {"x": X, "y": Y[:, :1]},
        {"x": N, "y": M},
    ),
    *each("floor_div mod real_div", {"x": X, "y": Y}, {"x": N, "y": M}),
    one("pow", {"x": ABOVE, "y": Y}),
    one("pow", {"x": N, "y": np.abs(M)}),
    *each("logical_and logical_or logical_xor", {"x": X > 0, "y": Y > 0}),
    one("logical_not", {"x": X > 0}),
    one("threshold", {"x": X}, alpha=np.float32(0.5)),
    one("clip", {"x": X}, alpha=np.float32(-0.5), beta=np.float32(0.25)),
    one("select", {"cond": X > 0, "a": X, "b": Y}),
    one("select", {"cond": N > 0, "a": N, "b": M}),
    *(one("cast", {"x": x}, dtype=name) for x in (X, N, X > 0) for name in ("fp32", "int32")),
    *(one("cast", {"x": x}, dtype="bool") for x in (X.round(), N)),
    *(
        one("cast", {"x": x}, dtype=name, since=17)
        for x, name in (
            *((10 * ABOVE, name) for name in ("int8", "uint8", "int16", "uint16")),
            *((x, name) for x in (BYTES, SIGNED, SHORTS) for name in ("fp32", "int32")),
        )
    ),
    *each("leaky_relu elu thresholded_relu", {"x": X}, alpha=np.float32(0.3)),
    *each(
        "clamped_relu linear_activation scaled_tanh sigmoid_hard",
        {"x": X},
        alpha=np.float32(0.3),
        beta=np.float32(0.6),
    ),
    one("prelu", {"x": IMAGE}, alpha=numbers(4)),
    one("softplus_parametric", {"x": IMAGE}, alpha=numbers(4), beta=numbers(4)),
    one("softmax", {"x": X}, axis=0),
    *(
        one("gelu", {"x": X}, mode=mode)
        for mode in ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")
    ),
]

REDUCTIONS = [
    *(
        one(kind, {"x": x}, **given)
        for kind in (
            *("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"),
            *("reduce_l1_norm", "reduce_l2_norm", "reduce_sum_square", "reduce_log_sum"),
            "reduce_log_sum_exp",
        )
        for x in (ABOVE, np.abs(N) + 1)
        for given in ({}, {"axes": ints([-1]), "keep_dims": True}, {"axes": ints(0, 1)})
    ),
    *(
        one(kind, {"x": x}, **given)
        for kind in ("reduce_argmax", "reduce_argmin")
        for x in (X, N)
        for given in ({}, {"axis": 0, "keep_dims": True})
    ),
    *each("reduce_argmax reduce_argmin", {"x": X}, since=17, axis=1, output_dtype="uint16"),
    one("argsort", {"x": X}),
    one("argsort", {"x": X}, axis=1, ascending=True),
    one("cumsum", {"x": X}),
    one("cumsum", {"x": X}, axis=1, exclusive=True, reverse=True),
    one("cumsum", {"x": N}, axis=-1, reverse=True),
    one("topk", {"x": X}),
    one("topk", {"x": X}, k=2, axis=1, ascending=True),
    one("topk", {"x": X}, since=16, k=3, sort=True, return_indices=False),
    one("topk", {"x": X}, since=17, k=3, output_indices_dtype="uint16"),
    one("topk", {"x": N}, k=2),
]

LINEAR = [
    one("linear", {"x": X}, weight=numbers(5, 4)),
    one("linear", {"x": X}, weight=numbers(5, 4), bias=numbers(5)),
    one("linear", {"x": N}, weight=np.abs(N), bias=ints(1, 2, 3)),
    *(
        one("matmul", {"x": a, "y": b}, **given)
        for a, b, given in (
            (X, Y, {"transpose_y": True}),
            (X, Y, {"transpose_x": True}),
            (X, numbers(4, 5), {}),
            (N, N, {"transpose_x": True, "transpose_y": False}),
        )
    ),
    one("einsum", {"values": (numbers(2, 3, 4), numbers(4, 3, 5))}, equation="nhu,uhv->nhv"),
    one(
        "einsum",
        {"values": (numbers(2, 3, 4, 5), numbers(2, 5, 4, 6))},
        equation="bnhu,buhv->bnhv",
    ),
    one(
        "einsum",
        {"values": (numbers(2, 3, 4, 5), numbers(2, 5, 4, 6))},
        equation="abcd,adce->abce",
    ),
    one(
        "scaled_dot_product_attention",
        {"query": numbers(2, 3, 5, 4), "key": numbers(2, 3, 6, 4), "value": numbers(2, 3, 6, 7)},
        since=18,
    ),
    one(
        "scaled_dot_product_attention",
        {
            "query": numbers(3, 5, 4),
            "key": numbers(3, 6, 4),
            "value": numbers(3, 6, 7),
            "attn_mask": numbers(5, 6),
        },
        since=18,
    ),
    one(
        "scaled_dot_product_attention",
        {
            "query": numbers(3, 5, 4),
            "key": numbers(3, 6, 4),
            "value": numbers(3, 6, 7),
            "attn_mask": numbers(3, 5, 6) > -0.5,
        },
        since=18,
    ),
]

NORMS = [
    one("batch_norm", {"x": IMAGE}, mean=numbers(4), variance=np.abs(numbers(4))),
    one(
        "batch_norm",
        {"x": LINE},
        mean=numbers(4),
        variance=np.abs(numbers(4)),
        gamma=numbers(4),
        beta=numbers(4, seed=2),
        epsilon=np.float32(0.1),
    ),
    *(
        one("instance_norm", {"x": x}, **given)
        for x in (IMAGE, LINE)
        for given in (
            {},
            {"gamma": numbers(4), "beta": numbers(4, seed=2), "epsilon": np.float32(0.1)},
        )
    ),
    one("layer_norm", {"x": X}, axes=ints(0, 1, 2)),
    one(
        "layer_norm",
        {"x": X},
        axes=ints([-1]),
        gamma=numbers(4),
        beta=numbers(4, seed=2),
        epsilon=np.float32(0.1),
    ),
    one("layer_norm", {"x": X}, axes=ints(0, 2), gamma=numbers(2, 4)),
    one("l2_norm", {"x": IMAGE}),
    one("l2_norm", {"x": X}, epsilon=np.float32(0.1)),
    one("local_response_norm", {"x": IMAGE}, size=3),
    one(
        "local_response_norm",
        {"x": IMAGE},
        size=2,
        alpha=np.float32(0.5),
        beta=np.float32(0.5),
        k=np.float32(2),
    ),
]

SAMPLES = (*ELEMENTS, *REDUCTIONS, *LINEAR, *NORMS)
