"""Boxes, and numbers of results that are computed: TensorFlow agrees with the interpreter."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.text.parser import parse
from support.running.tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow

SUPPRESSION = """
func @main(%b: f32[N,K,4], %s: f32[N,K,C], %i: f32[], %t: f32[], %m: i32[])
    -> (f32[N,M,4], f32[N,M,C], i32[N,M], i32[N]) {
  %y, %z, %p, %n = image.non_maximum_suppression(%b, %s, %i, %t, %m) {dims = [M], per_class = PER}
    : f32[N,M,4], f32[N,M,C], i32[N,M], i32[N]
  return %y, %z, %p, %n
}"""


def boxes(batch, count, classes, seed=0, dtype=np.float32):
    """Random boxes, some without area; scores among which many are equal, and some no numbers."""
    random = np.random.default_rng(seed)
    made = random.random((batch, count, 4)).astype(dtype)
    made[:, ::5, 2], made[:, 1::7, 3] = 0, -1
    scores = (random.integers(0, 12, (batch, count, classes)) / 12).astype(dtype)
    scores[:, 3::11, 0] = np.nan
    scores[:, 4::13] = -np.inf
    return made, scores


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize("low", [-np.inf, 0.5, 9])
@pytest.mark.parametrize("iou", [-0.5, 0.0, 0.15, 1.0])
def test_suppression(per_class, low, iou):
    """In every mode, one compiled graph for all sizes."""
    module = parse(SUPPRESSION.replace("PER", str(per_class).lower()))
    for batch, count, classes, most in ((1, 1, 1, 1), (2, 30, 3, 7), (3, 25, 1, 25), (2, 9, 4, 20)):
        made, scores = boxes(batch, count, classes)
        given = {"b": made, "s": scores, "i": iou, "t": low, "m": most}
        types = {v.name: v.type.dtype.numpy for v in module.main.arguments}
        compare(module, {name: np.asarray(data, types[name]) for name, data in given.items()})


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_suppression_in_other_precisions(dtype):
    name = {np.float16: "f16", np.float64: "f64"}[dtype]
    module = parse(SUPPRESSION.replace("PER", "true").replace("f32", name))
    made, scores = boxes(2, 30, 3, 1, dtype)
    made *= 400  # areas are above what 16 bits hold
    numbers = {"i": np.asarray(0.1, dtype), "t": np.asarray(0.2, dtype), "m": np.int32(30)}
    compare(module, {"b": made, "s": scores, **numbers})


def test_room_for_no_box():
    module = parse(SUPPRESSION.replace("PER", "true"))
    made, scores = boxes(1, 5, 2)
    given = {"b": made, "s": scores, "i": np.float32(0), "t": np.float32(0), "m": np.int32(0)}
    with pytest.raises(CompileError, match=r"returns.*0.*boxes"):
        load_target("tf").executable(lowered(module)).run(given, "main")


TOP = """
func @main(%x: f32[N,5], %k: i32[]) -> (f32[N,K], i32[N,K], f32[L,5], i32[L,5]) {
  %v, %i = tensor.dynamic_topk(%x, %k) {dims = [K]} : f32[N,K], i32[N,K]
  %w, %j = tensor.dynamic_topk(%x, %k) {dims = [L], axis = 0, ascending = true} : f32[L,5], i32[L,5]
  return %v, %i, %w, %j
}"""


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k(k):
    x = np.random.default_rng(0).integers(0, 4, (6, 5)).astype(np.float32)
    compare(parse(TOP), {"x": x, "k": np.int32(k)})


@pytest.mark.parametrize(("rows", "k"), [(6, 0), (6, 6), (2, 3), (6, -1)])
def test_a_k_that_does_not_fit(rows, k):
    executable = load_target("tf").executable(lowered(parse(TOP)))
    with pytest.raises(CompileError, match=r"top-k takes -?\d of \d elements"):
        executable.run({"x": np.zeros((rows, 5), np.float32), "k": np.int32(k)}, "main")


@pytest.mark.parametrize("ascending", ["true", "false"])
def test_a_fixed_k_of_an_open_extent(ascending):
    """That there are so many is checked when it runs, in both directions."""
    text = """func @main(%x: f32[N]) -> (f32[3], i32[3]) {
      %v, %i = tensor.topk(%x) {k = 3, ascending = ASC} : f32[3], i32[3]
      return %v, %i
    }"""
    module = parse(text.replace("ASC", ascending))
    compare(module, N=(3, 6))
    with pytest.raises(CompileError, match=r"top-k takes -?\d of \d elements"):
        load_target("tf").executable(lowered(module)).run({"x": np.zeros(2, np.float32)}, "main")


SUMS = """
func @main(%x: f32[N,3,2], %a: i64[]) -> (f32[N,3,2], f32[N,3,2]) {
  %y = tensor.dynamic_cumsum(%x, %a) {exclusive = true} : f32[N,3,2]
  %z = tensor.dynamic_cumsum(%x, %a) {reverse = true} : f32[N,3,2]
  return %y, %z
}"""


@pytest.mark.parametrize("axis", [-3, -1, 0, 1])
def test_running_sums(axis):
    x = np.random.default_rng(0).standard_normal((4, 3, 2)).astype(np.float32)
    compare(parse(SUMS), {"x": x, "a": np.int64(axis)})


def test_running_sums_along_nothing():
    executable = load_target("tf").executable(lowered(parse(SUMS)))
    with pytest.raises(CompileError, match=r"fails on these inputs"):
        executable.run({"x": np.zeros((2, 3, 2), np.float32), "a": np.int64(3)}, "main")


@pytest.mark.parametrize("axes", ["[1]", "[-1]"])
@pytest.mark.parametrize("op", ["nn.mean_variance_norm", "nn.l2_norm"])
def test_norms_of_half_precision_are_computed_in_single_precision(op, axes):
    """Squares of 300 and differences below 1e-4 are not numbers of half precision."""
    module = parse(f"""
    func @main(%x: f16[N,4,3]) -> f16[N,4,3] {{
      %y = {op}(%x) {{axes = {axes}, epsilon = 1e-10}} : f16[N,4,3]
      return %y
    }}""")
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    for scale in (300, 1e-4):
        compare(module, {"x": (scale * x).astype(np.float16)})


def test_positions_of_half_precision():
    module = parse("""
    func @main(%x: f16[N,3]) -> i32[M,2] {
      %y = tensor.non_zero(%x) {dims = [M, 2]} : i32[M,2]
      return %y
    }""")
    compare(module, {"x": np.array([[0, 1, 6e-8], [-1, 0, np.nan]], np.float16)})
