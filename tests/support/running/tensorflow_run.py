"""A core module run by TensorFlow and by the interpreter, and the two compared."""

import numpy as np
from cmlc.backends.table import load_target
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.types import DType
from cmlc.ir.verify import verify
from cmlc.passes.manager import parse_pipeline
from support.modules.generation import is_repeatable

# Relative to the largest number of a result. f32: TensorFlow sums in another order and has its own
# exp and tanh. f16: it rounds after every op, where the interpreter sums in f32; and eps is 1e-3.
TOLERANCE = {DType.F16: 2e-2, DType.F32: 2e-5, DType.F64: 1e-9}


def lowered(module, pipeline="layout{to=channels_last}"):
    """The module in TensorFlow's dialect, after the passes it needs at least."""
    copy = clone_module(module)
    parse_pipeline(pipeline).run(copy)
    verify(copy)
    target = load_target("tf")
    target.lower(copy)
    parse_pipeline(target.after).run(copy)
    verify(copy)
    return copy


def compare(module, inputs=None, pipeline="layout{to=channels_last}", **symbols):
    """Run both on the same (or random) inputs; of numbers drawn anew, only types are compared.

    Raises:
        AssertionError: they disagree.
    """
    executable = load_target("tf").executable(lowered(module, pipeline))
    for size in symbols.get("N", (2,)):
        given = inputs or random_inputs(module.main, 0, N=size)
        names = [value.name for value in module.main.arguments]
        ours = run(module, given, module.main.name)
        theirs = executable.run({name: given[name] for name in names}, module.main.name)
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            what = f"result '{name}' of {module.main.name}"
            if is_repeatable(module):
                assert_close(array, theirs[name], what)
            else:
                assert_same_type(array, theirs[name], what)


def assert_same_type(ours, theirs, what=""):
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), what


def assert_close(ours, theirs, what=""):
    if ours.dtype.kind in "OSU":
        decoded = [e.decode() if isinstance(e, bytes) else e for e in np.ravel(theirs).tolist()]
        assert decoded == np.ravel(ours).tolist()
        return
    assert_same_type(ours, theirs, what)
    if ours.dtype.kind != "f":
        np.testing.assert_array_equal(theirs, ours, err_msg=what)
        return
    finite = np.abs(ours[np.isfinite(ours)].astype(float))
    share = TOLERANCE[DType.of(ours)]
    scale = max(1.0, finite.max(initial=0.0))
    np.testing.assert_allclose(
        theirs.astype(float), ours.astype(float), rtol=share, atol=share * scale, err_msg=what
    )


def graph_function(path, inputs, outputs):
    """What a frozen graph computes: a function of its input tensors, in order."""
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    pruned = wrapped.prune(inputs, outputs)
    return lambda *arrays: [found.numpy() for found in pruned(*map(tf.constant, arrays))]
