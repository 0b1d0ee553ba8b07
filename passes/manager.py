"""Passes, pipelines and their instrumentation.

A pass is a frozen dataclass: its fields are its options, `apply` changes the module in place and
says whether it did. A pipeline is text, `canonicalize, layout{to=channels_last}, (cse, dce)*`; the
star repeats a group until nothing changes.
"""

import importlib
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from ..ir.diagnostics import CompileError, Diagnostic, usage_error
from ..ir.rewrite import clone_module
from ..ir.ssa import Module
from ..ir.text.printer import PrintOptions, print_module
from ..ir.verify import Legal, verify
from ..ir.weights.resources import MissingResourceError
from .contracts import check_ensured, check_required
from .known import KNOWN, plugin_options
from .measure import PassRun, PatternCount, Step, counted, ops_by_kind
from .options import (
    BRACES,
    near,
    option_text,
    options_of,
    parse_options,
)
from .patterns import GreedyDriver, Pattern, RewriteLimit, Trace
from .reproducer import blamed, write_reproducer


@dataclass
class Instrumentation:
    """What to do around passes.

    Attributes:
        verify_each: verify after every pass.
        print_after: names of passes to print the IR after; "all", or "changed" for those that
            changed something.
        emit: receives (pass name, IR text) of these prints.
        print_options: what the prints show.
        trace: receives rewrites and declined rewrites.
        limit: ends pattern passes early; what they ensure is not checked then.
        reproducers: the folder to write a module to when a pass fails on it; None for none.
        runs: the runs of passes, in order.
        patterns: counts of what patterns do in the running pass, by name; None to count nothing.
        progress: called with the pass's name before it runs.
    """

    verify_each: bool = False
    print_after: frozenset[str] = frozenset()
    emit: Callable[[str, str], None] | None = None
    print_options: PrintOptions | None = None
    trace: Trace | None = None
    limit: RewriteLimit | None = None
    reproducers: Path | None = None
    runs: list[PassRun] = field(default_factory=list[PassRun])
    patterns: dict[str, PatternCount] | None = None
    progress: Callable[[str], None] | None = None


class Pass:
    """Base of all passes.

    Class attributes:
        name: verb-object in kebab-case; its name in pipelines.
        is_required: whether a module can't be run or written without what the pass does; a
            bisection runs it in any case.
    """

    name: ClassVar[str] = ""
    is_required: ClassVar[bool] = False

    @property
    def requires(self) -> Legal | None:
        """What the module must satisfy before the pass; may depend on options."""
        return None

    @property
    def ensures(self) -> Legal | None:
        """What the module satisfies after the pass; may depend on options."""
        return None

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        """Change the module in place; True if anything changed."""
        raise NotImplementedError

    @property
    def spec(self) -> str:
        """The pass and its non-default options, as pipelines spell them."""
        given = ((option, getattr(self, option.name)) for option in options_of(type(self)))
        shown = [f"{o.name}={option_text(value)}" for o, value in given if value != o.default]
        return f"{self.name}{{{' '.join(shown)}}}" if shown else self.name


class PatternPass(Pass):
    """A pass that applies patterns greedily."""

    patterns: ClassVar[tuple[Pattern, ...]] = ()

    def rules(self) -> tuple[Pattern, ...]:
        """The patterns; a pass whose patterns depend on its options makes them here."""
        return self.patterns

    def apply(self, module: Module, instrumentation: Instrumentation) -> bool:
        rules, counts = self.rules(), instrumentation.patterns
        if not isinstance(cast(object, rules), tuple | list):
            raise TypeError("the patterns of a pass are a tuple; write (my_pattern,)")
        if counts is not None:
            rules = tuple(counted(rule, counts) for rule in rules)
        return GreedyDriver(rules, instrumentation.trace, instrumentation.limit).run(module)


@dataclass(frozen=True)
class Repeat:
    """A group of a pipeline that runs until nothing changes."""

    body: "Pipeline"
    limit: ClassVar[int] = 20


