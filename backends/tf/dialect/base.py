"""The base of all TensorFlow ops."""

from ...calls import CallOp


class TfOp(CallOp):
    """A call of a public TensorFlow function, or of a composite in `kernels`."""

    roots = ("tf", "kernels")
