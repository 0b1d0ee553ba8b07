"""Recorded models and inputs that must be refused, each at its stage, in one clear line."""

import json
import zipfile

import pytest
from case import extract_model, load_predict, shared_data
from cmlc.compiler.options import Options
from cmlc.compiler.runtime import CompiledModel
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError


def cases(kind):
    folder = shared_data() / kind
    if not (folder / "index.jsonl").exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no recorded cases in {folder}"))]
    lines = (folder / "index.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    names = ("-".join(row["model_types"]) for row in rows)
    return [
        pytest.param(folder / row["path"], id=f"{name}-{number}")
        for number, (row, name) in enumerate(zip(rows, names, strict=True))
    ]


def refused(archive, folder):
    """(the stage that refuses, the error); both None if everything is computed."""
    model = CompiledModel(Stages(str(extract_model(archive, folder)), Options()))
    try:
        _ = model.optimized
    except CompileError as error:
        return "compile", error
    try:
        for step in json.loads(archive.read("meta.json"))["steps"]:
            model.interpret(load_predict(archive, step).inputs)
    except CompileError as error:
        return "predict", error
    return None, None


@pytest.mark.parametrize("path", cases("refusals"))
def test_refused_at_its_stage(path, tmp_path):
    with zipfile.ZipFile(path) as archive:
        wanted = json.loads(archive.read("meta.json"))
        stage, error = refused(archive, tmp_path)
    assert stage == wanted["when"], wanted["reason"]
    (problem,) = error.diagnostics
    assert "\n" not in problem.message


@pytest.mark.parametrize("path", cases("doubtful"))
def test_what_is_doubtful_is_computed_or_refused(path, tmp_path):
    with zipfile.ZipFile(path) as archive:
        stage, error = refused(archive, tmp_path)
    assert stage is None or error.diagnostics[0].kind == "unsupported"
