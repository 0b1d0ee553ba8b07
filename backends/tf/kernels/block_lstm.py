"""LSTMs by `tf.raw_ops.BlockLSTMV2`, a single op for all steps, where TensorFlow runs the graph.

XLA, TFLite, OpenVINO and tf2onnx don't have the op, so a graph that others may read calls a while
loop. A function of the same attribute `api_implements` lies beside it: when TensorFlow runs the
graph on a CPU, its optimizer (`implementation_selector`) calls that one instead. Keras chooses
cuDNN's kernels in this way. Nobody else looks for it, nor does automatic differentiation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .recurrent import looped, product_with, started

# The gates of the op and its weights: input, forget, cell, output.
_GATES = 4


def block_lstm(
    x: Any,
    weight: Any,
    bias: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    peephole: Any = None,
    cell_clip: float = 0.0,
    selected: bool = False,
) -> tuple[Any, Any, Any]:
    """See the core op `nn.lstm`; its gates are sigmoids, and its other activations tanh.

    Args:
        x: [T, B, I].
        weight: [I + H, 4H].
        bias: [4H].
        initial_h: [B, H].
        initial_c: [B, H].
        peephole: [3H]: input, forget, output.
        cell_clip: a limit of the cell state; 0 for none.
        selected: whether TensorFlow may run its op; the loop is all there is otherwise.
    """
    import tensorflow as tf

    size = weight.shape[1] // _GATES
    x, states = started(tf, x, (initial_h, initial_c), size)
    optional = {"bias": bias, "peephole": peephole}
    given = {"x": x, "weight": weight, **{k: v for k, v in optional.items() if v is not None}}
    given |= dict(zip(("h", "c"), states, strict=True))

    def loop(**given: Any) -> tuple[Any, Any, Any]:
        return _loop(tf, _Given(**given), cell_clip)

    def block(**given: Any) -> tuple[Any, Any, Any]:
        return _block(tf, _Given(**given), cell_clip)

    if not selected:
        return loop(**given)
    sizes = ",".join(f"{name}{value.shape}" for name, value in given.items())
    # TensorFlow takes any function of this name that the process knows, from whichever model.
    interface = f"cmlc.block_lstm.ifgo({x.dtype.name},{sizes},{cell_clip})"
    specs = {name: tf.TensorSpec(v.shape, v.dtype, name=name) for name, v in given.items()}
    fused = _implementing(tf, interface, "CPU", block).get_concrete_function(**specs)
    fused.add_to_graph(tf.compat.v1.get_default_graph())
    return _implementing(tf, interface, "GPU", loop)(**given)


def _implementing(
    tf: Any, interface: str, device: str, function: Callable[..., tuple[Any, ...]]
) -> Any:
    """A function that stands for others of the same interface."""
    attributes = {"api_implements": interface, "api_preferred_device": device}
    return tf.function(function, autograph=False, experimental_attributes=attributes)


@dataclass(frozen=True)
class _Given:
    """The tensors of an LSTM; h and c are the states before the first step."""

    x: Any
    weight: Any
    h: Any
    c: Any
    bias: Any = None
    peephole: Any = None


def _loop(tf: Any, given: _Given, cell_clip: float) -> tuple[Any, Any, Any]:
    """The equations, step by step."""
    features, size, peephole = given.x.shape[2], given.h.shape[1], given.peephole
    past = product_with(tf, given.weight[features:], given.x)
    p_i, p_f, p_o = (None,) * 3 if peephole is None else tf.split(peephole, 3)

    def step(inputs: Any, h: Any, c: Any) -> tuple[Any, Any]:
        z = inputs + past(h)
        g = tf.tanh(z[:, 2 * size : 3 * size])
        if peephole is None:
            # The sigmoid of g, which nobody needs, takes less than an op more.
            i, f, _, o = tf.split(tf.sigmoid(z), _GATES, 1)
        else:
            i, f, _, o = tf.split(z, _GATES, 1)
            i, f = tf.sigmoid(i + p_i * c), tf.sigmoid(f + p_f * c)
        c = f * c + i * g
        if cell_clip > 0:
            c = tf.clip_by_value(c, -cell_clip, cell_clip)
        if peephole is not None:
            o = tf.sigmoid(o + p_o * c)
        return o * tf.tanh(c), c

    weight, states = given.weight[:features], (given.h, given.c)
    sequence, (h, c) = looped(tf, step, given.x, weight, given.bias, states)
    return sequence, h, c


def _block(tf: Any, given: _Given, cell_clip: float) -> tuple[Any, Any, Any]:
    """All steps as one op."""
    x, size, peephole = given.x, given.h.shape[1], given.peephole
    unused = tf.zeros((size,), x.dtype)
    p_i, p_f, p_o = (unused,) * 3 if peephole is None else tf.split(peephole, 3)
    made = tf.raw_ops.BlockLSTMV2(
        seq_len_max=tf.shape(x, out_type=tf.int64)[0],
        x=x,
        cs_prev=given.c,
        h_prev=given.h,
        w=given.weight,
        wci=p_i,
        wcf=p_f,
        wco=p_o,
        b=tf.zeros((_GATES * size,), x.dtype) if given.bias is None else given.bias,
        cell_clip=cell_clip,
        use_peephole=peephole is not None,
    )
    steps = x.shape[0]

    def last(first: Any, states: Any) -> Any:
        # Without a step, the state is still what it was.
        return states[-1] if steps else tf.concat((first[None], states), 0)[-1]

    return made.h, last(given.h, made.h), last(given.c, made.cs)
