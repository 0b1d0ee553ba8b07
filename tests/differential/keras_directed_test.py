"""Keras code where random ops don't reach: grids, limits, control flow; what is refused."""

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.compiler.driver import load_text
from cmlc.ir.diagnostics import CompileError
from support.running.keras_run import PIPELINE, case, code, compare, keras_code

pytestmark = pytest.mark.slow
CONTROL = f"unroll, if-convert, {PIPELINE}"


SIZES = [(5, 7), (10, 14), (3, 2), (1, 1), (5, 21)]
COORDINATES = [
    *("strict_align_corners", "align_corners", "default", "offset_corners", "unalign_corners"),
]


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_resizes_on_every_grid(mode, coordinates):
    rows = "\n".join(
        f'  %{i} = image.resize(%x) {{size = [{height}, {width}], mode = "{mode}", '
        f'coordinates = "{coordinates}", layout = #channels_last}} : f32[2,{height},{width},3]'
        for i, (height, width) in enumerate(SIZES)
    )
    types = ", ".join(f"f32[2,{height},{width},3]" for height, width in SIZES)
    results = ", ".join(f"%{i}" for i, _ in enumerate(SIZES))
    case(f"func @main(%x: f32[2,5,7,3]) -> ({types}) {{\n{rows}\n  return {results}\n}}")


RANGE = """
func @main(%x: f32[3]) -> f32[4] {
  %zero = const {value = dense<0>} : i32[]
  %start = tensor.gather(%x, %zero) : f32[]
  %one = const {value = dense<1>} : i32[]
  %end = tensor.gather(%x, %one) : f32[]
  %two = const {value = dense<2>} : i32[]
  %step = tensor.gather(%x, %two) : f32[]
  %y = tensor.range_1d(%start, %end, %step) {dims = [4]} : f32[4]
  return %y
}
"""


def test_a_range_of_known_length_starts_anywhere():
    case(RANGE, x=np.array([0.5, 3, 0.75], np.float32))


def test_what_is_repeated_beside_an_open_batch():
    text = """
func @main(%x: f32[N,1,2]) -> f32[N,3,2] {
  %y = tensor.broadcast_to(%x) {shape = [N, 3, 2]} : f32[N,3,2]
  return %y
}
"""
    case(text, x=np.arange(8, dtype=np.float32).reshape(4, 1, 2))


def lstm(attributes="", peephole="", steps=3):
    given = ", %p" if peephole else ""
    return f"""
func @main(%x: f32[{steps},2,3]) -> f32[{steps},2,4] {{
  %w = const {{value = resource<"w">}} : f32[16,3]
  %r = const {{value = resource<"r">}} : f32[16,4]
  %b = const {{value = resource<"b">}} : f32[16]
  %h = const {{value = resource<"h">}} : f32[2,4]
  {peephole}
  %y, %last, %cell = nn.lstm(%x, %w, %r, %b, %h, %h{given}) {{{attributes}}}
      : f32[{steps},2,4], f32[2,4], f32[2,4]
  return %y
}}
resources {{
  "w" : f32[16,3] = random(1)
  "r" : f32[16,4] = random(2)
  "b" : f32[16] = random(3)
  "h" : f32[2,4] = splat(0)
}}
"""


@pytest.mark.parametrize(
    "attributes",
    [
        "cell_clip = 50000.0, gate_clip = 50.0",
        'activations = ["hard_sigmoid,0.2,0.5", "tanh", "tanh"], gate_clip = 50.0',
        'activations = ["sigmoid", "linear,1.0,0.0", "linear,1.0,0.0"]',
    ],
)
def test_limits_that_nothing_reaches_are_none(attributes):
    case(lstm(attributes), x=5 * np.random.default_rng(0).normal(size=(3, 2, 3)).astype("f"))


def test_convolutions_with_computed_weights():
    case(
        """
func @main(%x: f32[2,5,5,4], %w: f32[3,3,4,6], %b: f32[6]) -> (f32[2,5,5,6], f32[2,2,2,6]) {
  %a = nn.conv(%x, %w, %b) {pad_type = #same, layout = #channels_last} : f32[2,5,5,6]
  %c = nn.conv(%x, %w) {strides = [2, 2], layout = #channels_last} : f32[2,2,2,6]
  return %a, %c
}
"""
    )


