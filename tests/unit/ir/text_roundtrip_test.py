"""Every construct of the text form is read as it was printed."""

import numpy as np
import pytest
from cmlc.ir.dialects.builtin import Return, constant
from cmlc.ir.interface import Argument, Classifier, Result
from cmlc.ir.location import CallSite, Fused, InModel, InText
from cmlc.ir.rewrite import adopt
from cmlc.ir.ssa import Function, Module
from cmlc.ir.text.parser import parse
from cmlc.ir.text.printer import (
    PrintOptions,
    print_function,
    print_module,
    print_op,
    structurally_equal,
)
from cmlc.ir.types import DType, Tensor
from cmlc.ir.weights.encodings import Cast, EncodedResource
from cmlc.ir.weights.resources import (
    ArrayResource,
    FileResource,
    HashResource,
    RandomResource,
    SplatResource,
    ViewResource,
)

MODULE = 'module @"a name" {source = "m.mlmodel", "with space" = 3, nested = [1, [true, none]]} {'
ARGUMENTS = '%image: f32[N,3] {kind = "image"}, %"1 x": f32[N,3], %p: bool[]'
RESULTS = '"out put": f32[N,3] {kind = "array", batch = "added"}, "p": bool[]'
CLASSES = (
    'attributes {class_labels = [3, 4], predicted_feature = "p", predicted_probabilities = ""}'
)
EVERYTHING = f"""{MODULE}
  func @main({ARGUMENTS}) -> ({RESULTS}) {CLASSES} {{
    %0 = tensor.add(%image, %"1 x") : f32[N,3]
    %y = nn.elu(%0) {{alpha = 1e-05}} : f32[N,3]
    %z = ctl.cond(%p) ({{
      %inner = ctl.cond(%p) ({{
        yield %y
      }}, {{
        %1 = tensor.cast(%y) {{dtype = f16}} : f16[N,3]
        %2 = tensor.cast(%1) {{dtype = f32}} : f32[N,3]
        yield %2
      }}) : f32[N,3]
      yield %inner
    }}, {{
      yield %y
    }}) : f32[N,3]
    %count = const {{value = dense<0>}} : i32[]
    %c, %w = ctl.while_loop(%count, %z) ({{
      ^(%i: i32[], %v: f32[N,3]):
      yield %p
    }}, {{
      ^(%j: i32[], %u: f32[N,3]):
      yield %j, %u
    }}) : i32[], f32[N,3]
    %a, %b = tensor.split(%w) {{sizes = [1, 2], axis = 1}} : f32[N,1], f32[N,2]
    %joined = tensor.concat(%a, %b) {{axis = 1}} : f32[N,3]
    %called = call(%joined) {{callee = "other"}} : f32[N,3]
    return %called, %p
  }}
  func @other(%x: f32[N,3]) -> f32[N,3] {{
    return %x
  }}
  func private @nothing() -> () {{
    return
  }}
}}
"""


def test_everything():
    module = parse(EVERYTHING)
    assert print_module(module) == EVERYTHING
    assert module.attributes == {
        "source": "m.mlmodel",
        "with space": 3,
        "nested": (1, (True, None)),
    }
    main = module.main
    assert main.inputs == [Argument(kind="image"), Argument(), Argument()]
    assert main.result_names == ["out put", "p"]
    assert main.outputs == [Result(kind="array", batch="added"), Result()]
    assert main.classifier == Classifier((3, 4), "p", "")
    assert [value.name for value in main.arguments] == ["image", "1 x", "p"]


def test_visibility():
    functions = parse(EVERYTHING).functions
    assert [name for name, function in functions.items() if not function.public] == ["nothing"]
    public = parse(EVERYTHING.replace("private ", ""))
    assert not structurally_equal(public, parse(EVERYTHING))
    assert public.public_functions.keys() == functions.keys()
    hidden = parse("func private @main() -> () { return } func @f() -> () { return }")
    assert hidden.main.name == "f"


def test_canonical_names_ignore_names():
    canonical = PrintOptions(canonical_names=True)
    renamed = parse(EVERYTHING.replace("%y", "%other_name").replace("%inner", "%deep"))
    assert structurally_equal(parse(EVERYTHING), renamed)
    assert print_module(renamed, canonical) == print_module(parse(EVERYTHING), canonical)
    assert not structurally_equal(renamed, parse(EVERYTHING.replace("1e-05", "1e-06")))


def test_optional_operands():
    arguments = "%x: f32[1,1,2], %s: f32[1,1], %w: f32[4,2], %h: f32[4,1], %q: f32[3]"
    text = f"""func @f({arguments}) -> f32[1,1,1] {{
  %y, %a, %b = nn.lstm(%x, %w, %h, none, %s, %s, %q) : f32[1,1,1], f32[1,1], f32[1,1]
  return %y
}}
"""
    module = parse(text)
    assert module.main.block.first.bias is None
    assert print_function(module.main) == text


LOCATIONS = [
    InModel("layers", 3, 'say "conv"'),
    InText("a b.cmir", 3, 4),
    Fused("fuse-activation", (InModel("layers", 3, "a"), InModel("layers", 4, "b"))),
    CallSite(InModel("layers", 3, "a"), InText("a b.cmir", 3, 4)),
    CallSite(CallSite(InModel("layers", 3, "a"), InModel("models", 1, "b")), InText("c", 3, 4)),
    CallSite(InModel("layers", 3, "a"), Fused("cse", (InText("c", 3, 4), InText("c", 4, 4)))),
    Fused("p", (CallSite(InModel("layers", 3, "a"), InText("c", 3, 4)), InText("c", 4, 4))),
]


