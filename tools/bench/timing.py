"""Times two functions side by side: machines are noisy, ratios are less so."""

import statistics
import time
from typing import Any

_WARM_UP = 5


def interleaved(a: Any, b: Any, runs: int) -> tuple[float, float]:
    """Median seconds of both, alternating."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + _WARM_UP):
        for function, found in zip((a, b), times, strict=True):
            started = time.perf_counter()
            function()
            if run >= _WARM_UP:
                found.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])
