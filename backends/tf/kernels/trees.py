"""Ensembles of decision trees: all rows walk all trees at once, a level per step.

Arrays are [trees, rows], so that neighbours read the same part of the tables. Looking numbers up is
what takes the time; `gather_nd` is the faster of TensorFlow's calls for single ones.
"""

from collections.abc import Callable
from typing import Any

from .shape import with_extents

# Turns that are worth compiling for: a second, once, against a tenth of a second each time.
_MANY = 8


def complete_trees(
    x: Any,
    columns: Any,
    thresholds: Any,
    values: Any,
    trees: int,
    depth: int,
    size: int,
    step: int,
    leaves: Any = None,
    segments: Any = None,
    compiled: bool = False,
) -> Any:
    """The sums of the leaves that rows reach in complete trees.

    Args:
        x: [B, C].
        columns: what each node tests, level by level: all trees' first nodes, their second ones.
        thresholds: a node's second child is taken where x is at most this.
        values: [L, W].
        trees: how many there are.
        depth: how many levels they have.
        size: columns of the result.
        step: how many rows are walked at once; 0 for all.
        leaves: the rows of values that the last level's children are; None if they are in order.
        segments: the result's column for each value of each tree, -1 for none; None if they are in
            order.
        compiled: whether XLA compiles the walk of many rows; such a graph only runs where XLA is.
    """
    import tensorflow as tf

    def sums(x: Any) -> Any:
        cell = _cells(tf, x)
        place = _spread(tf, tf.range(trees), x)
        for level in range(depth):
            first, count = trees * ((1 << level) - 1), trees << level
            asked, limits = (table[first : first + count] for table in (columns, thresholds))
            found, limit = cell(_at(tf, asked, place)), _at(tf, limits, place)
            place = 2 * place + tf.cast(found <= limit, tf.int32)
        if leaves is not None:
            place = _at(tf, leaves, place)
        return _sums(tf, values, place, segments, size)

    turns = _compiled_turns if compiled else _in_turns
    return turns(tf, x, step, sums, size)


def linked_trees(
    x: Any,
    columns: Any,
    thresholds: Any,
    children: Any,
    starts: Any,
    values: Any,
    count: int,
    size: int,
    step: int,
    segments: Any = None,
    compiled: bool = False,
) -> Any:
    """The same for trees of any form, whose nodes name their children.

    Args:
        x: [B, C].
        columns: what each node tests; leaves follow the branch nodes.
        thresholds: see above.
        children: of each node, where x is more and where it is at most the threshold; a leaf's are
            the leaf itself.
        starts: the node where each tree begins.
        values: [L, W].
        count: how many branch nodes there are.
        size: see above.
        step: see above.
        segments: see above.
        compiled: see above.
    """
    import tensorflow as tf

    def sums(x: Any) -> Any:
        cell = _cells(tf, x)

        def descend(place: Any) -> tuple[Any]:
            test = cell(_at(tf, columns, place)) <= _at(tf, thresholds, place)
            return (_at(tf, children, 2 * place + tf.cast(test, tf.int32)),)

        start = _spread(tf, starts, x)
        (place,) = tf.while_loop(lambda place: tf.reduce_any(place < count), descend, (start,))
        return _sums(tf, values, place - count, segments, size)

    turns = _compiled_turns if compiled else _in_turns
    return turns(tf, x, step, sums, size)


def _cells(tf: Any, x: Any) -> Callable[[Any], Any]:
    """What finds each row's number in given columns of x, [trees, rows]."""
    flat = tf.reshape(tf.transpose(x), (-1,))
    rows = tf.shape(x)[0]
    lanes = tf.range(rows)
    return lambda columns: _at(tf, flat, columns * rows + lanes)


def _spread(tf: Any, numbers: Any, x: Any) -> Any:
    """The numbers of trees for all rows of x."""
    return tf.tile(numbers[:, tf.newaxis], (1, tf.shape(x)[0]))


def _at(tf: Any, table: Any, place: Any) -> Any:
    """table[place]."""
    return tf.gather_nd(table, place[..., tf.newaxis])


def _sums(tf: Any, values: Any, place: Any, segments: Any, size: int) -> Any:
    """The sums [rows, size] of the rows of values at `place`, [trees, rows]."""
    width = values.shape[1]
    if width == 1:
        found = _at(tf, values[:, 0], place)[..., tf.newaxis]
    else:
        found = tf.gather(values, place)
    if segments is None:
        return tf.reduce_sum(found, 0)
    lines = tf.reshape(tf.transpose(found, (0, 2, 1)), (segments.shape[0], -1))
    return tf.transpose(tf.math.unsorted_segment_sum(lines, segments, size))


def _in_turns(tf: Any, x: Any, step: int, sums: Callable[[Any], Any], size: int) -> Any:
    """`sums` of some rows after the other, so that what is in between stays small."""
    known = x.shape[0]
    if not step or (known is not None and known <= step):
        return sums(x)
    rows = tf.shape(x)[0]
    turns = (rows + step - 1) // step
    made = tf.TensorArray(x.dtype, turns, infer_shape=False, element_shape=(None, size))

    def turn(i: Any, made: Any) -> tuple[Any, Any]:
        return i + 1, made.write(i, sums(x[i * step : (i + 1) * step]))

    _, made = tf.while_loop(lambda i, _: i < turns, turn, (tf.constant(0), made))
    return with_extents(made.concat(), (known, size))


def _compiled_turns(tf: Any, x: Any, step: int, sums: Callable[[Any], Any], size: int) -> Any:
    """The same, compiled once for the rows of a turn, if there are many.

    All turns have as many rows, whatever x has, because XLA compiles for each number again: the
    last one goes over rows of the turn before it once more.
    """
    known, least = x.shape[0], _MANY * step
    if not step or (known is not None and known < least):
        return _in_turns(tf, x, step, sums, size)
    rows = tf.shape(x)[0]
    turns = (rows + step - 1) // step
    walk = tf.function(sums, jit_compile=True, autograph=False)

    def many() -> Any:
        made = tf.TensorArray(x.dtype, turns, element_shape=(step, size))

        def turn(i: Any, made: Any) -> tuple[Any, Any]:
            first = tf.minimum(i * step, rows - step)
            return i + 1, made.write(i, walk(tf.slice(x, (first, 0), (step, x.shape[1]))))

        _, made = tf.while_loop(lambda i, _: i < turns, turn, (tf.constant(0), made))
        found = made.concat()
        whole = (turns - 1) * step
        return tf.concat((found[:whole], found[turns * step - (rows - whole) :]), 0)

    found = tf.cond(rows >= least, many, lambda: _in_turns(tf, x, step, sums, size))
    return with_extents(found, (known, size))
