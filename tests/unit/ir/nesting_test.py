"""What is nested so deeply that walks over it would end Python's stack is refused."""

import re

import cmlc
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.text.printer import print_module
from cmlc.ir.verify import MAX_NESTING
from support.networks.builders import branch, network, step

LIMIT = f"nested more than {MAX_NESTING} deep"


def conditions(depth):
    """Conditions in each other's first branch."""
    opened = "".join(f"%y{i} = ctl.cond(%p) ({{\n" for i in range(depth, 0, -1))
    closed = "".join(
        f"yield %{'a' if i == 1 else f'y{i - 1}'}\n}}, {{\nyield %x\n}}) : f32[2]\n"
        for i in range(1, depth + 1)
    )
    return (
        'func @main(%p: bool[], %x: f32[2]) -> ("y": f32[2]) {\n'
        f"{opened}%a = nn.relu(%x) : f32[2]\n{closed}return %y{depth}\n}}\n"
    )


def test_the_limit_itself_is_fine():
    module = load_text(conditions(MAX_NESTING))
    assert print_module(load_text(print_module(module))) == print_module(module)
    assert list(cmlc.compile(module).interpret({"p": True, "x": [-1, 2]})["y"]) == [0, 2]


@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 400, 3000])
def test_conditions_of_text(depth):
    with pytest.raises(cmlc.CompileError, match=LIMIT) as caught:
        load_text(conditions(depth))
    assert len(caught.value.diagnostics) == 1


def test_lists_of_text():
    function = "func @f(%x: f32[2]) -> f32[2] { return %x }"
    with pytest.raises(cmlc.CompileError, match=LIMIT):
        load_text(f"module {{a = {'[' * 3000}1{']' * 3000}}} {{ {function} }}")


def nested_branches(depth):
    item = other = step("unary", "x", "y", type="ABS")
    for _ in range(depth):
        item = branch("c", [item], [other])
    return network(item, x=(2,), c=(1,), outputs=["y"])


@pytest.mark.slow
def test_branches_of_networks():
    cmlc.load(nested_branches(MAX_NESTING))
    for depth in (MAX_NESTING + 1, 250):
        with pytest.raises(cmlc.CompileError, match=LIMIT):
            cmlc.load(nested_branches(depth))


def test_what_protobuf_does_not_read(tmp_path):
    path = tmp_path / "deep.mlmodel"
    path.write_bytes(nested_branches(MAX_NESTING).SerializeToString())
    with pytest.raises(cmlc.CompileError, match="nested deeper than the 100 messages"):
        cmlc.load(path)


@pytest.mark.parametrize("extent", [2**31, 2**32, 10**30])
def test_extents_of_text(extent):
    text = f"func @f(%x: f32[{extent}]) -> f32[{extent}] {{\n  return %x\n}}\n"
    told = f"<text>:1:17: error: the extent {extent} is larger than {2**31 - 1}"
    with pytest.raises(cmlc.CompileError, match=re.escape(told)):
        load_text(text)
    load_text(text.replace(str(extent), str(2**31 - 1)))
