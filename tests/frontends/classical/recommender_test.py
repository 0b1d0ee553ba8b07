"""Recommenders, against sums and sorting in plain Python."""

import cmlc
import numpy as np
import pytest
from support.tables.builders import compiled, pipeline, run
from support.tables.described import assert_refused, assert_stops, described

# similarity of the first to the second item, by their numbers
SIMILAR = {(0, 1): 0.5, (0, 2): 0.25, (1, 0): 0.75, (1, 3): 0.125, (3, 1): 1.5, (3, 2): -0.5}
SHIFTS = {1: 0.5, 3: -0.25}
NAMES = ["apple", "pear", "plum", "fig", "nut"]
LIST = "[string]?"
IDS = [10, -3, 7, 2**40, 0]


def recommender(
    items=NAMES, given="{string}", *, k="int64?", restrict=LIST, exclude=LIST, **fields
):
    key = "string" if items and isinstance(items[0], str) else "int64"
    if items and key == "int64":
        given, restrict, exclude = (
            text and text.replace("string", "int64") for text in (given, restrict, exclude)
        )
    inputs = {"have": given, "k": k, "restrict": restrict, "exclude": exclude}
    inputs = {name: type_ for name, type_ in inputs.items() if type_}
    rows = [
        {
            "itemId": number,
            "itemScoreAdjustment": SHIFTS.get(number, 0.0),
            "similarItemList": [
                {"itemId": other, "similarityScore": score}
                for (first, other), score in SIMILAR.items()
                if first == number
            ],
        }
        for number in (3, 0, 1)
    ]
    names = {
        "k": "numRecommendationsInputFeatureName",
        "restrict": "itemRestrictionInputFeatureName",
        "exclude": "itemExclusionInputFeatureName",
        "have": "itemInputFeatureName",
    }
    given = {
        "itemItemSimilarities": rows,
        "recommendedItemListOutputFeatureName": "items",
        "recommendedItemScoreOutputFeatureName": "scores",
        **{names[name]: name for name in inputs},
        **({f"item{key.capitalize()}Ids": {"vector": items}} if items else {}),
        **fields,
    }
    outputs = given.pop("outputs", {"items": f"[{key}]", "scores": f"{{{key}}}"})
    return described("itemSimilarityRecommender", inputs, outputs, **given)


def expected(have, k=None, restrict=None, exclude=None, items=NAMES):
    """Items and scores, best first."""
    scores = [0.0] * len(items)
    for (first, other), similarity in SIMILAR.items():
        if items[first] in have:
            scores[other] += similarity * (have[items[first]] - SHIFTS.get(other, 0.0))
    left = [
        number
        for number, item in enumerate(items)
        if item not in (have if exclude is None else exclude)
        and (restrict is None or item in restrict)
    ]
    ranked = sorted(left, key=lambda number: -scores[number])[:k]
    return [items[number] for number in ranked], [scores[number] for number in ranked]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"k": 2},
        {"k": 0},
        {"k": 99},
        {"restrict": ["nut", "pear", "apple"]},
        {"restrict": ["nut", "melon"], "k": 1},
        {"restrict": []},
        {"exclude": ["pear"]},
        {"exclude": []},
        {"exclude": ["melon"], "restrict": ["apple", "fig"]},
        {"exclude": ["plum", "plum"], "restrict": ["plum", "fig", "fig"], "k": 5},
    ],
)
@pytest.mark.parametrize("have", [{"apple": 2.0}, {"fig": 1.0, "pear": 3.0}, {"melon": 4.0}, {}])
def test_recommendations(have, given):
    found = run(recommender(), have=have, **given)
    items, scores = expected(have, **given)
    assert found["items"] == items
    assert list(found["scores"]) == items  # best first
    assert list(found["scores"].values()) == pytest.approx(scores)


@pytest.mark.parametrize("given", [{}, {"k": 2, "exclude": [7]}, {"restrict": [2**40, 7, -3]}])
def test_items_may_be_numbers(given):
    found = run(recommender(IDS), have={10: 2.0}, **given)
    assert found["items"] == expected({10: 2.0}, **given, items=IDS)[0]


def test_items_without_names_are_numbered():
    found = run(recommender([], given="{int64}", restrict="", exclude=""), have={0: 2.0})
    assert found["items"] == expected({0: 2.0}, items=range(4))[0]


def test_a_sequence_has_scores_of_one():
    found = run(recommender(given="[string]"), have=["apple", "pear", "pear"])
    assert found["items"] == expected({"apple": 1.0, "pear": 1.0})[0]
    assert list(found["scores"].values()) == pytest.approx(expected({"apple": 1.0, "pear": 1.0})[1])


def test_inputs_that_the_model_does_not_name_or_declare():
    model = recommender(k="", restrict="", exclude="", itemInputFeatureName="")
    assert run(model, have={"apple": 2.0})["items"] == expected({"apple": 2.0})[0]


