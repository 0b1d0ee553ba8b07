"""What `cmlc-reduce` asks of a candidate: a command's failure, or one in this process."""

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

from ..cli import console

if TYPE_CHECKING:
    from ...ir.ssa import Module
    from ...ir.types import Array

_NAME = "candidate.cmir"
# What a shell gives for a command that it doesn't find, or may not execute.
_CANNOT_RUN = ("exit status 126", "exit status 127")


@dataclass(frozen=True)
class Test:
    """A way to fail.

    Attributes:
        signature: how a module fails, for people; empty if it doesn't. Two modules fail alike if
            theirs are equal.
        command: what shows the failure of the file `{}`.
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
    inside = given.passes is not None or bool(given.lower or given.compare)
    if bool(given.test) == inside or (given.lower and given.compare):
        raise console.usage_error(
            "say what fails", "with --test COMMAND, or --passes, --lower or --compare"
        )
    if given.match and not given.test:
        raise console.usage_error("--match is for --test")
    if given.test:
        if "{}" not in given.test:
            raise console.usage_error(f"'{given.test}' names no file", "write {} for the module's")
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
            raise console.usage_error(
                f"'{given.test}' can't run, {status}: {said[-1] if said else '?'}",
                "check its path, and that it may be executed",
            )
        if given.match:
            return f"{status}, prints '{given.match}'" if given.match in output else ""
        return "" if status == "exit status 0" else status

    hint = "the command must exit with another status than 0, or print what --match says"
    return Test(signature, given.test, hint)


def _outcome(command: str, seconds: float) -> tuple[str, str]:
    """(how the command ends, what it prints)."""
    with subprocess.Popen(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # what it starts ends with it
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
    from ...backends.target import load_target
    from ...passes.manager import Instrumentation, parse_pipeline
    from ...passes.reduce.failures import Failure, interpreted

    target = load_target(given.lower or "tf")
    text = target.preparation if given.passes is None else given.passes
    pipeline, after = parse_pipeline(text), parse_pipeline(target.after)

    def transform(module: "Module") -> None:
        pipeline.run(module, Instrumentation(verify_each=True))
        if given.lower or given.compare:
            target.lower(module)
            after.run(module, Instrumentation(verify_each=True))

    run: Any = None if given.lower else interpreted
    if given.compare:
        console.start_tensorflow()
        run = _computed
    failure = Failure(transform, run, given.tolerance, given.random)
    hint = "another --random draws other inputs; a smaller --tolerance finds smaller differences"
    return Test(failure.signature, _shown_command(given, text), "" if given.lower else hint)


def _computed(module: "Module", inputs: "dict[str, Array]") -> "dict[str, Array]":
    """What TensorFlow gives for a lowered module; results without a name are numbered."""
    from ...backends.target import load_target

    return load_target("tf").executable(module).run(inputs, module.main.name)


def _shown_command(given: argparse.Namespace, text: str) -> str:
    """The command that shows the failure again."""
    from ...passes.known import plugin_options
    from ...passes.manager import parse_pipeline

    plugins = plugin_options(item.name for item in parse_pipeline(text))
    passes = f"{plugins} --passes={shlex.quote(text)}" if text else ""
    if given.compare:
        return f"cmlc-run {{}} --random {given.random} --compare --tolerance {given.tolerance:g}"
    if given.lower:
        return f"cmlc-opt {{}}{passes} --lower={given.lower}"
    tolerance = f" --tolerance {given.tolerance:g}"
    return f"cmlc-run {{}} --random {given.random} --bisect-passes{passes}{tolerance}"
