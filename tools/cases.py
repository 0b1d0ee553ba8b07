"""A pytest plugin for cases in `.cmir` files: IR before and after passes, self-checking IR.

    // CASE: name
    // RUN: canonicalize, layout{to=channels_last}
    before
    // =====
    expected, whole; `pytest --update` writes it

The interpreter runs both sides on random inputs and compares, unless `// NUMERIC: no, reason`, or
what runs is a target's pass: its ops are the library's, which `tests/differential` asks;
`// NUMERIC: no, reason`. If passes claim to be right for every number, it also tries infinities,
NaN and the largest numbers, unless the case has `// EXTREMES: no, reason`.
Without RUN and `=====`, the function runs, and its `check.` ops assert what is right. A case with
`// EXPECT-ERROR: fragment` must be refused, with the fragment in the message.

`pytest -p cmlc.tools.cases --plugin my_pass.py cases.cmir` tests the passes of a plugin.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ..backends.lowering import is_lowered
from ..compiler.driver import all_ops
from ..ir.diagnostics import CompileError
from ..ir.dialects import check
from ..ir.interpret import random_inputs, run
from ..ir.ssa import Module
from ..ir.text.parser import parse
from ..ir.text.printer import PrintOptions, print_function, print_module
from ..ir.types import Array, DType
from ..ir.verify import verify
from ..passes.manager import parse_pipeline

DIRECTIVE = re.compile(
    r"//\s*(?P<key>CASE|RUN|EXPECT-ERROR|NUMERIC|EXTREMES):\s*(?P<value>.*?)\s*$"
)
SEPARATOR = "// ====="
# Other passes may reassociate.
HOLD_FOR_EVERY_NUMBER = ("canonicalize", "recognize")
TOLERANCE = {DType.F16: (2e-2, 2e-2), DType.F32: (1e-4, 1e-5), DType.F64: (1e-9, 1e-10)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update` and `--plugin`."""
    group = parser.getgroup("cmir", "cases in .cmir files")
    group.addoption(
        "--update", action="store_true", help="rewrite the expected text of .cmir cases"
    )
    group.addoption(
        "--plugin",
        action="append",
        default=[],
        type=Path,
        metavar="FILE.py",
        help="run this file first: it defines passes and custom layers",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugins; one that fails ends the run."""
    from ..compiler.plugins import load_plugin

    for path in config.getoption("--plugin") or ():
        try:
            load_plugin(path)
        except CompileError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect `.cmir` files."""
    if file_path.suffix == ".cmir":
        return CmirFile.from_parent(parent, path=file_path)
    return None


class CaseError(Exception):
    """A case that is malformed, or fails."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One case: its directives, and its position."""

    name: str
    line: int
    before: str
    expected: str | None = None
    run: str | None = None
    error: str | None = None
    numeric: str | None = None
    extremes: str | None = None

    @property
    def compares_numbers(self) -> bool:
        return not _refused("NUMERIC", self.numeric)

    @property
    def compares_extremes(self) -> bool:
        return not _refused("EXTREMES", self.extremes) and self.run in HOLD_FOR_EVERY_NUMBER


def _refused(key: str, text: str | None) -> bool:
    """Whether a directive says no."""
    if text is None:
        return False
    answer, _, reason = text.partition(",")
    if answer != "no" or not reason.strip():
        raise CaseError(f"{key} is '{text}', expected 'no, reason'")
    return True


def read_cases(text: str) -> Iterator[Case]:
    """The cases of a file, in order; text before the first one is a comment."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("// CASE:")]
    names: set[str] = set()
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        case = read_case(lines[start:end], start + 1)
        if case.name in names:
            raise CaseError(f"line {case.line}: two cases are called '{case.name}'")
        names.add(case.name)
        yield case


def read_case(lines: list[str], number: int) -> Case:
    """The case in these lines; `number` is the number of the first."""
    given: dict[str, str] = {}
    for line in lines:
        if match := DIRECTIVE.match(line):
            key = match["key"]
            if key in given:
                raise CaseError(f"line {number}: {key} is given twice")
            given[key] = match["value"]
    before, separator, expected = "\n".join(lines).partition(f"\n{SEPARATOR}\n")
    if not separator and before.endswith(f"\n{SEPARATOR}"):
        before, separator = before.removesuffix(f"\n{SEPARATOR}"), SEPARATOR
    # Lines are those of the file, so that errors point into it.
    return Case(
        given["CASE"],
        number,
        "\n" * (number - 1) + before,
        expected if separator else None,
        given.get("RUN"),
        given.get("EXPECT-ERROR"),
        given.get("NUMERIC"),
        given.get("EXTREMES"),
    )


class CmirFile(pytest.File):
    """A `.cmir` file."""

    def collect(self) -> Iterator[pytest.Item]:
        for case in read_cases(self.path.read_text()):
            yield CmirItem.from_parent(self, name=case.name, case=case)


class CmirItem(pytest.Item):
    """One case as a test."""

    def __init__(self, *, case: Case, **kwargs) -> None:
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        update = bool(self.config.getoption("--update"))
        text = check_case(self.case, self.path, update=update)
        if update and text is not None:
            write_expected(self.path, self.case.name, text)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CaseError | CompileError | AssertionError):
            return f"{self.path}:{self.case.line}: {self.case.name}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, self.case.line - 1, self.case.name


def check_case(case: Case, path: Path, *, update: bool = False) -> str | None:
    """Run one case; returns the text after the passes, for cases with RUN.

    Raises:
        CaseError: the case fails.
    """
    if case.error is not None:
        check_error(case, path)
        return None
    module = parsed(case, path)
    verify(module)
    if case.run is None:
        check_semantics(case, module)
        return None
    original = parsed(case, path)
    run_pipeline(case.run, module)
    verify(module)
    text = canonical(module)
    if not update:
        if case.expected is None:
            raise CaseError(
                f"has RUN but no '{SEPARATOR}' (pytest --update writes the text below it)"
            )
        # Canonical on both sides: the expected text may keep readable names.
        expected = canonical(parse(case.expected, str(path), all_ops()))
        assert text == expected, f"expected\n{expected}\ngot\n{text}"
    if case.compares_numbers and not is_lowered(original):
        compare_numbers(original, module, extremes=case.compares_extremes)
    return text


def parsed(case: Case, path: Path = Path()) -> Module:
    """The module at the beginning of a case."""
    return parse(case.before, str(path), all_ops())


def check_error(case: Case, path: Path) -> None:
    """Expect the case to be refused with its fragment."""
    try:
        module = parsed(case, path)
        verify(module)
        if case.run is not None:
            run_pipeline(case.run, module)
        else:
            run_all(module)
    except CompileError as error:
        if case.error is None or case.error not in str(error):
            raise CaseError(f"expected an error with '{case.error}', got\n{error}") from None
        return
    raise CaseError(f"expected an error with '{case.error}', but there was none")


def check_semantics(case: Case, module: Module) -> None:
    """Run a case whose `check.` ops assert what is right."""
    if case.expected is not None:
        raise CaseError(f"has '{SEPARATOR}' but no RUN")
    if not any(isinstance(op, check.Check) for op in module.walk()):
        raise CaseError("checks nothing: add check.close, check.equal or RUN")
    run_all(module)


def run_all(module: Module) -> None:
    """Run every function on random inputs."""
    for function in module.functions.values():
        run(module, random_inputs(function), function.name)


def run_pipeline(text: str, module: Module) -> None:
    """Run the passes of a RUN line on the module."""
    parse_pipeline(text).run(module)


def canonical(module: Module) -> str:
    """The module in the form of cases: bare functions if it has no attributes."""
    options = PrintOptions(canonical_names=True)
    if module.name or module.attributes or not module.functions:
        return print_module(module, options)
    if len(module.functions) == 1:
        return print_function(module.main, options)
    return print_module(module, options)


def compare_numbers(before: Module, after: Module, extremes: bool = False) -> None:
    """The oracle: every function computes the same numbers on equal inputs, even extreme ones."""
    for name, function in before.functions.items():
        if name not in after.functions:
            continue  # inlined or dead
        drawn = [random_inputs(function, 7)]
        if extremes:
            drawn.append({key: extreme(array) for key, array in drawn[0].items()})
        for inputs in drawn:
            ours, theirs = run(before, inputs, name), run(after, inputs, name)
            assert ours.keys() == theirs.keys(), f"@{name} has other results"
            for result, array in ours.items():
                compare_arrays(f"@{name} result '{result}'", array, theirs[result])


def extreme(array: Array) -> Array:
    """A float array with infinities, NaN, and the largest and smallest numbers."""
    if array.dtype.kind != "f":
        return array
    info = np.finfo(array.dtype)
    values = [np.inf, -np.inf, np.nan, info.max, info.min, info.tiny, 0.0, 300.0]
    return np.resize(np.asarray(values, array.dtype), array.shape)


def compare_arrays(what: str, before: Array, after: Array) -> None:
    """Expect equal dtypes and shapes, and numbers that differ at most by rounding."""
    assert before.dtype == after.dtype, f"{what} has become {after.dtype}"
    assert before.shape == after.shape, f"{what} has become {after.shape}"
    dtype = DType.of(before)
    if dtype.is_float:
        rtol, atol = TOLERANCE[dtype]
        np.testing.assert_allclose(
            after.astype(float), before.astype(float), rtol, atol, err_msg=what
        )
    else:
        np.testing.assert_array_equal(after, before, err_msg=what)


def write_expected(path: Path, name: str, text: str) -> None:
    """Write the text after the case's separator."""
    lines = path.read_text().split("\n")
    start = lines.index(f"// CASE: {name}")
    following = (i for i in range(start + 1, len(lines)) if lines[i].startswith("// CASE:"))
    end = next(following, len(lines))
    body = lines[start:end]
    if SEPARATOR in body:
        body = body[: body.index(SEPARATOR)]
    while body and not body[-1]:
        body.pop()
    tail = [""] if end < len(lines) else []
    new = [*body, SEPARATOR, *text.rstrip("\n").split("\n"), *tail]
    path.write_text("\n".join([*lines[:start], *new, *lines[end:]]).rstrip("\n") + "\n")