@dataclass(frozen=True)
class Pipeline:
    """A sequence of passes and repeated groups."""

    stages: tuple[Pass | Repeat, ...] = ()

    def __iter__(self) -> Iterator[Pass]:
        for stage in self.stages:
            if isinstance(stage, Repeat):
                yield from stage.body
            else:
                yield stage

    @property
    def spec(self) -> str:
        """The text that parses to this pipeline."""
        return ", ".join(
            f"({stage.body.spec})*" if isinstance(stage, Repeat) else stage.spec
            for stage in self.stages
        )

    def run(self, module: Module, instrumentation: Instrumentation | None = None) -> bool:
        """Run all passes; True if anything changed.

        Raises:
            CompileError: the module breaks a pass's contract, or a pass fails (then a reproducer is
                written, if asked for).
        """
        instrumentation = instrumentation or Instrumentation()
        folder = instrumentation.reproducers
        if folder is None:
            return _Runner(module, instrumentation).run(self)
        original, runner = clone_module(module), _Runner(module, instrumentation)
        try:
            return runner.run(self)
        except CompileError as error:
            if _is_refusal(error):
                raise
            path = _reproduced(original, self, runner.started, folder)
            if path is None:
                raise
            raise blamed(error, path) from error.__cause__

    def steps(self, module: Module) -> Iterator[tuple[Pass, bool]]:
        """Run the passes one by one; yields each after it ran, and whether it changed anything.

        Raises:
            CompileError: as `run` does, without a reproducer.
        """
        return _Runner(module, Instrumentation()).steps(self)


class _Runner:
    """Runs one pipeline on one module."""

    def __init__(self, module: Module, watch: Instrumentation) -> None:
        self.module = module
        self.watch = watch
        self.started = 0
        self.ops = ops_by_kind(module)

    def run(self, pipeline: Pipeline) -> bool:
        """Run all passes; True if anything changed."""
        return sum(changed for _, changed in self.steps(pipeline)) > 0

    def steps(self, pipeline: Pipeline, path: tuple[Step, ...] = ()) -> Iterator[tuple[Pass, bool]]:
        """Run the passes one by one; yields each after it ran, and whether it changed anything."""
        for position, stage in enumerate(pipeline.stages):
            if isinstance(stage, Pass):
                yield stage, self._pass(stage, (*path, Step(position, stage.spec)))
                continue
            text = f"({stage.body.spec})*"
            for count in range(1, Repeat.limit + 1):
                changed = False
                for item, did in self.steps(stage.body, (*path, Step(position, text, count))):
                    changed |= did
                    yield item, did
                if not changed:
                    break
            else:
                raise CompileError(
                    Diagnostic(f"{text} never stops changing the module", "internal")
                )

    def _pass(self, item: Pass, path: tuple[Step, ...]) -> bool:
        self.started += 1
        if self.watch.progress is not None:
            self.watch.progress(item.name)
        begun, before = time.perf_counter(), self.ops
        changed = _run_pass(item, self.module, self.watch)
        seconds = time.perf_counter() - begun
        self.ops = ops_by_kind(self.module)
        counts = self.watch.patterns
        patterns = dict(counts or {})
        if counts is not None:
            counts.clear()
        run = PassRun(item.name, path, seconds, changed, before, self.ops, patterns)
        self.watch.runs.append(run)
        wanted = self.watch.print_after
        if self.watch.emit is not None and (
            item.name in wanted or "all" in wanted or ("changed" in wanted and changed)
        ):
            self.watch.emit(item.name, print_module(self.module, self.watch.print_options))
        return changed


def _run_pass(item: Pass, module: Module, instrumentation: Instrumentation) -> bool:
    check_required(item.name, item.requires, module)
    try:
        changed = item.apply(module, instrumentation)
        if instrumentation.limit is None:
            check_ensured(item.name, item.ensures, module)
        if instrumentation.verify_each:
            verify(module)
    except Exception as error:
        if _is_refusal(error):
            raise
        raise _failure(item, error) from error
    return changed


def _is_refusal(error: Exception) -> bool:
    """Whether a pass refuses an impossible or senseless request, which is not a failure."""
    return isinstance(error, CompileError) and all(
        problem.kind in ("unsupported", "usage") for problem in error.diagnostics
    )


def _failure(item: Pass, error: Exception) -> CompileError:
    problems = error.diagnostics if isinstance(error, CompileError) else ()
    notes = () if problems else (f"{type(error).__name__}: {error}",)
    message = f"pass '{item.name}' failed"
    remedy = "please report this"
    first = Diagnostic(message, "internal", subject=item.name, notes=notes, remedy=remedy)
    return CompileError((first, *problems))


