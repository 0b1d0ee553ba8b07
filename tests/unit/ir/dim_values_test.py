"""What is known of computed extents, in whatever types models compute them."""

import pytest
from cmlc.ir.dim_values import known_dims
from cmlc.ir.dims import symbol
from cmlc.ir.text.parser import parse

N = symbol("N")
# How a shape computation goes on from the extent N, as f32, and what is known of its end.
COMPUTED = {
    "%y = tensor.mul(%n, %c) : f32[1]": {2.0: (N * 2,), 0.5: None, float("inf"): None},
    "%y = tensor.sub(%n, %c) : f32[1]": {-1.0: (N + 1,), 0.25: None},
    "%y = tensor.greater(%n, %c) : bool[1]": {-1.0: (1,), -0.5: None, 0.0: None},
    "%b = tensor.equal(%n, %c) : bool[1]\n%y = tensor.select(%b, %c, %n) : f32[1]": {
        -1.0: (N,),
        3.0: None,
    },
    "%m = tensor.mul(%n, %c) : f32[1]\n%y = tensor.cast(%m) {dtype = i32} : i32[1]": {
        3.0: (N * 3,),
        1.5: None,
    },
}
CASES = [(ops, number, end) for ops, rows in COMPUTED.items() for number, end in rows.items()]


@pytest.mark.parametrize(("ops", "number", "expected"), CASES)
def test_numbers_of_shapes_may_be_floats(ops, number, expected):
    result = ops.rpartition(" : ")[2]
    text = f"""func @f(%x: f32[N]) -> {result} {{
      %s = tensor.shape(%x) : i32[1]
      %n = tensor.cast(%s) {{dtype = f32}} : f32[1]
      %c = const {{value = dense<[{number}]>}} : f32[1]
      {ops}
      return %y
    }}"""
    assert known_dims(parse(text).functions["f"].results[0]) == expected
