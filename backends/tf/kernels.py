"""Composite functions that TensorFlow has no single call for; run while the graph is traced.

They are called through the dialect like any function of the library, with keyword arguments named
as there.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ir.dialects.core.custom import Parameter, called, definition_of
from ...ir.types import Tensor


def conv_transpose(input: Any, filters: Any, strides: Sequence[int]) -> Any:
    """Transposed convolution of [N, *spatial, C], uncropped, for any batch and spatial size."""
    import tensorflow as tf

    known, dynamic = input.shape, tf.shape(input)
    lead = [known[i] if known[i] is not None else dynamic[i] for i in range(len(known) - 1)]
    sizes = [
        (size - 1) * stride + kernel
        for size, stride, kernel in zip(lead[1:], strides, filters.shape[:-2], strict=True)
    ]
    output_shape: Any = [lead[0], *sizes, filters.shape[-2]]
    return tf.nn.conv_transpose(input, filters, output_shape, strides, "VALID")


def local_response_norm(x: Any, size: int, alpha: float, beta: float, k: float, axis: int) -> Any:
    """x / (k + alpha / size * sum of squares over `size` neighbours along `axis`) ** beta."""
    import tensorflow as tf

    below = size // 2
    paddings = [[0, 0]] * len(x.shape)
    paddings[axis] = [below, size - 1 - below]
    squares = tf.pad(tf.square(x), paddings)
    extent = x.shape[axis]
    parts = [tf.gather(squares, tf.range(i, i + extent), axis=axis) for i in range(size)]
    return x / tf.pow(k + alpha / size * tf.add_n(parts), beta)


def assert_shape(x: Any, allowed: Sequence[Sequence[int]], subject: str, expectation: str) -> Any:
    """See the core op `tensor.assert_shape`; the message is one string, with the shape in it."""
    import tensorflow as tf

    shape = tf.shape(x)
    limits = np.asarray(allowed, np.int32).reshape(len(allowed), -1, 2)
    greatest = np.where(limits[..., 1] < 0, np.iinfo(np.int32).max, limits[..., 1])
    inside = (shape >= limits[..., 0]) & (shape <= greatest)
    text = tf.strings.reduce_join(tf.strings.as_string(shape), separator=", ")
    message = tf.strings.join([f"{subject} has shape [", text, f"], {expectation}"])
    fits = tf.reduce_any(tf.reduce_all(inside, -1))
    with tf.control_dependencies([tf.debugging.Assert(fits, [message])]):
        return tf.identity(x)


def along_axis(indices: Any, axis: int) -> Any:
    """Multi-indices [*shape, rank]: each element's own position, but the index along `axis`."""
    import tensorflow as tf

    shape = tf.shape(indices, out_type=indices.dtype)
    ranges = [tf.range(shape[i]) for i in range(len(indices.shape))]
    grid = tf.meshgrid(*ranges, indexing="ij") if len(ranges) > 1 else ranges
    grid[axis] = indices
    return tf.ensure_shape(tf.stack(grid, -1), (*indices.shape, len(ranges)))


def scatter_nd_mul(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.multiply)


def scatter_nd_div(tensor: Any, indices: Any, updates: Any) -> Any:
    """See `_scatter_in_turn`."""
    import tensorflow as tf

    return _scatter_in_turn(tensor, indices, updates, tf.divide)


def _scatter_in_turn(tensor: Any, indices: Any, updates: Any, combine: Callable[..., Any]) -> Any:
    """Combines slices with updates, one after the other where they have one position.

    The first updates of all positions are taken at once, then the second ones, and so on; what
    has none is combined with 1. Numbers round and overflow as if there were one update at a time.
    """
    import tensorflow as tf

    depth = indices.shape[-1]
    shape = tf.shape(tensor, out_type=indices.dtype)
    positions = tf.reshape(indices, (-1, depth))
    slices = tf.reshape(updates, tf.concat([tf.shape(positions)[:1], tf.shape(tensor)[depth:]], 0))
    strides = tf.math.cumprod(shape[:depth], exclusive=True, reverse=True)
    flat = tf.reduce_sum(positions * strides, -1)
    # The turn of an update: how many earlier ones have its position.
    order = tf.argsort(flat, stable=True)
    ordered = tf.gather(flat, order)
    turns_in_order = tf.range(tf.size(flat)) - tf.searchsorted(ordered, ordered)
    turns = tf.scatter_nd(order[:, tf.newaxis], turns_in_order, tf.shape(flat))
    ones = tf.ones_like(tensor)

    def body(turn: Any, result: Any) -> tuple[Any, Any]:
        now = turns == turn
        factors = tf.tensor_scatter_nd_update(
            ones, tf.boolean_mask(positions, now), tf.boolean_mask(slices, now)
        )
        return turn + 1, combine(result, factors)

    count = tf.reduce_max(tf.concat([[-1], turns], 0)) + 1
    return tf.while_loop(lambda turn, _: turn < count, body, (tf.constant(0), tensor))[1]


