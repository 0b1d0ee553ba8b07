"""The reference execution: arguments, symbols, regions, calls, errors."""

import numpy as np
import pytest
from cmlc.ir.dialects.core.activation import Relu
from cmlc.ir.interpret import Interpreter, InterpretError, random_inputs, run
from cmlc.ir.ssa import Op, Value
from cmlc.ir.text.parser import parse

DOUBLE = """func @main(%x: f32[N,2], %y: f32[N,2]) -> ("sum": f32[N,2]) {
  %z = tensor.add(%x, %y) : f32[N,2]
  return %z
}"""


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def test_inputs_by_name_or_in_order():
    module = parse(DOUBLE)
    expected = 2 * ones(3, 2)
    by_name = run(module, {"y": ones(3, 2), "x": ones(3, 2), "unused": ones(1)})
    assert list(by_name) == ["sum"]
    np.testing.assert_array_equal(by_name["sum"], expected)
    np.testing.assert_array_equal(run(module, [ones(3, 2), ones(3, 2)], "main")["sum"], expected)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": ones(3, 2)}, "inputs are missing: y"),
        ([ones(3, 2)], "@main takes 2 arguments, got 1"),
        ([ones(3, 2), ones(4, 2)], r"argument 'y' is f32\[4,2\], expected f32\[N,2\]"),
        ([ones(3, 2), ones(3, 3)], r"argument 'y' is f32\[3,3\], expected f32\[N,2\]"),
        ([ones(3), ones(3)], r"argument 'x' is f32\[3\]"),
        ([ones(3, 2, dtype=np.float64)] * 2, r"argument 'x' is f64\[3,2\]"),
    ],
)
def test_inputs_that_do_not_fit(inputs, message):
    with pytest.raises(InterpretError, match=message):
        run(parse(DOUBLE), inputs)


def test_unknown_function():
    with pytest.raises(InterpretError, match="there is no function @g"):
        run(parse(DOUBLE), [], "g")


def test_symbols_bind_for_expressions():
    module = parse(
        """func @f(%x: f32[N]) -> f32[N*2] {
          %y = tensor.concat(%x, %x) {axis = 0} : f32[N*2]
          return %y
        }"""
    )
    assert run(module, [ones(3)])["0"].shape == (6,)


def test_ops_introduce_symbols():
    text = """func @f(%x: f32[6], %s: i32[2]) -> f32[M,2] {
      %y = tensor.dynamic_reshape(%x, %s) {dims = [M, 2]} : f32[M,2]
      return %y
    }"""
    assert run(parse(text), [ones(6), np.array([-1, 2], np.int32)])["0"].shape == (3, 2)
    with pytest.raises(InterpretError, match=r"'tensor.dynamic_reshape' is f32\[2,3\], expected"):
        run(parse(text), [ones(6), np.array([-1, 3], np.int32)])


class Wrong(Relu):
    """An op whose kernel breaks its promise."""

    name = "test.wrong"

    def evaluate(self, x):
        return x.astype(np.float64)


class Silent(Op):
    """An op without a kernel."""

    name = "test.silent"
    x: Value


def test_kernels_must_keep_their_promise():
    text = "func @f(%x: f32[2]) -> f32[2] { %y = test.wrong(%x) : f32[2] return %y }"
    module = parse(text, table={"test.wrong": Wrong})
    with pytest.raises(InterpretError, match=r"'test.wrong' is f64\[2\], expected f32\[2\]"):
        run(module, [ones(2)])


def test_ops_without_semantics():
    module = parse("func @f() -> () { test.silent return }", table={"test.silent": Silent})
    with pytest.raises(InterpretError, match=r"'test\.silent' has no reference semantics"):
        run(module, [])


def test_a_block_without_end():
    module = parse("func @f() -> () { return }")
    module.main.block.last.erase()
    with pytest.raises(InterpretError, match="no terminator"):
        run(module, [])


CALLS = """
func @main(%x: f32[2]) -> (f32[2], f32[2]) {
  %a, %b = call(%x, %x) {callee = "twice"} : f32[2], f32[2]
  return %a, %b
}
func @twice(%x: f32[2], %y: f32[2]) -> (f32[2], f32[2]) {
  %s = tensor.add(%x, %y) : f32[2]
  return %s, %x
}
"""


def test_calls():
    results = run(parse(CALLS), [ones(2)])
    np.testing.assert_array_equal(results["0"], [2, 2])
    np.testing.assert_array_equal(results["1"], [1, 1])


def test_calls_of_nothing():
    module = parse(CALLS)
    del module.functions["twice"]
    with pytest.raises(InterpretError, match="there is no function @twice"):
        run(module, [ones(2)])


def test_regions_see_values_however_deep():
    """The inner use is the last one: the value must live until then."""
    module = parse(
        """func @f(%p: bool[], %x: f32[2]) -> f32[2] {
          %a = nn.relu(%x) : f32[2]
          %b = nn.relu(%a) : f32[2]
          %y = ctl.cond(%p) ({
            %z = ctl.cond(%p) ({ yield %a }, { yield %x }) : f32[2]
            yield %z
          }, { yield %b }) : f32[2]
          return %y
        }"""
    )
    np.testing.assert_array_equal(run(module, [np.array(True), ones(2)])["0"], ones(2))


def test_observing():
    module = parse(DOUBLE)
    interpreter = Interpreter(module)
    seen = []
    interpreter.observe = lambda op, results: seen.append((op.name, results[0].shape))
    interpreter.run(module.main, [ones(1, 2), ones(1, 2)])
    assert seen == [("tensor.add", (1, 2))]


def test_random_inputs():
    module = parse(
        """func @f(%a: f16[N,3], %b: u8[4], %c: bool[N*2], %d: str[2], %e: i64[]) -> f16[N,3] {
          return %a
        }"""
    )
    inputs = random_inputs(module.main, 3)
    shapes = {name: (array.shape, array.dtype.kind) for name, array in inputs.items()}
    assert shapes == {
        "a": ((2, 3), "f"),
        "b": ((4,), "u"),
        "c": ((4,), "b"),
        "d": ((2,), "O"),
        "e": ((), "i"),
    }
    np.testing.assert_array_equal(random_inputs(module.main, 3)["a"], inputs["a"])
    assert random_inputs(module.main, N=5)["a"].shape == (5, 3)
    assert list(run(module, inputs)) == ["0"]
