"""Activations and softmax."""

from .files import Dims
from .layer import EspressoLayer, RuleTable

# Functions by mode, with the parameters that they have.
_FUNCTIONS: dict[int, tuple[str, tuple[str, ...]]] = {
    0: ("ReLU", ()),
    1: ("tanh", ()),
    2: ("leakyReLU", ("alpha",)),
    3: ("sigmoid", ()),
    5: ("scaledTanh", ("alpha", "beta")),
    6: ("linear", ("alpha", "beta")),
    7: ("sigmoidHard", ("alpha", "beta")),
    8: ("ELU", ("alpha",)),
    9: ("thresholdedReLU", ("alpha",)),
    10: ("softplus", ()),
    12: ("softsign", ()),
}
# Functions that are layers of their own in the specification, by mode.
_GELU = {19: 0, 21: 1, 22: 2}
_ERF = 20
# Defaults of absent parameters, seen where the source says alpha = 1.
_DEFAULTS = {"alpha": 1.0, "beta": 0.0}
_CHANNEL = 2  # axes count from the width, which is 0


def activation(cx: EspressoLayer) -> tuple[Dims, ...]:
    """One of several elementwise functions."""
    cx.arity(1)
    mode = cx.integer("mode")
    name, parameters = _FUNCTIONS.get(mode, ("", ()))
    if name:
        function = getattr(cx.add("activation"), name)
        function.SetInParent()
        for key in parameters:
            setattr(function, key, cx.number(key, _DEFAULTS[key]))
    elif mode in _GELU:
        cx.add("gelu", since=4).mode = _GELU[mode]
    elif mode == _ERF:
        cx.add("erf", since=4)
    else:
        raise cx.unknown("mode", mode)
    cx.optional_only({key: value for key, value in _DEFAULTS.items() if key not in parameters})
    return (cx.shape(),)


def softmax(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Over the channels."""
    cx.expect("C", _CHANNEL)
    shape = cx.image()
    cx.add("softmax")
    return (shape,)


def softmax_nd(cx: EspressoLayer) -> tuple[Dims, ...]:
    """Over any axis."""
    cx.only_exact()
    cx.arity(1)
    axis = cx.integer("nd_axis")
    cx.axis(axis, len(cx.shape()), "nd_axis")
    cx.add("softmaxND", since=4).axis = axis
    return (cx.shape(),)


RULES: RuleTable = {"activation": activation, "softmax": softmax, "softmax_nd": softmax_nd}
