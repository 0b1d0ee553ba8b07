"""Recurrent networks in every mode and at every length: TensorFlow agrees with the interpreter."""

import cmlc
import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.options import Options
from cmlc.ir.dialects.core.recurrent import Gru, Lstm, Rnn
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Function
from cmlc.ir.types import DType, Tensor
from cmlc.tools.bench import long_lstm
from support.modules.generation import module_of
from support.networks.builders import network, numbers
from support.networks.recurrences import SIZE, bidirectional, gru, lstm, simple
from support.running.tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow
N = symbol("N")
GATES = {Lstm: 4, Gru: 3, Rnn: 1}
NETWORKS = tuple(GATES)
ACTIVATIONS = (
    "sigmoid",
    "tanh",
    "relu",
    "linear,0.5,0.25",
    "scaled_tanh,1.5,0.5",
    "hard_sigmoid,0.2,0.5",
)
# One step takes no loop, 20 take turns of ten, and 19 two turns of eight with three left over.
LENGTHS = (1, 19, 20)


def arguments(**shapes):
    types = [Tensor(DType.F32, shape) for shape in shapes.values()]
    return dict(zip(shapes, Function("main", types, list(shapes)).arguments, strict=True))


def recurrent(cls, optional=(), time=10, batch=2, size=3, hidden=4, state=None, **given):
    """An op whose operands are the arguments of a function."""
    rows = GATES[cls] * hidden
    shapes = {
        "x": (time, batch, size),
        "weight_x": (rows, size),
        "weight_h": (rows, hidden),
        "bias": (rows,),
        "initial_h": (batch if state is None else state, hidden),
        "initial_c": (batch if state is None else state, hidden),
        "peephole": (3 * hidden,),
        "bias_h": (3 * hidden,),
    }
    names = ("x", "weight_x", "weight_h", *optional)
    return cls(**arguments(**{name: shapes[name] for name in names}), **given)


def check(op, **symbols):
    compare(module_of(op), **symbols)


LSTMS = {
    "plain": {},
    "coupled": {"coupled": True},
    "clipped": {"cell_clip": 0.1},
    "limited": {"gate_clip": 0.3},
    "limited as by Core ML": {"gate_clip": 50.0, "cell_clip": 50.0},
    "coupled, clipped, limited": {"coupled": True, "cell_clip": 0.2, "gate_clip": 0.4},
    **{f"all {a}": {"activations": (a, a, a), "gate_clip": 0.5} for a in ACTIVATIONS},
}
EXTRA = {
    "no more": (),
    "bias": ("bias",),
    "peephole": ("peephole",),
    "all": ("bias", "initial_h", "initial_c", "peephole"),
}


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("given", LSTMS.values(), ids=LSTMS)
@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_lstm(steps, given, extra):
    check(recurrent(Lstm, extra, steps, **given))


GRUS = {
    "plain": {},
    "reset after": {"reset_after": True},
    "limited": {"gate_clip": 0.3},
    "reset after, limited": {"reset_after": True, "gate_clip": 0.3},
    **{f"both {a}": {"activations": (a, a), "gate_clip": 0.5} for a in ACTIVATIONS},
}


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("given", GRUS.values(), ids=GRUS)
@pytest.mark.parametrize("extra", [(), ("bias", "initial_h", "bias_h")])
def test_gru(steps, given, extra):
    if not given.get("reset_after"):
        extra = extra[:2]
    check(recurrent(Gru, extra, steps, **given))


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("extra", [(), ("bias", "initial_h")])
@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_rnn(steps, name, extra, limit):
    check(recurrent(Rnn, extra, steps, activation=name, gate_clip=limit))


@pytest.mark.parametrize("cls", NETWORKS)
@pytest.mark.parametrize("extra", [(), ("bias", "initial_h")])
def test_one_graph_for_every_length(cls, extra):
    check(recurrent(cls, extra, time=N), N=(1, 2, 8, 15, 16))


@pytest.mark.parametrize("cls", NETWORKS)
@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("extra", [(), ("bias", "initial_h")])
def test_one_graph_for_every_batch(cls, steps, extra):
    check(recurrent(cls, extra, time=steps, batch=N), N=(1, 3))


@pytest.mark.parametrize("cls", NETWORKS)
def test_an_empty_sequence(cls):
    check(recurrent(cls, ("initial_h",), time=N), N=(0, 2))


