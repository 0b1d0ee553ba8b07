"""The bases of all Keras ops: calls of functions, and of layers."""

from typing import ClassVar

from ...calls import CallOp


class KerasOp(CallOp):
    """A call of a `keras.ops` function: operands by position, then attributes by name.

    Attributes:
        infix: the operator that people write instead; empty if there is none.
    """

    infix: ClassVar[str] = ""
    roots = ("keras",)


class KerasLayer(CallOp):
    """A layer: attributes construct it, operands are what it is called with.

    Attributes that have their default aren't written; the defaults declared are Keras's.

    Attributes:
        weights: the operands that aren't inputs but loaded, in the order of the layer's own
            `weights`.
        positional: the attributes that are written without their names.
        listed: whether the inputs are one list.
    """

    roots = ("keras",)
    weights: ClassVar[tuple[str, ...]] = ()
    positional: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False
