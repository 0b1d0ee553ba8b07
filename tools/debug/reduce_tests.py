"""The tests of `cmlc-reduce` for a candidate: a command fails, or something in this process."""

import argparse
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...ir.diagnostics import usage_error
from ..cli import console
from ..cli.given import options_of

if TYPE_CHECKING:
    from ...backends.target import Target
    from ...ir.ssa import Module
    from ...ir.types import Array

_NAME = "candidate.cmir"
# A shell's exit status for a command that it can't find or execute.
_CANNOT_RUN = ("exit status 126", "exit status 127")


@dataclass(frozen=True)
class Test:
    """A way to fail.

    Attributes:
        signature: how a module fails, for people; empty if it doesn't. Two modules fail alike if
            their signatures are equal.
        command: a command that shows the failure of the file `{}`.
        hint: what to do if the whole module does not fail.
    """

    signature: "Callable[[Module], str]"
    command: str
    hint: str = ""


@contextmanager
def make_test(given: argparse.Namespace) -> Iterator[Test]:
    """The test that the command line describes.

    Raises:
        CompileError: of kind "usage".
    """
    inside = given.passes is not None or given.lower or given.compare
    if bool(given.test) == inside or (given.lower and given.compare):
        raise usage_error(
            "say what fails", "with --test COMMAND, or --passes, --lower or --compare"
        )
    if given.match and not given.test:
        raise usage_error("--match is for --test")
    if given.test:
        if "{}" not in given.test:
            raise usage_error(f"'{given.test}' names no file", "write {} for the module's")
        with tempfile.TemporaryDirectory(prefix="cmlc-reduce-") as folder:
            yield _command_test(given, Path(folder))
        return
    yield _inside_test(given)


# -- commands --------------------------------------------------------------------------------------


def _command_test(given: argparse.Namespace, folder: Path) -> Test:
    from ...ir.text.archive import write_archive

    path = folder / _NAME
    command = given.test.replace("{}", shlex.quote(str(path)))

    def signature(module: "Module") -> str:
        write_archive(module, path)
        status, output = _outcome(command, given.timeout)
        if status in _CANNOT_RUN:
            said = output.strip().splitlines()
            raise usage_error(
                f"'{given.test}' can't run, {status}: {said[-1] if said else '?'}",
                "check its path, and that it is executable",
            )
        if given.match:
            return f"{status}, prints '{given.match}'" if given.match in output else ""
        return "" if status == "exit status 0" else status

    hint = "the command must exit with a status other than 0, or print the text of --match"
    return Test(signature, given.test, hint)


def _outcome(command: str, seconds: float) -> tuple[str, str]:
    """(how the command ends, its output)."""
    with subprocess.Popen(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # processes that it starts are ended with it
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return f"runs longer than {seconds:g} s", output.decode(errors="replace")
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return f"exit status {process.returncode}", output.decode(errors="replace")


# -- in this process -------------------------------------------------------------------------------


def _inside_test(given: argparse.Namespace) -> Test:
    from ...backends.table import load_target
    from ...passes.manager import Instrumentation, parse_pipeline
    from ...passes.reduce.failures import Failure, interpreted

    options = options_of(given)
    target = load_target(options.target)
    text = target.preparation if given.passes is None else given.passes
    pipeline, after = parse_pipeline(text), parse_pipeline(target.after)

    def transform(module: "Module") -> None:
        pipeline.run(module, Instrumentation(verify_each=True))
        if given.lower or given.compare:
            target.lower(module)
            after.run(module, Instrumentation(verify_each=True))

    run: Any = None if given.lower else interpreted
    if given.compare:
        console.start_library(target.library)
        run = _computing(target)
    failure = Failure(transform, run, given.tolerance, given.random)
    hint = "another --random draws other inputs; a smaller --tolerance finds smaller differences"
    command = _shown_command(given, text, options.command_line(["target"]))
    return Test(failure.signature, command, "" if given.lower else hint)


def _computing(target: "Target") -> "Callable[[Module, dict[str, Array]], dict[str, Array]]":
    """Gives what the target computes of a lowered module; results without a name are numbered."""
    return lambda module, inputs: target.executable(module).run(inputs, module.main.name)


def _shown_command(given: argparse.Namespace, text: str, target: str) -> str:
    """The command that shows the failure again; `target` is the option, if it needs one."""
    from ...passes.known import plugin_options
    from ...passes.manager import parse_pipeline

    plugins = plugin_options(item.name for item in parse_pipeline(text))
    passes = f"{plugins} --passes={shlex.quote(text)}" if text else ""
    if given.compare:
        compare = f"--compare{target} --tolerance {given.tolerance:g}"
        return f"cmlc-run {{}} --random {given.random} {compare}"
    if given.lower:
        return f"cmlc-opt {{}}{passes} --lower{target}"
    tolerance = f" --tolerance {given.tolerance:g}"
    return f"cmlc-run {{}} --random {given.random} --bisect-passes{passes}{tolerance}"
