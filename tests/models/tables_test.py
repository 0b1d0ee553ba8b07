"""Tables through `predict`: lists of rows, dictionaries of columns, and matrices."""

import gc
import itertools
import json

import numpy as np
import pytest
from cmlc.compiler.description import describe
from cmlc.compiler.options import Options
from cmlc.compiler.runtime import CompiledModel
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError
from support.running.doc_models import houses
from support.tables.builders import compiled, model, pipeline
from support.tables.trees import stump

ROWS = [{"a": 0.1, "n": 3}, {"a": -2.0, "n": -4}, {"a": 1e9, "n": 0}]


def sums():
    """y = a + 10 n of a number and a whole number, and its double."""
    joined, message = model("featureVectorizer", {"a": "double", "n": "int64"}, {"v": "f64[2]"})
    for name in ("a", "n"):
        message.inputList.add(inputColumn=name, inputDimensions=1)
    last, message = model("glmRegressor", {"v": "f64[2]"}, {"y": "double"})
    message.weights.add(value=[1.0, 10.0])
    message.offset.append(0)
    return pipeline({"a": "double", "n": "int64"}, {"y": "double"}, joined, last)


def both(own, inputs):
    return own.predict(inputs), own.interpret(inputs)


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.slow
@pytest.mark.parametrize("features", ["columns", "matrix"])
def test_rows_columns_and_matrices_agree(features):
    own = compiled(sums(), features=features)
    expected = [own.interpret(row)["y"] for row in ROWS]
    assert expected == [row["a"] + 10 * row["n"] for row in ROWS]
    columns = columns_of(ROWS)
    arrays = {name: np.array(cells) for name, cells in columns.items()}
    given = [columns, arrays]
    if features == "matrix":
        given.append({"features": np.array([list(row.values()) for row in ROWS])})
    for inputs, found in itertools.chain.from_iterable(
        zip(itertools.repeat(inputs), both(own, inputs), strict=False) for inputs in given
    ):
        assert list(found["y"]) == expected, inputs
    for found in both(own, ROWS):
        assert [row["y"] for row in found] == expected
    assert own.predict(ROWS[0])["y"] == expected[0]


def counted(own, monkeypatch):
    """The numbers of rows that the interpreter's runs get."""
    from cmlc.ir.interpret import Interpreter

    counts: list[int] = []
    run = Interpreter.run

    def counting(self, function, arrays):
        counts.append(len(arrays[0]))
        return run(self, function, arrays)

    monkeypatch.setattr(Interpreter, "run", counting)
    return counts


def test_thousands_of_rows_run_at_once(monkeypatch):
    own = compiled(sums())
    counts = counted(own, monkeypatch)
    rows = [{"a": float(i), "n": i} for i in range(2500)]
    assert [row["y"] for row in own.interpret(rows)] == [11.0 * i for i in range(2500)]
    assert counts == [1024, 1024, 452]


def test_a_faulty_row_is_named_and_found_by_halves(monkeypatch):
    own = compiled(sums())
    counts = counted(own, monkeypatch)
    rows = [{"a": 1.0, "n": 1} for _ in range(1000)]
    rows[700] = {"a": 1.0}
    with pytest.raises(CompileError, match=r"^error: inputs\[700\]: input 'n' is missing"):
        own.interpret(rows)
    assert len(counts) < 20


@pytest.mark.parametrize("kind", ["double", "double?", "int64?"])
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_cells_of_trees(kind, missing):
    own = compiled(stump(kind))
    found = own.interpret({"a": [0, missing, 1, missing], "b": [1, 2, 3, missing]})
    assert list(found["y"]) == [1.0, -2.0, -2.0, -2.0]
    if kind == "double":
        rows = [{"a": 0.0, "b": 1.0}, {"a": float("nan"), "b": 1.0}]
    else:
        rows = [{"a": 0}, {"a": missing, "b": 2}]
    assert [row["y"] for row in own.interpret(rows)] == [1.0, -2.0]


def test_a_whole_number_that_is_nan_is_missing_where_it_may_be():
    own = compiled(stump("int64?"))
    for missing in (None, float("nan"), np.float64("nan"), np.array(np.nan), np.array([np.nan])):
        assert own.interpret({"a": missing, "b": 2}) == own.interpret({"b": 2}) == {"y": -2.0}
    with pytest.raises(CompileError, match="input 'a' is nan, expected a whole number"):
        compiled(stump("int64")).interpret({"a": float("nan"), "b": 2})


