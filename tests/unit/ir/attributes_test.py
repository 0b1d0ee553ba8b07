"""Kinds of attributes: conversion, normalization, permutation, text."""

import typing

import numpy as np
import pytest
from cmlc.ir import attributes
from cmlc.ir.attributes import Axis, EnumLiteral, Kind, Layout, PadType, literal, normalize, permute
from cmlc.ir.dims import symbol
from cmlc.ir.types import DType, Tensor
from hypothesis import given
from hypothesis import strategies as st

N = symbol("N")


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, N], attributes.Dims, (1, N)),
        (EnumLiteral("same"), PadType, PadType.SAME),
        (Layout.CHANNELS_LAST, Layout, Layout.CHANNELS_LAST),
        (DType.F16, DType, DType.F16),
        (None, int | None, None),
        (3, int | None, 3),
        (3, float | str, 3.0),
        (["a"], tuple[str, ...], ("a",)),
        ([[1, 2], [3]], tuple[tuple[int, ...], ...], ((1, 2), (3,))),
        (True, bool, True),
        ("b", typing.Literal["a", "b"], "b"),
        ([1, 2], tuple[int, int], (1, 2)),
    ],
)
def test_conversion(value, annotation, expected):
    converted = attributes.convert(value, annotation)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1.5, int),
        (True, int),
        (True, float),
        ("a", float),
        (3, tuple[int, ...]),
        ([1.5], tuple[int, ...]),
        (EnumLiteral("sideways"), PadType),
        ("same", PadType),
        (1, bool),
        (None, int),
        (3.0, int | None),
        (np.int64(3), int),
        ("c", typing.Literal["a", "b"]),
        (1, typing.Literal["a", "b"]),
        ([1, 2, 3], tuple[int, int]),
        ([1], tuple[int, int]),
    ],
)
def test_refused(value, annotation):
    with pytest.raises(TypeError):
        attributes.convert(value, annotation)


def test_annotations():
    assert attributes.split_annotation(Axis) == (int, Kind.AXIS)
    assert attributes.split_annotation(float) == (float, Kind.PLAIN)
    assert attributes.split_annotation(typing.Annotated[int, "words"]) == (int, Kind.PLAIN)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.AXIS, -1, 2),
        (Kind.AXES, (-1, 0), (2, 0)),
        (Kind.AXES, (), ()),
        (Kind.NEW_AXIS, -1, 3),
        (Kind.NEW_AXES, (0, -1), (0, 4)),
        (Kind.PERM, (-1, 0, 1), (2, 0, 1)),
        (Kind.PER_AXIS, (1, 2, 3), (1, 2, 3)),
        (Kind.PAD_PAIRS, (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),
        (Kind.PLAIN, -7, -7),
    ],
)
def test_normalization(kind, value, expected):
    assert normalize(kind, value, 3) == expected
    assert normalize(kind, value, None) == value


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Kind.AXIS, 3, "axis 3 is out of range for rank 3"),
        (Kind.AXIS, -4, "out of range"),
        (Kind.AXES, (0, -3), "repeat a dimension"),
        (Kind.NEW_AXIS, 4, "out of range"),
        (Kind.NEW_AXES, (0, 0), "repeat"),
        (Kind.PERM, (0, 1), "not a permutation"),
        (Kind.PERM, (0, 1, 1), "not a permutation"),
        (Kind.PER_AXIS, (1, 2), "2 entries for 3 dimensions, expected 3"),
        (Kind.PAD_PAIRS, (1, 2, 3), "3 entries for 3 dimensions, expected 6"),
    ],
)
def test_out_of_range(kind, value, message):
    with pytest.raises(ValueError, match=message):
        normalize(kind, value, 3)


@st.composite
def permutations_of_arrays(draw):
    rank = draw(st.integers(1, 4))
    shape = draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    return np.arange(np.prod(shape)).reshape(shape), tuple(draw(st.permutations(range(rank))))


@given(permutations_of_arrays(), st.data())
def test_axes_follow_the_permutation(case, data):
    """f(transpose(x, p), a) = transpose'(f(x, permute(a, p)))."""
    x, perm = case
    axis = data.draw(st.integers(0, x.ndim - 1))
    moved = permute(Kind.AXIS, axis, perm)
    np.testing.assert_array_equal(
        np.flip(x.transpose(perm), axis), np.flip(x, moved).transpose(perm)
    )
    assert permute(Kind.AXES, (axis,), perm) == (moved,)


@given(permutations_of_arrays(), st.data())
def test_entries_follow_the_permutation(case, data):
    x, perm = case
    pairs = tuple(data.draw(st.integers(0, 2)) for _ in range(2 * x.ndim))
    reps = tuple(data.draw(st.integers(1, 2)) for _ in range(x.ndim))
    moved = permute(Kind.PAD_PAIRS, pairs, perm)
    np.testing.assert_array_equal(
        np.pad(x.transpose(perm), tuple(zip(pairs[::2], pairs[1::2], strict=True))),
        np.pad(x, tuple(zip(moved[::2], moved[1::2], strict=True))).transpose(perm),
    )
    np.testing.assert_array_equal(
        np.tile(x.transpose(perm), reps),
        np.tile(x, permute(Kind.PER_AXIS, reps, perm)).transpose(perm),
    )


@pytest.mark.parametrize("kind", [Kind.PERM, Kind.NEW_AXIS, Kind.NEW_AXES])
def test_kinds_that_do_not_survive(kind):
    with pytest.raises(ValueError, match="does not survive"):
        permute(kind, (0, 1), (1, 0))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (3, "3"),
        (-0.5, "-0.5"),
        (1e-5, "1e-05"),
        (float("inf"), "inf"),
        ('say "x"\n', '"say \\"x\\"\\n"'),
        ("é", '"é"'),
        (DType.F16, "f16"),
        (PadType.SAME, "#same"),
        (EnumLiteral("same"), "#same"),
        ((1, N, (2,)), "[1, N, [2]]"),
        (Tensor(DType.F32, (N,)), "f32[N]"),
        (None, "none"),
    ],
)
def test_text(value, text):
    assert literal(value) == text


def test_values_without_text():
    with pytest.raises(TypeError, match="object has no text form"):
        literal(object())


def test_layouts():
    first, last = Layout.CHANNELS_FIRST, Layout.CHANNELS_LAST
    assert (first.channel_axis(4), last.channel_axis(4)) == (1, 3)
    assert (first.spatial_axes(5), last.spatial_axes(5)) == ((2, 3, 4), (1, 2, 3))
