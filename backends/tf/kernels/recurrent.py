"""LSTM, GRU and simple RNN as while loops over time.

The graph is the same for every length of the sequence. Weights are [I, gates * H] and
[H, gates * H] here, and biases are rows of them. `block_lstm` has what is faster for most LSTMs.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .shape import checked

# Steps per iteration of the loop, whose bookkeeping costs as much as the ops of a small network.
_STEPS = 8
# The same for a known length: the first one that leaves no rest, if there is one.
_STRIDES = (8, 9, 7, 10, 6, 11, 5, 12)
# Elements of a recurrent weight per product. Two such products side by side are twice as fast as
# one with a weight of double the size (256 units of an LSTM), which doesn't stay in the cache
# between steps. For smaller weights, a second product costs more than it saves.
_BLOCK = 1 << 17

# Activations that may be infinite.
_UNBOUNDED = ("relu", "linear")

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
    past = product_with(tf, weight_h, x)
    p_i, p_f, p_o = (None,) * 3 if peephole is None else tf.split(peephole, 3)

    def step(inputs: Any, h: Any, c: Any) -> tuple[Any, Any]:
        z, g = tf.split(inputs + past(h), [3 * size, size], 1)
        g = block(g)
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

    x, states = started(tf, x, (initial_h, initial_c), size)
    sequence, (h, c) = looped(tf, step, x, weight_x, bias, states)
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

    bounded = not activations[1].startswith(_UNBOUNDED)

    def combined(h: Any, z: Any, o: Any) -> tuple[Any]:
        # An op less; with an infinite o it would be NaN.
        return (z * (h - o) + o,) if bounded else ((1.0 - z) * o + z * h,)

    def before() -> Step:
        past_gates, past_output = (product_with(tf, w, x) for w in tf.split(weight_h, parts, 1))

        def step(inputs: Any, h: Any) -> tuple[Any]:
            into_gates, into_output = inputs
            z, r = tf.split(gate(into_gates + past_gates(h)), 2, 1)
            return combined(h, z, output(into_output + past_output(r * h)))

        return step

    def after() -> Step:
        past = product_with(tf, weight_h, x)

        def step(inputs: Any, h: Any) -> tuple[Any]:
            into_gates, into_output = inputs
            product = past(h) if bias_h is None else tf.nn.bias_add(past(h), bias_h)
            past_gates, past_output = tf.split(product, parts, 1)
            z, r = tf.split(gate(into_gates + past_gates), 2, 1)
            return combined(h, z, output(into_output + r * past_output))

        return step

    x, states = started(tf, x, (initial_h,), size)
    step = after() if reset_after else before()
    sequence, (h,) = looped(tf, step, x, weight_x, bias, states, parts)
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
    past = product_with(tf, weight_h, x)

    def step(inputs: Any, h: Any) -> tuple[Any]:
        return (function(inputs + past(h)),)

    x, states = started(tf, x, (initial_h,), weight_h.shape[0])
    sequence, (h,) = looped(tf, step, x, weight_x, bias, states)
    return sequence, h


def product_with(tf: Any, weight: Any, x: Any) -> Callable[[Any], Any]:
    """A function that multiplies a state by a weight [H, columns], in blocks if it is large.

    Making blocks takes the time of a few products: too long for one step.
    """
    rows, columns = weight.shape
    count = rows * columns // _BLOCK
    if count < 2 or x.shape[0] == 1:
        return lambda h: tf.matmul(h, weight)
    width = -(-columns // count)
    blocks = tf.split(weight, [min(width, columns - i) for i in range(0, columns, width)], 1)
    return lambda h: tf.concat([tf.matmul(h, block) for block in blocks], 1)


def started(tf: Any, x: Any, states: Sequence[Any], size: int) -> tuple[Any, tuple[Any, ...]]:
    """x and the initial states, all with the batch size that is known for any of them."""
    given = [state for state in states if state is not None]
    known = {x.shape[1], *(state.shape[0] for state in given)} - {None}
    batch = known.pop() if known else None
    x = checked(x, (None, batch, None))
    zeros = tf.zeros((tf.shape(x)[1] if batch is None else batch, size), x.dtype)
    return x, tuple(zeros if s is None else checked(s, (batch, size)) for s in states)


def looped(
    tf: Any,
    step: Step,
    x: Any,
    weight: Any,
    bias: Any,
    states: tuple[Any, ...],
    widths: Sequence[int] = (),
) -> tuple[Any, tuple[Any, ...]]:
    """The first state after each step, and all states after the last.

    W x + b of all steps is one product, before the loop. A loop reads once and writes once a turn,
    into a list of its own, and no part that it runs through is empty: other programs (XLA,
    OpenVINO, tf2onnx) can't take loops of another form.

    Args:
        tf: TensorFlow.
        step: computes new states from W x + b of one step, and the states.
        x: [T, B, I].
        weight: W.
        bias: b, or None.
        states: the initial states.
        widths: of the parts that a step takes W x + b in, taken apart for several steps at once; by
            default, it takes all as one.
    """
    time, batch = x.shape[0], x.shape[1]
    shape = states[0].shape
    if batch is None:
        batch = tf.shape(x)[1]
    projected = tf.matmul(tf.reshape(x, (-1, x.shape[2])), weight)
    if bias is not None:
        projected = tf.nn.bias_add(projected, bias)
    if time is None:
        made, states = _open_length(tf, step, projected, tf.shape(x)[0], batch, states, widths)
    else:
        made, states = _known_length(tf, step, projected, time, batch, states, widths)
    return checked(made, (time, *shape)), states


def _known_length(
    tf: Any, step: Step, projected: Any, time: int, batch: Any, states: Any, widths: Sequence[int]
) -> tuple[Any, Any]:
    """One loop, followed by its unrolled rest."""
    if not time:
        return tf.zeros((0, batch, states[0].shape[1]), projected.dtype), states
    stride = next((n for n in _STRIDES if time % n == 0), _STEPS)
    turns = time // stride
    whole, made = turns * stride, []
    if turns > 1:
        rows = projected[: whole * batch]
        looping, states = _loop(tf, step, rows, turns, stride, turns, batch, states, widths)
        made.append(looping)
    else:
        whole = 0
    if whole < time:
        rest = []
        for inputs in _steps(tf, projected[whole * batch :], time - whole, widths):
            states = step(inputs, *states)
            rest.append(states[0])
        made.append(tf.stack(rest))
    return (made[0] if len(made) == 1 else tf.concat(made, 0)), states


def _open_length(
    tf: Any, step: Step, projected: Any, time: Any, batch: Any, states: Any, widths: Sequence[int]
) -> tuple[Any, Any]:
    """Two loops: iterations of several steps, then the rest, one step per iteration.

    Both loop over rows with at least one row of padding, which they don't reach.
    """
    turns = time // _STEPS
    whole = turns * _STEPS
    padding = (whole + _STEPS - time) * batch
    rows = tf.pad(projected, ((0, padding), (0, 0)))
    made, states = _loop(tf, step, rows, turns + 1, _STEPS, turns, batch, states, widths)
    rest = rows[whole * batch :]
    last, states = _loop(tf, step, rest, _STEPS, 1, time - whole, batch, states, widths)
    return tf.concat((made[:whole], last[: time - whole]), 0), states


def _steps(tf: Any, rows: Any, count: int, widths: Sequence[int]) -> Iterable[Any]:
    """The rows of each of some steps; in parts, if there are several."""
    if len(widths) < 2:
        return tf.split(rows, count)
    return zip(*(tf.split(part, count) for part in tf.split(rows, widths, 1)), strict=True)


def _loop(
    tf: Any,
    step: Step,
    rows: Any,
    count: Any,
    stride: int,
    turns: Any,
    batch: Any,
    states: Any,
    widths: Sequence[int],
) -> tuple[Any, Any]:
    """`turns` iterations of `stride` steps over `rows`, which are enough for `count` iterations.

    Returns:
        the first state after each step [count * stride, B, H], zeros where there was no iteration;
        and all states after the last.
    """
    size = states[0].shape[1]
    given = tf.reshape(rows, (count, stride * batch, rows.shape[1]))
    taken = tf.TensorArray(rows.dtype, count, element_shape=given.shape[1:]).unstack(given)
    element = (stride, states[0].shape[0], size)
    made = tf.TensorArray(rows.dtype, count, element_shape=element)
    if element[1] is None:  # a list that nothing was written to has no batch
        made = made.unstack(tf.zeros((count, stride, batch, size), rows.dtype))

    def turn(t: Any, made: Any, *states: Any) -> tuple[Any, ...]:
        after = []
        for inputs in _steps(tf, taken.read(t), stride, widths):
            states = step(inputs, *states)
            after.append(states[0])
        return t + 1, made.write(t, tf.stack(after)), *states

    _, made, *last = tf.while_loop(lambda t, *_: t < turns, turn, (tf.constant(0), made, *states))
    # OpenVINO's list is as long as there were iterations: how many rows that is follows from it.
    length = count * stride if isinstance(turns, int) else -1
    return tf.reshape(made.stack(), (length, batch, size)), tuple(last)


def _limited(tf: Any, text: str, bound: float) -> Callable[[Any], Any]:
    """The activation of an argument limited to [-bound, bound], if bound is above 0.

    From 50 on, tanh is 1 and the sigmoid of -50 is 2e-22, far below the error of TensorFlow's own
    kernels: such a limit would change nothing, but take time in every step.
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
