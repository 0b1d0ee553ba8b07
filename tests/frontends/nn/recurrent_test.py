"""Recurrent layers, against naive recurrences."""

import numpy as np
import pytest
from cmlc.ir.dims import symbol
from support.networks.builders import (
    assert_close,
    assert_refused,
    layer,
    network,
    numbers,
    result,
    results,
    text,
)
from support.networks.recurrences import (
    ACTIVATIONS,
    HIDDEN,
    SIZE,
    bidirectional,
    gru,
    lstm,
    naive,
    naive_gru,
    naive_simple,
    simple,
    weights,
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
    names = ("sigmoid", "ReLU", "tanh")
    item = bidirectional(names, sequenceOutput=sequence, hasBiasVectors=True)
    inputs = {"x": blob(X)} | ({"h0": H, "c0": C, "h1": C, "c1": H} if states else {})
    inputs = {k: v if k == "x" else blob(v[None]) for k, v in inputs.items()}
    found = results(network(item, **{k: v.shape for k, v in inputs.items()}), *inputs.values())
    zero = np.zeros((2, HIDDEN))
    h, c, hb, cb = (H, C, C, H) if states else (zero,) * 4
    forward = naive(X, h, c, weights(), bias=True)
    back = naive(X, hb, cb, weights(100), bias=True, reverse=True, names=names)
    y = np.concatenate([forward[0], back[0][::-1]], -1)
    last = np.concatenate([forward[1], back[1]], -1)[None]
    assert_close(found["y"], blob(y if sequence else last))
    for name, value in zip(("h", "c", "hb", "cb"), (*forward[1:], *back[1:]), strict=True):
        assert_close(found[name], blob(value[None]))


@pytest.mark.parametrize(
    ("message", "function"),
    [
        ({"linear": {}}, lambda z: z),
        ({"scaledTanh": {}}, np.tanh),
        ({"sigmoidHard": {}}, lambda z: np.clip(0.2 * z + 0.5, 0, 1)),
        ({"linear": {"beta": 0.5}}, lambda z: 0 * z + 0.5),
        ({"sigmoidHard": {"alpha": 0.5}}, lambda z: np.clip(0.5 * z, 0, 1)),
    ],
)
def test_activations_without_numbers(message, function):
    """All numbers left out are the usual ones; one left out is 0."""
    found = results(network(simple(activation=message), x=blob(X).shape), blob(X))
    assert_close(found["y"], blob(naive_simple(X, np.zeros((2, HIDDEN)), function)[0]))


def test_coupled_gates_need_no_forget_gate():
    item = lstm(coupled=True, bias=True, peephole=True, outputs=["y"])
    for name in list(item[-1]["weightParams"]):
        if name.startswith("forgetGate"):
            del item[-1]["weightParams"][name]
    zero = np.zeros((2, HIDDEN))
    flags = {"coupled": True, "bias": True, "peephole": True}
    found = results(network(item, x=blob(X).shape), blob(X))
    assert_close(found["y"], blob(naive(X, zero, zero, weights(), **flags)[0]))


def test_a_forget_bias_without_others():
    zero = np.zeros((2, HIDDEN))
    found = results(network(lstm(forget=True), x=blob(X).shape), blob(X))
    assert_close(found["c"], blob(naive(X, zero, zero, weights(), forget=True)[2][None]))


# -- GRU and simple RNN --------------------------------------------------------------------------


def run_with_state(item, x=X, state=None):
    state = blob(H[None]) if state is None else state
    model = network(item, x=blob(x).shape, h0=state.shape)
    return results(model, blob(x), state)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("names", [("sigmoid", "tanh"), ("tanh", "sigmoid"), ("linear", "ReLU")])
def test_gru(steps, bias, names):
    found = run_with_state(gru(names, hasBiasVectors=bias), X[:steps])
    y, h = naive_gru(X[:steps], H, names, bias)
    assert_close(found["y"], blob(y))
    assert_close(found["h"], blob(h[None]))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("bias", [False, True])
def test_simple_recurrent(name, bias):
    message, function = ACTIVATIONS[name]
    vector = numbers(HIDDEN, seed=2)
    fields = {"hasBiasVector": True, "biasVector": vector} if bias else {}
    found = run_with_state(simple(message, **fields))
    y, h = naive_simple(X, H, function, vector if bias else 0)
    assert_close(found["y"], blob(y))
    assert_close(found["h"], blob(h[None]))


OTHERS = {"gru": (gru, naive_gru), "simpleRecurrent": (simple, naive_simple)}


@pytest.mark.parametrize("kind", OTHERS)
def test_reversed_input_comes_in_the_order_of_reading(kind):
    make, compute = OTHERS[kind]
    found = run_with_state(make(reverseInput=True))
    y, h = compute(X[::-1], H)
    assert_close(found["y"], blob(y))
    assert_close(found["h"], blob(h[None]))


@pytest.mark.parametrize("kind", OTHERS)
def test_only_the_last_step_without_a_state(kind):
    make, compute = OTHERS[kind]
    found = results(network(make(sequenceOutput=False), x=blob(X).shape), blob(X))
    expected = blob(compute(X, np.zeros((2, HIDDEN)))[1][None])
    assert_close(found["y"], expected)
    assert_close(found["h"], expected)


@pytest.mark.parametrize("kind", OTHERS)
def test_states_may_have_their_units_behind(kind):
    make, compute = OTHERS[kind]
    found = run_with_state(make(), state=H[..., None, None, None])
    assert_close(found["y"], blob(compute(X, H)[0]))


def test_arguments_are_limited():
    found = run_with_state(simple({"ReLU": {}}), 1000 * X)
    y, _ = naive_simple(1000 * X, H, lambda z: np.clip(z, 0, 50))
    assert_close(found["y"], blob(y))


# -- text ----------------------------------------------------------------------------------------


def test_text():
    lines = text(network(lstm(outputs=["y"]), x=(1, 1, SIZE, 1, 1)))
    assert lines[0] == "%0 = tensor.squeeze(%x) {axes = [3, 4]} : f32[1,1,3]"
    (op,) = [line for line in lines if "nn.lstm" in line]
    types = "f32[1,1,2], f32[1,2], f32[1,2]"
    assert op.endswith(f"{{cell_clip = 50.0, gate_clip = 50.0}} : {types}")


def test_zero_states_of_any_size_are_left_out():
    """As coremltools makes them: zeros sized by a number that only running tells."""
    hidden = layer("loadConstantND", [], ["hidden"], shape=[1], data=np.asarray([HIDDEN]))
    sizes = layer("concatND", ["length", "hidden"], ["sizes"], axis=0)
    zeros = layer("fillDynamic", ["sizes"], ["zeros"], value=0)
    state = layer("expandDims", ["zeros"], ["state"], axes=[0, 3, 4])
    item = lstm(inputs=["x", "state", "state"])
    model = network(hidden, sizes, zeros, state, item, x=blob(X).shape, length=(1,))
    zero = np.zeros((2, HIDDEN))
    found = results(model, blob(X), np.asarray([7]))
    assert_close(found["y"], blob(naive(X, zero, zero, weights())[0]))


def test_open_sequences_and_batches():
    model = network(lstm(outputs=["y"]), rank5=True, x=(SIZE,))
    shapes = {"x": (symbol("S"), symbol("B"), SIZE, 1, 1)}
    (op,) = [line for line in text(model, shapes=shapes) if "nn.lstm" in line]
    assert op.endswith(": f32[S,B,2], f32[B,2], f32[B,2]")
    zero = np.zeros((2, HIDDEN))
    assert_close(result(model, blob(X), shapes=shapes), blob(naive(X, zero, zero, weights())[0]))


@pytest.mark.parametrize("kind", ["uniDirectionalLSTM", "gru", "simpleRecurrent", "both"])
def test_batches_of_vectors(kind):
    """Each entry of a dynamic batch is as it would be alone."""
    both = bidirectional(sequenceOutput=True)
    item = {"uniDirectionalLSTM": lstm(), "gru": gru(), "simpleRecurrent": simple(), "both": both}
    dense = layer(
        "innerProduct",
        ["y"],
        ["z"],
        inputChannels=HIDDEN * (1 + (kind == "both")),
        outputChannels=2,
        weights=numbers(2, HIDDEN * (1 + (kind == "both"))),
    )
    model = network(item[kind], dense, layer("softmax"), rank5=True, x=(SIZE,))
    x = numbers(3, SIZE)
    together = result(model, x, batch="dynamic")
    for entry, alone in zip(together, x, strict=True):
        assert_close(entry.ravel(), result(model, alone).ravel())


def test_a_batch_of_states():
    model = network(gru(outputs=["y", "h"]), rank5=True, x=(SIZE,), h=(HIDDEN,))
    x, h = numbers(3, SIZE), numbers(3, HIDDEN, seed=4)
    found = results(model, x, h, batch="dynamic")
    assert_close(found["y"].reshape(3, HIDDEN), naive_gru(x[None], h)[1])


def test_steps_are_no_batch():
    """Of an exact shape the first dimension would be the batch; here it is the sequence."""
    model = network(lstm(outputs=["y"]), x=(1, 1, SIZE, 1, 1))
    assert_refused(model, "works along the batch", kind="unsupported", batch="dynamic")
