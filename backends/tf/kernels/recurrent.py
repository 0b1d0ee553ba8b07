"""LSTM, GRU and simple RNN as while loops; part of `kernels`.

The input's product is taken for all steps at once, and a loop does the rest. The graph is the same
for every length of the sequence. (`tf.raw_ops.BlockLSTM` would be faster still, but TFLite has no
such op.) Weights are [I, gates * H] and [H, gates * H] here, biases rows of that.
"""

from collections.abc import Callable, Sequence
from typing import Any

# Steps in one turn of the loop, whose own bookkeeping costs as much as the ops of a small network.
_STEPS = 4

Step = Callable[..., tuple[Any, ...]]


def lstm(
    x: Any,
    weight_x: Any,
    weight_h: Any,
    activations: Sequence[str],
    coupled: bool,
    cell_clip: float,
    gate_clip: float,
    bias: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    peephole: Any = None,
) -> tuple[Any, Any, Any]:
    """See the core op `nn.lstm`."""
    import tensorflow as tf

    gate, block = (_limited(tf, text, gate_clip) for text in activations[:2])
    output = _activation(tf, activations[2])
    size = weight_h.shape[0]
    parts = [3 * size, size]
    weight_gates, weight_block = tf.split(weight_h, parts, 1)  # side by side on two cores
    p_i, p_f, p_o = (None,) * 3 if peephole is None else tf.split(peephole, 3)

    def step(inputs: Any, h: Any, c: Any) -> tuple[Any, Any]:
        into_gates, into_block = tf.split(inputs, parts, 1)
        z = into_gates + tf.matmul(h, weight_gates)
        g = block(into_block + tf.matmul(h, weight_block))
        if peephole is None:
            i, f, o = tf.split(gate(z), 3, 1)
        else:
            i, f, o = tf.split(z, 3, 1)
            i, f = gate(i + p_i * c), gate(f + p_f * c)
        c = (1.0 - i if coupled else f) * c + i * g
        if cell_clip > 0:
            c = tf.clip_by_value(c, -cell_clip, cell_clip)
        if peephole is not None:
            o = gate(o + p_o * c)
        return o * output(c), c

    states = (_state(tf, x, initial_h, size), _state(tf, x, initial_c, size))
    sequence, (h, c) = _run(tf, step, _projected(tf, x, weight_x, bias), states)
    return sequence, h, c


def gru(
    x: Any,
    weight_x: Any,
    weight_h: Any,
    activations: Sequence[str],
    reset_after: bool,
    gate_clip: float,
    bias: Any = None,
    initial_h: Any = None,
    bias_h: Any = None,
) -> tuple[Any, Any]:
    """See the core op `nn.gru`."""
    import tensorflow as tf

    gate, output = (_limited(tf, text, gate_clip) for text in activations)
    size = weight_h.shape[0]
    parts = [2 * size, size]
    weight_gates, weight_output = tf.split(weight_h, parts, 1)
    offsets: Any = None if bias_h is None else tf.split(bias_h, parts)

    def before(inputs: Any, h: Any) -> tuple[Any]:
        into_gates, into_output = tf.split(inputs, parts, 1)
        z, r = tf.split(gate(into_gates + tf.matmul(h, weight_gates)), 2, 1)
        o = output(into_output + tf.matmul(r * h, weight_output))
        return ((1.0 - z) * o + z * h,)

    def after(inputs: Any, h: Any) -> tuple[Any]:
        into_gates, into_output = tf.split(inputs, parts, 1)
        past_gates, past_output = tf.matmul(h, weight_gates), tf.matmul(h, weight_output)
        if offsets is not None:
            past_gates, past_output = past_gates + offsets[0], past_output + offsets[1]
        z, r = tf.split(gate(into_gates + past_gates), 2, 1)
        o = output(into_output + r * past_output)
        return ((1.0 - z) * o + z * h,)

    states = (_state(tf, x, initial_h, size),)
    inputs = _projected(tf, x, weight_x, bias)
    sequence, (h,) = _run(tf, after if reset_after else before, inputs, states)
    return sequence, h