def test_inputs_that_are_not_optional_have_no_value_for_absence():
    items = [*NAMES[:4], ""]
    model = recommender(items, restrict="[string]", exclude="")
    found = run(model, have={"apple": 2.0}, restrict=["", "fig"])
    assert found["items"] == ["fig", ""]


def test_similarities_of_a_pair_add_up():
    model = recommender()
    row = model.itemSimilarityRecommender.itemItemSimilarities[1]
    row.similarItemList.add(itemId=4, similarityScore=1.0)
    row.similarItemList.add(itemId=4, similarityScore=0.5)
    assert run(model, have={"apple": 2.0})["scores"]["nut"] == pytest.approx(3.0)


def test_a_model_without_similarities_scores_nothing():
    found = run(recommender(itemItemSimilarities=[]), have={"apple": 2.0}, k=2)
    assert found == {"items": ["pear", "plum"], "scores": {"pear": 0.0, "plum": 0.0}}


def test_optional_inputs_that_a_pipeline_does_not_have():
    outputs = {"items": "[string]", "scores": "{string}"}
    model = pipeline({"have": "{string}"}, outputs, recommender())
    found = run(model, have={"apple": 2.0})
    assert found["items"] == expected({"apple": 2.0})[0]


def test_a_negative_number_of_recommendations_stops_the_run():
    assert_stops(recommender(), "'k' is negative", have={"apple": 1.0}, k=-1)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"itemInt64Ids": {"vector": [1]}}, "the model lists its items twice"),
        ({"items": NAMES[:3]}, "the model has similarities of item 3, and lists 3"),
        ({"items": [*NAMES[:4], "fig"]}, "twice among its items"),
        ({"items": [], "itemItemSimilarities": []}, "the model has no items"),
        (
            {"items": IDS, "given": "{string}", "outputs": {"items": "[string]"}},
            "sequence of int64",
        ),
        ({"k": "double"}, "input 'k' is f64[], not an integer"),
        ({"k": "string"}, "input 'k' is str[], not an integer"),
        ({"k": "i32[2]"}, "input 'k' is i32[2], not an integer"),
        (
            {"outputs": {"items": "{string}"}},
            "declared as dictionary of string, but is a sequence of",
        ),
        ({"outputs": {"scores": "double"}}, "declared as double, but is a dictionary of string"),
        ({"outputs": {"other": "double"}}, "the model doesn't say what the output 'other' is"),
        ({"itemRestrictionInputFeatureName": "r"}, "needs 'r', which is not among its inputs"),
        ({"itemInputFeatureName": "h"}, "needs 'h', which is not among its inputs"),
        ({"itemInputFeatureName": ""}, "the model takes one input, but declares have, k, restrict"),
        ({"restrict": "[int64]"}, "input and the keys of the model are of different types"),
        ({"exclude": "{string}"}, "input 'exclude' is a dictionary of string, not a sequence"),
        ({"k": "[string]"}, "input 'k' is a sequence of string, not a number or an array"),
    ],
)
def test_malformed_models(fields, told):
    assert_refused(recommender(**fields), told)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"given": "f64[5]"}, "input 'have' is neither a dictionary nor a sequence of items"),
        ({"items": [*NAMES[:4], ""]}, "the item '' can't be told from an optional input"),
        ({"items": [*IDS[:4], -(2**63)]}, "the item -9223372036854775808 can't be told from"),
        (
            {"items": [], "itemItemSimilarities": [{"itemId": 2**63}]},
            "the model has 9223372036854775809 items, and at most 16777216 are supported",
        ),
    ],
)
def test_unsupported_models(fields, told):
    assert_refused(recommender(**fields), told, kind="unsupported")


@pytest.mark.slow
@pytest.mark.parametrize("items", [NAMES, IDS])
def test_saved_models(items, tmp_path):
    import tensorflow as tf

    model = recommender(items)
    path = cmlc.compile(model).write(tmp_path / "m")
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    nobody = np.array([""], object) if items is NAMES else np.array([-(2**63)])
    dtype = object if items is NAMES else np.int64
    given = {
        "have_keys": np.array(items[:1], dtype),
        "have_values": np.array([2.0]),
        "k": np.int64(3),
        "restrict": nobody,
        "exclude": np.array([], dtype),
    }
    found = signature(**{name: tf.constant(array) for name, array in given.items()})
    wanted = compiled(model).interpret({"have": {items[0]: 2.0}, "k": 3, "exclude": []})
    names = found["items"].numpy().tolist()
    assert [x.decode() if isinstance(x, bytes) else x for x in names] == wanted["items"]
    np.testing.assert_allclose(found["scores_values"].numpy(), list(wanted["scores"].values()))
