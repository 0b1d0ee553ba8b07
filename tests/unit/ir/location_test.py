"""Locations: text and fusion."""

import pytest
from cmlc.ir.location import (
    UNKNOWN,
    CallSite,
    Fused,
    InModel,
    InText,
    called_by,
    callers,
    fuse,
    leaves,
    parse_location,
    parts,
)

CONV = InModel("layers", 0, "conv1")
RELU = InModel("layers", 1, "relu")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (UNKNOWN, "unknown"),
        (CONV, "layers[0] 'conv1'"),
        (InModel("input", None, "image"), "input 'image'"),
        (InModel("neuralNetwork.layers", 12, "it's"), "neuralNetwork.layers[12] 'it's'"),
        (InModel("layers", 3, ""), "layers[3] ''"),
        (InModel("layers[1].ifBranch.layers", 2, "a"), "layers[1].ifBranch.layers[2] 'a'"),
        (InModel("layers", 3, "two\nlines"), "layers[3] 'two\nlines'"),
        (InText("dir/a b.cmir", 3, 14), "dir/a b.cmir:3:14"),
        (InText("<text>", 1, 1), "<text>:1:1"),
    ],
)
def test_text_and_back(location, text):
    assert str(location) == text
    assert parse_location(text) == location


@pytest.mark.parametrize("text", ["", "conv1", "layers[x] 'a'", "file:1", "layers[0]"])
def test_no_location(text):
    with pytest.raises(ValueError, match="is not a location"):
        parse_location(text)


def test_fusing():
    assert fuse("p", []) == UNKNOWN
    assert fuse("p", [UNKNOWN, UNKNOWN]) == UNKNOWN
    assert fuse("p", [CONV, UNKNOWN, CONV]) == CONV
    both = fuse("p", [CONV, RELU])
    assert both == Fused("p", (CONV, RELU))
    assert str(both) == "p(layers[0] 'conv1', layers[1] 'relu')"
    again = fuse("q", [both, InText("f", 1, 1), RELU])
    assert again == Fused("q", (CONV, RELU, InText("f", 1, 1)))
    assert leaves(again) == (CONV, RELU, InText("f", 1, 1))
    assert leaves(CONV) == (CONV,)


def test_what_was_called():
    first, second = InModel("models", 0, "first"), InModel("models", 1, "second")
    place = called_by(CONV, first)
    assert place == CallSite(CONV, first)
    assert str(place) == "layers[0] 'conv1', called by models[0] 'first'"
    assert called_by(UNKNOWN, first) == first
    assert called_by(CONV, UNKNOWN) == CONV
    assert called_by(UNKNOWN, UNKNOWN) == UNKNOWN
    deep = called_by(called_by(fuse("p", [CONV, RELU]), first), second)
    assert leaves(deep) == (CONV, RELU)
    assert [callers(part) for part in parts(deep)] == [(first, second)] * 2
    assert callers(CONV) == ()


def test_copies_of_an_element_are_told_apart():
    first, second = (called_by(CONV, InModel("models", i, "m")) for i in range(2))
    both = fuse("cse", [first, second])
    assert parts(both) == (first, second)
    assert leaves(both) == (CONV, CONV)
