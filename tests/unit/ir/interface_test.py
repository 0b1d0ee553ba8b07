"""What is known of arguments and results, and what passes make of it."""

import dataclasses

import numpy as np
import pytest
from cmlc.ir.dims import symbol
from cmlc.ir.interface import Argument, Classifier, Result, module_fact
from cmlc.ir.types import DType, Tensor

FULL = Argument(
    kind="array",
    axes="CHW",
    dtype=DType.F16,
    color="BGR",
    shape=(3, 4, 5),
    enumerated_shapes=((3, 4, 5), (3, 6, 7)),
    shape_ranges=((3, 3), (4, 8), (5, 0)),
    batch="added",
    layout="nhwc",
    optional=True,
    default=0.0,
    feature="words",
    part="keys",
    columns=("a", "b"),
)


@pytest.mark.parametrize("cls", [Argument, Result, Classifier])
def test_text_has_every_field_once(cls):
    names = [item.name for item in dataclasses.fields(cls)]
    assert sorted(cls.order) == sorted(names)


def test_only_what_is_known_is_told():
    assert Argument().entries() == Result().entries() == Classifier().entries() == {}
    assert Argument(kind="image", color="RGB").entries() == {"kind": "image", "color": "RGB"}
    assert Result(dtype=DType.F16, batch="added").entries() == {"dtype": "f16", "batch": "added"}
    assert tuple(FULL.entries()) == Argument.order


@pytest.mark.parametrize("known", [FULL, Argument(default=1.5), Result(shape=(1, 2))])
def test_entries_are_read_as_they_are_told(known):
    cls = type(known)
    given = {name: cls.converted(name, value) for name, value in known.entries().items()}
    assert cls(**given) == known


@pytest.mark.parametrize(
    ("known", "own"),
    [
        (Argument(kind="double", default=0.0), 0.0),
        (Argument(kind="double", default=0.5, optional=True), 0.5),
        (Argument(kind="double", default=float("nan")), None),
        (Argument(kind="double"), None),
        (Argument(kind="array", default=1.0), None),
    ],
)
def test_a_number_of_the_models_own(known, own):
    assert known.own_number == own


def test_a_default_that_is_zero_is_told():
    assert Argument(optional=True, default=0.0).entries() == {"optional": True, "default": 0.0}


def test_classes_are_told_with_both_names():
    assert Classifier(("cat",)).entries() == {
        "class_labels": ("cat",),
        "predicted_feature": "",
        "predicted_probabilities": "",
    }
    assert Classifier(predicted_feature="y").entries() == {"predicted_feature": "y"}


@pytest.mark.parametrize(("kind", "expected"), [(None, True), ("array", True), ("image", False)])
def test_what_nobody_describes_is_an_array(kind, expected):
    assert Argument(kind=kind).is_array is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Argument(), ()),
        (Argument(shape=(1, 2), enumerated_shapes=((3, 4),)), (1, 2)),
        (Argument(enumerated_shapes=((3, 4), (5, 6))), (3, 4)),
        (Argument(shape_ranges=((3, 9), (4, 0))), (3, 4)),
    ],
)
def test_default_shape(known, expected):
    assert known.default_shape() == expected


def test_channels_last():
    known = Argument(
        kind="array",
        axes="CHW",
        shape=(7, 3, 4, 5),
        enumerated_shapes=((3, 4, 5), (3, 6, 7)),
        shape_ranges=((3, 3), (4, 8), (5, 0)),
        batch="added",
    )
    assert known.channels_last() == Argument(
        kind="array",
        shape=(7, 4, 5, 3),
        enumerated_shapes=((4, 5, 3), (6, 7, 3)),
        shape_ranges=((4, 8), (5, 0), (3, 3)),
        batch="added",
        layout="nhwc",
    )
    assert Result(shape=(4, 5)).channels_last().shape == (4, 5)


def test_an_open_batch():
    known = {"kind": "array", "shape": (1, 3), "axes": "C"}
    for cls in (Argument, Result):
        assert cls(**known).opened() == cls(kind="array", axes="C", batch="opened")
        added = cls(**known).with_batch()
        assert added == cls(**known, batch="added")
        assert added.opened() == added  # its shape is one entry's


def test_what_is_left_out():
    array = Argument(optional=True, default=1.5).absent(Tensor(DType.F16, (symbol("N"), 3)))
    assert array.dtype == np.float16
    assert array.tolist() == [[1.5, 1.5, 1.5]]
    assert Argument(optional=True).absent(Tensor(DType.I32, (2,))).tolist() == [0, 0]
    texts = Argument(optional=True).absent(Tensor(DType.STR, (2,)))
    assert (texts.dtype, texts.tolist()) == (object, ["", ""])


def test_facts_of_modules():
    assert module_fact("spec_version", 4) == 4
    assert module_fact("whatever", (1, None)) == (1, None)
    with pytest.raises(TypeError, match="expected int, got 'four'"):
        module_fact("spec_version", "four")
