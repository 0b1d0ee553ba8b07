"""Groups of channels are normalized by vectors of one number for each channel."""

import pytest
from cmlc.backends.tf import dialect as tf
from cmlc.ir.text.parser import parse
from support.running.tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow
GROUPS = """
func @main(%x: {dtype}[{batch},4,3,6]) -> {dtype}[{batch},4,3,6] {{
  %s = const {{value = resource<"s">}} : {dtype}[6]
  %g = tensor.reshape(%x) {{shape = [{batch},4,3,2,3]}} : {dtype}[{batch},4,3,2,3]
  %n = nn.mean_variance_norm(%g) {{
    axes = {axes}, normalize_variance = {variance}
  }} : {dtype}[{batch},4,3,2,3]
  %y = tensor.reshape(%n) {{shape = [{batch},4,3,6]}} : {dtype}[{batch},4,3,6]
  %z = tensor.mul(%y, %s) : {dtype}[{batch},4,3,6]
  return %z
}}
resources {{
  "s" : {dtype}[6] = random(1)
}}
"""


def groups(batch="N", dtype="f32", axes="[1, 2, 4]", variance="true"):
    sizes = batch.replace("N", "N")
    return parse(GROUPS.format(batch=batch, sizes=sizes, dtype=dtype, axes=axes, variance=variance))


def largest_rank(module):
    """Of what is subtracted from."""
    ops = lowered(module, "").walk()
    return max(op.result.type.rank for op in ops if isinstance(op, tf.Subtract))


@pytest.mark.parametrize("batch", ["1", "3", "N"])
@pytest.mark.parametrize("dtype", ["f32", "f16"])
@pytest.mark.parametrize("variance", ["true", "false"])
def test_groups(batch, dtype, variance):
    module = groups(batch, dtype, variance=variance)
    compare(module, pipeline="", N=(1, 3))
    assert largest_rank(module) == 4


@pytest.mark.parametrize("axes", ["[4]", "[1, 2]", "[1, 2, 3, 4]", "[1, 4]", "[0, 1, 2, 4]"])
def test_other_dimensions(axes):
    module = groups("2", axes=axes)
    compare(module, pipeline="")
    assert largest_rank(module) == (4 if axes == "[0, 1, 2, 4]" else 5)
