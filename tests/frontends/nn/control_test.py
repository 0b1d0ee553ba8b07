"""Branches and loops: what runs, what later layers see, and random programs against Python."""

import cmlc
import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.networks.builders import (
    BREAK,
    CONTINUE,
    assert_refused,
    branch,
    imported,
    loop,
    network,
    result,
    results,
    step,
    text,
)
from support.running.tensorflow_run import compare


def model(*layers, outputs=("y",), **options):
    return network(*layers, outputs=list(outputs), **options)


@pytest.mark.parametrize(("condition", "expected"), [(1, 10), (-0.5, 10), (0, 3), (1e-7, 3)])
def test_branch(condition, expected):
    made = model(
        branch("c", [step("multiply", "x", "y", alpha=10)], [step("add", "x", "y", alpha=2)]),
        x=(2,),
        c=(1,),
    )
    assert result(made, [1, 1], [condition]).tolist() == [expected] * 2


def test_branch_without_else_keeps_what_was_there():
    made = model(
        step("copy", "x", "y"), branch("c", [step("add", "y", "y", alpha=5)]), x=(1,), c=(1,)
    )
    assert [float(result(made, [1], [c])[0]) for c in (0, 1)] == [1, 6]


@pytest.mark.slow
def test_branches_of_other_extents():
    made = model(
        branch("c", [step("concatND", ["x", "x"], "y", axis=0)], [step("copy", "x", "y")]),
        step("add", "y", "z", alpha=1),
        outputs=["z"],
        x=(2,),
        c=(1,),
    )
    module = imported(made)
    assert result(made, [1, 2], [1]).tolist() == [2, 3, 2, 3]
    assert result(made, [1, 2], [0]).tolist() == [2, 3]
    for c in (0, 1):
        compare(module, {"x": np.float32([1, 2]), "c": np.float32([c])})


@pytest.mark.parametrize(("extent", "expected"), [(1, 20), (2, 3)])
def test_a_branch_that_is_never_run_need_not_fit(extent, expected):
    """As in networks made of Keras's RNNs, which branch on shapes that are known."""
    misfit = step("concatND", ["x", "whole"], "t", axis=0)
    sides = [step("multiply", "x", "y", alpha=20)], [step("add", "x", "y", alpha=2)]
    sides[extent != 2].append(misfit)
    before = step("expandDims", "x", "whole", axes=[0]), step("getShape", "x", "shape")
    small = step("lessThan", "shape", "c", alpha=2)
    made = model(*before, small, branch("c", *sides), x=(extent,))
    assert "ctl.cond" not in text(made)
    assert result(made, [1] * extent).tolist() == [expected] * extent
    unknown = model(*before, branch("p", *sides), x=(extent,), p=(1,))
    assert "ctl.cond" not in text(unknown)
    runs = int(extent != 2)  # the second side is the one that doesn't fit
    assert result(unknown, [1] * extent, [runs]).tolist() == [expected] * extent
    told = r"a branch that doesn't fit runs: layers\[2\]\.\w+\.layers\[1\].*can't join"
    with pytest.raises(CompileError, match=told):
        result(unknown, [1] * extent, [1 - runs])


@pytest.mark.parametrize("known", [True, False])
def test_what_a_branch_that_is_not_run_would_change_stays(known):
    """There is no other branch: the blob is what it was before."""
    misfit = [step("concatND", ["y", "whole"], "y", axis=0)]
    before = [step("copy", "x", "y"), step("expandDims", "x", "whole", axes=[0])]
    if known:
        before += [step("getShape", "x", "shape"), step("lessThan", "shape", "c", alpha=2)]
    made = model(
        *before,
        branch("c", misfit),
        step("add", "y", "z", alpha=1),
        outputs=["z"],
        **({"x": (2,)} if known else {"x": (2,), "c": (1,)}),
    )
    assert result(made, [1, 2], *([] if known else [[0]])).tolist() == [2, 3]


@pytest.mark.slow
def test_a_branch_that_does_not_fit_stops_the_graph():
    misfit = [step("expandDims", "x", "w", axes=[0]), step("concatND", ["x", "w"], "y", axis=0)]
    made = model(branch("c", misfit, [step("add", "x", "y", alpha=2)]), x=(2,), c=(1,))
    compiled = cmlc.compile(made)
    assert compiled.predict({"x": np.float32([1, 2]), "c": np.float32([0])})["y"].tolist() == [3, 4]
    with pytest.raises(CompileError, match=r"layers\[0\]\.ifBranch\.layers\[1\].*can't join"):
        compiled.predict({"x": np.float32([1, 2]), "c": np.float32([1])})
    with pytest.raises(CompileError, match="a functional model can't stop a run"):
        cmlc.compile(made, target="keras")