def rnn(
    x: Any,
    weight_x: Any,
    weight_h: Any,
    activation: str,
    gate_clip: float,
    bias: Any = None,
    initial_h: Any = None,
) -> tuple[Any, Any]:
    """See the core op `nn.rnn`."""
    import tensorflow as tf

    function = _limited(tf, activation, gate_clip)

    def step(inputs: Any, h: Any) -> tuple[Any]:
        return (function(inputs + tf.matmul(h, weight_h)),)

    states = (_state(tf, x, initial_h, weight_h.shape[0]),)
    sequence, (h,) = _run(tf, step, _projected(tf, x, weight_x, bias), states)
    return sequence, h


def _projected(tf: Any, x: Any, weight: Any, bias: Any) -> Any:
    """x W + b for all steps: one product of two matrices, which is faster than of three axes."""
    (*lead, _), (features, columns) = x.shape, weight.shape
    flat = tf.matmul(tf.reshape(x, (-1, features)), weight)
    if bias is not None:
        flat = tf.nn.bias_add(flat, bias)
    dynamic = tf.shape(x)
    sizes = [dynamic[i] if size is None else size for i, size in enumerate(lead)]
    return tf.reshape(flat, (*sizes, columns))


def _state(tf: Any, x: Any, initial: Any, size: int) -> Any:
    """The state before the first step."""
    if initial is not None:
        return initial
    batch = tf.shape(x)[1] if x.shape[1] is None else x.shape[1]
    return tf.zeros((batch, size), x.dtype)


def _run(tf: Any, step: Step, inputs: Any, states: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The first state after each step, and all states after the last; `inputs` are [T, B, …]."""
    if inputs.shape[0] == 1:
        states = step(inputs[0], *states)
        return states[0][tf.newaxis], states
    steps = tf.shape(inputs)[0]
    shape = states[0].shape
    taken = tf.TensorArray(inputs.dtype, steps, element_shape=inputs.shape[1:]).unstack(inputs)
    made = tf.TensorArray(states[0].dtype, steps, element_shape=shape)

    def loop(stride: int, carried: tuple[Any, ...]) -> tuple[Any, ...]:
        """`stride` steps a turn, as long as there are so many."""

        def turn(t: Any, made: Any, *states: Any) -> tuple[Any, ...]:
            for _ in range(stride):
                states = step(taken.read(t), *states)
                made, t = made.write(t, states[0]), t + 1
            return t, made, *states

        return tf.while_loop(lambda t, *_: t <= steps - stride, turn, carried)

    # What is left after the whole turns goes step by step.
    _, made, *last = loop(1, loop(_STEPS, (tf.constant(0), made, *states)))
    return tf.ensure_shape(made.stack(), (inputs.shape[0], *shape)), tuple(last)


def _limited(tf: Any, text: str, bound: float) -> Callable[[Any], Any]:
    """The activation of an argument that is kept within [-bound, bound], if that is above 0.

    From 50 on, tanh is 1 and the sigmoid of -50 is 2e-22, far below what TensorFlow's own kernels
    err by: there such a limit would change nothing, but take its time in every step.
    """
    function = _activation(tf, text)
    if bound <= 0 or (bound >= 50 and text in ("sigmoid", "tanh")):
        return function
    return lambda z: function(tf.clip_by_value(z, -bound, bound))


def _activation(tf: Any, text: str) -> Callable[[Any], Any]:
    name, *numbers = text.split(",")
    a, b = (*map(float, numbers), 0.0, 0.0)[:2]
    functions: dict[str, Callable[[Any], Any]] = {
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "relu": tf.nn.relu,
        "linear": lambda z: a * z + b,
        "scaled_tanh": lambda z: a * tf.tanh(b * z),
        "hard_sigmoid": lambda z: tf.clip_by_value(a * z + b, 0.0, 1.0),
    }
    return functions[name]