def _reproduced(original: Module, pipeline: Pipeline, failed: int, folder: Path) -> Path | None:
    """Write the input of the pass that ran as number `failed` (from 1), with the command to run.

    The passes before it run again: keeping a copy before every pass would cost more. Returns the
    file, or None if it could not be written.
    """
    names, written = list[str](), list[Path]()

    def write_before_failure(name: str) -> None:
        names.append(name)
        if len(names) == failed:
            spec = next((item.spec for item in pipeline if item.name == name), name)
            passes = shlex.quote(spec) if "'" in spec else f"'{spec}'"
            command = f"cmlc-opt {{}}{plugin_options([name])} --passes={passes}"
            written.append(write_reproducer(original, folder, name, command))

    with suppress(CompileError, MissingResourceError, OSError):  # report the first error
        pipeline.run(original, Instrumentation(progress=write_before_failure))
    return written[0] if written else None


# -- pipeline text -------------------------------------------------------------------------------

# Anything that resembles a name is taken as one, so that `Fold_scale` gets a suggestion.
_TOKEN = re.compile(rf"\s*(?:(?P<name>[A-Za-z_][\w-]*)(?:{BRACES})?|(?P<mark>[(),*]))")


def parse_pipeline(text: str, table: Mapping[str, str | type[Pass]] | None = None) -> Pipeline:
    """The pipeline that the text describes.

    Args:
        text: pass names with options in braces, separated by commas; `(a, b)*` repeats.
        table: passes by name; by default all that are known, including those of plugins.

    Raises:
        CompileError: unknown pass or option, or malformed text.
    """
    return _Parser(text, KNOWN if table is None else table).pipeline()


class _Parser:
    def __init__(self, text: str, table: Mapping[str, str | type[Pass]]) -> None:
        self.text = text
        self.table = table
        self.position = 0

    def pipeline(self) -> Pipeline:
        stages = self.stages()
        if self.position < len(self.text.rstrip()):
            raise usage_error(
                f"unexpected text in pipeline: {self.text[self.position :].strip()!r}",
                "write 'a, b{option=value}, (c, d)*'",
            )
        return Pipeline(tuple(stages))

    def stages(self) -> list[Pass | Repeat]:
        found: list[Pass | Repeat] = []
        while match := self.peek():
            if match["name"]:
                self.position = match.end()
                found.append(make_pass(match["name"], match["options"] or "", self.table))
            elif match["mark"] == "(":
                self.position = match.end()
                body = Pipeline(tuple(self.stages()))
                self.expect(")")
                self.expect("*")
                found.append(Repeat(body))
            else:
                break
            if (separator := self.peek()) and separator["mark"] == ",":
                self.position = separator.end()
            else:
                break
        return found

    def peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self.text, self.position)

    def expect(self, mark: str) -> None:
        match = self.peek()
        if match is None or match["mark"] != mark:
            rest = self.text[self.position :].strip()
            where = f"before {rest!r}" if rest else "at the end"
            remedy = "" if mark == ")" else "a group repeats: (a, b)*"
            raise usage_error(f"expected '{mark}' {where} of pipeline {self.text!r}", remedy)
        self.position = match.end()


def load_pass(name: str, table: Mapping[str, str | type[Pass]]) -> type[Pass]:
    """The class of a pass by name.

    Raises:
        CompileError: there is no such pass.
    """
    try:
        entry: Any = table[name]
    except KeyError:
        message = f"there is no pass called '{name}'"
        remedy = f"{near(name, table, 'the passes are')}; --plugin FILE.py defines others"
        raise usage_error(message, remedy) from None
    if isinstance(entry, str):
        module, _, attribute = entry.partition(":")
        package = __package__ if module.startswith(".") else None
        return getattr(importlib.import_module(module, package), attribute)
    if not issubclass(entry, Pass):
        raise usage_error(
            f"'{name}' is not a pass", f"derive {entry.__name__} from Pass or PatternPass"
        )
    return entry


def make_pass(name: str, options: str, table: Mapping[str, str | type[Pass]]) -> Pass:
    """A pass object from its name and `key=value` options.

    Raises:
        CompileError: unknown pass, unknown option, or a value of the wrong type.
    """
    cls = load_pass(name, table)
    given = parse_options(name, options_of(cls), options)
    try:
        return cls(**given)
    except ValueError as error:  # the pass's own check
        raise usage_error(f"'{name}' can't be made: {error}") from None
