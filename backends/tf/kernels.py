"""Composite functions that TensorFlow has no single call for; run while the graph is traced.

They are called through the dialect like any function of the library, with keyword arguments named
as there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ...ir.reference.resize import box_shares


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


def top_k(input: Any, k: int, axis: int, ascending: bool) -> tuple[Any, Any]:
    """The k largest or smallest elements along `axis` and where they are, lower ones first."""
    import tensorflow as tf

    axes = [i for i in range(len(input.shape)) if i != axis]
    there, last = [*axes, axis], axis == len(axes)
    x = input if last else tf.transpose(input, there)
    if ascending:
        found = tf.argsort(x, stable=True)[..., :k]
        values = tf.gather(x, found, batch_dims=len(axes))
    else:
        values, found = tf.math.top_k(x, k)
    if last:
        return values, found
    back = [there.index(i) for i in range(len(there))]
    return tf.transpose(values, back), tf.transpose(found, back)


def resample(x: Any, axis: int, count: int, mode: str, coordinates: str) -> Any:
    """One dimension of `image.resize` where only running tells its extent; see `resize.grid`."""
    import tensorflow as tf

    last = tf.shape(x)[axis] - 1
    points = _grid(tf, tf.cast(last + 1, tf.float64), count, coordinates)
    if mode == "nearest":
        shift = 0.0 if coordinates == "default" else 0.5
        at = tf.cast(tf.floor(points + shift), tf.int32)
        return tf.gather(x, tf.minimum(at, last), axis=axis)
    number = tf.float32 if x.dtype == tf.float16 else x.dtype
    *positions, share, _ = _neighbours(tf, points, last, number)
    shape = [-1 if i == axis else 1 for i in range(len(x.shape))]
    below, above = (tf.cast(tf.gather(x, at, axis=axis), number) for at in positions)
    return tf.cast(below + (above - below) * tf.reshape(share, shape), x.dtype)


def _grid(tf: Any, size: Any, count: int, coordinates: str) -> Any:
    i = tf.range(count, dtype=tf.float64)
    match coordinates:
        case "strict_align_corners":
            points = i * (size - 1) / max(count - 1, 1)
        case "align_corners":
            points = i * (size - 1) / (count - 1) if count > 1 else i + (size - 1) / 2
        case "default":
            points = i * size / count
        case "offset_corners":
            points = (i + 0.5) * tf.maximum(size - 1, 1) / count
        case _:  # unalign_corners
            points = (i + 0.5) * size / count - 0.5
    return tf.clip_by_value(points, 0, size - 1)


def crop_resize(
    x: Any,
    boxes: Any,
    size: Sequence[int],
    normalized: bool,
    spatial_scale: float,
    box_mode: str,
    coordinates: str,
    pad_value: float,
    box_indices: Any = None,
) -> Any:
    """See the core op `image.crop_resize`; x is [B, H, W, C] here.

    Not `tf.image.crop_and_resize`, which knows one of the four ways to place samples.
    """
    import tensorflow as tf

    position = tf.float64 if boxes.dtype == tf.float64 else tf.float32
    number = tf.float32 if x.dtype == tf.float16 else x.dtype
    starts, ends = _box_corners(tf.cast(boxes, position), box_mode)
    samples: list[Any] = []
    for axis, count in enumerate(size):
        last = tf.shape(x)[axis + 1] - 1
        unit = tf.cast(last, position) if normalized else tf.ones((), position)
        start, end = (c[:, axis, tf.newaxis] * unit * spatial_scale for c in (starts, ends))
        points = _box_grid(tf, start, end, count, coordinates)
        samples.append(_neighbours(tf, points, last, number))
    (top, bottom, down, rows), (left, right, along, columns) = samples

    def strip(at: Any) -> Any:
        if box_indices is None:
            return tf.cast(tf.gather(x[0], at), number)
        image = tf.broadcast_to(tf.cast(box_indices, tf.int32)[:, tf.newaxis], tf.shape(at))
        return tf.cast(tf.gather_nd(x, tf.stack([image, at], -1)), number)

    upper, lower = strip(top), strip(bottom)
    strips = upper + (lower - upper) * down[:, :, tf.newaxis, tf.newaxis]
    first, second = (tf.gather(strips, at, axis=2, batch_dims=1) for at in (left, right))
    pixels = first + (second - first) * along[:, tf.newaxis, :, tf.newaxis]
    known = rows[:, :, tf.newaxis, tf.newaxis] & columns[:, tf.newaxis, :, tf.newaxis]
    return tf.cast(tf.where(known, pixels, tf.constant(pad_value, number)), x.dtype)


def _box_corners(boxes: Any, box_mode: str) -> tuple[Any, Any]:
    first, second = boxes[:, :2], boxes[:, 2:]
    if box_mode.endswith("width_first"):
        first, second = first[:, ::-1], second[:, ::-1]
    if box_mode.startswith("corners"):
        return first, second
    return first - second / 2, first + second / 2


def _box_grid(tf: Any, start: Any, end: Any, count: int, coordinates: str) -> Any:
    length = tf.abs(end - start)
    span = length
    if coordinates == "default":
        span = length + 1
    elif coordinates == "offset_corners":
        span = tf.maximum(length, 1)
    shares = tf.constant(box_shares(count, coordinates), start.dtype)  # type: ignore[arg-type]
    offsets = tf.minimum(shares * span, length)
    points = tf.where(start <= end, start + offsets, start - offsets)
    return tf.where(tf.math.is_finite(length), points, tf.constant(float("nan"), start.dtype))


def _neighbours(tf: Any, points: Any, last: Any, number: Any) -> tuple[Any, Any, Any, Any]:
    """(position below, position above, the upper one's share, whether a point lies inside)."""
    inside = (points >= 0) & (points <= tf.cast(last, points.dtype))
    points = tf.where(inside, points, tf.zeros_like(points))
    low = tf.cast(tf.floor(points), tf.int32)
    share = tf.cast(points - tf.cast(low, points.dtype), number)
    return low, tf.minimum(low + 1, last), share, inside


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
