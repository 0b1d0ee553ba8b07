"""The archive format and the choice of cases, on archives made here."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from case import (
    Entry,
    InvalidCaseError,
    Predict,
    ReadState,
    WriteState,
    extract_model,
    load_case,
    read_index,
    select,
    spread,
)


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def archive(members: dict[str, bytes], **changes) -> zipfile.ZipFile:
    meta = {
        "caseid": "c0",
        "precision": "fp32",
        "features": {"function_name": None, "state": False},
        "states": [],
        "random": False,
        "relaxed_shape": False,
        "tolerance": {"rtol": 0.01, "atol": 0.001},
        "steps": [],
    } | changes
    result = zipfile.ZipFile(io.BytesIO(), "w")
    for name, content in {"meta.json": json.dumps(meta).encode(), **members}.items():
        result.writestr(name, content)
    return result


def predict(metas: dict, **more) -> dict:
    step = {"op": "predict", "inputs": "i.npz", "expected": "e.npz", "input_meta": metas}
    return step | more


def only_step(zipped: zipfile.ZipFile):
    (step,) = load_case(zipped).steps
    return step


def test_array_and_scalar():
    members = {"i.npz": npz(x=np.ones((2, 3)), s=np.float64(2.5)), "e.npz": npz(y=np.zeros(4))}
    step = only_step(
        archive(members, steps=[predict({"x": {"kind": "array"}, "s": {"kind": "scalar"}})])
    )
    assert isinstance(step, Predict)
    assert step.inputs["x"].shape == (2, 3)
    assert step.inputs["s"] == 2.5
    assert isinstance(step.inputs["s"], float)
    assert step.expected["y"].shape == (4,)


@pytest.mark.parametrize(
    ("mode", "pixels"),
    [
        ("L", np.arange(6, dtype=np.uint8).reshape(2, 3)),
        ("L", np.arange(6, dtype=np.uint8).reshape(2, 3, 1)),
        ("RGB", np.arange(18, dtype=np.uint8).reshape(2, 3, 3)),
        ("RGBA", np.arange(24, dtype=np.uint8).reshape(2, 3, 4)),
        ("F", np.arange(6, dtype=np.float16).reshape(2, 3)),
    ],
)
def test_image(mode, pixels):
    members = {"i.npz": npz(x=pixels), "e.npz": npz()}
    metas = {"x": {"kind": "image", "mode": mode}}
    picture = only_step(archive(members, steps=[predict(metas)])).inputs["x"]
    assert picture.mode == mode
    assert picture.size == (3, 2)
    np.testing.assert_array_equal(np.asarray(picture).ravel(), pixels.ravel())


def test_dictionary_and_strings():
    step = predict(
        {
            "d": {"kind": "dict"},
            "t": {"kind": "string"},
            "u": {"kind": "string"},
            "v": {"kind": "string-array"},
        },
        inputs_other={"d": [[3, 0.5]], "t": "text", "v": ["a", "b"]},
        expected_other={"p": [["a", 0.25], ["b", 0.75]], "label": "b", "n": 7, "none": []},
    )
    members = {"i.npz": npz(u=np.asarray("stored")), "e.npz": npz()}
    loaded = only_step(archive(members, steps=[step]))
    assert loaded.inputs == {"d": {3: 0.5}, "t": "text", "u": "stored", "v": ["a", "b"]}
    assert loaded.expected == {"p": {"a": 0.25, "b": 0.75}, "label": "b", "n": 7, "none": {}}


def test_states():
    steps = [
        {"op": "write_state", "name": "k", "file": "a.npz"},
        {"op": "read_state", "name": "k", "file": "b.npz"},
    ]
    members = {"a.npz": npz(k=np.ones(2)), "b.npz": npz(value=np.zeros(2))}
    case = load_case(archive(members, steps=steps, states=[{"name": "k"}]))
    write, read = case.steps
    assert case.stateful
    assert isinstance(write, WriteState)
    assert isinstance(read, ReadState)
    assert write.value.tolist() == [1, 1]
    assert read.expected.tolist() == [0, 0]


@pytest.mark.parametrize(("precision", "strict"), [("fp16", 1e-2), ("mixed", 1e-2), ("none", 1e-4)])
def test_strictness_follows_precision(precision, strict):
    tolerance = load_case(archive({}, precision=precision)).tolerance
    assert (tolerance.rtol, tolerance.atol, tolerance.strict) == (0.01, 0.001, strict)


@pytest.mark.parametrize(
    "steps",
    [
        [{"op": "dance"}],
        [predict({})],
        [predict({"x": {"kind": "smell"}}, inputs="x.npz")],
    ],
)
def test_unplayable(steps):
    with pytest.raises(InvalidCaseError):
        load_case(archive({"x.npz": npz(x=np.ones(1))}, steps=steps))


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (["model.mlmodel"], "model.mlmodel"),
        (["model.mlpackage/Data/m", "model.mlpackage/Manifest.json"], "model.mlpackage"),
    ],
)
def test_model(tmp_path, members, name):
    path = extract_model(archive(dict.fromkeys(members, b"bytes")), tmp_path)
    assert path == tmp_path / name
    assert all((tmp_path / member).read_bytes() == b"bytes" for member in members)


def test_no_model(tmp_path):
    with pytest.raises(InvalidCaseError, match="no model"):
        extract_model(archive({}), tmp_path)


def test_index(tmp_path: Path):
    row = {"caseid": "a", "suite": "s", "nn_layers": ["relu"], "mil_ops": ["const", "add", "relu"]}
    (tmp_path / "index.jsonl").write_text(json.dumps(row | {"path": "cases/a.zip"}) + "\n")
    (entry,) = read_index(tmp_path)
    assert entry == Entry("a", "s", ("relu", "add"), str(tmp_path / "cases/a.zip"))


ENTRIES = [
    Entry(f"{suite}{index}", suite, (f"{suite}-type{index % 5}",), "")
    for suite in "ab"
    for index in range(40)
]


def test_select():
    assert len(select(ENTRIES, [], [])) == 80
    assert {entry.suite for entry in select(ENTRIES, ["b"], [])} == {"b"}
    assert len(select(ENTRIES, ["a"], ["a-type1", "b-type1"])) == 8


def test_spread_meets_every_type_and_is_stable():
    chosen = spread(ENTRIES, 20, seed=1)
    assert len(chosen) == 20
    assert len({entry.caseid for entry in chosen}) == 20
    assert {name for entry in chosen for name in entry.types} == {
        name for entry in ENTRIES for name in entry.types
    }
    assert chosen == spread(list(reversed(ENTRIES)), 20, seed=1)
    assert chosen != spread(ENTRIES, 20, seed=2)


def test_spread_prefers_the_first_suite_even_beyond_the_count():
    assert {entry.types for entry in spread(ENTRIES, 3, seed=0, first="b")} == {
        (f"b-type{index}",) for index in range(5)
    }
