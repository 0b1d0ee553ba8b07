"""A pytest plugin: coremltools' own tests predict by cmlc, believing that they run on macOS.

    python -m pytest -p coremltools_suite --pyargs coremltools.test.neural_network.test_model

with this folder on PYTHONPATH; `make coremltools-tests TESTS=…`. `--every N` runs one test in N.
Tests that need PyTorch skip where it is not installed. Only this harness tells the whole
of coremltools about macOS: `cmlc.enable_coremltools_predict` replaces what models need to predict.
"""

import builtins
import importlib.util
import sys
from collections import Counter, defaultdict
from types import ModuleType

import cmlc
import coremltools
import pytest
from coremltools import _deps

MACOS = (26, 0)

outcomes: dict[str, Counter[str]] = defaultdict(Counter)


def pretend_macos():
    """Before any test module is imported: they take the functions by name."""
    _deps._IS_MACOS = True
    replaced = {"_is_macos": lambda: True, "_macos_version": lambda: MACOS}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == coremltools.__name__:
            for function, replacement in replaced.items():
                if hasattr(module, function):
                    setattr(module, function, replacement)


class MissingTorch(ModuleType):
    """For test modules that import PyTorch for a few of their tests."""

    Tensor = type("Tensor", (), {})  # libraries ask whether something is one

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        pytest.skip("PyTorch is not installed", allow_module_level=True)


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run one test in this many")


def pytest_collection_modifyitems(config, items):
    items[:] = items[:: config.getoption("--every")]


def pytest_configure(config):
    pretend_macos()
    if importlib.util.find_spec("torch") is None:
        # A builtin, too: some tests use the name, which they import under a condition.
        builtins.torch = sys.modules["torch"] = MissingTorch("torch")
    config.stash_enabled = cmlc.enable_coremltools_predict()


def pytest_unconfigure(config):
    config.stash_enabled.disable()


def pytest_runtest_logreport(report):
    """One outcome per test; an error before or after it counts as a failure."""
    if report.when == "call" or report.outcome != "passed":
        outcomes[report.nodeid.partition("::")[0]][report.outcome] += 1


def pytest_terminal_summary(terminalreporter):
    for file, counts in sorted(outcomes.items()):
        numbers = ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "skipped"))
        terminalreporter.write_line(f"{file}: {numbers}")
