"""What `make bench` measures is what it says."""

from collections import Counter

import pytest
from cmlc.ir.types import DType
from cmlc.tools.bench import half_program
from support.mil.programs import imported


@pytest.mark.parametrize(("precision", "dtype"), [("float32", DType.F32), ("keep", DType.F16)])
def test_half_program(precision, dtype):
    module = imported(half_program.model(), precision=precision)
    convolutions = [op for op in module.main.block if op.name == "nn.conv"]
    assert len(convolutions) == len(half_program.LAYERS)
    counts = Counter(op.result.type.dtype for op in convolutions)
    assert counts == {dtype: len(convolutions)}
    (result,) = module.main.results
    assert str(result.type) == f"f32[1,{half_program.CLASSES}]"
