"""A small decoder-only transformer as an ML Program of two functions that share their weights.

`decode` takes one step and its position and keeps keys and values in states; `full` takes all
steps at once. Both compute the same numbers.
"""

import numpy as np
from support.mil.programs import BOOL, FP16, I32, op, program, several

STEPS, WIDTH, HEADS, LAYERS = 64, 16, 2, 2
HIDDEN, DEPTH = 2 * WIDTH, WIDTH // HEADS


def transformer(default="decode"):
    """The Model message."""
    return several(default, decode=_decode(), full=_full())


def cache_names():
    """The states: keys and values of each layer."""
    return [f"{kind}{layer}" for layer in range(LAYERS) for kind in ("keys", "values")]


def _decode():
    operations = [
        op("cast", "x_half", (1, WIDTH), FP16, x="x", dtype="fp16"),
        op(
            "concat",
            "begin",
            (2,),
            I32,
            values=("position", np.int32([0])),
            axis=0,
            interleave=False,
        ),
        op("add", "next", (1,), I32, x="position", y=np.int32([1])),
        op(
            "concat", "end", (2,), I32, values=("next", np.int32([WIDTH])), axis=0, interleave=False
        ),
        op("less_equal", "past", (STEPS,), BOOL, x=np.arange(STEPS, dtype=np.int32), y="position"),
        op("select", "mask", (STEPS,), FP16, cond="past", a=np.float16(0), b=np.float16(-1e4)),
    ]
    made, _y = "x_half", ""
    for layer in range(LAYERS):
        for kind in ("keys", "values"):
            operations += [
                _product(f"{kind}{layer}_new", made, 1, WIDTH, f"{kind}{layer}"),
                op(
                    "read_state", f"{kind}{layer}_old", (STEPS, WIDTH), FP16, input=f"{kind}{layer}"
                ),
                op(
                    *("slice_update", f"{kind}{layer}_all", (STEPS, WIDTH), FP16),
                    x=f"{kind}{layer}_old",
                    update=f"{kind}{layer}_new",
                    begin="begin",
                    end="end",
                ),
                op("write_state", [], input=f"{kind}{layer}", data=f"{kind}{layer}_all"),
            ]
        operations += _block(layer, made, 1)
        made = f"out{layer}"
    operations.append(op("cast", "y", (1, WIDTH), x=made, dtype="fp32"))
    states = dict.fromkeys(cache_names(), (STEPS, WIDTH))
    dtypes = {"position": I32}
    given = {"x": (1, WIDTH), "position": (1,)}
    return program(*operations, opset=18, dtypes=dtypes, states=states, **given)


def _full():
    future = np.triu(np.full((STEPS, STEPS), -1e4, np.float16), 1)
    operations = [
        op("cast", "x_half", (STEPS, WIDTH), FP16, x="x", dtype="fp16"),
        op("identity", "mask", (STEPS, STEPS), FP16, x=future),
    ]
    made = "x_half"
    for layer in range(LAYERS):
        operations += [
            _product(f"{kind}{layer}_all", made, STEPS, WIDTH, f"{kind}{layer}")
            for kind in ("keys", "values")
        ]
        operations += _block(layer, made, STEPS)
        made = f"out{layer}"
    operations.append(op("cast", "y", (STEPS, WIDTH), x=made, dtype="fp32"))
    return program(*operations, opset=18, x=(STEPS, WIDTH))


def _block(layer, x, rows):
    """Attention of `rows` queries to all keys, and a perceptron, each with its residual."""

    def name(part):
        return f"{part}{layer}"

    heads = (HEADS, rows, DEPTH)
    found = [_product(name("query"), x, rows, WIDTH, name("query"))]
    for part, source, count in (
        ("q", name("query"), rows),
        ("k", name("keys") + "_all", STEPS),
        ("v", name("values") + "_all", STEPS),
    ):
        split = (count, HEADS, DEPTH)
        found += [
            op("reshape", name(f"{part}_split"), split, FP16, x=source, shape=list(split)),
            op(
                *("transpose", name(part), (HEADS, count, DEPTH), FP16),
                x=name(f"{part}_split"),
                perm=[1, 0, 2],
            ),
        ]
    scores = (HEADS, rows, STEPS)
    plain = {"transpose_x": False}
    return [
        *found,
        op("mul", name("scaled"), heads, FP16, x=name("q"), y=np.float16(DEPTH**-0.5)),
        op(
            *("matmul", name("scores"), scores, FP16),
            **{"x": name("scaled"), "y": name("k"), "transpose_y": True, **plain},
        ),
        op("add", name("masked"), scores, FP16, x=name("scores"), y="mask"),
        op("softmax", name("weights"), scores, FP16, x=name("masked"), axis=-1),
        op(
            *("matmul", name("mixed"), heads, FP16),
            **{"x": name("weights"), "y": name("v"), "transpose_y": False, **plain},
        ),
        op(
            "transpose", name("joined"), (rows, HEADS, DEPTH), FP16, x=name("mixed"), perm=[1, 0, 2]
        ),
        op("reshape", name("flat"), (rows, WIDTH), FP16, x=name("joined"), shape=[rows, WIDTH]),
        _product(name("attended"), name("flat"), rows, WIDTH, name("attended")),
        op("add", name("first"), (rows, WIDTH), FP16, x=x, y=name("attended")),
        op(
            *("layer_norm", name("normal"), (rows, WIDTH), FP16),
            x=name("first"),
            axes=[-1],
            epsilon=np.float16(1e-3),
        ),
        _product(name("wide"), name("normal"), rows, HIDDEN, name("wide")),
        op("gelu", name("active"), (rows, HIDDEN), FP16, x=name("wide"), mode="EXACT"),
        _product(name("narrow"), name("active"), rows, WIDTH, name("narrow"), HIDDEN),
        op("add", name("out"), (rows, WIDTH), FP16, x=name("first"), y=name("narrow")),
    ]


def _product(name, x, rows, outputs, weights, inputs=WIDTH):
    """A linear layer with weights of its own, the same for the same name."""
    seed = sum(map(ord, weights))
    weight = np.random.default_rng(seed).normal(0, inputs**-0.5, (outputs, inputs))
    return op("linear", name, (rows, outputs), FP16, x=x, weight=weight.astype(np.float16))