@pytest.mark.parametrize("features", ["columns", "matrix"])
def test_optional_columns_are_left_out(features):
    own = compiled(stump("double?"), features=features)
    assert list(own.interpret({"a": [0.0, 1.0]})["y"]) == [1.0, -2.0]
    assert list(own.interpret({"b": [0.0, 1.0]})["y"]) == [-2.0, -2.0]
    assert [row["y"] for row in own.interpret([{"a": 0.0}, {"b": 1.0}])] == [1.0, -2.0]


def test_imputers_take_what_is_missing():
    fill, message = model("imputer", {"a": "double"}, {"f": "double"})
    message.imputedDoubleValue = 5
    last, message = model("glmRegressor", {"f": "double"}, {"y": "double"})
    message.weights.add(value=[2.0])
    message.offset.append(0)
    own = compiled(pipeline({"a": "double"}, {"y": "double"}, fill, last))
    assert list(own.interpret({"a": [1.0, None, float("nan")]})["y"]) == [2, 10, 10]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"area": [1.0], "rooms": [None]}, ""),
        ({"area": [None], "rooms": [1.0]}, "input 'area' has no value in row 0"),
    ],
)
def test_only_what_all_models_take_as_missing_may_be_missing(inputs, message):
    own = compiled(houses())
    if not message:
        assert list(own.interpret(inputs | {"place": ["hill"]})["price"]) == [157]
        return
    with pytest.raises(CompileError, match=message):
        own.interpret(inputs | {"place": ["hill"]})


@pytest.mark.parametrize(("shared", "default"), [(False, True), (True, False)])
def test_nan_that_a_tree_and_a_linear_model_see(shared, default):
    joined, message = model("featureVectorizer", {"a": "double", "b": "double"}, {"v": "f64[2]"})
    for name in ("a", "b"):
        message.inputList.add(inputColumn=name, inputDimensions=1)
    tree = stump("double")
    tree.treeEnsembleRegressor.treeEnsemble.nodes[0].branchFeatureIndex = 0
    del tree.description.input[:]
    feature = tree.description.input.add(name="v")
    feature.type.CopyFrom(joined.description.output[0].type)
    last, message = model("glmRegressor", {"a" if shared else "c": "double"}, {"z": "double"})
    message.weights.add(value=[2.0])
    message.offset.append(0)
    inputs = {"a": "double", "b": "double", "c": "double"}
    own = compiled(pipeline(inputs, {"y": "double", "z": "double"}, joined, tree, last))
    known = dict(zip("abc", own.module.main.inputs, strict=True))
    assert np.isnan(known["b"].default)
    assert (known["a"].default is not None) == default
    assert known["c"].default is None


def test_nan_is_a_number_of_one_row():
    assert np.isnan(compiled(sums()).interpret({"a": float("nan"), "n": 1})["y"])
    rows = [{"a": float("nan"), "n": 1}, {"a": 1.0, "n": 1}]
    assert np.isnan(compiled(sums()).interpret(rows)[0]["y"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": [1.0, None], "n": [1, 2]}, "input 'a' has no value in row 1"),
        ({"a": [1.0, float("nan")], "n": [1, 2]}, "input 'a' has no value in row 1"),
        ({"a": np.array([np.nan, 1]), "n": [1, 2]}, "input 'a' has no value in row 0"),
        ({"a": [1.0, 2.0], "n": [1, None]}, "input 'n' has no value in row 1"),
        ({"a": [1.0, "x"], "n": [1, 2]}, "input 'a' has 'x' in row 1, expected a number"),
        ({"a": [1, 2], "n": [1, 2.5]}, "input 'n' has 2.5 in row 1, expected a whole number"),
        ({"a": [1, 2], "n": np.array([1, np.inf])}, "'n' has inf in row 1, expected a whole"),
        ({"a": [1, 2], "n": [1, 2**70]}, "input 'n' has a number beyond 64 bits"),
        ({"a": 1.0, "n": 2.5}, "input 'n' is 2.5, expected a whole number"),
        ({"a": [1.0, 2.0], "n": [1]}, "input 'n' has a batch of 1, input 'a' one of 2"),
        ({"a": [1.0, 2.0]}, "input 'n' is missing"),
        ({"a": [1.0], "n": [1], "z": [1]}, "there is no input 'z'; the inputs are a, n"),
    ],
)
def test_columns_that_do_not_fit(inputs, message):
    with pytest.raises(CompileError) as caught:
        compiled(sums()).interpret(inputs)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"a": [1.0, 2.0]}, "input 'features' lacks the column 'n'"),
        ({"a": [1.0, 2.0], "n": [1]}, "has 1 rows in column 'n', 2 in column 'a'"),
        ({"a": [1.0], "z": [1]}, "has no column 'z'; there are a, n"),
        ({"a": [1.0, None], "n": [1, 2]}, "has a column 'a' that has no value in row 1"),
        ({"features": [[1, 2], [np.nan, 3]]}, "has no value in row 1, column 'a'"),
    ],
)
def test_matrices_that_do_not_fit(inputs, message):
    with pytest.raises(CompileError) as caught:
        compiled(sums(), features="matrix").interpret(inputs)
    assert message in str(caught.value)


