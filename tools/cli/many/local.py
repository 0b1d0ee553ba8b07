"""Parts on this machine: each processor takes one, and reads, runs and writes it.

Libraries compute, and decode pictures, without Python's lock, so threads are enough: one computes
while another one reads.
"""

import gc
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from .part import Done, Part
from .worker import Worker

_AHEAD = 2  # parts that wait for each thread


def one_thread_each(workers: int = 1) -> None:
    """Let TensorFlow compute each operation in one thread.

    Workers side by side need less time than threads that share an operation. And how many share one
    changes the last bits of sums: this way, results don't depend on the machine.

    Args:
        workers: how many run at the same time.
    """
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(workers)
    except RuntimeError:
        return  # it computes already, for somebody else in this process


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def done_here(worker: Worker, parts: Iterator[Part]) -> Generator[Done]:
    """What becomes of the parts, in their order; a few of them are in memory at a time.

    Raises:
        CompileError: an entry of a table is at fault.
    """
    threads = processors()
    if (first := next(parts, None)) is None:
        return
    yield worker(first)  # alone: this makes the graph that all others run
    executor, begun = ThreadPoolExecutor(threads), deque[Future[Done]]()
    gc.freeze()  # the model and libraries stay; to look through them takes longer than a part
    try:
        for part in parts:
            begun.append(executor.submit(worker, part))
            if len(begun) >= threads * _AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
        gc.unfreeze()