@pytest.mark.parametrize("name", ["initial_h", "initial_c"])
@pytest.mark.parametrize("size", [1, 3])
def test_a_state_may_know_the_batch_better(name, size):
    check(recurrent(Lstm, (name,), batch=N, state=size), N=(size,))


def test_large_arguments_saturate_as_if_limited():
    """Where the limit is left out (tanh, sigmoid), it would change nothing."""
    x = np.linspace(-300, 300, 80, dtype=np.float32).reshape(10, 2, 4)
    for cls in NETWORKS:
        op = recurrent(cls, size=4, gate_clip=50.0)
        rows = GATES[cls] * 4
        weights = {"weight_x": numbers(rows, 4), "weight_h": numbers(rows, 4, seed=1)}
        compare(module_of(op), {"x": x, **weights})


@pytest.mark.parametrize("cls", NETWORKS)
def test_large_weights_go_in_blocks(cls, monkeypatch):
    """With blocks of ten elements, the last one narrower."""
    monkeypatch.setattr("cmlc.backends.tf.kernels.recurrent._BLOCK", 10)
    check(recurrent(cls, ("bias",), hidden=5))


def node_count(op):
    """Nodes of the graph and of all functions in it."""
    executable = load_target("tf").executable(lowered(module_of(op)))
    graph = executable.graph("main").graph.as_graph_def()
    return len(graph.node) + sum(len(inner.node_def) for inner in graph.library.function)


@pytest.mark.parametrize("cls", NETWORKS)
def test_graphs_do_not_grow_with_the_sequence(cls):
    """Lengths that leave no rest: what is left stands in a row, of seven steps at most."""
    short, long = (node_count(recurrent(cls, ("bias",), time=steps)) for steps in (16, 512))
    assert short == long
    one, prime = (node_count(recurrent(cls, ("bias",), time=steps)) for steps in (1, 509))
    assert prime < short + 8 * one


RECURRENT = {
    "uniDirectionalLSTM": lstm(bias=True),
    "biDirectionalLSTM": bidirectional(sequenceOutput=True),
    "gru": gru(reverseInput=True),
    "simpleRecurrent": simple(),
}


@pytest.mark.parametrize("item", RECURRENT.values(), ids=RECURRENT)
def test_one_saved_model_for_every_sequence_and_batch(item, tmp_path):
    import tensorflow as tf

    model = network(item, rank5=True, x=(SIZE,))
    compiled = cmlc.compile(model, Options(shapes={"x": ("S", "B", SIZE, 1, 1)}))
    loaded = tf.saved_model.load(str(compiled.write(tmp_path / "model")))
    for steps, batch in ((1, 1), (6, 2), (19, 1)):
        x = numbers(steps, batch, SIZE, 1, 1, seed=steps)
        found = loaded.signatures["serving_default"](x=tf.constant(x))
        for name, expected in run(compiled.module, {"x": x}, "main").items():
            assert found[name].shape == expected.shape
            np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


def test_weights_are_variables_named_after_their_layer():
    item = lstm(bias=True, forget=True, peephole=True)
    variables = cmlc.compile(network(item, x=(4, 1, SIZE, 1, 1))).executable.variables
    assert sorted(variables) == ["l0.bias", "l0.peephole", "l0.weight"]


def test_agrees_with_keras():
    layer = long_lstm.keras_layer(4)
    x = numbers(long_lstm.STEPS, 2, long_lstm.FEATURES)
    found = cmlc.compile(long_lstm.model(layer, 2)).predict({"x": x[..., None, None]})["y"]
    expected = layer(x.swapaxes(0, 1)).numpy()
    np.testing.assert_allclose(found[..., 0, 0].swapaxes(0, 1), expected, atol=1e-5)


@pytest.mark.parametrize("cls", NETWORKS)
@pytest.mark.parametrize("steps", [8, 19])
@pytest.mark.parametrize("time", ["known", "open"])
def test_xla_compiles_every_length(cls, steps, time):
    import tensorflow as tf

    op = recurrent(cls, ("bias", "initial_h"), time=steps if time == "known" else N)
    module = module_of(op)
    executable = load_target("tf").executable(lowered(module))
    graph = executable.graph("main")
    inputs = {
        value.name: numbers(*(steps if dim == N else dim for dim in value.type.shape), seed=index)
        for index, value in enumerate(module.main.arguments)
    }
    compiled = tf.function(lambda **given: graph(**given), jit_compile=True)
    found = compiled(**{name: tf.constant(array) for name, array in inputs.items()})
    for name, expected in run(module, inputs, "main").items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)
