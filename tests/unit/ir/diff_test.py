"""Each edit of a module is found, and nothing else; names and order are not edits."""

from dataclasses import replace
from pathlib import Path
from random import Random

import cmlc
import numpy as np
import pytest
from cmlc.compiler.stages import Stages
from cmlc.ir.dialects.builtin import Constant
from cmlc.ir.dialects.core import TABLE
from cmlc.ir.diff import compare
from cmlc.ir.rewrite import clone_module
from cmlc.ir.text.parser import parse
from cmlc.ir.weights.resources import ArrayResource, HashResource
from cmlc.tools.bench.large_program import many_operations
from cmlc.tools.view.diff_facts import change_of
from hypothesis import given, settings
from hypothesis import strategies as st
from support.modules.generation import modules
from support.modules.module_edits import EDITS, both
from support.modules.module_twins import NO_EDITS, rename, shuffle
from support.running.counting import calls

DIGITS = Path(__file__).parents[2] / "data" / "digits.mlmodel"
BLOCK = """\
  %w{i} = const {{value = dense<[[1.0, 2.0], [3.0, 4.0]]>}} : f32[2,2]
  %a{i} = nn.relu(%e{before}) : f32[4,2]
  %b{i} = tensor.tanh(%a{i}) : f32[4,2]
  %c{i} = nn.linear(%b{i}, %w{i}) : f32[4,2]
  %d{i} = nn.leaky_relu(%c{i}) {{alpha = 0.5}} : f32[4,2]
  %e{i} = tensor.add(%d{i}, %e{before}) : f32[4,2]
"""
BRANCHES = """
func @main(%x: f32[2], %y: f32[2]) -> ("r": f32[2]) {
  %a = tensor.sub(%x, %y) : f32[2]
  %b = tensor.exp(%a) : f32[2]
  %p = const {value = dense<true>} : bool[]
  %z = ctl.cond(%p) ({
    %s = tensor.sin(%b) : f32[2]
    %t = tensor.mul(%s, %x) : f32[2]
    yield %t
  }, {
    %u = tensor.cos(%b) : f32[2]
    yield %u
  }) : f32[2]
  %r = tensor.add(%z, %a) : f32[2]
  return %r
}
"""


def read(text):
    return parse(text, "text", TABLE)


def blocks(count, edit=lambda i, block: block):
    """A chain of equal blocks; `edit` changes the text of one."""
    parts = [edit(i, BLOCK.format(i=i + 1, before=i)) for i in range(count)]
    body = "".join(parts)
    return read(f'func @main(%e0: f32[4,2]) -> ("y": f32[4,2]) {{\n{body}  return %e{count}\n}}\n')


def changed(text, *edits):
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return compare(read(BRANCHES), read(text))


REAL = {
    "digits": lambda: Stages(DIGITS).batched,
    "residual": lambda: cmlc.load(many_operations(60)),
    "equal blocks": lambda: blocks(12),
    "branches": lambda: read(BRANCHES),
}


@pytest.fixture(scope="module", params=REAL)
def module(request):
    return REAL[request.param]()


@pytest.mark.parametrize("name", NO_EDITS)
def test_what_is_no_edit(module, name):
    for seed in range(3):
        twin, _ = NO_EDITS[name](module, Random(seed))
        found = compare(module, twin)
        assert found.equal, found.edits
        assert found.matched == found.ops[0] == found.ops[1]


@pytest.mark.parametrize("name", EDITS)
def test_exactly_the_edit_is_found(module, name):
    for seed in range(3):
        made = both(module, Random(seed), EDITS[name])
        if made is None:
            pytest.skip("the module has nothing to edit so")
        twin, expected = made
        assert compare(module, twin).counts() == expected
        mirrored = {"added": "removed", "removed": "added"}
        back = {mirrored.get(kind, kind): count for kind, count in expected.items()}
        assert compare(twin, module).counts() == back


@pytest.mark.slow
def test_every_edit_is_made_somewhere():
    made = {
        name
        for make in REAL.values()
        for name, edit in EDITS.items()
        if edit(make(), Random(0)) is not None
    }
    assert made == set(EDITS)


# -- what is told ---------------------------------------------------------------------------------


