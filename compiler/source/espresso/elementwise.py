"""Elementwise arithmetic: `elementwise` is one layer type with a numbered operation.

The numbers below were seen in compiled models whose sources are known, or independent public
descriptions agree about them. There are others, among them comparisons (103 to 106), about which
public descriptions contradict each other.
"""

import numpy as np

from .files import Dims
from .layer import EspressoLayer, RuleTable

# Of two blobs or more; `nd_mode` means that shapes broadcast as in numpy.
_FOLDED = {0: "add", 1: "multiply", 22: "min", 23: "max"}
_BROADCAST = {
    0: "addBroadcastable",
    1: "multiplyBroadcastable",
    13: "powBroadcastable",
    22: "minBroadcastable",
    23: "maxBroadcastable",
    33: "subtractBroadcastable",
    36: "modBroadcastable",
    100: "equal",
    101: "whereBroadcastable",
    102: "divideBroadcastable",
    107: "notEqual",
    1021: "floorDivBroadcastable",
}
_WHERE = 101
# Of one blob, in the specification's `unary` layer: its function, and whether `eps` matters.
_UNARY = {
    10: ("INVERSE", True),
    11: ("SQRT", False),
    12: ("RSQRT", True),
    24: ("ABS", False),
    26: ("LOG", True),
    27: ("EXP", False),
}
_THRESHOLD = 25
# Of one blob, as layers of their own.
_FUNCTIONS = {
    35: "exp2",
    37: "round",
    38: "sign",
    114: "cos",
    115: "sin",
    117: "floor",
    118: "ceil",
    121: "tan",
    122: "cosh",
    123: "sinh",
    124: "tanh",
    125: "acos",
    126: "asin",
    127: "atan",
    128: "acosh",
    129: "asinh",
    130: "atanh",
}
# With the number alpha: x + alpha and x * alpha, which are `add` and `multiply` of one blob.
_WITH_ALPHA = {1: "multiply", 2: "add", 3: "multiply"}
_CLIP = 119


def elementwise(cx: EspressoLayer) -> tuple[Dims, ...]:
    """One operation, and perhaps a ReLU after it."""
    cx.arity(None)
    operation = cx.integer("operation")
    function = cx.fused(fused_relu="ReLU")
    before = cx.before(function)
    shape = _one(cx, operation, before) if len(cx.inputs) == 1 else _many(cx, operation, before)
    cx.activate(function, before)
    return (shape,)


def _one(cx: EspressoLayer, operation: int, outputs: tuple[str, ...]) -> Dims:
    cx.keys.pop("nd_mode", None)  # one blob has nothing to broadcast with
    if operation in _WITH_ALPHA:
        cx.add(_WITH_ALPHA[operation], outputs=outputs).alpha = cx.number("alpha", 1.0)
        cx.optional("beta", 0)
    elif operation == _CLIP:
        p = cx.add("clip", outputs=outputs, since=4)
        p.minVal, p.maxVal = cx.number("alpha"), cx.number("beta")
    elif operation == _THRESHOLD:
        p = cx.add("unary", outputs=outputs)
        p.type = p.Operation.Value("THRESHOLD")
        p.alpha = cx.number("alpha", 1.0)
        cx.optional("beta", 0)
    else:
        # In these, numbers other than the defaults might scale or shift the input.
        cx.optional_only({"alpha": 1, "beta": 0})
        _function(cx, operation, outputs)
    return cx.shape()


def _function(cx: EspressoLayer, operation: int, outputs: tuple[str, ...]) -> None:
    """A function of x alone."""
    if operation in _FUNCTIONS:
        cx.add(_FUNCTIONS[operation], outputs=outputs, since=4)
        return
    name, has_epsilon = _UNARY.get(operation, ("", False))
    if not name:
        raise cx.unknown("operation", operation)
    p = cx.add("unary", outputs=outputs)
    p.type = p.Operation.Value(name)
    if has_epsilon and "eps" in cx.keys:
        p.epsilon = cx.number("eps")  # without it, the specification's default


def _many(cx: EspressoLayer, operation: int, outputs: tuple[str, ...]) -> Dims:
    cx.optional_only({"alpha": 1, "beta": 0})
    broadcasts = cx.flag("nd_mode")
    if operation in _FOLDED and not broadcasts:
        cx.add(_FOLDED[operation], outputs=outputs)
    elif operation in _BROADCAST and broadcasts:
        count = 3 if operation == _WHERE else 2
        cx.require(len(cx.inputs) == count, f"has {len(cx.inputs)} inputs, expected {count}")
        cx.add(_BROADCAST[operation], outputs=outputs, since=4)
    else:
        of = f"{len(cx.inputs)} inputs" + ("" if broadcasts else " without nd_mode")
        raise cx.unsupported(f"has operation = {operation} of {of}, which is not understood")
    try:
        return np.broadcast_shapes(*(cx.shape(i) for i in range(len(cx.inputs))))
    except ValueError:
        shapes = " and ".join(str(list(cx.shape(i))) for i in range(len(cx.inputs)))
        raise cx.error(f"combines blobs of shapes {shapes}") from None


RULES: RuleTable = {"elementwise": elementwise}
