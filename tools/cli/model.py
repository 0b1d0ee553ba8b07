"""The model that `cmlc-run` runs."""

from pathlib import Path
from typing import Any

from ...compiler import driver
from ...compiler.options import Options
from ...compiler.runtime import CompiledModel
from ...compiler.stages import Stages
from ...passes.manager import Instrumentation, parse_pipeline


def model_of(
    path: Path, options: Options, *, interpret: bool, started: Any = None
) -> CompiledModel:
    """A model that is compiled when it is asked for; to interpret, only its passes are run.

    Args:
        path: its file.
        options: how.
        interpret: whether numpy computes: what the target can't express runs all the same.
        started: told (stage, pass).

    Raises:
        CompileError: to interpret: it can't be read.
    """
    watch = driver.Watch(Instrumentation(reproducers=Path()), started)
    if not interpret:
        return CompiledModel(Stages(path, options, watch))
    pipeline = parse_pipeline(options.passes)
    module = driver.with_result_names(driver.load(path, options, watch))
    return CompiledModel(Stages(driver.run_passes(module, pipeline, watch), options))
