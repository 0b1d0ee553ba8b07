"""A core module run by its Keras model and by the interpreter, and the two compared."""

import numpy as np
from cmlc.backends.table import load_target
from cmlc.compiler.driver import load_text, lower
from cmlc.compiler.options import Options
from cmlc.ir.interface import Result
from cmlc.ir.interpret import random_inputs, run
from cmlc.ir.rewrite import clone_module
from cmlc.ir.verify import verify
from cmlc.passes.manager import parse_pipeline
from support.running.tensorflow_run import assert_close

PIPELINE = "layout{to=channels_last}, constant-fold"  # layers hold constants


def keras_code(module, pipeline=PIPELINE):
    """The Keras code of a module, after the passes it needs at least."""
    copy = clone_module(module)
    function = copy.main
    function.result_names = function.result_names or [
        str(i) for i, _ in enumerate(function.results)
    ]
    function.outputs = function.outputs or [Result() for _ in function.results]
    parse_pipeline(pipeline).run(copy)
    verify(copy)
    lowered = lower(copy, Options(target="keras"))
    verify(lowered)
    return load_target("keras").executable(lowered)


def compare(module, inputs=None, pipeline=PIPELINE, **symbols):
    """Run both on the same (or random) inputs.

    Raises:
        AssertionError: they disagree.
    """
    made = keras_code(module, pipeline)
    for size in symbols.get("N", (2,)):
        given = inputs or random_inputs(module.main, 0, N=size)
        ours, theirs = run(module, given, module.main.name), made.run(given)
        for array, (name, found) in zip(ours.values(), theirs.items(), strict=True):
            assert_close(array, found, f"result '{name}' of\n{made.text}")


def case(text, pipeline=PIPELINE, **arrays):
    """Compare on the given inputs, or random ones."""
    given = {name: np.asarray(array) for name, array in arrays.items()}
    compare(load_text(text), given or None, pipeline)


def code(text, pipeline=PIPELINE):
    return keras_code(load_text(text), pipeline).text
