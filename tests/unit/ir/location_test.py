"""Locations: text and fusion."""

import pytest
from cmlc.ir.location import (
    UNKNOWN,
    Fused,
    InModel,
    InText,
    fuse,
    leaves,
    parse_location,
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
