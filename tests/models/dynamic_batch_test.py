"""A batch of one, opened on request: entries get the numbers that they get alone."""

from pathlib import Path

import cmlc
import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.rewrite import clone_module
from cmlc.ir.text.parser import parse
from cmlc.passes.manager import parse_pipeline
from cmlc.tools.cases import read_cases
from support.mil.programs import classifier, op, program
from support.modules.batches import assert_law, entries_of
from support.running.tensorflow_run import compare

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(0)
TEXT = (Path(__file__).parents[1] / "passes" / "dynamic_batch.cmir").read_text()
# Windows, heads, class tokens and so on, one kind each: all that the pass opens there.
KINDS = [
    case
    for case in read_cases(TEXT)
    if case.error is None
    and case.run == "dynamic-batch"
    and 'batch = "opened"' in (case.expected or "")
]


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
def test_each_kind_that_is_opened(case):
    """By the interpreter, and in TensorFlow."""
    module = parse(case.before)
    batch, several = entries_of(module, 3), clone_module(module)
    parse_pipeline(case.run).run(several)
    assert_law(batch, several)
    compare(several, batch.joined())


def network():
    """Convolution, pooling, flattening, linear, softmax: [1, 3, 8, 8] → [1, 5]."""
    weight = RANDOM.normal(size=(4, 3, 3, 3), scale=0.1).astype(np.float32)
    matrix = RANDOM.normal(size=(5, 64), scale=0.1).astype(np.float32)
    return program(
        op("conv", "c", (1, 4, 8, 8), x="x", weight=weight, pad_type="same"),
        op("relu", "r", (1, 4, 8, 8), x="c"),
        op(
            "max_pool",
            "p",
            (1, 4, 4, 4),
            x="r",
            kernel_sizes=[2, 2],
            strides=[2, 2],
            pad_type="valid",
        ),
        op("reshape", "f", (1, 64), x="p", shape=[1, 64]),
        op("linear", "l", (1, 5), x="f", weight=matrix),
        op("softmax", "y", (1, 5), x="l", axis=-1),
        x=(1, 3, 8, 8),
    )


def test_entries_are_independent(tmp_path):
    x = RANDOM.normal(size=(3, 3, 8, 8)).astype(np.float32)
    spec = network()
    one = cmlc.compile(spec)
    several = cmlc.compile(spec, Options(batch="dynamic"))
    expected = np.concatenate([one.predict({"x": row[None]})["y"] for row in x])
    np.testing.assert_allclose(several.predict({"x": x})["y"], expected, rtol=1e-5, atol=1e-6)
    several.write(tmp_path / "saved")
    import tensorflow as tf

    signature = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"]
    assert signature.structured_input_signature[1]["x"].shape.as_list() == [None, 3, 8, 8]
    np.testing.assert_allclose(signature(x=x)["y"], expected, rtol=1e-5, atol=1e-6)


def test_what_mixes_entries_is_refused_by_name():
    spec = program(op("softmax", "y", (1, 5), x="x", axis=0), x=(1, 5))
    with pytest.raises(
        CompileError, match=r"'nn.softmax' works along the batch dimension"
    ) as caught:
        cmlc.compile(spec, Options(batch="dynamic"))
    assert "leave out the option" in str(caught.value)


def test_classifiers_predict_for_each_entry():
    x = np.float32([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])
    spec = classifier(["a", "b", "c"])
    model = cmlc.compile(spec, Options(batch="dynamic"))
    assert model.predict({"x": x[:1]})["label"] == "b"
    found = model.predict({"x": x})
    assert found["label"] == ["b", "a"]
    assert [list(row) for row in found["chances"]] == [["a", "b", "c"]] * 2
    assert found["chances"][1]["a"] == pytest.approx(0.5)
    alone = cmlc.compile(spec).predict({"x": x[1:]})
    assert alone == {"label": "a", "chances": found["chances"][1]}
