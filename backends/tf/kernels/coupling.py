"""Probabilities of classes from those of pairs of them."""

from typing import Any

import numpy as np

from ....ir.reference.coupling import LEAST, MOST_ROUNDS, TOLERANCE, classes_of


def pairwise_coupling(x: Any) -> Any:
    """See the core op `nn.pairwise_coupling`; a row that has ended stays as it is."""
    import tensorflow as tf

    count = classes_of(x.shape[1])
    q = _quadratic(tf, tf.cast(x, tf.float32) if x.dtype == tf.float16 else x, count)
    start = tf.zeros_like(q[:, 0]) + 1 / count
    limit = tf.constant(TOLERANCE / count, q.dtype)

    def body(turn: Any, p: Any, _: Any) -> tuple[Any, Any, Any]:
        qp = tf.linalg.matvec(q, p)
        pqp = tf.reduce_sum(p * qp, 1, keepdims=True)
        near = tf.reduce_max(tf.abs(qp - pqp), 1, keepdims=True) < limit
        return turn + 1, tf.where(near, p, _round(tf, q, p, qp, pqp)), near

    _, found, _ = tf.while_loop(
        lambda turn, _, near: (turn < max(MOST_ROUNDS, count)) & ~tf.reduce_all(near),
        *(body, (tf.constant(0), start, tf.zeros_like(start[:, :1], tf.bool))),
    )
    return tf.cast(found, x.dtype)


def _quadratic(tf: Any, x: Any, count: int) -> Any:
    """The matrices Q, [N, K, K]."""
    least = tf.constant(LEAST, x.dtype)
    pairs = tf.clip_by_value(tf.sigmoid(x), least, 1 - least)
    first, second = np.triu_indices(count, 1)
    place = np.zeros((count, count), np.int32)
    place[first, second], place[second, first] = range(len(first)), range(len(first))
    own = tf.constant(np.eye(count), x.dtype)
    above = tf.constant(np.triu(np.ones((count, count)), 1), x.dtype)
    spread = tf.reshape(tf.gather(pairs, place.ravel(), axis=1), (-1, count, count))
    wins = (spread * above + (1 - spread) * (1 - above)) * (1 - own)
    loses = tf.transpose(wins, (0, 2, 1))
    return own * tf.reduce_sum(tf.square(loses), 2, keepdims=True) - loses * wins


def _round(tf: Any, q: Any, p: Any, qp: Any, pqp: Any) -> Any:
    """p after a step along each class."""
    count = q.shape[1]
    units = tf.constant(np.eye(count), q.dtype)

    def body(t: Any, p: Any, qp: Any, pqp: Any) -> tuple[Any, ...]:
        row, unit = tf.gather(q, t, axis=1), tf.gather(units, t)
        own = tf.reduce_sum(row * unit, 1, keepdims=True)
        at = tf.reduce_sum(qp * unit, 1, keepdims=True)
        step = (pqp - at) / own
        scale = 1 + step
        pqp = (pqp + step * (step * own + 2 * at)) / scale / scale
        return t + 1, (p + step * unit) / scale, (qp + step * row) / scale, pqp

    return tf.while_loop(lambda t, *_: t < count, body, (tf.constant(0), p, qp, pqp))[1]
