"""Recurrent layers: x is [batch, time, features]."""

from typing import ClassVar

from ....ir.declare import attr, operand
from ....ir.ssa import Value
from .base import KerasLayer


class Recurrent(KerasLayer):
    """Base: the results are the sequence or the last step, then states if they are returned."""

    weights = ("kernel", "recurrent_kernel", "bias")
    positional = ("units",)

    inputs: tuple[Value, ...] = operand()  # and the initial states
    kernel: Value = operand()
    recurrent_kernel: Value = operand()
    units: int = attr()
    bias: Value | None = operand(default=None)
    activation: str = attr(default="tanh")
    use_bias: bool = attr(default=True)
    return_sequences: bool = attr(default=False)
    return_state: bool = attr(default=False)


class LSTM(Recurrent, call="keras.layers.LSTM"):
    """Long short-term memory; gates in the order input, forget, cell, output."""

    recurrent_activation: str = attr(default="sigmoid")


class GRU(Recurrent, call="keras.layers.GRU"):
    """Gated recurrent unit; gates in the order update, reset, output."""

    recurrent_activation: str = attr(default="sigmoid")
    reset_after: bool = attr(default=True)


class SimpleRNN(Recurrent, call="keras.layers.SimpleRNN"):
    """activation(kernel x + recurrent kernel h + bias)."""


class Bidirectional(KerasLayer):
    """Base: a layer and the same on the reversed sequence, with concatenated results.

    Attributes:
        inner: the wrapped layer, which takes all attributes.
    """

    inner: ClassVar[str] = ""
    weights = (
        *("kernel", "recurrent_kernel", "bias"),
        *("backward_kernel", "backward_recurrent_kernel", "backward_bias"),
    )
    positional = ("units",)

    inputs: Value = operand()
    kernel: Value = operand()
    recurrent_kernel: Value = operand()
    backward_kernel: Value = operand()
    backward_recurrent_kernel: Value = operand()
    units: int = attr()
    bias: Value | None = operand(default=None)
    backward_bias: Value | None = operand(default=None)
    activation: str = attr(default="tanh")
    use_bias: bool = attr(default=True)
    return_sequences: bool = attr(default=False)
    recurrent_activation: str = attr(default="sigmoid")


class BidirectionalLSTM(Bidirectional, call="keras.layers.Bidirectional", variant="LSTM"):
    """Two LSTMs."""

    inner = "keras.layers.LSTM"


class BidirectionalGRU(Bidirectional, call="keras.layers.Bidirectional", variant="GRU"):
    """Two GRUs."""

    inner = "keras.layers.GRU"

    reset_after: bool = attr(default=True)


OPS = (LSTM, GRU, SimpleRNN, BidirectionalLSTM, BidirectionalGRU)
__all__ = ["Bidirectional", "Recurrent", *(op.__name__ for op in OPS)]  # pyright: ignore[reportUnsupportedDunderAll]  one list is enough
