"""Scalers, imputers, normalizers and others of their kind, by hand."""

import math

import numpy as np
import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled, model, run


def scaler(shift, scale, kind="f64[3]", output=None):
    spec, message = model("scaler", {"x": kind}, {"y": output or kind})
    message.shiftValue.extend(shift)
    message.scaleValue.extend(scale)
    return spec


@pytest.mark.parametrize(
    ("shift", "scale", "expected"),
    [
        ([], [], [1, 2, 4]),
        ([1], [], [2, 3, 5]),
        ([], [2], [2, 4, 8]),
        ([1, 2, 3], [10], [20, 40, 70]),
        ([1], [1, 10, 100], [2, 30, 500]),
    ],
)
def test_the_shift_comes_before_the_scale(shift, scale, expected):
    assert run(scaler(shift, scale), x=[1.0, 2.0, 4.0])["y"].tolist() == expected


def test_arrays_keep_their_shape():
    found = run(scaler([1], [2], "f64[2,2]"), x=[[1.0, 2], [3, 4]])["y"]
    assert found.tolist() == [[4, 6], [8, 10]]


def test_integers_are_computed_as_doubles_and_must_come_out_whole():
    spec = scaler([1], [0.5], "int64")
    assert run(spec, x=3) == {"y": 2}
    with pytest.raises(
        CompileError, match="'y' is an integer, but the result is not a whole number"
    ):
        run(spec, x=2)


def test_a_number_of_values_that_fits_nothing_is_refused():
    with pytest.raises(CompileError, match="2 values of scale for 3 elements"):
        run(scaler([], [1, 2]), x=[1.0, 2, 3])


def normalizer(kind):
    spec, message = model("normalizer", {"x": "f64[3]"}, {"y": "f64[3]"})
    message.normType = kind
    return spec


@pytest.mark.parametrize(("kind", "norm"), [(0, 1.0), (1, 6.0), (2, math.sqrt(14))])
def test_the_largest_norm_is_that_of_the_largest_number_not_of_magnitudes(kind, norm):
    found = run(normalizer(kind), x=[-3.0, 1, -2])["y"]
    np.testing.assert_allclose(found, np.array([-3, 1, -2]) / norm)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_vector_without_length_stays(kind):
    assert run(normalizer(kind), x=[0.0, 0, 0])["y"].tolist() == [0, 0, 0]


def imputer(kind, output, **values):
    spec, message = model("imputer", {"x": kind}, {"y": output})
    for name, value in values.items():
        if isinstance(value, list):
            getattr(message, name).vector.extend(value)
        elif isinstance(value, dict):
            getattr(message, name).map.update(value)
        else:
            setattr(message, name, value)
    return spec


@pytest.mark.parametrize(
    ("spec", "x", "expected"),
    [
        (imputer("double", "double", imputedDoubleValue=5), math.nan, 5),
        (imputer("double", "double", imputedDoubleValue=5), 1.0, 1),
        (imputer("double", "double", imputedDoubleValue=5, replaceDoubleValue=-1), -1.0, 5),
        (imputer("int64", "int64", imputedInt64Value=2**60 + 1, replaceInt64Value=0), 0, 2**60 + 1),
        (imputer("int64", "int64", imputedInt64Value=7, replaceInt64Value=0), 2**60 + 1, 2**60 + 1),
        (imputer("int64", "int64", imputedDoubleValue=7, replaceDoubleValue=-1), -1, 7),
        (imputer("string", "string", imputedStringValue="?"), "", "?"),
        (imputer("string", "string", imputedStringValue="?", replaceStringValue="NA"), "NA", "?"),
        (imputer("string", "string", imputedStringValue="?", replaceStringValue="NA"), "", ""),
    ],
)
def test_what_is_missing_is_replaced(spec, x, expected):
    assert run(spec, x=x) == {"y": expected}


def test_each_element_has_its_own_value():
    spec = imputer("f64[3]", "f64[3]", imputedDoubleArray=[1, 2, 3])
    assert run(spec, x=[math.nan, 9, math.nan])["y"].tolist() == [1, 9, 3]


