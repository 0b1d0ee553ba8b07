"""Encoders, by hand: categories, dictionaries and columns as vectors."""

import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled, model, pipeline, run


def one_hot(kind, categories, output, *, ignore=False):
    spec, message = model("oneHotEncoder", {"x": kind}, {"y": output})
    field = message.stringCategories if kind == "string" else message.int64Categories
    field.vector.extend(categories)
    message.handleUnknown = int(ignore)
    return spec


@pytest.mark.parametrize(
    ("spec", "x", "expected"),
    [
        (one_hot("string", ["a", "b", "c"], "f64[3]"), "b", [0, 1, 0]),
        (one_hot("int64", [7, -3], "f64[2]"), -3, [0, 1]),
        (one_hot("int64", [7, -3], "f64[2]", ignore=True), 0, [0, 0]),
    ],
)
def test_a_category_is_a_one_at_its_position(spec, x, expected):
    assert run(spec, x=x)["y"].tolist() == expected


def test_a_dictionary_has_the_position_as_its_key():
    spec = one_hot("int64", [7, -3], "{int64}", ignore=True)
    assert run(spec, x=-3) == {"y": {1: 1.0}}
    assert run(spec, x=0) == {"y": {}}


def test_unknown_categories_stop_the_run():
    with pytest.raises(CompileError, match="'x' is not one of the model's 2 categories"):
        run(one_hot("string", ["a", "b"], "f64[2]"), x="c")


@pytest.mark.slow
def test_a_failed_check_names_the_model_and_what_is_wrong():
    whole = compiled(one_hot("string", ["a", "b"], "f64[2]"))
    for predict in (whole.interpret, whole.predict):
        with pytest.raises(CompileError) as caught:
            predict({"x": "c"})
        said = "model 'oneHotEncoder': error: 'x' is not one of the model's 2 categories"
        assert str(caught.value) == said


def test_tables_of_categories_are_computed_at_once_and_stop_at_an_unknown_one():
    whole = compiled(one_hot("string", ["a", "b"], "f64[2]"))
    assert "fixed_batch" not in whole.optimized.attributes
    assert whole.interpret({"x": ["b", "a"]})["y"].tolist() == [[0, 1], [1, 0]]
    with pytest.raises(CompileError, match="is not one of the model's 2 categories"):
        whole.interpret({"x": ["b", "x"]})


def test_tables_of_dictionaries():
    whole = compiled(one_hot("int64", [7, -3], "{int64}", ignore=True))
    assert whole.interpret({"x": [-3, 0, 7]}) == {"y": [{1: 1.0}, {}, {0: 1.0}]}


def mapping(kind, table, default=None, output=None):
    strings = kind.strip("[]") == "int64"
    output = output or kind.replace(*("int64", "string") if strings else ("string", "int64"))
    spec, message = model("categoricalMapping", {"x": kind}, {"y": output})
    field = message.int64ToStringMap if strings else message.stringToInt64Map
    field.SetInParent()
    field.map.update(table)
    if default is not None:
        setattr(message, "strValue" if isinstance(default, str) else "int64Value", default)
    return spec


def test_categories_are_mapped():
    assert run(mapping("string", {"a": 5, "b": 2**60 + 1}), x="b") == {"y": 2**60 + 1}
    assert run(mapping("int64", {5: "a"}, "?"), x=5) == {"y": "a"}
    assert run(mapping("int64", {5: "a"}, "?"), x=6) == {"y": "?"}
    assert run(mapping("[string]", {"a": 5, "b": 6}, -1), x=["b", "x", "a"]) == {"y": [6, -1, 5]}
    assert run(mapping("[int64]", {1: "x"}, "-"), x=[]) == {"y": []}


def test_without_a_default_unknown_keys_stop_the_run():
    with pytest.raises(CompileError, match="'x' is not one of the 1 keys"):
        run(mapping("string", {"a": 5}), x="b")
    with pytest.raises(CompileError, match="'x' is not one of the 1 keys"):
        run(mapping("[string]", {"a": 5}), x=["a", "b"])


def dict_vectorizer(kind, keys, output):
    spec, message = model("dictVectorizer", {"x": f"{{{kind}}}"}, {"y": output})
    (message.stringToIndex if kind == "string" else message.int64ToIndex).vector.extend(keys)
    return spec


def test_dictionaries_are_keyed_by_position_without_unknown_keys():
    spec = dict_vectorizer("string", ["a", "b", "c"], "{int64}")
    assert run(spec, x={"c": 2.5, "zzz": 1.0, "a": 0.0}) == {"y": {0: 0.0, 2: 2.5}}
    assert run(spec, x={}) == {"y": {}}
    found = run(dict_vectorizer("int64", [10, 20], "f64[2]"), x={20: 1.5, 30: 2.0})
    assert found["y"].tolist() == [0, 1.5]


def vectorizer(inputs, columns, output):
    spec, message = model("featureVectorizer", inputs, {"y": output})
    for name, size in columns:
        message.inputList.add(inputColumn=name, inputDimensions=size)
    return spec


