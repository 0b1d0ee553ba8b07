"""The text of generated Keras code: order, blocks, parameters and loops. Nothing is run."""

import itertools
import re

import pytest
from cmlc.backends.keras.emit import KerasModule
from cmlc.compiler.driver import load_text, lower, optimize
from cmlc.compiler.options import Options


def code_of(text):
    """The statements of all functions, by their names."""
    options = Options(target="keras")
    module = lower(optimize(load_text(text), options), options)
    parts = re.split(r"^def (\w+)", KerasModule(module).text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def chain(widths, step, arguments="", constants=""):
    """A function of x: f32[3,W] with steps from width to width, each by `step(i, a, b, x)`."""
    lines, weights, value = [], [], "%x"
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        made, held = step(i, a, b, value)
        lines += made
        weights += held
        value = f"%v{i}"
    body = "\n".join([constants, *lines])
    result = f"f32[3,{widths[-1]}]"
    return f"""
func @main(%x: f32[3,{widths[0]}]{arguments}) -> ("y": {result}) {{
{body}
%y = tensor.tanh({value}) : {result}
return %y
}}
resources {{
{chr(10).join(weights)}
}}"""


def dense(name):
    """Steps: linear and relu, their weights named by `name(i)`."""

    def step(i, a, b, x):
        owner = name(i)
        weight = f'"{owner}_weight"'
        lines = [
            f"%w{i} = const {{value = resource<{weight}>}} : f32[{b},{a}]",
            f"%l{i} = nn.linear({x}, %w{i}) : f32[3,{b}]",
            f"%v{i} = nn.relu(%l{i}) : f32[3,{b}]",
        ]
        return lines, [f"{weight} : f32[{b},{a}] = random({i})"]

    return step


def scaled(name):
    """Steps: linear, and a product with a mask that all share."""

    def step(i, a, b, x):
        lines, weights = dense(name)(i, a, b, x)
        return [*lines[:2], f"%v{i} = tensor.mul(%l{i}, %mask) : f32[3,{b}]"], weights

    return step


MASK = "%h = tensor.sin(%m) : f32[3,1]\n%mask = tensor.cos(%h) : f32[3,1]"


def test_what_all_blocks_need_comes_first():
    text = chain(
        [20] * 7, scaled(lambda i: f"part_{i}"), arguments=", %m: f32[3,1]", constants=MASK
    )
    code = code_of(text)
    assert set(code) == {"dense_multiply", "build", "load", "main"}
    build = code["build"]
    assert build.index("ops.cos") < build.index("for i in range(6):")
    assert 'dense_multiply(x, cos, name=f"part_{i}")' in build


def test_a_loop_does_not_overwrite_what_it_reads():
    """The mask is made right before the loop, where a variable would be called x."""
    text = chain(
        [20] * 7, scaled(lambda i: f"part_{i}"), arguments=", %m: f32[3,1]", constants=MASK
    )
    loop = re.search(r"(\w+) = dense_multiply\((\w+), (\w+),", code_of(text)["build"])
    assert loop[1] == loop[2] != loop[3]


@pytest.mark.parametrize(
    ("widths", "name", "header"),
    [
        ([20] * 7, lambda i: f"part_{i + 2}", "for i in range(2, 8):"),
        ([20] * 7, lambda i: f"m{i}_a1", "for i in range(6):"),
        (
            [20, 24, 28, 20, 24, 28],
            lambda i: f"part_{i}",
            "for i, units in enumerate((24, 28, 20, 24, 28)):",
        ),
        (
            [20] * 6,
            ("anna", "berta", "carl", "dora", "emil").__getitem__,
            'for layer_name in ("anna", "berta", "carl", "dora", "emil"):',
        ),
    ],
)
def test_calls_in_a_row_are_a_loop(widths, name, header):
    def two(i, a, b, x):
        lines, weights = dense(name)(i, a, b, x)
        last = f"%v{i} = tensor.sin(%r{i}) : f32[3,{b}]"
        return [*lines[:2], lines[2].replace(f"%v{i}", f"%r{i}"), last], weights

    build = code_of(chain(widths, two))["build"]
    assert header in " ".join(build.split()), build


def test_two_calls_are_no_loop():
    def long(i, a, b, x):
        lines, weights = dense(lambda i: f"part_{i}")(i, a, b, x)
        more = [f"%s{i}_{k + 1} = tensor.sin(%s{i}_{k}) : f32[3,{b}]" for k in range(9)]
        first = lines[2].replace(f"%v{i}", f"%s{i}_0")
        return [*lines[:2], first, *more, f"%v{i} = tensor.cos(%s{i}_9) : f32[3,{b}]"], weights

    code = code_of(chain([20] * 3, long))
    assert len(code) == 4
    assert "for " not in code["build"]


def test_sizes_are_those_of_the_input():
    """Windows of seven: no size of a reshape is a parameter."""

    def windows(i, a, b, x):
        lines, weights = dense(lambda i: f"part_{i}")(i, a, b, x)
        lines = [
            *lines[:2],
            f"%a{i} = tensor.reshape(%l{i}) {{shape = [3, {b // 7}, 7]}} : f32[3,{b // 7},7]",
            f"%b{i} = tensor.transpose(%a{i}) {{perm = [0, 2, 1]}} : f32[3,7,{b // 7}]",
            f"%c{i} = tensor.sin(%b{i}) : f32[3,7,{b // 7}]",
            f"%v{i} = tensor.reshape(%c{i}) {{shape = [3, {b}]}} : f32[3,{b}]",
        ]
        return lines, weights

    code = code_of(chain([28, 28, 28, 14, 14, 14, 21, 21, 21], windows))
    (block,) = code.keys() - {"build", "load", "main"}
    assert "size" not in code[block]
    assert re.search(r"\w+\.shape\[-1\] // 7, 7|-1, 7", code[block])


def test_weights_that_nobody_trained_are_not_shared():
    """Equal constants are stored once; a scale of one number is each block's own."""

    def scale(i, a, b, x):
        lines, weights = dense(lambda i: f"part_{i}")(i, a, b, x)
        return [*lines[:2], f"%v{i} = tensor.mul(%l{i}, %g) : f32[3,{b}]"], weights

    ones = '%g = const {value = resource<"gain">} : f32[20]'
    text = chain([20] * 7, scale, constants=ones)
    same = text.replace("resources {", 'resources {\n"gain" : f32[20] = splat(0.5)')
    trained = text.replace("resources {", 'resources {\n"gain" : f32[20] = random(9)')
    assert 'Weight((20,), name="gain")(x_)' in code_of(trained)["build"]
    own = code_of(same)
    (block,) = own.keys() - {"build", "load", "main"}
    assert "Weight(" in own[block]
    assert "Weight(" not in own["build"]


LIKE_A_FUNCTION = """
func @main(%x: f32[1,4,4,2], %w: f32[3,3,2,2]) -> ("y": f32[1,4,4,2], "z": f32[1,4,4,2]) {
  %k = const {value = resource<"a_weight_0">} : f32[3,3,2,2]
  %y = nn.conv(%x, %k) {layout = #channels_last, pad_type = #same} : f32[1,4,4,2]
  %z = nn.conv(%x, %w) {layout = #channels_last, pad_type = #same} : f32[1,4,4,2]
  return %y, %z
}
resources {
  "a_weight_0" : f32[3,3,2,2] = random(1)
}
"""


def test_no_layer_is_called_like_a_function():
    """Keras gives names to calls of functions, too, and takes none twice."""
    build = code_of(LIKE_A_FUNCTION)["build"]
    assert "ops.conv(" in build
    assert 'name="conv"' not in build
    assert 'name="conv_layer"' in build
