"""Symbolic dimensions mean what Python's integers mean."""

import pytest
from cmlc.ir import dims
from cmlc.ir.dims import ceil_div, floor_div, maximum, substitute, symbol
from cmlc.ir.text.parser import parse
from hypothesis import given
from hypothesis import strategies as st

N, M, K = symbol("N"), symbol("M"), symbol("K")
NAMES = ("N", "M", "K")


@st.composite
def expressions(draw, depth=4):
    """(the dimension, a function that computes it from numbers)."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if draw(st.booleans()):
            name = draw(st.sampled_from(NAMES))
            return symbol(name), lambda values: values[name]
        number = draw(st.integers(-6, 6))
        return number, lambda values: number
    a, of_a = draw(expressions(depth - 1))
    b, of_b = draw(expressions(depth - 1))
    match draw(st.sampled_from(["add", "sub", "mul", "div", "ceil", "max", "by_symbol"])):
        case "add":
            return a + b, lambda values: of_a(values) + of_b(values)
        case "sub":
            return a - b, lambda values: of_a(values) - of_b(values)
        case "mul":
            return a * b, lambda values: of_a(values) * of_b(values)
        case "max":
            return maximum(a, b), lambda values: max(of_a(values), of_b(values))
        case "by_symbol":
            name = draw(st.sampled_from(NAMES))
            return floor_div(a, symbol(name)), lambda values: of_a(values) // values[name]
        case operation:
            number = draw(st.integers(1, 6))
            if operation == "div":
                return a // number, lambda values: of_a(values) // number
            return ceil_div(a, number), lambda values: -(-of_a(values) // number)


VALUES = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})


@given(expressions(), VALUES)
def test_evaluates_like_integers(expression, values):
    dim, compute = expression
    assert substitute(dim, values) == compute(values)


@given(expressions())
def test_text_round_trip(expression):
    dim, _ = expression
    text = f"func @f(%x: f32[{dim},3]) -> f32[{dim},3] {{ return %x }}"
    assert parse(text).main.arguments[0].type.shape == (dim, 3)


@given(expressions(), st.fixed_dictionaries({"N": st.integers(1, 40)}), VALUES)
def test_substitution_in_steps(expression, some, values):
    dim, _ = expression
    assert substitute(substitute(dim, some), values) == substitute(dim, values | some)


@given(expressions(), VALUES)
def test_symbols_are_all_it_depends_on(expression, values):
    dim, _ = expression
    assert isinstance(substitute(dim, {name: values[name] for name in dims.symbols(dim)}), int)


@given(expressions(), VALUES)
def test_lies_in_its_interval(expression, values):
    dim, compute = expression
    for limits in (None, dict.fromkeys(NAMES, (1, 40))):
        low, high = dims.interval(dim, limits)
        assert low is None or low <= compute(values)
        assert high is None or compute(values) <= high


@pytest.mark.parametrize(
    ("dim", "least", "most"),
    [
        (7, 7, 7),
        (N, 2, 9),
        (M, 0, None),
        (10 - N, 1, 8),
        (N * 3 - M, None, 27),
        (N * N, 4, 81),
        (N * M, 0, None),
        (N // 2, 1, 4),
        (M // N, 0, None),
        (N // M, None, None),
        ((N - 5) // 2, -2, 2),
        ((M - N) // 2, None, None),
        (maximum(N, 3), 3, 9),
        (maximum(N, M), 2, None),
    ],
)
def test_interval(dim, least, most):
    assert dims.interval(dim, {"N": (2, 9)}) == (least, most)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (N + M, M + N),
        ((N + 1) * (N - 1), N * N - 1),
        (N * M * 2 - M * N, M * N),
        ((N * 4 + 6) // 2, N * 2 + 3),
        ((N + 7) // 4, (N + 3) // 4 + 1),
        (N - N, 0),
        (N * 0 + 3, 3),
        ((N * M) // N, M),
        (maximum(N, M), maximum(M, N)),
        (maximum(N + 2, N), N + 2),
        (maximum(maximum(N, M), K), maximum(M, maximum(K, N))),
        (maximum(maximum(N, M), maximum(M, N)), maximum(N, M)),
        (maximum(maximum(N, M + 1), maximum(M, 1 + N)), maximum(N + 1, M + 1)),
        (ceil_div(N, 2), (N + 1) // 2),
        (ceil_div(N, 2), (N - 1) // 2 + 1),
        (0 - (0 - N), N),
        (2 - N, -N + 2),
        (6 // (N - N + 4), 1),
        ((N + M) // (N + M), 1),
        (0 // N, 0),
    ],
)
def test_equal_meaning_is_equal_object(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == str(other)


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (N - 1, "N-1"),
        (1 - N, "-N+1"),
        (N * 2 + M, "M+N*2"),
        (N // 2 + 1, "floordiv(N,2)+1"),
        (maximum(N, 3), "max(3,N)"),
        (N * M - 3, "M*N-3"),
    ],
)
def test_text(dim, text):
    assert str(dim) == text


def test_maxima_do_not_grow():
    """Values that are broadcast against each other again and again, as in residual networks."""
    dim, other = maximum(N, M), maximum(N, K)
    for _ in range(40):
        dim, other = maximum(dim, other), maximum(other, dim)
    assert str(dim) == "max(K,max(M,N))"


def test_differs_only_when_proven():
    assert dims.differs(3, 4)
    assert dims.differs(N, N + 1)
    assert not dims.differs(N, 4)
    assert not dims.differs(N, M)
    assert not dims.differs(N, N)


def test_merge_prefers_numbers():
    assert dims.merge(N, 3) == 3
    assert dims.merge(3, N) == 3
    assert dims.merge(N, M) == N


def test_bare_symbols():
    assert dims.bare_symbol(N) == "N"
    assert [dims.bare_symbol(dim) for dim in (N + 1, N * 2, N * M, N // 2, 3)] == [None] * 5


def test_products_and_sizes():
    assert dims.product(()) == 1
    assert dims.product((2, N, 3)) == N * 6
    assert dims.static_size((2, 3)) == 6
    assert dims.static_size(()) == 1
    assert dims.static_size((2, N)) is None
    assert dims.is_static((2, 3))
    assert not dims.is_static((2, N))
