"""Spatial and control ops in every mode: TensorFlow agrees with the interpreter."""

import itertools

import numpy as np
import pytest
from cmlc.backends.table import load_target
from cmlc.ir.attributes import PadType
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.dialects.builtin import constant
from cmlc.ir.dialects.core import TABLE, activation, conv, image, pool
from cmlc.ir.dims import symbol
from cmlc.ir.interpret import InterpretError, random_inputs, run
from cmlc.ir.ssa import Function
from cmlc.ir.text.parser import parse
from cmlc.ir.types import DType, Tensor
from support.modules.generation import module_of
from support.running.tensorflow_run import compare, lowered

pytestmark = pytest.mark.slow
N = symbol("N")
PADS = {
    "valid": {},
    "same": {"pad_type": "same"},
    "same_lower": {"pad_type": "same_lower"},
    "custom": {"pad_type": "custom", "pad": (1, 1, 1, 1)},
    "asymmetric": {"pad_type": "custom", "pad": (0, 2, 1, 0)},
}


def arguments(*shapes):
    return Function(
        "main",
        [Tensor(DType.F32, shape) for shape in shapes],
        [f"a{i}" for i in range(len(shapes))],
    ).arguments


def padding(name):
    given = dict(PADS[name])
    if given:
        given["pad_type"] = PadType(given["pad_type"])
    return given


