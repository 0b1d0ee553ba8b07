"""Plays one case through the public API. Runs inside a worker, never in the process that reports.

Owns the meaning of the statuses: what an exception of the compiler stands for, and which stage an
unexpected one came from.
"""

from __future__ import annotations

import os
import tempfile
import time
import traceback
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from case import Case, Entry, InvalidCaseError, Predict, ReadState, extract_model, load_case
from compare import Comparison, Verdict, disagrees, overall


class Status(StrEnum):
    """What became of a case."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNSUPPORTED = "unsupported"  # the compiler says which layers it does not know
    ERROR = "error"  # an exception that is not a CompileError, a crash or a hang: our bug
    INVALID = "invalid"  # the compiler calls the model malformed, or the archive is not a case


@dataclass(frozen=True)
class Outcome:
    """The result of one case."""

    caseid: str
    status: Status
    strict: bool = False
    reason: str = ""
    unsupported: tuple[str, ...] = ()
    seconds: float = 0.0


def prepare(weights: str = "expanded") -> None:
    """Import what every case needs, once per worker. The process is held to one thread.

    Args:
        weights: how models are compiled; "compressed": weights of any size stay so, as recorded
            cases have small ones.
    """
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    import cmlc

    _ = cmlc.compile, cmlc.CompileError  # a lazy package fails here, not in the first case
    if weights == "compressed":
        from cmlc.ir.weights import resources

        resources.LEAST_SIZE = 0


def play(entry: Entry, choices: Mapping[str, str] | None = None) -> Outcome:
    """Replay one case; whatever goes wrong becomes an outcome."""
    import cmlc

    started = time.perf_counter()
    try:
        verdict = replay(entry, choices or {})
        status = Status.AGREE if verdict.agrees else Status.DISAGREE
        outcome = Outcome(entry.caseid, status, verdict.strict, verdict.reason)
    except (InvalidCaseError, zipfile.BadZipFile, FileNotFoundError) as reason:
        if isinstance(reason, FileNotFoundError) and Path(entry.path).exists():
            outcome = Outcome(entry.caseid, Status.ERROR, reason=last_frame(reason))
        else:
            outcome = Outcome(entry.caseid, Status.INVALID, reason=str(reason))
    except cmlc.CompileError as refusal:
        outcome = refused(entry.caseid, refusal)
    except Exception as bug:
        outcome = Outcome(entry.caseid, Status.ERROR, reason=last_frame(bug))
    return Outcome(**{**vars(outcome), "seconds": time.perf_counter() - started})


def replay(entry: Entry, choices: Mapping[str, str]) -> Verdict:
    """Compile the model and play the steps in order, on one state if it has any."""
    import cmlc

    with zipfile.ZipFile(entry.path) as archive, tempfile.TemporaryDirectory() as folder:
        case = load_case(archive)
        path = extract_model(archive, Path(folder))
        chosen = dict(choices) | ({"function": case.function} if case.function else {})
        model = cmlc.compile(os.fspath(path), **chosen)
        return play_steps(case, model)


def play_steps(case: Case, model: Any) -> Verdict:
    """All steps; the first that disagrees ends the case, as later ones build upon it."""
    comparison = Comparison(case.tolerance, case.shapes_only, case.relaxed_shape)
    state = model.make_state() if case.stateful else None
    verdicts: list[Verdict] = []
    for index, step in enumerate(case.steps):
        match step:
            case Predict(inputs, expected):
                got = model.predict(inputs) if state is None else model.predict(inputs, state)
                verdict = comparison.outputs(got, expected)
            case ReadState(name, expected):
                verdict = comparison.output(name, state.read_state(name), expected)
            case _:
                state.write_state(step.name, step.value)
                continue
        if not verdict.agrees:
            place = f"step {index}: " if len(case.steps) > 1 else ""
            return disagrees(place + verdict.reason)
        verdicts.append(verdict)
    return overall(verdicts)


def refused(caseid: str, refusal: Any) -> Outcome:
    """The compiler said no: unsupported layers if it names any, else a malformed model."""
    diagnostics = list(refusal.diagnostics)
    missing = [item for item in diagnostics if getattr(item, "kind", "") == "unsupported"]
    messages = [str(item.message) for item in missing or diagnostics] or [str(refusal)]
    subjects = tuple(dict.fromkeys(str(getattr(item, "subject", "?")) for item in missing))
    status = Status.UNSUPPORTED if missing else Status.INVALID
    return Outcome(caseid, status, reason="; ".join(messages), unsupported=subjects)


def last_frame(bug: BaseException) -> str:
    """Type, first line of the message, and the innermost frame: enough to group failures by."""
    frames = traceback.extract_tb(bug.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    message = (str(bug).strip().splitlines() or [""])[0]
    place = f" ({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else ""
    return f"{type(bug).__name__}: {message[:300]}{place}"
