"""How often Python looks for garbage."""

import gc

import pytest
from cmlc.ir.collecting import rarely_collected


@pytest.fixture
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize("given", [(700, 10, 10), (1_000_000, 5, 5), (0, 10, 10)])
def test_thresholds_are_as_before_and_never_smaller_meanwhile(thresholds, given):
    gc.set_threshold(*given)
    found: list[tuple[int, ...]] = []

    @rarely_collected()
    def fails():
        found.append(gc.get_threshold())
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fails()
    expected = max(given[0], 50_000) if given[0] else 0  # 0: never
    assert found == [(expected, *given[1:])]
    assert gc.get_threshold() == given
