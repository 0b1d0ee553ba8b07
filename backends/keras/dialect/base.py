"""The bases of all Keras ops: calls of functions, and of layers."""

from typing import ClassVar

from ...calls import CallOp


class KerasOp(CallOp):
    """A call of a `keras.ops` function: operands by position, then attributes by name.

    Attributes:
        infix: the operator to write instead of the call; empty if there is none.
    """

    infix: ClassVar[str] = ""
    roots = ("keras",)


class KerasLayer(CallOp):
    """A layer: attributes construct it, and it is called with the operands.

    Attributes with their default value aren't written; the declared defaults are Keras's.

    Attributes:
        weights: the operands that are loaded as weights, in the order of the layer's own
            `weights`.
        written: the operands, constants, that are written where the layer is made, by their names.
        positional: the attributes that are written without their names.
        listed: whether the inputs are passed as one list.
        named: the operands that are passed by their names.
        called: the attributes that it is called with.
    """

    roots = ("keras",)
    weights: ClassVar[tuple[str, ...]] = ()
    written: ClassVar[tuple[str, ...]] = ()
    positional: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False
    named: ClassVar[tuple[str, ...]] = ()
    called: ClassVar[tuple[str, ...]] = ()
