"""Recurrent networks as while loops over time."""

from collections.abc import Callable, Sequence
from typing import Any


def lstm(
    x: Any,
    initial_h: Any,
    initial_c: Any,
    weight_x: Any,
    weight_h: Any,
    activations: Sequence[str],
    reverse: bool,
    coupled: bool,
    cell_clip: float,
    bias: Any = None,
    peephole: Any = None,
) -> tuple[Any, Any, Any]:
    """See the core op `nn.lstm`; `weight_x` is [I, 4H] and `weight_h` [H, 4H] here.

    The input's product is taken for all steps at once; a while loop of a fixed graph does the rest.
    """
    import tensorflow as tf

    gate, block, output = (_activation(tf, text) for text in activations)
    projected = tf.tensordot(x, weight_x, 1)
    if bias is not None:
        projected = projected + bias
    peepholes = tf.split(peephole, 3) if peephole is not None else None

    def step(inputs: Any, h: Any, c: Any) -> tuple[Any, Any]:
        z = inputs + tf.matmul(h, weight_h)
        i, f, o, g = tf.split(z, 4, axis=1)
        if peepholes is not None:
            i, f = i + peepholes[0] * c, f + peepholes[1] * c
        i = gate(_limited(tf, i))
        f = 1.0 - i if coupled else gate(_limited(tf, f))
        c = f * c + i * block(_limited(tf, g))
        if cell_clip > 0:
            c = tf.clip_by_value(c, -cell_clip, cell_clip)
        if peepholes is not None:
            o = o + peepholes[2] * c
        return gate(_limited(tf, o)) * output(c), c

    steps = x.shape[0] if x.shape[0] is not None else tf.shape(x)[0]
    if isinstance(steps, int) and steps == 1:
        h, c = step(projected[0], initial_h, initial_c)
        return h[tf.newaxis], h, c
    history = tf.TensorArray(x.dtype, size=steps, element_shape=initial_h.shape)

    def body(t: Any, h: Any, c: Any, history: Any) -> tuple[Any, ...]:
        position = steps - 1 - t if reverse else t
        h, c = step(tf.gather(projected, position), h, c)
        return t + 1, h, c, history.write(position, h)

    _, h, c, history = tf.while_loop(
        lambda t, *_: t < steps, body, (tf.constant(0), initial_h, initial_c, history)
    )
    sequence = history.stack()
    return tf.ensure_shape(sequence, (x.shape[0], *initial_h.shape)), h, c


def _limited(tf: Any, z: Any) -> Any:
    """Core ML limits what goes into a recurrent activation to [-50, 50]."""
    return tf.clip_by_value(z, -50.0, 50.0)


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