def test_an_attribute_and_what_follows():
    module = cmlc.load(DIGITS)
    text = cmlc.ir.text.printer.print_module(module)
    old = "%pool1 = nn.max_pool(%relu1) {kernel_sizes = [2, 2], strides = [2, 2]}"
    new = old.replace("kernel_sizes = [2, 2]", "kernel_sizes = [1, 1]")
    twin = read(text.replace(old, new))
    (edit,) = compare(module, twin).edits
    assert (edit.kind, edit.what, edit.old, edit.new) == (
        *("attribute", "kernel_sizes", "[2, 2]", "[1, 1]"),
    )
    assert edit.before is not None
    assert (edit.before.op, edit.before.layer) == ("nn.max_pool", "layers[3] 'pool1'")
    assert edit.before.line.startswith("%pool1 = nn.max_pool(%relu1)")


def test_types_that_follow_are_counted():
    chain = "%b = nn.relu(%a) : {1}\n%c = tensor.exp(%b) : {1}\nreturn %c\n}}"
    text = 'func @f(%x: {0}) -> ("y": {1}) {{\n%a = tensor.reduce_sum(%x) {{{2}}} : {1}\n' + chain
    old = read(text.format("f32[2,3]", "f32[3]", "axes = [0]"))
    new = read(text.format("f32[2,3]", "f32[2]", "axes = [1]"))
    found = compare(old, new)
    assert found.counts() == {"attribute": 1}
    assert found.types_following == 3
    assert found.following == ("output 'y' is f32[2], was f32[3]",)
    wider = compare(old, read(text.format("f32[5,3]", "f32[3]", "axes = [0]")))
    (edit,) = wider.edits
    assert (edit.kind, edit.what, edit.new) == ("interface", "input 'x'", "f32[5,3]")


def test_weights_are_measured():
    module = cmlc.load(DIGITS)
    twin = clone_module(module)
    op = next(op for op in twin.walk() if isinstance(op, Constant) and "conv2.w" in op.value.name)
    array = op.value.array().copy()
    array[0, 0, 0, 0] += 0.5
    array[1, 0, 0, 0] -= 0.25
    op.attributes["value"] = ArrayResource(array)
    (edit,) = compare(module, twin).edits
    change = edit.weight
    assert change is not None
    assert (edit.kind, edit.what, change.name) == ("weight", "weight", "conv2.weight")
    assert change.changed == 2
    assert change.max_difference == pytest.approx(0.5)
    assert change.mean_difference == pytest.approx(0.75 / array.size)
    assert [place.layer for place in change.users] == ["layers[4] 'conv2'"]


@pytest.mark.parametrize(
    ("old", "new", "changed_elements", "largest"),
    [
        ([1.0, np.nan, 2.0], [1.0, np.nan, 2.5], 1, 0.5),
        ([1.0, 3.0, 2.0], [1.0, np.nan, 2.0], 1, np.inf),
        ([0.0, np.inf, 2.0], [-0.0, np.inf, 2.0], 0, 0.0),
    ],
)
def test_numbers_that_are_none(old, new, changed_elements, largest):
    text = "func @f(%x: f32[3]) -> f32[3] {{\n%c = const {{value = dense<{}>}} : f32[3]\n"
    text += "%y = tensor.add(%x, %c) : f32[3]\nreturn %y\n}}"
    modules = [read(text.format([0.0, 0.0, 0.0])) for _ in range(2)]
    for module, numbers in zip(modules, (old, new), strict=True):
        op = next(op for op in module.walk() if isinstance(op, Constant))
        op.attributes["value"] = ArrayResource(np.array(numbers, np.float32))
    (edit,) = compare(*modules).edits
    assert edit.weight is not None
    assert (edit.weight.changed, edit.weight.max_difference) == (changed_elements, largest)


def test_weights_that_are_known_by_hash_only():
    module = cmlc.load(DIGITS)
    twin = clone_module(module)
    op = next(op for op in twin.walk() if isinstance(op, Constant) and "conv2.w" in op.value.name)
    op.attributes["value"] = HashResource(op.value.type, op.value.digest)
    assert compare(module, twin).equal
    op.attributes["value"] = HashResource(op.value.type, "0" * 32)
    (edit,) = compare(module, twin).edits
    assert edit.weight is not None
    assert edit.weight.changed is None


