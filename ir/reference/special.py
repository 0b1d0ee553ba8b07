"""Special functions that numpy lacks.

`erf` follows FreeBSD's msun/s_erf.c (Sun Microsystems 1993): rational approximations on five
ranges of |x|, good to about 1e-15.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.polynomial.polynomial as polynomial

from .precision import Array

Coefficients: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]

# Each pair is a numerator and a denominator, constant terms first.
_SMALL: Coefficients = (  # erf(x) = x + x * R(x^2), |x| < 0.84375
    (
        1.28379167095512558561e-01,
        -3.25042107247001499370e-01,
        -2.84817495755985104766e-02,
        -5.77027029648944159157e-03,
        -2.37630166566501626084e-05,
    ),
    (
        1.0,
        3.97917223959155352819e-01,
        6.50222499887672944485e-02,
        5.08130628187576562776e-03,
        1.32494738004321644526e-04,
        -3.96022827877536812320e-06,
    ),
)
_ERF_NEAR_ONE = 8.45062911510467529297e-01
_NEAR_ONE: Coefficients = (  # erf(x) = _ERF_NEAR_ONE + R(|x| - 1), |x| < 1.25
    (
        -2.36211856075265944077e-03,
        4.14856118683748331666e-01,
        -3.72207876035701323847e-01,
        3.18346619901161753674e-01,
        -1.10894694282396677476e-01,
        3.54783043256182359371e-02,
        -2.16637559486879084300e-03,
    ),
    (
        1.0,
        1.06420880400844228286e-01,
        5.40397917702171048937e-01,
        7.18286544141962662868e-02,
        1.26171219808761642112e-01,
        1.36370839120290507362e-02,
        1.19844998467991074170e-02,
    ),
)
_MIDDLE: Coefficients = (  # erfc(x) = exp(-x^2 - 0.5625 + R(1/x^2)) / x, x < 1 / 0.35
    (
        -9.86494403484714822705e-03,
        -6.93858572707181764372e-01,
        -1.05586262253232909814e01,
        -6.23753324503260060396e01,
        -1.62396669462573470355e02,
        -1.84605092906711035994e02,
        -8.12874355063065934246e01,
        -9.81432934416914548592e00,
    ),
    (
        1.0,
        1.96512716674392571292e01,
        1.37657754143519042600e02,
        4.34565877475229228821e02,
        6.45387271733267880336e02,
        4.29008140027567833386e02,
        1.08635005541779435134e02,
        6.57024977031928170135e00,
        -6.04244152148580987438e-02,
    ),
)
_TAIL: Coefficients = (  # as _MIDDLE, x >= 1 / 0.35
    (
        -9.86494292470009928597e-03,
        -7.99283237680523006574e-01,
        -1.77579549177547519889e01,
        -1.60636384855821916062e02,
        -6.37566443368389627722e02,
        -1.02509513161107724954e03,
        -4.83519191608651397019e02,
    ),
    (
        1.0,
        3.03380607434824582924e01,
        3.25792512996573918826e02,
        1.53672958608443695994e03,
        3.19985821950859553908e03,
        2.55305040643316442583e03,
        4.74528541206955367215e02,
        -2.24409524465858183362e01,
    ),
)


def erf(x: Array) -> Array:
    """The error function 2/sqrt(pi) * integral of exp(-t^2) from 0 to x, elementwise.

    Args:
        x: Floats of any shape; computed in float64.

    Returns:
        The shape and dtype of x; NaN stays NaN.
    """
    given = np.asarray(x, np.float64)
    size = np.minimum(np.abs(given), 6.0)  # erf(6) is 1 in float64; NaN passes through
    result = 1 - _complement(np.maximum(size, 1.25))
    result = np.where(size < 1.25, _ERF_NEAR_ONE + _ratio(_NEAR_ONE, size - 1), result)
    result = np.where(size < 0.84375, size + size * _ratio(_SMALL, size * size), result)
    return np.copysign(result, given).astype(x.dtype)


def _complement(size: Array) -> Array:
    """1 - erf for 1.25 <= size <= 6."""
    inverse = 1 / (size * size)
    ratio = np.where(size < 1 / 0.35, _ratio(_MIDDLE, inverse), _ratio(_TAIL, inverse))
    return np.exp(-size * size - 0.5625 + ratio) / size


def _ratio(coefficients: Coefficients, x: Array) -> Array:
    over, under = coefficients
    value: np.ndarray[Any, np.dtype[Any]] = polynomial.polyval(x, over) / polynomial.polyval(
        x, under
    )
    return value