def top_k(input: Any, k: Any, axis: int, ascending: bool) -> tuple[Any, Any]:
    """The k largest or smallest elements along `axis` and where they are, lower ones first."""
    import tensorflow as tf

    axes = [i for i in range(len(input.shape)) if i != axis]
    there, last = [*axes, axis], axis == len(axes)
    x = input if last else tf.transpose(input, there)
    if not isinstance(k, int) or x.shape[-1] is None:
        extent = tf.shape(x)[-1]
        k = tf.cast(k, tf.int32)
        k = _required(k, (k >= 1) & (k <= extent), ["takes", k, "of", extent])
    if ascending:
        found = tf.argsort(x, stable=True)[..., :k]
        values = tf.gather(x, found, batch_dims=len(axes))
    else:
        values, found = tf.math.top_k(x, k)
    if last:
        return values, found
    back = [there.index(i) for i in range(len(there))]
    return tf.transpose(values, back), tf.transpose(found, back)


def while_loop(
    loop_vars: Sequence[Any],
    cond: Callable[..., Any],
    body: Callable[..., Any],
    shape_invariants: Sequence[Sequence[int]],
) -> Any:
    """A loop; `cond` gives a tuple of one truth value, extents of -1 may change."""
    import tensorflow as tf

    shapes = [tf.TensorShape([d if d >= 0 else None for d in s]) for s in shape_invariants]
    return tf.while_loop(lambda *values: cond(*values)[0], body, loop_vars, shapes)


def custom_call(
    inputs: Sequence[Any],
    definition: str,
    parameters: Sequence[Sequence[Parameter]],
    weights: int,
    results_are: Sequence[Tensor],
) -> tuple[Any, ...]:
    """What a custom layer's registered function gives, held to the types that were declared."""
    import tensorflow as tf

    function = definition_of(definition).tensorflow
    if function is None:
        raise TypeError("it has no TensorFlow function")
    found = called(function, inputs, weights, parameters)
    if len(found) != len(results_are):
        raise TypeError(f"it gives {len(found)} results, {len(results_are)} were declared")
    made: list[Any] = []
    for value, expected in zip(found, results_are, strict=True):
        shape = [dim if isinstance(dim, int) else None for dim in expected.shape]
        tensor = tf.cast(tf.convert_to_tensor(value), expected.dtype.numpy)
        made.append(tf.ensure_shape(tensor, shape))
    return tuple(made)


def _required(value: Any, condition: Any, message: Sequence[Any]) -> Any:
    """The value; the graph fails where the condition doesn't hold."""
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(condition, message)]):
        return tf.identity(value)


def fresh_key() -> Any:
    """A key of random numbers, u64[1], from TensorFlow's own state: another one in each run."""
    import tensorflow as tf

    most = tf.int64.max
    return tf.cast(tf.random.uniform((1,), maxval=most, dtype=tf.int64), tf.uint64)


def random_categorical(logits: Any, key: Any, size: int) -> Any:
    """See the core op `tensor.random_categorical`: where uniform numbers lie in running sums."""
    import tensorflow as tf

    wide = tf.cast(logits, tf.float64)
    sums = tf.cumsum(tf.exp(wide - tf.reduce_max(wide, -1, keepdims=True)), -1)
    shape = tf.concat([tf.shape(logits)[:-1], [size]], 0)
    counter = tf.zeros(2, tf.uint64)
    uniform = tf.raw_ops.StatelessRandomUniformV2(
        shape=shape, key=key, counter=counter, alg=1, dtype=tf.float64
    )
    found = tf.searchsorted(sums, uniform * sums[..., -1:], side="right")
    return tf.ensure_shape(found, (*logits.shape[:-1], size))