def test_a_blob_that_only_one_way_makes():
    made = model(branch("c", [step("copy", "x", "t")]), step("copy", "t", "y"), x=(1,), c=(1,))
    assert_refused(made, "layers[1] 'l1'", "reads 't', which is made on only one path to it")
    unused = model(branch("c", [step("copy", "x", "t")]), step("copy", "x", "y"), x=(1,), c=(1,))
    assert result(unused, [3], [1]).tolist() == [3]


def test_a_number_of_steps():
    made = model(step("copy", "x", "y"), loop([step("add", "y", "y", alpha=2)], limit=4), x=(1,))
    assert result(made, [1]).tolist() == [9]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_number_of_steps_at_run_time(steps):
    made = model(
        step("copy", "x", "y"),
        loop([step("add", "y", "y", alpha=2)], limit=2, inputs=["n"]),
        x=(1,),
        n=(1,),
    )
    assert result(made, [1], [steps]).tolist() == [1 + 2 * steps]
    compare(imported(made), {"x": np.float32([1]), "n": np.float32([steps])})


def test_a_loop_without_an_end_to_it_never_runs():
    made = model(step("copy", "x", "y"), loop([step("add", "y", "y", alpha=2)]), x=(1,))
    assert result(made, [1]).tolist() == [1]


BELOW_TEN = [step("lessThan", "y", "c", alpha=10)]


@pytest.mark.parametrize(("start", "limit", "expected"), [(1, 0, 16), (20, 0, 20), (1, 2, 4)])
def test_a_condition(start, limit, expected):
    body = [step("add", ["y", "y"], "y")]
    made = model(
        step("copy", "x", "y"), loop(body, limit=limit, condition=BELOW_TEN, test="c"), x=(1,)
    )
    assert result(made, [start]).tolist() == [expected]


def test_the_body_sees_what_the_condition_makes():
    condition = [step("add", "y", "t", alpha=1), step("lessThan", "t", "c", alpha=10)]
    made = model(
        step("copy", "x", "y"),
        loop([step("copy", "t", "y")], condition=condition, test="c"),
        outputs=["y", "t"],
        x=(1,),
    )
    found = results(made, [3])
    assert (found["y"].tolist(), found["t"].tolist()) == ([9], [10])


def test_what_only_the_body_makes_is_seen_after_the_loop():
    made = model(loop([step("add", "x", "y", alpha=1)], limit=2), x=(2,))
    assert result(made, [1, 2]).tolist() == [2, 3]


@pytest.mark.slow
def test_leaving_a_loop():
    """`loopBreak` ends the loop, `loopContinue` the step."""
    assert (BREAK[0], CONTINUE[0]) == ("loopBreak", "loopContinue")
    body = [
        step("add", "i", "i", alpha=1),
        step("greaterThan", "i", "big", alpha=4),
        branch("big", [BREAK]),
        step("lessThan", "i", "small", alpha=3),
        branch("small", [step("add", "z", "z", alpha=100), CONTINUE]),
        step("add", ["y", "i"], "y"),
    ]
    made = model(
        *(step("copy", "x", name) for name in "iyz"),
        loop(body, limit=9),
        outputs=["i", "y", "z"],
        x=(1,),
    )
    # i: 1 and 2 are skipped, 3 and 4 are added, 5 leaves.
    found = results(made, [0])
    assert {name: array.tolist() for name, array in found.items()} == {
        "i": [5],
        "y": [7],
        "z": [200],
    }
    compare(imported(made), {"x": np.float32([0])})


@pytest.mark.slow
def test_a_blob_that_grows():
    made = model(
        step("copy", "x", "y"),
        loop([step("concatND", ["y", "x"], "y", axis=0)], limit=3),
        step("add", "y", "z", alpha=1),
        outputs=["z"],
        x=(2,),
    )
    assert result(made, [1, 2]).tolist() == [2, 3] * 4
    compare(imported(made), {"x": np.float32([1, 2])})


def test_a_sequence_that_appears():
    """A unit sequence, which rank-5 networks leave out, joins one that is none."""
    grown = step("concat", ["y", "x"], "y", sequenceConcat=True)
    made = model(
        step("copy", "x", "y"),
        loop([grown], limit=2),
        step("reduce", "y", "z", axis=4),
        outputs=["z"],
        rank5=True,
        x=(1, 1, 2),
    )
    assert np.ravel(result(made, np.float32([[[1, 2]]]))).tolist() == [3, 3, 3]


