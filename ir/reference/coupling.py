"""Probabilities of classes from those of pairs of them."""

import numpy as np

from .precision import Array, widen
from .recurrent import sigmoid

LEAST = 1e-7
MOST_ROUNDS = 100
TOLERANCE = 0.005


def classes_of(pairs: int) -> int:
    """How many classes have so many pairs; 0 if no number has."""
    count = round((1 + (1 + 8 * pairs) ** 0.5) / 2)
    return count if count >= 2 and count * (count - 1) // 2 == pairs else 0


def pairwise_coupling(x: Array) -> Array:
    """See the core op `nn.pairwise_coupling`."""
    q = _quadratic(widen(x))
    count = q.shape[1]
    p = np.full(q.shape[:2], 1 / count, q.dtype)
    with np.errstate(all="ignore"):
        for _ in range(max(MOST_ROUNDS, count)):
            qp = np.einsum("nij,nj->ni", q, p)
            pqp = (p * qp).sum(1)
            near = np.abs(qp - pqp[:, None]).max(1) < TOLERANCE / count
            if near.all():
                break
            p = np.where(near[:, None], p, _round(p, q, qp, pqp))
    return p.astype(x.dtype)


def _quadratic(x: Array) -> Array:
    """The matrices Q, [N, K, K], from the pairs' log-odds [N, M]."""
    count = classes_of(x.shape[1])
    first, second = np.triu_indices(count, 1)
    pairs = np.clip(sigmoid(x), x.dtype.type(LEAST), x.dtype.type(1 - LEAST))
    wins = np.zeros((len(x), count, count), x.dtype)
    wins[:, first, second], wins[:, second, first] = pairs, 1 - pairs
    loses = wins.transpose(0, 2, 1)
    found = -loses * wins
    found[:, range(count), range(count)] = (loses**2).sum(2)
    return found


def _round(p: Array, q: Array, qp: Array, pqp: Array) -> Array:
    """p after a step along each class; with p, qp = Q p and pqp = p' Q p change."""
    for t in range(q.shape[1]):
        own = q[:, t, t]
        step = (pqp - qp[:, t]) / own
        scale = 1 + step
        pqp = (pqp + step * (step * own + 2 * qp[:, t])) / scale / scale
        qp = (qp + step[:, None] * q[:, t]) / scale[:, None]
        p = (p + step[:, None] * np.eye(q.shape[1], dtype=q.dtype)[t]) / scale[:, None]
    return p
