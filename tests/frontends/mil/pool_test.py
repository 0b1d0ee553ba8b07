"""Pooling, above all how many windows ceil mode makes."""

import numpy as np
import pytest
from support.mil.programs import assert_refused, op, program, result

X = np.arange(1, 7, dtype="f4").reshape(1, 1, 6)


def pool(kind, count, extent=6, /, **given):
    given = {"pad_type": "custom", **given}
    return program(op(kind, "y", (1, 1, count), x="x", **given), x=(1, 1, extent))


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"strides": [3], "kernel_sizes": [2]}, [2, 5]),
        ({"strides": [2], "kernel_sizes": [3]}, [3, 5]),
        ({"strides": [2], "kernel_sizes": [3], "ceil_mode": True}, [3, 5, 6]),
        # The fourth window would begin behind x: it is left out.
        ({"strides": [2], "kernel_sizes": [2], "ceil_mode": True, "pad": [1, 1]}, [1, 3, 5, 6]),
        ({"strides": [3], "kernel_sizes": [2], "ceil_mode": True, "pad": [1, 1]}, [1, 4, 6]),
        ({"kernel_sizes": [2], "pad_type": "same_lower"}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_windows(given, want):
    np.testing.assert_array_equal(result(pool("max_pool", len(want), **given), X), [[want]])


def test_means_and_norms():
    given = {"kernel_sizes": [2], "strides": [3], "pad": [1, 1]}
    np.testing.assert_array_equal(result(pool("avg_pool", 3, **given), X), [[[0.5, 3.5, 3]]])
    without = pool("avg_pool", 3, exclude_padding_from_average=True, **given)
    np.testing.assert_array_equal(result(without, X), [[[1, 3.5, 6]]])
    norms = result(pool("l2_pool", 3, **given), X)
    np.testing.assert_allclose(norms, np.sqrt([[[1, 25, 36]]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pad_type": "same"}, "ceil mode with 'same' padding"),
        ({"pad": [0, 1]}, "unequal padding [0, 1]"),
        ({"pad": [1]}, "has the padding [1]"),
    ],
)
def test_ceil_mode_refusals(given, message):
    made = pool("max_pool", 3, kernel_sizes=[2], strides=[2], ceil_mode=True, **given)
    assert_refused(made, message)


def test_ceil_mode_in_three_dimensions():
    given = {"kernel_sizes": [1, 1, 1], "pad_type": "valid", "ceil_mode": True}
    model = program(op("max_pool", "y", (1, 1, 2, 2, 2), x="x", **given), x=(1, 1, 2, 2, 2))
    assert_refused(model, "ceil mode in 3 dimensions")


def test_windows_of_padding_alone():
    wide = pool("max_pool", 4, kernel_sizes=[1], ceil_mode=True, pad=[2, 2])
    assert_refused(wide, "pads a window of 1 by 2", kind="unsupported")
    behind = pool("max_pool", 8, kernel_sizes=[1], pad=[1, 1])
    assert_refused(behind, "contain only padding", kind="unsupported")


@pytest.mark.parametrize(("extent", "want"), [(5, [1, 3, 5]), (6, [1, 3, 5])])
def test_ceil_mode_leaves_out_windows_behind_x(extent, want):
    given = {"kernel_sizes": [1], "strides": [2], "ceil_mode": True}
    made = pool("max_pool", 3, extent, **given)
    np.testing.assert_array_equal(result(made, X[..., :extent]), [[want]])
