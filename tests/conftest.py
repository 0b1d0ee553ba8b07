"""Collection of `.cmir` cases, and how long hypothesis may search."""

from pathlib import Path

import pytest
from cmir_cases import CmirFile
from cmlc import register_custom_layer
from hypothesis import HealthCheck, settings

for profile, examples in (("normal", 200), ("thorough", 2000)):
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize=profile == "normal",
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile("normal")  # --hypothesis-profile=thorough searches longer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite the expected text of .cmir cases"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".cmir":
        return CmirFile.from_parent(parent, path=file_path)
    return None


def _scaled_sum(inputs, weights, parameters):
    return (inputs[0] + weights[0]) * parameters["factor"]


# For cases and random instances of `custom.call`.
register_custom_layer("ScaledSum", evaluate=_scaled_sum, tensorflow=_scaled_sum)
