"""Workers that answer, fail, die and hang; none of it ends the run."""

import os
import time

import pytest
from pool import Accident, Job, PoolError, run


def nothing() -> None:
    pass


def refuse() -> None:
    raise RuntimeError("no such library")


def act(task: str) -> str:
    if task == "die":
        os._exit(7)
    if task == "hang":
        time.sleep(60)
    return task.upper()


@pytest.mark.slow
def test_accidents_end_only_their_own_task():
    tasks = ["a", "die", "b", "hang", "c"]
    results = dict(run(Job(nothing, act, seconds=2.0), tasks, 2))
    assert results.keys() == set(tasks)
    assert [results[task] for task in "abc"] == ["A", "B", "C"]
    assert results["die"] == Accident("the process died, exit status 7")
    assert results["hang"] == Accident("no answer within 2 s")


@pytest.mark.slow
def test_workers_are_replaced_after_their_share():
    job = Job(nothing, act, tasks_per_worker=2)
    assert sorted(result for _, result in run(job, ["a", "b", "c"], 1)) == ["A", "B", "C"]


def test_no_tasks():
    assert list(run(Job(nothing, act), [], 2)) == []


@pytest.mark.slow
def test_workers_that_cannot_start():
    with pytest.raises(PoolError, match="no such library"):
        list(run(Job(refuse, act), ["a"], 1))