def test_a_matrix_has_whole_numbers_where_the_model_needs_integers():
    spec, message = model("oneHotEncoder", {"n": "int64"}, {"h": "f64[2]"})
    message.int64Categories.vector.extend([1, 2])
    own = compiled(spec, features="matrix")
    assert own.interpret({"features": [[2.0]]})["h"].tolist() == [[0, 1]]
    with pytest.raises(CompileError, match="column 'n' has a number that is not whole"):
        own.interpret({"features": [[1.5]]})


def test_a_column_may_be_called_as_the_matrix_is():
    spec, message = model("glmRegressor", {"features": "double", "b": "double"}, {"y": "double"})
    message.weights.add(value=[1.0, 10.0])
    message.offset.append(0)
    own = compiled(spec, features="matrix")
    assert own.interpret({"features": 1.0, "b": 2.0})["y"] == 21
    assert own.interpret({"features_matrix": [[1.0, 2.0]]})["y"].tolist() == [21]


def test_strings_that_are_missing_are_refused():
    spec, message = model("oneHotEncoder", {"s": "string"}, {"h": "f64[2]"})
    message.stringCategories.vector.extend(["u", "v"])
    assert compiled(spec).interpret({"s": ["v", "u"]})["h"].tolist() == [[0, 1], [1, 0]]
    with pytest.raises(CompileError, match="input 's' has no value in row 1, expected a string"):
        compiled(spec).interpret({"s": ["u", None]})


def test_thousands_of_inputs_are_not_all_named():
    names = {f"f{index}": "double" for index in range(3000)}
    spec, message = model("featureVectorizer", names, {"v": "f64[3000]"})
    for name in names:
        message.inputList.add(inputColumn=name, inputDimensions=1)
    with pytest.raises(CompileError) as caught:
        CompiledModel(Stages(spec, Options())).interpret(dict.fromkeys([*names, "z"], 1.0))
    assert "there is no input 'z'; the inputs are f0, " in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "endpoints"), [(2, ["serving_default"]), (1, [])])
def test_functions_of_very_many_inputs_have_no_endpoint(tmp_path, monkeypatch, limit, endpoints):
    monkeypatch.setattr("cmlc.backends.tf.names._LARGEST_ENDPOINT", limit)
    folder = compiled(sums()).save(tmp_path / "sums")
    known = json.loads((folder / "assets.extra" / "cmlc.json").read_text())
    assert list(known["endpoints"]) == endpoints
    assert gc.isenabled()


def test_an_array_of_one_number_is_the_number_and_a_list_a_column():
    """coremltools' callers give numbers so."""
    spec, message = model("featureVectorizer", {"x": "double"}, {"y": "f64[1]"})
    message.inputList.add(inputColumn="x", inputDimensions=1)
    whole = compiled(spec)
    assert whole.interpret({"x": np.array([2.0])})["y"].tolist() == [2]
    assert whole.interpret({"x": [2.0]})["y"].tolist() == [[2]]


def test_a_default_that_json_lacks_is_text_in_the_description():
    text = json.dumps(describe(compiled(stump("double?")).module), allow_nan=False)
    (given, *_) = json.loads(text)["inputs"]
    assert (given["name"], given["default"]) == ("a", "NaN")