DILATED = """
func @main(%x: f32[2,6,8,3]) -> (f32[2,6,8,4], f32[2,6,8,4]) {
  %w = const {value = resource<"w">} : f32[3,3,3,4]
  %v = const {value = resource<"v">} : f32[3,3,3,4]
  %b = const {value = resource<"b">} : f32[4]
  %a = nn.conv(%x, %w, %b) {dilations = [D, D], pad_type = #same} : f32[2,6,8,4]
  %r = nn.relu(%a) : f32[2,6,8,4]
  %c = nn.conv(%x, %v) {dilations = [D, 1], pad_type = #same} : f32[2,6,8,4]
  return %r, %c
}
resources {
  "w" : f32[3,3,3,4] = random(1)
  "v" : f32[3,3,3,4] = random(3)
  "b" : f32[4] = random(2)
}
""".replace("#same", "#same, layout = #channels_last")


@pytest.mark.parametrize("dilation", [2, 4, 5, 7, 9])
def test_dilations_as_large_as_the_image(dilation):
    text = DILATED.replace("D", str(dilation))
    case(text)
    assert ("SparseConv2D(" in code(text)) is (dilation >= 4)


def test_a_sparse_convolution_is_saved_and_trained(tmp_path):

    made = keras_code(load_text(DILATED.replace("D", "5")))
    assert "SparseConv2D" in made.custom_objects
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 3)).astype("f")
    found = made.model(x)
    made.model.compile("sgd", "mse")
    made.model.save(tmp_path / "model.keras")
    before = [variable.numpy() for variable in made.model.trainable_variables]
    targets = {name: np.ones(value.shape, "f") for name, value in found.items()}
    made.model.fit(x, targets, verbose=0)
    after = made.model.trainable_variables
    assert all((a != b.numpy()).any() for a, b in zip(before, after, strict=True))


QUICK = """
func @main(%x: f32[2,5,3]) -> (f32[2,5,4], f32[2,5,3]) {
  %w = const {value = resource<"w">} : f32[4,3]
  %l = nn.linear(%x, %w) : f32[2,5,4]
  %y = nn.gelu(%l) {mode = "sigmoid_approximation"} : f32[2,5,4]
  %z = nn.gelu(%x) {mode = "sigmoid_approximation"} : f32[2,5,3]
  return %y, %z
}
resources {
  "w" : f32[4,3] = random(1)
}
"""


def test_quick_gelu_is_a_function_of_the_code():
    case(QUICK)
    text = code(QUICK)
    assert "return x * ops.sigmoid(1.702 * x)" in text
    assert "activation=quick_gelu" in text


LOGARITHM = """
func @main(%x: f32[2,5,3]) -> (f32[2,5,3], f32[2,5,3], f32[2,5,3]) {
  %a = nn.softmax(%x) {axis = -1} : f32[2,5,3]
  %y = tensor.log(%a) {epsilon = 1e-45} : f32[2,5,3]
  %b = nn.softmax(%x) {axis = 1} : f32[2,5,3]
  %z = tensor.log(%b) {epsilon = 1e-03} : f32[2,5,3]
  %c = nn.softmax(%x) {axis = 1} : f32[2,5,3]
  %w = tensor.log(%c) : f32[2,5,3]
  return %y, %z, %w
}
"""


def test_logarithms_of_softmax():
    case(LOGARITHM)
    assert code(LOGARITHM).count("ops.log_softmax(") == 2


def test_custom_objects_are_known():
    sigmoid = lstm('activations = ["hard_sigmoid,0.2,0.5", "tanh", "tanh"]')
    assert keras_code(load_text(sigmoid)).custom_objects == ["keras2_hard_sigmoid"]
    assert keras_code(load_text(lstm())).custom_objects == []


PEEPHOLE = f"%p = const {{value = dense<[{', '.join(['0.5'] * 12)}]>}} : f32[12]"
ONCE = """
func @main(%x: f32[2,3], %p: bool[1]) -> (f32[2,3], f32[2,3]) {
  %zero = const {value = dense<0>} : i32[]
  %one = const {value = dense<1>} : i32[]
  %n, %y = ctl.while_loop(%zero, %x) ({
    ^(%i: i32[], %v: f32[2,3]):
    %go = tensor.less(%i, %one) : bool[]
    yield %go
  }, {
    ^(%j: i32[], %w: f32[2,3]):
    %k = tensor.add(%j, %one) : i32[]
    %a = tensor.sin(%w) : f32[2,3]
    yield %k, %a
  }) : i32[], f32[2,3]
  %q = tensor.squeeze(%p) {axes = [0]} : bool[]
  %z = ctl.cond(%q) ({
    %a = tensor.exp(%x) : f32[2,3]
    yield %a
  }, {
    yield %x
  }) : f32[2,3]
  return %y, %z
}
"""


