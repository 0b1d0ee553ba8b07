"""LSTMs by TensorFlow's own op: in this process, in SavedModels, and the loop where others read."""

import cmlc
import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.options import Options
from cmlc.ir.dialects.builtin import constant
from cmlc.ir.dialects.core.recurrent import Lstm
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import run
from cmlc.ir.ssa import Function
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType, Tensor
from cmlc.tools.cmlc import main
from support.modules.generation import module_of
from support.networks.builders import network, numbers
from support.networks.recurrences import SIZE, lstm
from support.running.tensorflow_run import assert_close, compare, lowered

pytestmark = pytest.mark.slow
N = symbol("N")
INPUTS, HIDDEN = 3, 4
WEIGHTS = {
    "weight_x": (4 * HIDDEN, INPUTS),
    "weight_h": (4 * HIDDEN, HIDDEN),
    "bias": (4 * HIDDEN,),
    "peephole": (3 * HIDDEN,),
}
VARIANTS = {
    "plain": (("weight_x", "weight_h"), {}),
    "bias": (("weight_x", "weight_h", "bias"), {}),
    "peephole": (tuple(WEIGHTS), {}),
    "clipped": (tuple(WEIGHTS), {"cell_clip": 0.25}),
    "out of reach": (("weight_x", "weight_h", "bias"), {"gate_clip": 50.0}),
}


def module(variant, time=10, batch=2, states=()):
    """A module of one LSTM, whose weights are constants."""
    names, attributes = VARIANTS[variant]
    weights = {n: constant(numbers(*WEIGHTS[n], seed=i), n) for i, n in enumerate(names)}
    shapes = {"x": (time, batch, INPUTS), **dict.fromkeys(states, (batch, HIDDEN))}
    types = [Tensor(DType.F32, shape) for shape in shapes.values()]
    given = dict(zip(shapes, Function("main", types, list(shapes)).arguments, strict=True))
    return module_of(Lstm(**given, **weights, **attributes))


def calls(made):
    return {op.name for op in lowered(made).walk() if "lstm" in op.name}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("time", [0, 1, 10, N])
def test_is_what_the_interpreter_computes(variant, time):
    states = ("initial_h", "initial_c") if variant in ("bias", "clipped") else ()
    made = module(variant, time, states=states)
    assert calls(made) == {"kernels.block_lstm"}
    if time == 0:
        given = {v.name: numbers(*v.type.static_shape) for v in made.main.arguments}
        compare(made, given)
    else:
        compare(made, N=(0, 1, 8, 19) if time is N else (2,))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("time", [0, 1, 19, N])
def test_so_is_the_loop_that_others_read(variant, time):
    made = module(variant, time)
    graph = load_target("tf").executable(lowered(made)).graph("main")
    inside = graph.graph.as_graph_def().library.function
    assert not any("BlockLSTM" in node.op for item in inside for node in item.node_def)
    x = numbers(19 if time is N else time, 2, INPUTS)
    executable = load_target("tf").executable(lowered(made))
    _ = executable.variables  # filled
    found = executable.graph("main")(x=x)
    for name, expected in run(made, {"x": x}, "main").items():
        assert_close(expected, found[name].numpy(), name)


def functions_called(graph, **inputs):
    """The names of the functions that TensorFlow calls, after its graph optimizer."""
    from tensorflow.python.eager import context

    here = context.context()
    here.enable_graph_collection()
    try:
        graph(**inputs)
        made = here.export_run_metadata().function_graphs
    finally:
        here.disable_graph_collection()
    nodes = [node for item in made for node in item.post_optimization_graph.node]
    return [node.attr["f"].func.name for node in nodes if node.op == "PartitionedCall"]


@pytest.mark.parametrize("time", [16, N])
@pytest.mark.parametrize("place", ["graph_here", "signature"])
def test_tensorflow_takes_its_own_op(time, place):
    import tensorflow as tf

    executable = load_target("tf").executable(lowered(module("bias", time)))
    _ = executable.variables  # filled
    graph = getattr(executable, place)("main")
    (name,) = functions_called(graph, x=tf.constant(numbers(16, 2, INPUTS)))
    assert name.startswith("__inference_block_")  # of this graph, or an equal one of the process
    library = {item.signature.name: item for item in graph.graph.as_graph_def().library.function}
    (block,) = [item for name, item in library.items() if name.startswith("__inference_block_")]
    assert "BlockLSTMV2" in {node.op for node in block.node_def}
    (traced,) = [node for node in graph.graph.get_operations() if node.type == "PartitionedCall"]
    loop = library[traced.get_attr("f").name]
    assert any("While" in node.op for node in loop.node_def)


