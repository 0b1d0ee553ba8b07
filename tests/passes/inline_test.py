"""What text does not show of inlining: where copies come from, what they share, its rewrites."""

from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.location import CallSite, InModel
from cmlc.ir.text.parser import parse
from cmlc.passes.inline import Inline
from cmlc.passes.manager import Instrumentation
from cmlc.passes.patterns import RewriteLimit, Trace

TEXT = """
func @main(%x: f32[1,5]) -> f32[1,5] {
  %first = call(%x) {callee = "layer"} : f32[1,5] loc("models[0] 'a'")
  %second = call(%first) {callee = "layer"} : f32[1,5] loc("models[1] 'b'")
  return %second
}
func private @layer(%x: f32[1,5]) -> f32[1,5] {
  %w = const {value = resource<"dense.weight">} : f32[5,5] loc("layers[0] 'dense'")
  %y = nn.linear(%x, %w) : f32[1,5] loc("layers[0] 'dense'")
  return %y
}
resources {
  "dense.weight" : f32[5,5] = random(1)
}
"""
DENSE = InModel("layers", 0, "dense")


def inlined(**watched):
    module = parse(TEXT, "m.cmir", TABLE)
    assert Inline().apply(module, Instrumentation(**watched))
    return module


def test_copies_say_by_which_call_they_are_there():
    places = [op.location for op in inlined().main.block if not op.is_terminator]
    calls = [InModel("models", 0, "a"), InModel("models", 1, "b")]
    assert places == [CallSite(DENSE, call) for call in calls for _ in range(2)]


def test_results_are_called_as_the_call_called_them():
    names = [op.result.name for op in inlined().main.block if op.name == "nn.linear"]
    assert names == ["first", "second"]


def test_copies_share_their_data():
    data = [op.value for op in inlined().walk() if isinstance(op, Constant)]
    assert len(data) == 3
    assert len({id(item) for item in data}) == 1


def test_inlining_can_be_bisected_and_explained():
    trace, limit = Trace(), RewriteLimit(1)
    module = inlined(trace=trace, limit=limit)
    assert [op.name for op in module.main.block] == ["const", "nn.linear", "call", "return"]
    assert limit.done == 1
    (event,) = trace.events
    assert event.pattern.name == "inline-call"
    assert [text.split("(")[0] for text in event.after] == ["<const", "<nn.linear"]
