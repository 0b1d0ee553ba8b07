"""What a model computes for some inputs, recorded so that copies of it can be checked."""

from dataclasses import dataclass

import numpy as np

from ..ir.types import Array, DType


@dataclass(frozen=True)
class RecordedInput:
    """Numbers of an input.

    Attributes:
        name: of the argument.
        numbers: in order; if they are fewer than the input has elements, they are repeated.
        shape: the input's.
        dtype: the input's; numbers may be of a smaller one that holds them.
    """

    name: str
    numbers: Array
    shape: tuple[int, ...]
    dtype: DType

    def array(self) -> Array:
        """The input."""
        return np.resize(self.numbers, self.shape).astype(self.dtype.numpy)


@dataclass(frozen=True)
class RecordedOutput:
    """Numbers of an output.

    Attributes:
        name: of the result.
        numbers: every `step`th number, in order, from the first on.
        step: 1 if all of them are there.
        shape: the output's.
    """

    name: str
    numbers: Array
    step: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Recording:
    """Inputs of the default function, and what the interpreter makes of them.

    Attributes:
        inputs: in the order of the arguments.
        outputs: in the order of the results.
        problem: why there is nothing; empty otherwise.
    """

    inputs: tuple[RecordedInput, ...] = ()
    outputs: tuple[RecordedOutput, ...] = ()
    problem: str = ""
