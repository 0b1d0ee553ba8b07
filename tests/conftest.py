"""How long hypothesis may search, and what all tests know."""

import gc
import sys

import pytest
from cmlc import register_custom_layer
from hypothesis import HealthCheck, settings

for profile, examples in (("quick", 25), ("normal", 200), ("thorough", 2000)):
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize=profile != "thorough",
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile("normal")  # --hypothesis-profile=thorough searches longer, quick less


def _scaled_sum(inputs, weights, parameters):
    return (inputs[0] + weights[0]) * parameters["factor"]


# For cases and random instances of `custom.call`.
register_custom_layer("ScaledSum", evaluate=_scaled_sum, tensorflow=_scaled_sum)


def pytest_collection_finish():
    """Ten thousand tests stay until the end: the collector of garbage need not look at them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """`make quick` stays quick: who starts TensorFlow is marked."""
    known = "tensorflow" in sys.modules
    found = yield
    if "tensorflow" in sys.modules and not known and "slow" not in pyfuncitem.keywords:
        pytest.fail("starts TensorFlow: mark it slow")
    return found