def test_a_problem_inside_is_told_once_and_where():
    bad = step("multiply", "nothing", "y")
    made = model(step("copy", "x", "y"), loop([bad], limit=2), step("copy", "y", "z"), x=(1,))
    assert_refused(made, "layers[1].bodyNetwork.layers[0] 'n0'", "reads 'nothing'")


# -- random programs ---------------------------------------------------------------------------

VARIABLES = ("a", "b", "d")
variable = st.sampled_from(VARIABLES)
number = st.integers(-2, 2).map(float)


@st.composite
def statement(draw, depth, inside):
    """One statement: ("add", v, w, number), ("if", v, yes, no), ("loop", n, v, body), jumps."""
    kinds = ["add"] * 3 + (["if", "loop"] if depth else []) + (["break", "continue"] * inside)
    kind = draw(st.sampled_from(kinds))
    if kind == "add":
        return kind, draw(variable), draw(variable), draw(number)
    if kind == "if":
        sides = [draw(statements(depth - 1, inside)) for _ in range(2)]
        return kind, draw(variable), *sides
    if kind == "loop":
        tested = draw(st.sampled_from(["", *VARIABLES]))
        return kind, draw(st.integers(1, 4)), tested, draw(statements(depth - 1, True))
    return (kind,)


def statements(depth, inside=False):
    return st.lists(statement(depth, inside), min_size=1, max_size=4)


class BreakError(Exception):
    pass


class ContinueError(Exception):
    pass


def execute(program, values):
    """The program's meaning, in Python."""
    for kind, *rest in program:
        if kind == "add":
            target, source, amount = rest
            values[target] = max(min(values[source] + amount, 9.0), -9.0)
        elif kind == "if":
            tested, yes, no = rest
            execute(yes if values[tested] != 0 else no, values)
        elif kind == "loop":
            limit, tested, body = rest
            for _ in range(limit):
                if tested and not values[tested] < 3:
                    break
                try:
                    execute(body, values)
                except BreakError:
                    break
                except ContinueError:
                    continue
        else:
            raise BreakError if kind == "break" else ContinueError


def lowered(program):
    """The program as layers."""
    made = []
    for kind, *rest in program:
        if kind == "add":
            target, source, amount = rest
            made.append(step("add", source, "sum", alpha=amount))
            made.append(step("clip", "sum", target, minVal=-9, maxVal=9))
        elif kind == "if":
            tested, yes, no = rest
            made.append(branch(tested, lowered(yes), lowered(no)))
        elif kind == "loop":
            limit, tested, body = rest
            condition = [step("lessThan", tested, "test", alpha=3)] if tested else []
            test = "test" if tested else ""
            made.append(loop(lowered(body), limit=limit, condition=condition, test=test))
        else:
            made.append(BREAK if kind == "break" else CONTINUE)
    return made


def program_model(program):
    first = [step("copy", f"x{name}", name) for name in VARIABLES]
    inputs = {f"x{name}": (1,) for name in VARIABLES}
    return model(*first, *lowered(program), outputs=VARIABLES, **inputs)


@pytest.mark.slow
@settings(max_examples=100)
@given(statements(3), st.tuples(number, number, number))
def test_random_programs(program, start):
    values = dict(zip(VARIABLES, start, strict=True))
    found = results(program_model(program), *([v] for v in start))
    execute(program, values)
    assert {name: float(found[name][0]) for name in VARIABLES} == values


@pytest.mark.slow
@settings(max_examples=10)
@given(statements(3), st.tuples(number, number, number))
def test_random_programs_in_tensorflow(program, start):
    inputs = {f"x{n}": np.float32([v]) for n, v in zip(VARIABLES, start, strict=True)}
    pipeline = "canonicalize, constant-fold, cse, dce"
    compare(imported(program_model(program)), inputs, pipeline)


def test_a_condition_without_layers_is_none():
    """coremltools leaves an empty network where there is no condition."""
    counted = loop([step("add", "y", "y", alpha=2)], limit=4)
    made = model(step("copy", "x", "y"), counted, x=(1,))
    made.neuralNetwork.layers[1].loop.conditionNetwork.SetInParent()
    assert result(made, [1]).tolist() == [9]


def test_a_scalar_output_has_an_extent():
    """As all of Core ML's arrays."""
    made = model(step("reduceSum", "x", "y", axes=[0], keepDims=False, reduceAll=True), x=(3,))
    assert result(made, [1, 2, 3]).tolist() == [6]