def test_a_transposed_weight():
    text = "func @f(%x: f32[4,{0}]) -> f32[4,{1}] {{\n"
    text += "%w = const {{value = dense<{2}>}} : f32[{1},{0}]\n"
    text += "%y = nn.linear(%x, %w) : f32[4,{1}]\nreturn %y\n}}"
    old = read(text.format(3, 2, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    new = read(text.format(2, 3, [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]))
    weights = [edit.weight for edit in compare(old, new).edits if edit.weight is not None]
    assert [weight.transposed for weight in weights] == [(1, 0)]


def test_swapped_operands_are_one_edit():
    found = changed(BRANCHES, ("tensor.sub(%x, %y)", "tensor.sub(%y, %x)"))
    (edit,) = found.edits
    assert (edit.kind, edit.note, edit.old, edit.new) == ("operands", "swapped", "%x, %y", "%y, %x")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([("tensor.cos(%b)", "tensor.sin(%b)")], {"replaced": 1}),
        ([("tensor.mul(%s, %x)", "tensor.mul(%s, %y)")], {"operands": 1}),
        ([("%t = tensor.mul(%s, %x) : f32[2]\n", ""), ("yield %t", "yield %s")], {"removed": 1}),
        ([("yield %u", "%v = nn.relu(%u) : f32[2]\nyield %v")], {"added": 1}),
        ([("dense<true>", "dense<false>")], {"weight": 1}),
        ([("%r = tensor.add(%z, %a)", "%r = tensor.add(%z, %b)")], {"operands": 1}),
        ([("return %r", "return %z")], {"removed": 1}),
    ],
)
def test_in_regions_and_around(edits, expected):
    found = changed(BRANCHES, *edits)
    if expected == {"removed": 1}:  # what is left unused stays in the text
        assert set(found.counts()) <= {"removed", "operands"}
    else:
        assert found.counts() == expected


@pytest.mark.parametrize(("seed", "equal"), [(7, True), (-1, False)])
def test_draws_are_no_duplicates_of_each_other(seed, equal):
    """Two draws with one seed are the same numbers; without a seed it matters which is taken."""
    text = """func @main(%x: f32[2]) -> ("r": f32[2], "s": f32[2]) {{
  %n = const {{value = dense<[2]>}} : i32[1]
  %a = tensor.random_uniform(%n) {{dims = [2], seed = {seed}}} : f32[2]
  %b = tensor.random_uniform(%n) {{dims = [2], seed = {seed}}} : f32[2]
  %r = tensor.add(%a, %x) : f32[2]
  %s = tensor.sub(%{taken}, %b) : f32[2]
  return %r, %s
}}"""
    first, second = (read(text.format(seed=seed, taken=name)) for name in "ab")
    assert compare(first, second).equal is equal


def test_class_labels_and_preprocessing():
    module = cmlc.load(DIGITS)
    twin = clone_module(module)
    labels = tuple(f"digit {i}" for i in range(10))
    twin.main.classifier = replace(twin.main.classifier, class_labels=labels)
    op = next(
        o
        for o in twin.walk()
        if isinstance(o, Constant) and o.value.size == 10 and o.value.type.dtype.value == "str"
    )
    op.attributes["value"] = ArrayResource(np.array(labels, object))
    found = compare(module, twin)
    assert [(edit.kind, edit.what) for edit in found.edits] == [("interface", "class labels")]
    assert found.following

    twin = clone_module(module)
    scale = next(o for o in twin.walk() if isinstance(o, Constant) and o.value.type.rank == 0)
    scale.attributes["value"] = ArrayResource(np.array(1 / 255, np.float32))
    (edit,) = compare(module, twin).edits
    assert edit.is_preprocessing
    assert (edit.kind, edit.new) == ("weight", "0.003921569")


def test_facts_and_functions():
    module = cmlc.load(DIGITS)
    twin = clone_module(module)
    twin.attributes["author"] = "someone"
    twin.name = "another file"
    (edit,) = compare(module, twin).edits
    assert (edit.kind, edit.what, edit.new) == ("metadata", "author", '"someone"')

    text = 'func @a(%x: f32[2]) -> ("y": f32[2]) {\n%y = nn.relu(%x) : f32[2]\nreturn %y\n}\n'
    other = text.replace("@a", "@b").replace("relu", "softsign")
    found = compare(read(text), read(text + other))
    assert [(e.kind, e.what, e.new) for e in found.edits] == [("function", "added", "@b, 1 op")]
    found = compare(read(text), read(text.replace("@a", "@c")))
    assert [(e.kind, e.what, e.new) for e in found.edits] == [("function", "name", "@c")]