def non_max_suppression(
    boxes: Any,
    scores: Any,
    iou_threshold: Any,
    score_threshold: Any,
    max_boxes: Any,
    per_class: bool,
) -> tuple[Any, Any, Any, Any]:
    """See the core op `image.non_maximum_suppression`; one step of the loop serves all batches."""
    import tensorflow as tf

    most = tf.get_static_value(max_boxes)
    max_boxes = tf.cast(max_boxes, tf.int32)
    max_boxes = _required(max_boxes, max_boxes >= 1, ["gives out", max_boxes, "boxes"])
    lowest = tf.constant(-float("inf"), scores.dtype)
    clean = tf.where(tf.math.is_nan(scores), lowest, scores)
    best = tf.reduce_max(clean, -1)
    order = tf.argsort(best, direction="DESCENDING", stable=True)
    labels = tf.argmax(clean, -1) if per_class else tf.zeros_like(order)
    ranked = _ranked_boxes(tf, boxes, labels, order)
    candidates = tf.gather(best, order, batch_dims=1) >= score_threshold
    positions = tf.range(tf.shape(order)[1])
    # Without a candidate, the best box stays nevertheless.
    kept = (positions == 0) & ~tf.reduce_any(candidates, 1, keepdims=True)

    def body(step: Any, candidates: Any, kept: Any) -> tuple[Any, Any, Any]:
        first = tf.argmax(tf.cast(candidates, tf.int32), 1, tf.int32)[:, tf.newaxis]
        chosen = candidates & (positions == first)
        near = _near(tf, ranked, first, tf.cast(iou_threshold, ranked[0].dtype))
        return step + 1, candidates & ~chosen & ~near, kept | chosen

    _, _, kept = tf.while_loop(
        lambda step, candidates, _: (step < max_boxes) & tf.reduce_any(candidates),
        *(body, (tf.constant(0), candidates, kept)),
    )
    count = tf.reduce_sum(tf.cast(kept, tf.int32), 1)
    places = tf.argsort(tf.cast(~kept, tf.int32), stable=True)
    spare = tf.maximum(max_boxes - tf.shape(order)[1], 0)
    places = tf.pad(places, [[0, 0], [0, spare]])[:, :max_boxes]
    indices = tf.gather(order, places, batch_dims=1)
    there = tf.range(max_boxes) < count[:, tf.newaxis]
    results = [
        tf.where(there[..., tf.newaxis], tf.gather(x, indices, batch_dims=1), tf.zeros((), x.dtype))
        for x in (boxes, scores)
    ]
    results = [tf.ensure_shape(x, (boxes.shape[0], most, x.shape[2])) for x in results]
    indices = tf.ensure_shape(tf.where(there, indices, -1), (boxes.shape[0], most))
    return results[0], results[1], indices, count


def _ranked_boxes(tf: Any, boxes: Any, labels: Any, order: Any) -> tuple[Any, ...]:
    """Left, right, lower and upper ends, widths, heights and labels, [B, N] each, in order."""
    wide = tf.cast(boxes, tf.float32) if boxes.dtype == tf.float16 else boxes
    x, y, width, height = tf.unstack(tf.gather(wide, order, batch_dims=1), axis=-1)
    half = tf.constant(0.5, wide.dtype)
    ends = (x - half * width, x + half * width, y - half * height, y + half * height)
    return (*ends, width, height, tf.gather(labels, order, batch_dims=1))


def _near(tf: Any, ranked: tuple[Any, ...], first: Any, threshold: Any) -> Any:
    """Which boxes overlap more than the threshold with one of their class at the position."""
    left, right, low, high, width, height, label = ranked
    one = [tf.gather(x, first, batch_dims=1) for x in ranked]
    across = tf.minimum(right, one[1]) - tf.maximum(left, one[0])
    along = tf.minimum(high, one[3]) - tf.maximum(low, one[2])
    zero = tf.zeros((), width.dtype)
    common = tf.maximum(across, zero) * tf.maximum(along, zero)
    ratio = common / (width * height + one[4] * one[5] - common)
    whole = (width > zero) & (height > zero) & (one[4] > zero) & (one[5] > zero)
    return (tf.where(whole, ratio, zero) > threshold) & (label == one[6])


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
