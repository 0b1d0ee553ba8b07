"""The dtype a kernel works in: at least float32, else that of its input.

Half precision is therefore rounded once, at the end, which is how Core ML and TensorFlow do it on
a CPU and what makes these kernels usable as an oracle for both.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def working_dtype(x: Array) -> np.dtype[Any]:
    """The dtype to compute in: float32 for 16-bit floats, otherwise the dtype of x."""
    return np.dtype(np.float32) if x.dtype.itemsize < 4 else x.dtype


def widen(x: Array) -> Array:
    """Cast x to its working dtype; x itself where that changes nothing."""
    return x.astype(working_dtype(x), copy=False)