def check(op, **symbols):
    compare(module_of(op), **symbols)


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 2)])
@pytest.mark.parametrize("dilations", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize(
    ("groups", "out"),
    [(1, 3), (2, 4), (4, 4), (4, 8)],
    ids=["plain", "grouped", "depthwise", "multiplied"],
)
def test_conv(pad, strides, dilations, groups, out):
    x, w, b = arguments((N, 4, 7, 6), (out, 4 // groups, 3, 2), (out,))
    check(
        conv.Conv(x, w, b, strides=strides, dilations=dilations, groups=groups, **padding(pad)),
        N=(1, 3),
    )


def padding_of_rank(name, rank):
    """A padding of PADS for another number of spatial dimensions."""
    given = padding(name)
    if "pad" in given:
        given["pad"] = ((*given["pad"], 2, 1) if rank == 3 else given["pad"])[: 2 * rank]
    return given


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("dilations", [(1, 1, 1), (2, 1, 1), (2, 2, 3)])
@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 1, 1), (2, 2, 3)])
@pytest.mark.parametrize(("rank", "groups"), [(1, 1), (1, 2), (3, 1), (3, 2), (3, 4)])
def test_conv_in_other_dimensions(pad, strides, dilations, rank, groups):
    sizes, kernel = (5, 6, 7)[:rank], (3, 2, 2)[:rank]
    x, w, b = arguments((N, 4, *sizes), (8, 4 // groups, *kernel), (8,))
    given = {"strides": strides[:rank], "dilations": dilations[:rank], "groups": groups}
    check(conv.Conv(x, w, b, **given, **padding_of_rank(pad, rank)))


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("dilations", [(1, 1, 1), (1, 2, 3)])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("to_shape", [False, True])
def test_conv_transpose_in_other_dimensions(pad, dilations, rank, groups, to_shape):
    numbers = np.random.default_rng(0).standard_normal((4, 2, 3, 3, 3)[: rank + 2])
    x, b = arguments((N, 4, 4, 3, 3)[: rank + 2], (2 * groups,))
    op = conv.ConvTranspose(
        x,
        constant(numbers.astype(np.float32), "w"),
        b,
        strides=(2, 1, 3)[:rank],
        dilations=dilations[:rank],
        groups=groups,
        output_shape=(5, 6, 7)[:rank] if to_shape else (),
        **padding_of_rank(pad, rank),
    )
    check(op, pipeline="layout, constant-fold")


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("kind", [pool.MaxPool, pool.AvgPool, pool.L2Pool])
@pytest.mark.parametrize("dtype", [DType.F32, DType.F16])
def test_pool_in_three_dimensions(pad, kind, dtype):
    """In half precision too, for which TensorFlow has no kernels."""
    x = Function("main", [Tensor(dtype, (N, 2, 7, 6, 5))], ["a"]).arguments[0]
    given = {"kernel_sizes": (3, 3, 3), "strides": (2, 1, 3), **padding_of_rank(pad, 3)}
    for exclude in (False, True) if kind is pool.AvgPool else (None,):
        more = {} if exclude is None else {"exclude_padding_from_average": exclude}
        check(kind(x, **given, **more), N=(1, 3))


def test_windows_of_padding_alone():
    given = {"kernel_sizes": (2,), "pad_type": PadType.CUSTOM, "pad": (2, 3)}
    for size in (4, symbol("W")):
        (x,) = arguments((1, 2, size))
        check(pool.AvgPool(x, **given, exclude_padding_from_average=True))


@pytest.mark.parametrize("strides", [(1, 1), (2, 1)])
def test_conv_with_open_extents(strides):
    h = symbol("H")
    x, w = arguments((1, 2, h, 5), (3, 2, 3, 3))
    for pad in ("valid", "same", "custom"):
        module = module_of(conv.Conv(x, w, strides=strides, **padding(pad)))
        for size in (4, 7):
            compare(module, random_inputs(module.main, 0, H=size))


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("dilations", [(1, 1, 1), (2, 1, 1)])
def test_volumes_with_open_extents(pad, dilations):
    x, w = arguments((N, 2, symbol("D"), symbol("H"), 5), (4, 1, 3, 3, 2))
    given = {"strides": (1, 1, 2), "groups": 2, **padding_of_rank(pad, 3)}
    kernel = {"kernel_sizes": (3, 3, 3), "strides": (1, 1, 2), **padding_of_rank(pad, 3)}
    ops = [conv.Conv(x, w, dilations=dilations, **given), pool.MaxPool(x, **kernel)]
    for op in (*ops, pool.AvgPool(x, **kernel, exclude_padding_from_average=True)):
        if op.name == "nn.conv" and max(dilations) > 1 and pad == "same":
            continue  # the next test
        module = module_of(op)
        for size in (6, 7):
            compare(module, random_inputs(module.main, 0, D=size, H=size + 1))


def test_borders_that_only_running_tells():
    """Their amounts depend on the extent, and TensorFlow's own SAME means others, or takes none."""
    x, w = arguments((1, 2, symbol("D"), 5, 5), (4, 2, 3, 3, 3))
    lower = {"pad_type": PadType.SAME_LOWER, "strides": (2, 1, 1)}
    both = {"pad_type": PadType.SAME, "strides": (2, 1, 1), "dilations": (2, 1, 1)}
    means = {"pad_type": PadType.SAME, "strides": (2, 1, 1), "kernel_sizes": (3, 3, 3)}
    for op in (conv.Conv(x, w, **lower), conv.Conv(x, w, **both), pool.AvgPool(x, **means)):
        with pytest.raises(CompileError, match="this padding needs fixed spatial dimensions"):
            lowered(module_of(op))


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("kind", [pool.MaxPool, pool.AvgPool, pool.L2Pool])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_pool(pad, kind, strides):
    (x,) = arguments((N, 2, 7, 6))
    given = {"kernel_sizes": (3, 3), "strides": strides, **padding(pad)}
    for exclude in (False, True) if kind is pool.AvgPool else (None,):
        more = {} if exclude is None else {"exclude_padding_from_average": exclude}
        check(kind(x, **given, **more), N=(1, 3))


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose(pad, strides, groups):
    x, w, b = arguments((N, 4, 3, 4), (4, 2, 3, 3), (2 * groups,))
    check(conv.ConvTranspose(x, w, b, strides=strides, groups=groups, **padding(pad)), N=(1, 3))


@pytest.mark.parametrize("output_shape", [(7, 9), (5, 8), (9, 12), (6, 11)])
@pytest.mark.parametrize("pad", ["valid", "same", "asymmetric"])
def test_conv_transpose_to_a_shape(output_shape, pad):
    x, w = arguments((2, 2, 3, 4), (2, 3, 3, 3))
    check(conv.ConvTranspose(x, w, strides=(2, 2), output_shape=output_shape, **padding(pad)))


@pytest.mark.parametrize("dilations", [(2, 2), (1, 3)])
@pytest.mark.parametrize("pad", PADS)
def test_conv_transpose_with_dilation(dilations, pad):
    x, w = arguments((2, 2, 3, 4), (2, 3, 3, 2))
    numbers = np.random.default_rng(0).standard_normal((2, 3, 3, 2))
    weight = constant(numbers.astype(np.float32), "w")
    op = conv.ConvTranspose(x, weight, strides=(2, 1), dilations=dilations, **padding(pad))
    check(op, pipeline="layout, constant-fold")
    with pytest.raises(CompileError, match="TensorFlow can't dilate weights that are computed"):
        lowered(module_of(conv.ConvTranspose(x, w, dilations=dilations)))


@pytest.mark.parametrize(
    ("mode", "coordinates"), [*itertools.product(("nearest", "bilinear"), image.COORDINATES)]
)
@pytest.mark.parametrize("size", [(6, 8), (2, 3), (1, 1), (5, 4), (7, 3)])
def test_resize(mode, coordinates, size):
    (x,) = arguments((2, 3, 3, 4))
    check(image.Resize(x, size, mode, coordinates))


@pytest.mark.parametrize(
    ("mode", "coordinates"), [*itertools.product(("nearest", "bilinear"), image.COORDINATES)]
)
@pytest.mark.parametrize("size", [(6, 8), (1, 1), (3, 3)])
def test_resize_of_open_extents(mode, coordinates, size):
    (x,) = arguments((N, 3, symbol("H"), symbol("W")))
    module = module_of(image.Resize(x, size, mode, coordinates))
    for height, width in ((3, 4), (1, 7)):
        compare(module, random_inputs(module.main, 0, H=height, W=width))


@pytest.mark.parametrize("box_mode", image.BOX_MODES)
@pytest.mark.parametrize("coordinates", image.BOX_COORDINATES)
@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 5)])
def test_crop_resize(box_mode, coordinates, normalized, size):
    """Boxes inside of images, half outside, backwards, and made of no numbers; any extents."""
    x = Tensor(DType.F32, (N, 3, symbol("H"), symbol("W")))
    types = [x, Tensor(DType.F32, (symbol("B"), 4)), Tensor(DType.I32, (symbol("B"),))]
    x, boxes, images = Function("main", types, ["x", "boxes", "images"]).arguments
    given = {"normalized": normalized, "box_mode": box_mode, "coordinates": coordinates}
    op = image.CropResize(x, boxes, images, size, spatial_scale=0.5, pad_value=-3.0, **given)
    random = np.random.default_rng(0)
    data = random.uniform(-1, 8, (40, 4)) / (4 if normalized else 1)
    data[:4] = [[0, 0, 8, 10], [8, 10, 0, 0], [np.nan, 1, 1, 1], [1, 1, np.inf, 1]]
    inputs = {
        "x": random.standard_normal((2, 3, 5, 6)).astype(np.float32),
        "boxes": data.astype(np.float32),
        "images": random.integers(0, 2, 40).astype(np.int32),
    }
    compare(module_of(op), inputs)