@pytest.mark.parametrize("location", LOCATIONS, ids=str)
def test_locations(location):
    module = parse("func @f(%x: f32[2]) -> f32[2] { %y = nn.relu(%x) : f32[2] return %y }")
    module.main.block.first.location = location
    text = print_module(module, PrintOptions(locations=True))
    again = parse(text)
    assert again.main.block.first.location == location
    assert print_module(again, PrintOptions(locations=True)) == text
    assert "loc(" not in print_module(module)


def test_locations_are_positions_otherwise():
    module = parse(
        "func @f(%x: f32[2]) -> f32[2] {\n  %y = nn.relu(%x) : f32[2]\n  return %y\n}", "f"
    )
    assert [op.location for op in module.walk()] == [InText("f", 2, 3), InText("f", 3, 3)]


def module_of(*resources):
    function = Function("main")
    values = tuple(constant(resource) for resource in resources)
    adopt(values, function.block)
    function.block.insert(Return(values))
    return Module(functions=[function])


def arrays():
    special = [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, 1e-7, 3e4, 1 / 3]
    for dtype in DType:
        if dtype.is_float:
            limits = np.finfo(dtype.numpy)
            numbers = [*special, limits.max, limits.tiny, limits.smallest_subnormal]
            yield np.array(numbers).astype(dtype.numpy)
        elif dtype.is_integer:
            limits = np.iinfo(dtype.numpy)
            yield np.array([limits.min, limits.max, 1], dtype.numpy)
        elif dtype is DType.BOOL:
            yield np.array([[True, False]])
        else:
            yield np.array(["", 'say "x"\n', "é"], object)


@pytest.mark.parametrize("array", list(arrays()), ids=lambda array: DType.of(array).value)
def test_inline_constants(array):
    for data in (array, array.reshape(array.size, 1), array.flat[0:1].reshape(())):
        module = module_of(ArrayResource(np.asarray(data, array.dtype)))
        text = print_module(module)
        again = parse(text)
        read = again.main.block.first.value.array()
        assert read.dtype == array.dtype
        assert read.shape == data.shape
        np.testing.assert_array_equal(read, data)
        if array.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(read), np.signbit(data))
        assert print_module(again) == text


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1, 1, 1), ()])
def test_shapes_of_inline_constants(shape):
    module = module_of(ArrayResource(np.ones(shape, np.float32)))
    assert parse(print_module(module)).main.block.first.value.type.shape == shape


LARGE = Tensor(DType.F32, (5, 4))
HALVES = Tensor(DType.F16, (5, 4))


def resources(folder):
    data = np.arange(20, dtype=np.float32).reshape(5, 4)
    (folder / "w.bin").write_bytes(b"1234" + data.tobytes())
    return [
        SplatResource(LARGE, 0.5, "splat"),
        SplatResource(LARGE, float("inf"), "infinite"),
        SplatResource(Tensor(DType.BOOL, (20,)), True, "truth"),
        RandomResource(LARGE, 7, "random"),
        EncodedResource(Cast(RandomResource(HALVES, 7), DType.F32), "halves"),
        FileResource(LARGE, folder / "w.bin", 4, 'a "file"'),
    ]


def test_resources_that_can_be_made_again(tmp_path):
    module = module_of(*resources(tmp_path))
    text = print_module(module)
    again = parse(text)
    assert print_module(again) == text
    for one, other in zip(module.walk(), again.walk(), strict=True):
        if one.name == "const":
            assert one.value == other.value
            assert type(one.value) is type(other.value)
            assert one.value.name == other.value.name
            assert one.value.compressed == other.value.compressed
    assert structurally_equal(module, again)


def test_files_are_beside_the_text(tmp_path):
    resources(tmp_path)
    text = """func @f() -> f32[5,4] { %w = const {value = resource<"w">} : f32[5,4] return %w }
    resources { "w" : f32[5,4] = file("w.bin", 4) }"""
    module = parse(text, str(tmp_path / "m.cmir"))
    assert module.main.block.first.value.array()[0, 1] == 1


def test_other_resources_are_known_by_their_hash():
    data = ArrayResource(np.arange(20, dtype=np.float32).reshape(5, 4), "w")
    view = ViewResource(data, (1, 0), (4, 5))
    encoded = EncodedResource(Cast(ArrayResource(np.ones((5, 4), np.float16)), DType.F32), "w")
    module = module_of(data, view, encoded, HashResource(LARGE, "ab" * 16, "gone"))
    text = print_module(module)
    assert text.count("hash(") == 4
    again = parse(text)
    assert print_module(again) == text
    assert structurally_equal(module, again)
    known = parse(text, resources={data.digest: data})
    assert known.main.block.first.value is data


def test_equal_resources_share_an_entry_and_names_stay_apart():
    one = ArrayResource(np.zeros(20, np.float32), "w")
    same = SplatResource(Tensor(DType.F32, (20,)), 0.0, "w")
    other = ArrayResource(np.ones(20, np.float32), "w")
    text = print_module(module_of(one, same, other))
    assert text.count('resource<"w">') == 2
    assert text.count('resource<"w_1">') == 1


def test_single_ops():
    module = parse("func @f(%x: f32[2]) -> f32[2] { %y = nn.elu(%x) : f32[2] return %y }")
    assert print_op(module.main.block.first) == "%y = nn.elu(%x) : f32[2]"
    assert print_op(module.main.block.last) == "return %y"
