"""The lines that summaries end with: code that runs in the current folder."""

import subprocess
import sys

import pytest
from cmlc.compiler.artefacts.table import all_forms
from cmlc.tools.cli.summary import _loading

# One is a keyword, one the name of a package of Python's own, and one only a folder in between.
FOLDERS = ("digits", "a/b", "my-model", "2nd.try", "class", "test", "../up", 'quo"te', "wide space")


@pytest.mark.parametrize("name", [*FOLDERS, "/absolute"])
def test_generated_code_is_imported(tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    output = str(tmp_path / name[1:]) if name.startswith("/") else name
    folder = here / output
    folder.mkdir(parents=True)
    (folder / "model.py").write_text("def load():\n    return 'loaded'\n")
    code = _loading("{load}\nprint(load())", output)
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True)
    assert done.stdout == "loaded\n", done.stderr
    assert ("from " in code) == (name in ("digits", "a/b"))


@pytest.mark.parametrize("output", ["plain", 'quo"te', "wide space", "back\\slash"])
def test_lines_of_python_are_python_and_of_shells_shell(output):
    for form in all_forms().values():
        lines = _loading(form.loading, output)
        if "{path}" in form.loading or "{load}" in form.loading:
            compile(lines, form.name, "exec")
        else:
            assert "{shell}" in form.loading