@pytest.mark.parametrize("chosen", [True, False])
def test_control_flow_that_a_line_can_say(chosen):
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("f")
    case(ONCE, CONTROL, x=x, p=[chosen])


def op_of(text, inputs, result):
    names = ", ".join(f"%{name}: {kind}" for name, kind in inputs.items())
    return f"func @main({names}) -> {result} {{\n  %y = {text} : {result}\n  return %y\n}}"


LAST = "layout = #channels_last"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("attributes", ["", "groups = 2", "dilations = [2, 2]"])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 3), (2, 3), (3, 2), (4, 2)])
def test_transposed_convolutions(kernel, stride, attributes, bias):
    """Windows that are smaller than a stride, too."""
    groups, step = 1 + ("groups" in attributes), 1 + ("dilations" in attributes)
    size = 3 * stride + (kernel - 1) * step + 1
    kind, given = f"f32[{kernel},{kernel},{6 // groups},4]", ", %b" if bias else ""
    case(
        f"""
func @main(%x: f32[2,4,4,4]) -> f32[2,{size},{size},6] {{
  %w = const {{value = resource<"w">}} : {kind}
  %b = const {{value = resource<"b">}} : f32[6]
  %y = nn.conv_transpose(%x, %w{given}) {{strides = [{stride}, {stride}], {LAST},
       {attributes or "groups = 1"}}} : f32[2,{size},{size},6]
  return %y
}}
resources {{
  "w" : {kind} = random(1)
  "b" : f32[6] = random(2)
}}
"""
    )


OPEN = {  # op of x: f32[N,4,6,8] → the result's type
    "tensor.topk(%x) {k = 2, axis = 3}": ("f32[N,4,6,2]", "i32[N,4,6,2]"),
    "tensor.topk(%x) {k = 2, axis = 1}": ("f32[N,2,6,8]", "i32[N,2,6,8]"),
    "tensor.topk(%x) {k = 3, axis = 2, ascending = true}": ("f32[N,4,3,8]", "i32[N,4,3,8]"),
    "tensor.argsort(%x) {axis = 1}": ("i32[N,4,6,8]",),
    "tensor.cumsum(%x) {axis = 2, exclusive = true, reverse = true}": ("f32[N,4,6,8]",),
    "tensor.cumsum(%x) {axis = 0, exclusive = true}": ("f32[N,4,6,8]",),
    "tensor.band_part(%x) {upper = 0}": ("f32[N,4,6,8]",),
    "tensor.band_part(%x) {lower = 1, rows = 1, columns = 3}": ("f32[N,4,6,8]",),
    f'image.resize(%x) {{size = [8, 9], coordinates = "unalign_corners", {LAST}}}': (
        "f32[N,8,9,8]",
    ),
    f'image.resize(%x) {{size = [7, 9], coordinates = "align_corners", {LAST}}}': ("f32[N,7,9,8]",),
    f'image.depth_to_space(%x) {{block_size = 2, order = "CRD", {LAST}}}': ("f32[N,8,12,2]",),
    f'image.space_to_depth(%x) {{block_size = 2, order = "CRD", {LAST}}}': ("f32[N,2,3,32]",),
    "tensor.reshape(%x) {shape = [N, 24, 8]}": ("f32[N,24,8]",),
}


@pytest.mark.parametrize("text", OPEN)
def test_the_batch_is_open(text):
    types = ", ".join(OPEN[text])
    names = ", ".join(f"%{i}" for i, _ in enumerate(OPEN[text]))
    function = f"func @main(%x: f32[N,4,6,8]) -> ({types}) {{\n  {names} = {text} : {types}\n"
    compare(load_text(f"{function}  return {names}\n}}"), N=(1, 3))


MULTI_INDICES = [[[0, 1], [2, 3]], [[-1, -2], [-3, 2]], [[1, -4], [-2, 0]]]


