"""The options of `cmlc-run` for many inputs, and what it prints of them."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....ir.diagnostics import CompileError, usage_error
from .. import console, printing
from ..given import options_of

if TYPE_CHECKING:
    from ....compiler.options import Options
    from ....compiler.runtime import CompiledModel
    from .run import Predicted

TABLES = (".csv", ".tsv", ".parquet")
LIST = ".txt"  # of paths
RESULTS = (*TABLES, ".jsonl")
ENGINES = ("local", "ray")


def add_options(add: Any) -> None:
    """Options that mean nothing for a single input."""
    help_ = "of many inputs: forget what a run that was stopped has done"
    add("--restart", action="store_true", help=help_)
    help_ = "of many inputs: those that can't be read become rows with an error"
    add("--skip-unreadable", action="store_true", help=help_)
    help_ = (
        "of many inputs: on this machine (local, the default), or by the workers of a Ray cluster"
    )
    add("--engine", choices=ENGINES, default=ENGINES[0], help=help_)
    help_ = "how many workers; by default one for each processor of the cluster"
    add("--workers", type=int, metavar="N", help=help_)


def is_source(text: str) -> bool:
    """Whether an input is many: a table, a folder, or a list of files."""
    return _path_in(text)[1] is not None


def _path_in(text: str) -> tuple[str, Path | None]:
    """(the input that is named, the path of many inputs); None if it is one value."""
    for name, rest in (("", text), (text.partition("=")[0], text.partition("=")[2])):
        is_file = Path(rest).suffix in (*TABLES, LIST) and os.path.isfile(rest)
        if os.path.isdir(rest) or is_file:  # unlike those of Path, they take text of any length
            return name, Path(rest)
    if "=" not in text and Path(text).suffix in TABLES:
        return "", Path(text)  # what isn't there is named
    return "", None


def source_of(given: argparse.Namespace) -> Path | None:
    """Where many inputs come from, if they are meant.

    A list of files is one only if the results are to be a table: it may be the text of an input.
    Results of a folder may also be a folder.

    Raises:
        CompileError: of kind "usage": something else is given besides, or the results aren't to be
            a table.
    """
    paths = [path for path in (_path_in(text)[1] for text in given.input) if path is not None]
    is_table = given.output is not None and given.output.suffix in RESULTS
    is_folder = given.output is not None and given.output.suffix == ""
    if not is_table:
        paths = [path for path in paths if path.suffix != LIST]
    if not paths:
        if is_table:
            remedy = "give a table, a folder, or a .txt file that lists files"
            raise usage_error(f"-o {given.output} is a table, but the inputs are not", remedy)
        _refuse_options(given)
        return None
    if len(given.input) > 1 or given.random is not None:
        what = "a table" if paths[0].suffix in TABLES else "a folder or a list of files"
        raise usage_error(f"{what} holds all inputs", "leave --random and other inputs out")
    if not is_table and not (is_folder and paths[0].suffix not in TABLES):
        named = f"{', '.join(RESULTS[:-1])} or {RESULTS[-1]}"
        raise usage_error("results of many inputs are a table", f"write -o NAME, with {named}")
    if given.engine == ENGINES[0] and given.workers is not None:
        raise usage_error("--workers is for --engine=ray", "this machine's processors are all used")
    if given.workers is not None and given.workers < 1:
        raise usage_error(f"--workers is {given.workers}, expected 1 or more")
    return paths[0]


def _refuse_options(given: argparse.Namespace) -> None:
    """Refuse what means nothing for a single input.

    Raises:
        CompileError: of kind "usage".
    """
    rows = {
        "--restart": given.restart,
        "--skip-unreadable": given.skip_unreadable,
        "--engine": given.engine != ENGINES[0],
        "--workers": given.workers is not None,
    }
    if asked := [name for name, is_asked in rows.items() if is_asked]:
        raise usage_error(f"{asked[0]} is for many inputs", "give a table or a folder")


def run(given: argparse.Namespace, source: Path) -> int:
    """The command for many inputs."""
    from .journal import SUFFIX
    from .local import one_thread_each, processors
    from .run import here, predict_many, ray_engine
    from .worker import Job

    with console.progress(enabled=not given.json) as started:
        model, options = _model(given, started)
        if not given.interpret:
            _ = model.lowered
    job = Job(
        model=given.model,
        options=options,
        interpret=given.interpret,
        plugins=tuple(given.plugin),
        source=source,
        columns=(),
        of_files=False,
        name=_path_in(given.input[0])[0],
        target=given.output,
        skip=given.skip_unreadable,
        folder=Path.cwd(),
    )
    if given.engine == ENGINES[0] and not given.interpret:
        console.start_library(model.stages.target.library)
        if job.by_tensorflow:
            one_thread_each(processors())
    engine = here if given.engine == ENGINES[0] else ray_engine(given.workers or 0)
    what = "rows" if source.suffix in TABLES else "files"
    try:
        with console.bar(what, enabled=not given.json) as progress:
            done = predict_many(job, model, engine, progress, restart=given.restart)
    except KeyboardInterrupt:
        partial = given.output.with_name(given.output.name + SUFFIX)
        if partial.exists():
            printing.note(f"stopped; the same command goes on from '{partial}'")
        raise
    _tell(given, source, done)
    return 0


def _model(given: argparse.Namespace, started: Any) -> "tuple[CompiledModel, Options]":
    """The model with a batch if it can have one, and how it was compiled."""
    from ....compiler.entries import in_batches
    from ..model import model_of

    def made(options: "Options") -> "CompiledModel":
        return model_of(given.model, options, interpret=given.interpret, started=started)

    options = options_of(given)
    model = made(options)  # only read, until it is clear how it is compiled
    if options.batch != "auto" or in_batches(model.stages.batched.main):
        return model, options
    opened = replace(options, batch="dynamic")
    try:
        found = made(opened)
        if in_batches(found.stages.batched.main):
            return found, opened
        reason = "not all of its inputs and outputs can have a batch"
    except CompileError as error:
        reason = error.diagnostics[0].message
    printing.note(f"the model runs one entry at a time: {reason}")
    return model, options


def _tell(given: argparse.Namespace, source: Path, done: "Predicted") -> None:
    """What was done, for people or as JSON."""
    from ....compiler.columns import names_text

    if given.json:
        facts = {"rows": done.rows, "seconds": done.seconds, "rows_per_second": done.rate}
        names = {"columns": list(done.columns), "unused_columns": list(done.unused)}
        failed = [{"place": one.place, "error": one.reason} for one in done.failures]
        more = {"resumed_rows": done.resumed, "failed": failed, "other_files": done.unread}
        printing.print_json({"ok": True, "output": str(given.output), **facts, **names, **more})
        return
    if done.unused:
        printing.note(f"{source}: the model doesn't take {names_text(done.unused)}")
    if done.unread:
        files = printing.plural(done.unread, "other file")
        printing.note(f"{source}: {files} left out")
    if done.resumed:
        rows = printing.plural(done.resumed, "row")
        printing.note(f"went on after {rows} of the run before")
    if done.failures:
        rows = printing.plural(len(done.failures), "row")
        printing.note(f"{rows} without results: the column 'error' says why")
    rows, columns = printing.plural(done.rows, "row"), printing.plural(len(done.columns), "column")
    print(f"{given.output}: {rows}, {columns}, {done.seconds:.2f} s, {done.rate:,.0f} rows/s")