def test_columns_are_in_the_order_of_the_list():
    inputs = {"a": "double", "b": "int64", "c": "f64[2]", "d": "{int64}"}
    columns = [("c", 2), ("d", 3), ("a", 1), ("b", 1)]
    spec = vectorizer(inputs, columns, "f64[7]")
    found = run(spec, a=1.5, b=2, c=[3.0, 4.0], d={2: 9.0})
    assert found["y"].tolist() == [3, 4, 0, 0, 9, 1.5, 2]


def test_many_numbers_are_joined_by_one_op():
    names = [f"x{number}" for number in range(500)]
    spec = vectorizer(dict.fromkeys(names, "double"), [(name, 1) for name in names], "f64[500]")
    whole = compiled(spec)
    assert len(list(whole.module.walk())) < 10
    rows = {name: [float(place), -1.0] for place, name in enumerate(names)}
    assert whole.interpret(rows)["y"].tolist() == [[*map(float, range(500))], [-1.0] * 500]


def test_a_key_beyond_its_block_stops_the_run():
    spec = vectorizer({"d": "{int64}"}, [("d", 3)], "f64[3]")
    with pytest.raises(CompileError, match="'d' has a key that is not one of 0 to 2"):
        run(spec, d={3: 1.0})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (one_hot("string", [], "f64[1]"), "the model has no categories"),
        (one_hot("string", ["a", "b"], "f64[3]"), "declared with 3 elements, not 2"),
        (mapping("string", {}), "mapping is empty, and it has no value for others"),
        (mapping("string", {"a": 1}, "b"), "the model's values and its default differ in type"),
        (
            model("categoricalMapping", {"x": "string"}, {"y": "int64"})[0],
            "the model has no mapping",
        ),
        (model("dictVectorizer", {"x": "{string}"}, {"y": "{int64}"})[0], "has no list of keys"),
        (dict_vectorizer("string", ["a"], "f64[2]"), "declared with 2 elements, not 1"),
        (vectorizer({"x": "double"}, [("x", 2)], "f64[2]"), "'x' has 2 dimensions, its input 1"),
        (
            vectorizer({"x": "double"}, [("z", 1)], "f64[1]"),
            "needs 'z', which is not among its inputs",
        ),
        (vectorizer({"x": "string"}, [("x", 1)], "f64[1]"), "column 'x' is a string, not a number"),
        (vectorizer({"x": "{string}"}, [("x", 1)], "f64[1]"), "with strings as keys"),
        (vectorizer({"x": "double"}, [], "f64[1]"), "the model has no columns"),
        (vectorizer({"x": "{int64}"}, [("x", 2**63)], "f64[1]"), "dimensions, not 1 to 2147483647"),
    ],
)
def test_encoders_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(CompileError, match=message):
        _ = compiled(spec).module


def test_keys_of_another_type_are_refused():
    spec, message = model("oneHotEncoder", {"x": "int64"}, {"y": "f64[1]"})
    message.stringCategories.vector.append("a")
    with pytest.raises(CompileError, match="the input and the keys of the model are of different"):
        _ = compiled(spec).module


def test_keys_of_dictionaries_are_those_of_the_list():
    """coremltools declares strings for scikit-learn's vectorizers of integers."""
    spec = dict_vectorizer("string", [], "{int64}")
    spec.dictVectorizer.int64ToIndex.vector.extend([7, 5])
    assert run(spec, x={5: 2.0, 6: 1.0}) == {"y": {1: 2.0}}
    inside = pipeline({"x": "{string}"}, {"y": "{int64}"}, spec)
    assert run(inside, x={7: 2.0}) == {"y": {0: 2.0}}
    # What another model made has the type that it made.
    text, _ = model("identity", {"x": "{string}"}, {"x": "{string}"})
    with pytest.raises(CompileError, match="the input and the keys of the model are of different"):
        _ = compiled(pipeline({"x": "{string}"}, {"y": "{int64}"}, text, spec)).module


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({1: 1.0}, "is a dictionary whose keys are not strings"),
        ([1.0], "is list, expected a dictionary"),
        (None, "input 'x' is missing"),
    ],
)
def test_inputs_that_are_not_such_dictionaries_are_refused_once(x, message):
    with pytest.raises(CompileError, match=message) as caught:
        run(dict_vectorizer("string", ["a"], "{int64}"), **({} if x is None else {"x": x}))
    assert len(caught.value.diagnostics) == 1


def test_a_dictionary_of_any_integers_is_put_at_its_keys():
    """What a classifier with such labels gives; a table of them is computed at once."""
    outputs, predicted = {"label": "int64", "scores": "{int64}"}, ("label", "scores")
    first, message = model("glmClassifier", {"x": "double"}, outputs, predicted)
    message.weights.add(value=[1.0])
    message.offset.append(0)
    message.int64ClassLabels.vector.extend([4, 1])
    last = vectorizer({"scores": "{int64}"}, [("scores", 6)], "f64[6]")
    whole = compiled(pipeline({"x": "double"}, {"y": "f64[6]"}, first, last))
    assert whole.interpret({"x": 0.0})["y"].tolist() == [0, 0.5, 0, 0, 0.5, 0]
    assert whole.interpret({"x": [0.0, 0.0]})["y"].tolist() == [[0, 0.5, 0, 0, 0.5, 0]] * 2
    assert "fixed_batch" not in whole.optimized.attributes