@pytest.mark.parametrize(("depth", "result"), [(1, "f32[3,2,4,6]"), (2, "f32[3,2,6]")])
def test_multi_indices_into_an_open_batch(depth, result):
    """Negative ones count from the end of the batch, too."""
    inputs = {"x": "f32[N,4,6]", "i": f"i32[3,2,{depth}]"}
    x = np.arange(72, dtype=np.float32).reshape(3, 4, 6)
    given = np.array(MULTI_INDICES, np.int32)[..., :depth]
    case(op_of("tensor.gather_nd(%x, %i)", inputs, result), x=x, i=given)


LAST_TOKEN = """
func @main(%x: f32[1,7,5], %tokens: i32[1,7]) -> f32[1,5] {
  %zero = const {value = dense<[0]>} : i32[1]
  %last = tensor.reduce_argmax(%tokens) {axis = 1} : i32[1]
  %where = tensor.stack(%zero, %last) {axis = 1} : i32[1,2]
  %y = tensor.gather_nd(%x, %where) : f32[1,5]
  return %y
}
"""


def test_the_state_at_a_token_of_each_entry():
    """As CLIP's text encoder reads it off."""
    random = np.random.default_rng(0)
    x, tokens = random.normal(size=(3, 7, 5)).astype("f"), random.integers(0, 99, (3, 7), "i4")
    made = keras_code(load_text(LAST_TOKEN), f"dynamic-batch, {PIPELINE}")
    (found,) = made.run({"x": x, "tokens": tokens}).values()
    np.testing.assert_array_equal(found, x[np.arange(3), tokens.argmax(1)])


def test_pixels_are_shuffled_in_images_of_any_size():
    text = op_of(
        f'image.depth_to_space(%x) {{block_size = 2, order = "CRD", {LAST}}}',
        {"x": "f32[1,H,W,8]"},
        "f32[1,2*H,2*W,2]",
    )
    case(text, x=np.random.default_rng(0).normal(size=(1, 3, 2, 8)).astype("f"))


LOOP = ONCE.replace("tensor.less(%i, %one)", "tensor.less_equal(%i, %one)")
IMAGES = {"x": "f32[1,4,4,2]", "boxes": "f32[3,4]"}
SHAPE = {"s": "i32[2]"}
REFUSED = {
    "clipped cell": lstm("cell_clip = 2.0"),
    "limited gates": lstm("gate_clip = 3.0"),
    "peepholes": lstm(peephole=PEEPHOLE),
    "has no activation 'scaled_tanh,1.0,0.5'": lstm(
        'activations = ["sigmoid", "scaled_tanh,1.0,0.5", "scaled_tanh,1.0,0.5"]'
    ),
    "has no loops": LOOP,
    "its shape depends on data": op_of(
        "tensor.non_zero(%x) {dims = [K, 2]}", {"x": "f32[2,3]"}, "i32[K,2]"
    ),
    "can't compute with dynamic dimensions": op_of("tensor.shape(%x)", {"x": "f32[N,2]"}, "i32[2]"),
    "samples boxes of images": op_of(
        "image.crop_resize(%x, %boxes) {size = [2, 2], layout = #channels_last}",
        IMAGES,
        "f32[3,2,2,2]",
    ),
    "draws numbers once": op_of(
        "tensor.random_uniform(%s) {dims = [2, 3], seed = 7}", SHAPE, "f32[2,3]"
    ),
    "scatter that divides": op_of(
        "tensor.scatter(%x, %s, %u) {mode = #div}",
        {"x": "f32[4,2]", "s": "i32[2]", "u": "f32[2,2]"},
        "f32[4,2]",
    ),
    "can't keep: ['cache']": """
func @main(%x: f32[2], %cache: f32[2] {kind = "state"}) -> ("y": f32[2], "c": f32[2]) {
  %y = tensor.add(%x, %cache) : f32[2]
  return %y, %y
}
""",
    "is one function": """
func @main(%x: f32[2]) -> f32[2] {
  return %x
}
func @other(%x: f32[2]) -> f32[2] {
  return %x
}
""",
    "'keras.layers.ReLU' computes in float32": op_of("nn.relu(%x)", {"x": "f16[2,3]"}, "f16[2,3]"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_is_refused_by_name(words):
    with pytest.raises(CompileError) as caught:
        keras_code(load_text(REFUSED[words]), CONTROL)
    assert words in str(caught.value)
    assert {d.kind for d in caught.value.diagnostics} == {"unsupported"}


def test_reasons_are_sentences():
    for op, refusal in load_target("keras").unsupported.items():
        assert len(refusal.reason.split()) > 4, op.name
        assert "not written" not in refusal.reason, op.name