def test_crop_resize_out_of_images_that_are_not_there():
    types = [Tensor(DType.F32, (1, 1, 2, 2)), Tensor(DType.F32, (1, 4)), Tensor(DType.I32, (1,))]
    x, boxes, images = Function("main", types, ["x", "boxes", "images"]).arguments
    module = module_of(image.CropResize(x, boxes, images))
    inputs = random_inputs(module.main, 0) | {"images": np.int32([1])}
    executable = load_target("tf").executable(lowered(module))
    with pytest.raises(CompileError):
        executable.run(inputs, "main")
    with pytest.raises(InterpretError, match=r"box_indices are \[1\], for 1 images"):
        run(module, inputs)


@pytest.mark.parametrize("scale", [(1, 1), (2, 3), (5, 7)])
def test_upsample(scale):
    (x,) = arguments((N, 2, 3, 4))
    check(image.UpsampleNearest(x, scale), N=(1, 3))


@pytest.mark.parametrize("mode", ["exact", "tanh_approximation", "sigmoid_approximation"])
def test_gelu(mode):
    check(activation.Gelu(arguments((4, 5))[0], mode))


@pytest.mark.parametrize(
    "text",
    [
        """func @f(%x: f32[4,3], %i: i32[3]) -> (f32[3,3], f32[4,2,1]) {
          %n = const {value = dense<[-1, 0, -4]>} : i32[3]
          %a = tensor.gather(%x, %n) : f32[3,3]
          %m = const {value = dense<[[-1], [-3]]>} : i64[2,1]
          %b = tensor.gather(%x, %m) {axis = 1} : f32[4,2,1]
          return %a, %b
        }""",
        """func @f(%x: f32[4,3], %i: i32[3]) -> f32[3,3] {
          %four = const {value = dense<4>} : i32[]
          %j = tensor.sub(%i, %four) : i32[3]
          %a = tensor.gather(%x, %j) : f32[3,3]
          return %a
        }""",
        """func @f(%x: f32[N,3,4]) -> (f32[N,5,7], f32[N,6,6]) {
          %a = tensor.pad(%x) {pad = [0, 0, 2, 0, 1, 2], mode = "replicate"} : f32[N,5,7]
          %b = tensor.pad(%x) {pad = [0, 0, 2, 1, 0, 2], mode = "reflect"} : f32[N,6,6]
          return %a, %b
        }""",
        """func @f(%p: bool[], %x: f32[N,3]) -> f32[N,3] {
          %y = ctl.cond(%p) ({
            %a = nn.relu(%x) : f32[N,3]
            yield %a
          }, {
            %b = tensor.neg(%x) : f32[N,3]
            yield %b
          }) : f32[N,3]
          return %y
        }""",
        """func @f(%x: f32[N,3]) -> (i32[], f32[N,3]) {
          %zero = const {value = dense<0>} : i32[]
          %n, %y = ctl.while_loop(%zero, %x) ({ ^(%i: i32[], %v: f32[N,3]):
            %three = const {value = dense<3>} : i32[]
            %less = tensor.less(%i, %three) : bool[]
            yield %less
          }, { ^(%j: i32[], %w: f32[N,3]):
            %one = const {value = dense<1>} : i32[]
            %k = tensor.add(%j, %one) : i32[]
            %u = tensor.add(%w, %x) : f32[N,3]
            yield %k, %u
          }) : i32[], f32[N,3]
          return %n, %y
        }""",
        """func @f(%x: f32[N,4,2,2]) -> (f32[N,4,4], f32[N,1,4,2,1,2], f32[N*4,4], i32[4]) {
          %a = tensor.reshape(%x) {shape = [N, 4, 4]} : f32[N,4,4]
          %b = tensor.expand_dims(%x) {axes = [1, 4]} : f32[N,1,4,2,1,2]
          %c = tensor.reshape(%x) {shape = [4*N, 4]} : f32[N*4,4]
          %s = tensor.shape(%x) : i32[4]
          return %a, %b, %c, %s
        }""",
        """func @f(%x: f32[N,4,N]) -> (f32[N,4,N], f32[N,4,N], f32[N,4,N]) {
          %a = tensor.band_part(%x) {lower = 1, upper = 0} : f32[N,4,N]
          %b = tensor.band_part(%x) {upper = -1} : f32[N,4,N]
          %c = tensor.band_part(%x) {lower = 0, rows = 0} : f32[N,4,N]
          return %a, %b, %c
        }""",
        """func @f(%x: f32[N,3]) -> (f32[N,3], f32[0], i64[2]) {
          %s = tensor.shape(%x) : i32[2]
          %two = const {value = dense<2.0>} : f32[]
          %a = tensor.dynamic_broadcast_to(%two, %s) {dims = [N, 3]} : f32[N,3]
          %one = const {value = dense<1.0>} : f32[]
          %b = tensor.range_1d(%two, %one, %one) {dims = [0]} : f32[0]
          %from = const {value = dense<5>} : i64[]
          %to = const {value = dense<0>} : i64[]
          %by = const {value = dense<-3>} : i64[]
          %c = tensor.range_1d(%from, %to, %by) {dims = [2]} : i64[2]
          return %a, %b, %c
        }""",
    ],
    ids=[
        *("negative constants", "negative", "pad", "cond", "while_loop", "shapes"),
        *("bands", "fills"),
    ],
)
def test_text(text):
    compare(parse(text, "", TABLE), N=(1, 3))


@pytest.mark.parametrize("pred", [True, False])
def test_both_branches(pred):
    text = """func @f(%p: bool[], %x: f32[2]) -> f32[2] {
      %y = ctl.cond(%p) ({
        yield %x
      }, {
        %b = tensor.neg(%x) : f32[2]
        yield %b
      }) : f32[2]
      return %y
    }"""
    compare(parse(text, "", TABLE), {"p": np.asarray(pred), "x": np.float32([1, 2])})