def test_visibility_is_part_of_the_interface():
    text = 'func @f() -> () {\nreturn\n}\nfunc @g(%x: f32[2]) -> ("y": f32[2]) {\nreturn %x\n}\n'
    (edit,) = compare(read(text), read(text.replace("@g", "private @g"))).edits
    assert (edit.kind, edit.what, edit.old, edit.new) == (
        *("function", "visibility"),
        *("public @g", "private @g"),
    )
    assert change_of(edit) == "public @g → private @g"


def test_a_split_function_says_where_its_ops_were():
    module = blocks(4)
    twin, _ = EDITS["split a function"](module, Random(1))
    (edit,) = compare(module, twin).edits
    assert edit.what == "added"
    assert edit.note.startswith("its ops were ")
    assert edit.note.endswith(" of @main")


# -- repeated blocks ------------------------------------------------------------------------------


def at(*numbers, old, new):
    def edit(i, block):
        assert old in block
        return block.replace(old, new) if i in numbers else block

    return edit


@pytest.mark.slow
def test_edits_of_equal_blocks_are_found_where_they_are():
    count = 400
    before = blocks(count)
    three = at(100, 200, 300, old="alpha = 0.5", new="alpha = 0.25")
    found = compare(before, blocks(count, three))
    assert found.counts() == {"attribute": 3}
    assert [edit.before and edit.before.name for edit in found.edits] == ["%d101", "%d201", "%d301"]
    gone = compare(before, blocks(count, lambda i, b: _without_tanh(b) if i in (50, 250) else b))
    assert gone.counts() == {"removed": 2}
    assert [edit.place and edit.place.name for edit in gone.edits] == ["%b51", "%b251"]


def _without_tanh(block):
    lines = block.splitlines(keepends=True)
    name = lines[1].split()[0]
    return "".join([*lines[:2], lines[3].replace(lines[2].split()[0], name), *lines[4:]])


def test_a_block_more():
    found = compare(blocks(30), blocks(31))
    assert found.counts() == {"added": 5}
    assert len({edit.group for edit in found.edits}) == 1


def test_fine_tuning_and_edits_at_once():
    module = cmlc.load(many_operations(300))
    tuned, expected = EDITS["fine-tune"](module, Random(0))
    for name in ("insert an op", "replace an op", "insert casts", "change a number"):
        tuned, more = EDITS[name](tuned, Random(len(expected)))
        for kind, count in more.items():
            expected[kind] = expected.get(kind, 0) + count
    twin = shuffle(rename(tuned, Random(1))[0], Random(2))[0]
    assert compare(module, twin).counts() == expected


@pytest.mark.slow
def test_costs_are_linear():
    """Calls are counted, because clocks are noisy: of equal, edited and unlike modules."""

    def costs(count):
        module = blocks(count)
        some = at(count // 3, count // 2, old="alpha = 0.5", new="alpha = 0.25")
        unlike = blocks(count, lambda _i, b: b.replace("nn.relu", "tensor.sin"))
        twins = (shuffle(module, Random(0))[0], blocks(count, some), unlike)
        return [calls(compare, module, twin)[0] for twin in twins]

    costs(5)  # what happens once
    few, many = costs(50), costs(200)
    assert [b / a < 4.6 for a, b in zip(few, many, strict=True)] == [True] * 3


# -- random modules -------------------------------------------------------------------------------


@settings(max_examples=settings.default.max_examples // 2)
@given(modules(), st.integers(0, 1000))
def test_names_and_order_are_no_edits(module, seed):
    twin = shuffle(rename(module, Random(seed))[0], Random(seed))[0]
    found = compare(module, twin)
    assert found.equal, found.edits


@settings(max_examples=settings.default.max_examples // 3)
@given(modules(), st.integers(0, 1000))
def test_edits_of_random_modules_are_differences(module, seed):
    for name in ("change a weight", "drop an op", "insert an op", "rename an output"):
        made = both(module, Random(seed), EDITS[name])
        assert made is None or not compare(module, made[0]).equal, name


@settings(max_examples=settings.default.max_examples // 3)
@given(modules(), modules())
def test_emptiness_is_symmetric(a, b):
    there, back = compare(a, b), compare(b, a)
    assert there.equal == back.equal
    assert there.matched <= min(there.ops)