def test_whole_numbers_are_imputed_as_such():
    """So no result has to be checked; other values than whole ones are doubles."""
    whole = imputer("i32[3]", "i32[3]", imputedDoubleArray=[1, 2, 3], replaceInt64Value=-1)
    assert "ctl.assert" not in {op.name for op in compiled(whole).module.walk()}
    most = 2**31 - 1
    assert run(whole, x=[-1, most, -1])["y"].tolist() == [1, most, 3]
    double = imputer("i32[3]", "f64[3]", imputedDoubleValue=0.5, replaceInt64Value=-1)
    assert run(double, x=[-1, most, -1])["y"].tolist() == [0.5, most, 0.5]
    never = imputer("i32[2]", "f64[2]", imputedDoubleValue=7, replaceDoubleValue=math.inf)
    assert run(never, x=[1, -1])["y"].tolist() == [1, -1]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (imputer("double", "double"), "no value for what is missing"),
        (
            imputer("f64[3]", "f64[3]", imputedDoubleArray=[1, 2]),
            "2 values of what is missing for",
        ),
        (imputer("double", "double", imputedStringValue="a"), "is numbers, but the value"),
        (imputer("string", "string", imputedDoubleValue=1), "is a string, but what replaces it"),
        (
            imputer("string", "string", imputedStringValue="a", replaceDoubleValue=1),
            "what counts as missing is a number",
        ),
        (
            imputer("double", "double", imputedDoubleValue=1, replaceStringValue="a"),
            "what counts as missing is a string",
        ),
        (
            imputer("int64", "int64", imputedDoubleValue=1.5, replaceInt64Value=0),
            "is an int64, but a value of the model is not",
        ),
        (
            imputer("int64", "int64", imputedInt64Value=1, replaceDoubleValue=2.0**63),
            "is an int64, but a value of the model is not",
        ),
        (imputer("{string}", "{string}", imputedStringDictionary={"a": 1.0}), "not documented"),
    ],
)
def test_imputers_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        run(spec, x=1.0)


def extractor(indices, output="f64[2]", kind="f64[3]"):
    spec, message = model("arrayFeatureExtractor", {"x": kind}, {"y": output})
    message.extractIndex.extend(indices)
    return spec


def test_elements_are_taken_by_position_and_may_repeat():
    assert run(extractor([2, 2]), x=[5.0, 6, 7])["y"].tolist() == [7, 7]
    assert run(extractor([1], "double"), x=[5.0, 6, 7]) == {"y": 6}
    assert run(extractor([1], "int64"), x=[5.0, 6.9, 7]) == {"y": 6}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (extractor([]), "the model extracts nothing"),
        (extractor([3]), "the model extracts element 3 of 3"),
        (extractor([1, 1, 1]), "output 'y' is declared with 2 elements, not 3"),
        (extractor([1, 2], "double"), "output 'y' is one number, but there are 2"),
    ],
)
def test_extractors_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        run(spec, x=[1.0, 2, 3])


@pytest.mark.parametrize(
    ("kind", "x"),
    [("double", 1.5), ("int64", 3), ("string", "a"), ("{string}", {"a": 1.0}), ("[int64]", [1, 2])],
)
def test_the_identity_passes_everything_on(kind, x):
    spec, _ = model("identity", {"x": kind}, {"x": kind})
    assert run(spec, x=x) == {"x": x}


def test_the_identity_renames_by_place():
    spec, _ = model("identity", {"a": "double", "b": "string"}, {"c": "double", "d": "string"})
    assert run(spec, a=1.0, b="x") == {"c": 1.0, "d": "x"}


def test_all_classes_pass_a_threshold():
    kinds = {"x": "f64[3]"}, {"y": "f64[2,3]"}
    spec, message = model("classConfidenceThresholding", *kinds)
    with pytest.raises(CompileError, match="no precision-recall curves"):
        run(spec, x=[0.1, 0.2, 0.3])
    message.precisionRecallCurves.add()
    assert run(spec, x=[0.1, 0.2, 0.3])["y"].tolist() == [[0.1, 0.2, 0.3], [1, 1, 1]]
