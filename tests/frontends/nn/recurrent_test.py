"""LSTM layers, against a naive recurrence."""

import numpy as np
import pytest
from networks import assert_close, layer, lstm_weights, network, numbers, results, text

SIZE, HIDDEN = 3, 2


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# Name → (message, function).
ACTIVATIONS = {
    "sigmoid": ({"sigmoid": {}}, sigmoid),
    "tanh": ({"tanh": {}}, np.tanh),
    "ReLU": ({"ReLU": {}}, lambda z: np.maximum(z, 0)),
    "linear": ({"linear": {"alpha": 0.5, "beta": 0.25}}, lambda z: 0.5 * z + 0.25),
    "scaledTanh": ({"scaledTanh": {"alpha": 1.5, "beta": 0.5}}, lambda z: 1.5 * np.tanh(0.5 * z)),
    "sigmoidHard": (
        {"sigmoidHard": {"alpha": 0.2, "beta": 0.5}},
        lambda z: np.clip(0.2 * z + 0.5, 0, 1),
    ),
}
PLAIN = ("sigmoid", "tanh", "tanh")


def weights(seed=0):
    return lstm_weights(SIZE, HIDDEN, seed)


def naive(
    x,
    h,
    c,
    w,
    *,
    names=PLAIN,
    bias=False,
    peephole=False,
    reverse=False,
    coupled=False,
    forget=False,
    clip=50.0,
):
    """(hidden states in the input's order, last hidden, last cell)."""
    gate, block, output = (ACTIVATIONS[name][1] for name in names)

    def z(name, x, h):
        total = x @ w[f"{name}WeightMatrix"].T + h @ w[f"{name}RecursionMatrix"].T
        total = total + (w[f"{name}BiasVector"] if bias else 0)
        return total + (1 if forget and name == "forgetGate" else 0)

    def peep(name, c):
        return c * w[f"{name}PeepholeVector"] if peephole else 0

    ys = [None] * len(x)
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        i = gate(z("inputGate", x[t], h) + peep("inputGate", c))
        f = 1 - i if coupled else gate(z("forgetGate", x[t], h) + peep("forgetGate", c))
        new = f * c + i * block(z("blockInput", x[t], h))
        c_new = np.clip(new, -clip, clip)
        h = gate(z("outputGate", x[t], h) + peep("outputGate", c_new)) * output(c_new)
        c = c_new
        ys[t] = h
    return np.stack(ys), h, c


FLAGS = {
    "bias": "hasBiasVectors",
    "peephole": "hasPeepholeVectors",
    "coupled": "coupledInputAndForgetGate",
    "forget": "forgetBias",
}


def lstm(
    *,
    names=PLAIN,
    sequence=True,
    inputs=None,
    outputs=("y", "h", "c"),
    reverse=False,
    clip=None,
    **flags,
):
    params = {FLAGS[key]: value for key, value in flags.items()}
    params |= {"sequenceOutput": sequence} | ({} if clip is None else {"cellClipThreshold": clip})
    return layer(
        "uniDirectionalLSTM",
        inputs,
        list(outputs),
        inputVectorSize=SIZE,
        outputVectorSize=HIDDEN,
        activations=[ACTIVATIONS[name][0] for name in names],
        params=params,
        weightParams=weights(),
        reverseInput=reverse,
    )


def blob(array):
    """[..., features] as [..., features, 1, 1]."""
    return array[..., None, None]


X, H, C = numbers(4, 2, SIZE), numbers(2, HIDDEN, seed=1), numbers(2, HIDDEN, seed=2)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"bias": True},
        {"peephole": True},
        {"coupled": True},
        {"forget": True},
        {"reverse": True},
        {"clip": 0.1},
        {"bias": True, "peephole": True, "forget": True, "reverse": True},
    ],
    ids=lambda flags: " ".join(flags) or "plain",
)
def test_one_direction(steps, flags):
    x = X[:steps]
    shapes = {"x": blob(x).shape, "h0": blob(H[None]).shape, "c0": blob(C[None]).shape}
    found = results(network(lstm(**flags), **shapes), blob(x), blob(H[None]), blob(C[None]))
    y, h, c = naive(x, H, C, weights(), **flags)
    assert_close(found["y"], blob(y))
    assert_close(found["h"], blob(h[None]))
    assert_close(found["c"], blob(c[None]))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    found = results(network(lstm(names=(name,) * 3, outputs=["y"]), x=blob(X).shape), blob(X))
    zero = np.zeros((2, HIDDEN))
    assert_close(found["y"], blob(naive(X, zero, zero, weights(), names=(name,) * 3)[0]))


def test_only_the_last_step():
    zero = np.zeros((2, HIDDEN))
    found = results(network(lstm(sequence=False, outputs=["y"]), x=blob(X).shape), blob(X))
    assert_close(found["y"], blob(naive(X, zero, zero, weights())[1][None]))


def test_in_rank_5_networks_vectors_are_one_step():
    x, zero = numbers(SIZE), np.zeros((1, HIDDEN))
    found = results(network(lstm(), rank5=True, x=(SIZE,)), x)
    y, _, c = naive(x[None, None], zero, zero, weights())
    assert_close(found["y"].ravel(), y.ravel())
    assert_close(found["c"].ravel(), c.ravel())


@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("states", [True, False])
def test_both_directions(sequence, states):
    item = layer(
        "biDirectionalLSTM",
        None,
        ["y", "h", "c", "hb", "cb"],
        inputVectorSize=SIZE,
        outputVectorSize=HIDDEN,
        activationsForwardLSTM=[ACTIVATIONS[n][0] for n in PLAIN],
        activationsBackwardLSTM=[ACTIVATIONS[n][0] for n in ("sigmoid", "ReLU", "tanh")],
        params={"sequenceOutput": sequence, "hasBiasVectors": True},
        weightParams=[weights(), weights(100)],
    )
    inputs = {"x": blob(X)} | ({"h0": H, "c0": C, "h1": C, "c1": H} if states else {})
    inputs = {k: v if k == "x" else blob(v[None]) for k, v in inputs.items()}
    found = results(network(item, **{k: v.shape for k, v in inputs.items()}), *inputs.values())
    zero = np.zeros((2, HIDDEN))
    h, c, hb, cb = (H, C, C, H) if states else (zero,) * 4
    forward = naive(X, h, c, weights(), bias=True)
    names = ("sigmoid", "ReLU", "tanh")
    back = naive(X, hb, cb, weights(100), bias=True, reverse=True, names=names)
    y = np.concatenate([forward[0], back[0]], -1)
    last = np.concatenate([forward[1], back[1]], -1)[None]
    assert_close(found["y"], blob(y if sequence else last))
    for name, value in zip(("h", "c", "hb", "cb"), (*forward[1:], *back[1:]), strict=True):
        assert_close(found[name], blob(value[None]))


def test_text():
    lines = text(network(lstm(outputs=["y"]), x=(1, 1, SIZE, 1, 1)))
    assert lines[0] == "%0 = tensor.squeeze(%x) {axes = [3, 4]} : f32[1,1,3]"
    (op,) = [line for line in lines if "nn.lstm" in line]
    assert op.endswith("cell_clip = 50.0} : f32[1,1,2], f32[1,2], f32[1,2]")
