"""Outputs are what they are declared as, and lists of names have each of them once."""

import cmlc
import numpy as np
import pytest
from support.running.refused import problems_of
from support.tables.builders import compiled, pipeline, run
from support.tables.described import assert_refused, assert_stops, described

SCALE = {"scaleValue": [2.0]}
IDENTITY = "identity"


def mapping(inputs, outputs, **table):
    (kind,) = table
    (key, value), *_ = table[kind].items()
    spec = described("categoricalMapping", inputs, outputs)
    getattr(spec.categoricalMapping, kind).map[key] = value
    return spec


def scaled(kind, scale=2.0):
    return described("scaler", {"x": kind}, {"y": kind}, scaleValue=[scale])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (described(IDENTITY, {"x": "string"}, {"y": "double"}), "double, but is str"),
        (described(IDENTITY, {"x": "f64[3]"}, {"y": "string"}), "string, but is f64[3]"),
        (
            described(IDENTITY, {"x": "{string}"}, {"y": "{int64}"}),
            "dictionary of int64, but is a dictionary of string",
        ),
        (
            described(IDENTITY, {"x": "[string]"}, {"y": "[int64]"}),
            "sequence of int64, but is a sequence of string",
        ),
        (
            mapping({"x": "int64"}, {"y": "int64"}, int64ToStringMap={5: "v"}),
            "int64, but is str",
        ),
        (
            mapping({"x": "string"}, {"y": "string"}, stringToInt64Map={"a": 7}),
            "string, but is i64",
        ),
        (
            mapping({"x": "[string]"}, {"y": "[string]"}, stringToInt64Map={"a": 7}),
            "sequence of string, but is a sequence of int64",
        ),
        (
            described(
                "dictVectorizer",
                {"x": "{string}"},
                {"y": "{string}"},
                stringToIndex={"vector": ["a"]},
            ),
            "dictionary of string, but is a dictionary of int64",
        ),
        (pipeline({"x": "double"}, {"y": "string"}, scaled("double")), "string, but is f64"),
        (pipeline({"x": "f64[3]"}, {"y": "double"}, scaled("f64[3]")), "one number, but there"),
        (pipeline({"x": "f64[3]"}, {"y": "f64[2,2]"}, scaled("f64[3]")), "4 elements, not 3"),
    ],
)
def test_outputs_that_are_not_what_is_declared(spec, message):
    assert_refused(spec, "output 'y'", message)


def test_a_pipeline_gives_numbers_as_it_declares_them():
    spec = pipeline({"x": "int64"}, {"y": "double"}, scaled("int64"))
    found = compiled(spec).interpret({"x": [1, 2]})["y"]
    assert found.dtype == np.float64
    assert found.tolist() == [2, 4]
    spec = pipeline({"x": "f64[1]"}, {"y": "int64"}, scaled("f64[1]"))
    assert run(spec, x=[3.0])["y"] == 6
    assert_stops(spec, "not a whole number of i64", x=[0.3])
    found = run(pipeline({"x": "f64[4]"}, {"y": "f64[2,2]"}, scaled("f64[4]")), x=[1, 2, 3, 4])
    assert found["y"].tolist() == [[2, 4], [6, 8]]


def test_so_does_one_inside_another():
    inner = pipeline({"x": "int64"}, {"y": "double"}, scaled("int64"))
    last = described("identity", {"y": "double"}, {"z": "double"})
    spec = pipeline({"x": "int64"}, {"y": "double", "z": "double"}, inner, last)
    assert run(spec, x=2) == {"y": 4.0, "z": 4.0}
    wrong = pipeline({"x": "double"}, {"y": "string"}, scaled("double"))
    (problem,) = problems_of(lambda: cmlc.load(pipeline({"x": "double"}, {"y": "double"}, wrong)))
    assert str(problem.location).startswith("models[0]")


@pytest.mark.parametrize(("scale", "x"), [(1e10, 10**10), (1e10, -(10**10)), (1e300, 10**10)])
def test_integers_that_have_no_such_number_stop_the_run(scale, x):
    assert_stops(scaled("int64", scale), "'y' is an integer, but .* of i64", x=x)


def test_so_do_those_of_arrays():
    assert_stops(scaled("i32[2]", 0.5), "not a whole number of i32", x=[2, 3])
    assert_stops(scaled("i32[2]", 2.0**30), "not a whole number of i32", x=[1, 2])
    assert run(scaled("i32[2]", 0.5), x=[2, 4])["y"].tolist() == [1, 2]


def test_integers_that_are_only_moved_need_no_check():
    spec = described("arrayFeatureExtractor", {"x": "i32[3]"}, {"y": "i32[2]"}, extractIndex=[2, 0])
    assert run(spec, x=[1, 2, -3])["y"].tolist() == [-3, 1]
    assert "ctl.assert" not in {op.name for op in compiled(spec).module.walk()}


def test_a_number_that_is_not_whole_is_no_integer_category():
    fields = {"int64Categories": {"vector": [1, 2]}, "handleUnknown": 1}
    spec = described("oneHotEncoder", {"x": "double"}, {"y": "f64[2]"}, **fields)
    found = compiled(spec).interpret({"x": [1.0, 1.9, np.inf, 1e300]})["y"]
    assert found.tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]


def test_positions_are_not_looked_up_among_strings():
    first = described(
        "dictVectorizer", {"x": "{string}"}, {"y": "{int64}"}, stringToIndex={"vector": ["a"]}
    )
    second = described(
        "dictVectorizer", {"y": "{int64}"}, {"z": "f64[1]"}, stringToIndex={"vector": ["a"]}
    )
    spec = pipeline({"x": "{string}"}, {"z": "f64[1]"}, first, second)
    assert_refused(spec, "models[1]", "the keys of the model are of different types")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            described(
                "oneHotEncoder",
                {"x": "string"},
                {"y": "f64[3]"},
                stringCategories={"vector": ["a", "b", "a"]},
            ),
            "'a' twice among its categories",
        ),
        (
            described(
                "dictVectorizer",
                {"x": "{int64}"},
                {"y": "{int64}"},
                int64ToIndex={"vector": [5, 5]},
            ),
            "5 twice among its keys",
        ),
        (
            described(
                "glmClassifier",
                {"x": "double"},
                {"label": "string", "p": "{string}"},
                ("label", "p"),
                weights=[{"value": [1.0]}],
                offset=[0.0],
                stringClassLabels={"vector": ["a", "a"]},
            ),
            "'a' twice among its class labels",
        ),
    ],
)
def test_names_that_are_listed_twice(spec, message):
    assert_refused(spec, message)