@pytest.mark.parametrize(
    "attributes",
    [
        {"activations": ("sigmoid", "tanh", "relu")},
        {"activations": ("hard_sigmoid,0.2,0.5", "tanh", "tanh")},
        {"coupled": True},
        {"gate_clip": 1.0},
    ],
)
def test_other_equations_are_a_loop(attributes, monkeypatch):
    monkeypatch.setitem(VARIANTS, "other", (("weight_x", "weight_h", "bias"), attributes))
    made = module("other")
    assert calls(made) == {"kernels.lstm"}
    compare(made)


def test_weights_that_something_else_reads_are_not_joined():
    """They are one variable for both, as in the model."""
    made = parse(
        """
func @main(%x: f32[5,2,3]) -> ("y": f32[5,2,4], "z": f32[16,3]) {
  %w = const {value = resource<"w">} : f32[16,3]
  %u = const {value = resource<"u">} : f32[16,4]
  %y, %h, %c = nn.lstm(%x, %w, %u) : f32[5,2,4], f32[2,4], f32[2,4]
  %z = nn.relu(%w) : f32[16,3]
  return %y, %z
}
resources {
  "w" : f32[16,3] = random(1)
  "u" : f32[16,4] = random(2)
}"""
    )
    assert calls(made) == {"kernels.lstm"}
    compare(made)


def test_two_of_the_same_weights_share_one():
    made = parse(
        """
func @main(%x: f32[5,2,3], %v: f32[7,2,3]) -> ("y": f32[5,2,4], "z": f32[7,2,4]) {
  %w = const {value = resource<"w">} : f32[16,3]
  %u = const {value = resource<"u">} : f32[16,4]
  %y, %h, %c = nn.lstm(%x, %w, %u) : f32[5,2,4], f32[2,4], f32[2,4]
  %z, %i, %d = nn.lstm(%v, %w, %u) : f32[7,2,4], f32[2,4], f32[2,4]
  return %y, %z
}
resources {
  "w" : f32[16,3] = random(1)
  "u" : f32[16,4] = random(2)
}"""
    )
    assert calls(made) == {"kernels.block_lstm"}
    executable = load_target("tf").executable(lowered(made))
    assert len(executable.variables) == 1
    compare(made)


def test_tflite_has_the_loop():
    made = module("bias")
    load_target("tflite").lower(made)
    assert {op.name for op in made.walk() if "lstm" in op.name} == {"kernels.lstm"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A compiled network with an LSTM, and the signature of its SavedModel."""
    import tensorflow as tf

    item = lstm(bias=True, forget=True, peephole=True)
    model = network(item, rank5=True, x=(SIZE,))
    compiled = cmlc.compile(model, Options(shapes={"x": ("S", "B", SIZE, 1, 1)}))
    loaded = tf.saved_model.load(str(compiled.write(tmp_path_factory.mktemp("lstm") / "model")))
    return compiled, loaded


def test_a_saved_model_trains_through_the_loop(saved):
    """TensorFlow has gradients of loops, not of what it runs instead of them."""
    import tensorflow as tf

    _, loaded = saved
    signature = loaded.signatures["serving_default"]
    x, direction = numbers(9, 2, SIZE, 1, 1), numbers(9, 2, SIZE, 1, 1, seed=1)

    def loss(x):
        (y, *_) = signature(x=x).values()
        return tf.reduce_sum(y**2)

    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = loss(given)
    weights = list(loaded.weights)
    slope, *rest = tape.gradient(total, [given, *weights])
    assert all(np.abs(item.numpy()).max() > 0 for item in rest)
    step = 1e-2
    ahead, back = (float(loss(tf.constant(x + s * direction))) for s in (step, -step))
    np.testing.assert_allclose(
        (slope.numpy() * direction).sum(), (ahead - back) / 2 / step, rtol=1e-2
    )


def test_xla_compiles_a_saved_model(saved):
    import tensorflow as tf

    compiled, loaded = saved
    x = numbers(9, 2, SIZE, 1, 1)
    signature = loaded.signatures["serving_default"]
    found = tf.function(lambda x: signature(x=x), jit_compile=True)(tf.constant(x))
    for name, expected in run(compiled.module, {"x": x}, "main").items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


def test_the_summary_says_so(tmp_path, capsys):
    (tmp_path / "m.mlmodel").write_bytes(
        network(lstm(bias=True), x=(4, 1, SIZE, 1, 1)).SerializeToString()
    )
    assert main([str(tmp_path / "m.mlmodel"), "-o", str(tmp_path / "m")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "runs 1 LSTM by TensorFlow's own op on CPUs, and by loops that XLA and other" in out
