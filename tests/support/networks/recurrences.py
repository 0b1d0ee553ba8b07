"""Layers of recurrent networks, and naive recurrences that say what they compute."""

import numpy as np
from support.networks.builders import layer, lstm_weights, network, numbers

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
    """(hidden states in the order of reading, last hidden, last cell)."""
    gate, block, output = (ACTIVATIONS[name][1] for name in names)

    def z(name, x, h):
        total = x @ w[f"{name}WeightMatrix"].T + h @ w[f"{name}RecursionMatrix"].T
        total = total + (w[f"{name}BiasVector"] if bias else 0)
        return total + (1 if forget and name == "forgetGate" else 0)

    def peep(name, c):
        return c * w[f"{name}PeepholeVector"] if peephole else 0

    ys = []
    for step in x[::-1] if reverse else x:
        i = gate(z("inputGate", step, h) + peep("inputGate", c))
        f = 1 - i if coupled else gate(z("forgetGate", step, h) + peep("forgetGate", c))
        new = f * c + i * block(z("blockInput", step, h))
        c_new = np.clip(new, -clip, clip)
        h = gate(z("outputGate", step, h) + peep("outputGate", c_new)) * output(c_new)
        c = c_new
        ys.append(h)
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


def bidirectional(backward=PLAIN, **params):
    """Weights of seeds 0 and 100."""
    return layer(
        "biDirectionalLSTM",
        None,
        ["y", "h", "c", "hb", "cb"],
        inputVectorSize=SIZE,
        outputVectorSize=HIDDEN,
        activationsForwardLSTM=[ACTIVATIONS[n][0] for n in PLAIN],
        activationsBackwardLSTM=[ACTIVATIONS[n][0] for n in backward],
        params=params,
        weightParams=[weights(), weights(100)],
    )


GRU_GATES = ("updateGate", "resetGate", "outputGate")


def gru_weights():
    made = {}
    for i, name in enumerate(GRU_GATES):
        made[f"{name}WeightMatrix"] = numbers(HIDDEN, SIZE, seed=i)
        made[f"{name}RecursionMatrix"] = numbers(HIDDEN, HIDDEN, seed=10 + i)
        made[f"{name}BiasVector"] = numbers(HIDDEN, seed=20 + i)
    return made


def naive_gru(x, h, names=("sigmoid", "tanh"), bias=False):
    gate, output = (ACTIVATIONS[name][1] for name in names)
    w = gru_weights()

    def z(name, x, h):
        total = x @ w[f"{name}WeightMatrix"].T + h @ w[f"{name}RecursionMatrix"].T
        return total + (w[f"{name}BiasVector"] if bias else 0)

    ys = []
    for step in x:
        update, reset = gate(z("updateGate", step, h)), gate(z("resetGate", step, h))
        h = (1 - update) * output(z("outputGate", step, reset * h)) + update * h
        ys.append(h)
    return np.stack(ys), h


def gru(names=("sigmoid", "tanh"), outputs=("y", "h"), **fields):
    return layer(
        "gru",
        None,
        list(outputs),
        inputVectorSize=SIZE,
        outputVectorSize=HIDDEN,
        activations=[ACTIVATIONS[name][0] for name in names],
        **{"sequenceOutput": True, **gru_weights(), **fields},
    )


def naive_simple(x, h, function=np.tanh, bias=0):
    ys = []
    for step in x:
        h = function(step @ numbers(HIDDEN, SIZE).T + h @ numbers(HIDDEN, HIDDEN, seed=1).T + bias)
        ys.append(h)
    return np.stack(ys), h


def simple(activation=None, **fields):
    given = {
        "activation": activation or {"tanh": {}},
        "sequenceOutput": True,
        "weightMatrix": numbers(HIDDEN, SIZE),
        "recursionMatrix": numbers(HIDDEN, HIDDEN, seed=1),
        "inputVectorSize": SIZE,
        "outputVectorSize": HIDDEN,
    }
    return layer("simpleRecurrent", None, ["y", "h"], **given | fields)


def optional_states(default=None):
    """An LSTM whose states before the first step may be given."""
    gates = [{"sigmoid": {}}, {"tanh": {}}, {"tanh": {}}]
    made = network(
        layer(
            *("uniDirectionalLSTM", ["x", "h", "c"], ["y", "h_out", "c_out"]),
            **{"inputVectorSize": 3, "outputVectorSize": 2, "activations": gates},
            params={"sequenceOutput": True, "hasBiasVectors": True},
            weightParams=lstm_weights(3, 2),
        ),
        rank5=True,
        x=(3,),
        h=(2,),
        c=(2,),
    )
    for feature in made.description.input[1:]:
        feature.type.isOptional = True
    if default is not None:
        made.description.input[1].type.multiArrayType.floatDefaultValue = default
    return made
