"""Aligns sequences: the longest increasing run, and the shortest edit between two sequences."""

from bisect import bisect_left
from collections.abc import Sequence

# Edits after which the search stops with what it has: the cost stays linear for unlike sequences.
_LIMIT = 256


def longest_increasing(numbers: Sequence[int]) -> list[int]:
    """Positions of a longest strictly increasing subsequence, in order."""
    tails: list[int] = []  # the smallest end of a run, by length
    at: list[int] = []
    previous = [-1] * len(numbers)
    for position, number in enumerate(numbers):
        length = bisect_left(tails, number)
        if length == len(tails):
            tails.append(number)
            at.append(position)
        else:
            tails[length] = number
            at[length] = position
        previous[position] = at[length - 1] if length else -1
    found: list[int] = []
    position = at[-1] if at else -1
    while position >= 0:
        found.append(position)
        position = previous[position]
    return found[::-1]


def align(a: Sequence[int], b: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of positions of equal items, in order: a longest common subsequence.

    The greedy algorithm of Myers (1986). Where sequences differ in more than a few hundred places,
    parts are aligned one after the other, and the subsequence may not be the longest.
    """
    pairs: list[tuple[int, int]] = []
    x = y = 0
    while x < len(a) and y < len(b):
        steps, x, y = _path(a, b, x, y)
        pairs += steps
    return pairs


def _path(
    a: Sequence[int], b: Sequence[int], x0: int, y0: int
) -> tuple[list[tuple[int, int]], int, int]:
    """The pairs of the best path that begins here, and where it ends."""
    width, height = len(a) - x0, len(b) - y0
    reach: dict[int, int] = {1: 0}
    trace: list[dict[int, int]] = []
    best = (-1, 0, 0, 0)  # progress, edits, diagonal, x
    for edits in range(min(width + height, _LIMIT) + 1):
        trace.append(dict(reach))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (
                diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1]
            )
            x = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
            y = x - diagonal
            if x > width or y > height:
                reach[diagonal] = x
                continue
            while x < width and y < height and a[x0 + x] == b[y0 + y]:
                x, y = x + 1, y + 1
            reach[diagonal] = x
            best = max(best, (x + y, edits, diagonal, x))
            if x >= width and y >= height:
                return _walk_back(trace, diagonal, x, x0, y0), len(a), len(b)
    _, edits, diagonal, x = best
    pairs = _walk_back(trace[: edits + 1], diagonal, x, x0, y0)
    return pairs, x0 + x, y0 + x - diagonal


def _walk_back(
    trace: list[dict[int, int]], diagonal: int, x: int, x0: int, y0: int
) -> list[tuple[int, int]]:
    """The pairs of a path that ends at x on a diagonal."""
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        reach = trace[edits]
        down = diagonal == -edits or (
            diagonal != edits and reach.get(diagonal - 1, -1) < reach.get(diagonal + 1, -1)
        )
        before = diagonal + 1 if down else diagonal - 1
        start = reach[before] if down else reach[before] + 1
        while x > start:
            x -= 1
            pairs.append((x0 + x, y0 + x - diagonal))
        if edits == 0:
            break
        x, diagonal = reach[before], before
    return pairs[::-1]
