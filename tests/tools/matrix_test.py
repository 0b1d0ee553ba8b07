"""The matrix: which versions are the oldest, which interpreters fit, and the table."""

import sys
from pathlib import Path

import pytest
from cmlc.tools.release import environments, matrix, tables
from cmlc.tools.release.environments import Environment, Interpreter, StepError, interpreter, oldest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

SERIES = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_oldest_are_the_minor_releases_of_the_lower_bounds():
    found = oldest(["one>=2.19,<2.22", "two>=11,<14", "three>=5.29.3"], "3.11")
    assert found == ["one>=2.19,==2.19.*", "two>=11,==11.0.*", "three>=5.29.3,==5.29.*"]


def test_markers_raise_a_bound_for_the_interpreters_that_they_name():
    lines = ["one>=2.0,<3", "One>=2.1; python_version >= '3.13'"]
    assert oldest(lines, "3.12") == ["one>=2.0,==2.0.*"]
    assert oldest(lines, "3.13") == ["one>=2.1,==2.1.*"]


def test_a_bound_that_is_missing_is_named():
    with pytest.raises(ValueError, match="'one<3' has no lower bound"):
        oldest(["one<3"], "3.11")


@pytest.mark.parametrize("series", matrix.SERIES)
def test_the_oldest_of_the_project_are_allowed_by_it(series):
    requirements = [Requirement(line) for line in environments.project()["dependencies"]]
    for line in map(Requirement, oldest(environments.project()["dependencies"], series)):
        (bound,) = [item.version for item in line.specifier if item.operator == ">="]
        mine = [item for item in requirements if item.name == line.name]
        wanted = [
            item.specifier
            for item in mine
            if item.marker is None or item.marker.evaluate({"python_version": series})
        ]
        assert all(bound in specifier for specifier in wanted)


@pytest.mark.parametrize("series", matrix.SERIES)
def test_the_project_says_that_it_runs_there(series):
    project = environments.project()
    assert f"Programming Language :: Python :: {series}" in project["classifiers"]
    assert SpecifierSet(project["requires-python"]).contains(f"{series}.0")


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_an_interpreter_that_does_not_run_or_is_another_one_is_passed_over(tmp_path):
    shim = program(tmp_path, "shim", "echo 'pyenv: command not found' >&2; exit 127")
    other = program(tmp_path, "other", "echo 2.7.18")
    places = [str(tmp_path / "nowhere"), shim, other, sys.executable]
    found = interpreter(SERIES, places)
    assert found is not None
    assert (found.path, found.series) == (sys.executable, SERIES)
    assert interpreter(SERIES, places[:-1]) is None


def test_interpreters_are_looked_for_on_the_path_and_among_pyenvs(tmp_path, monkeypatch):
    on_path = program(tmp_path, "python3.12", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    versions = [tmp_path / "versions" / name / "bin" for name in ("3.12.1", "3.12.7", "3.11.9")]
    for folder in versions:
        folder.mkdir(parents=True)
        (folder / f"python{folder.parent.name[:4]}").touch()
    found = list(environments.places("3.12", {"PYENV_ROOT": str(tmp_path)}))
    expected = [on_path, *(str(folder / "python3.12") for folder in (versions[1], versions[0]))]
    assert found[:3] == expected


def test_interpreters_that_are_not_here_are_told(monkeypatch, capsys):
    monkeypatch.setattr(matrix, "interpreter", lambda series, places: None)
    assert matrix.main(["3.13-oldest"]) == 2
    assert "Python 3.13 is not here" in capsys.readouterr().err


def test_rows_that_do_not_exist_are_named(capsys):
    with pytest.raises(SystemExit):
        matrix.main(["2.7-oldest"])
    assert "2.7-oldest: expected some of 3.11-oldest" in capsys.readouterr().err


def rows(monkeypatch, tmp_path, step):
    """A row in an environment that isn't made, whose demo is this step."""
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    monkeypatch.setattr(Environment, "make", lambda self: self.folder.mkdir())
    monkeypatch.setattr(Environment, "versions", lambda self, names: ["1.0"] * len(names))
    monkeypatch.setattr(matrix, "interpreter", lambda series, places: Interpreter("p", "3.13.0"))
    for name in ("wheel", "tests", "recorded"):
        monkeypatch.setattr(matrix, name, lambda environment, **choices: "fine")
    monkeypatch.setattr(matrix, "demo", step)


def test_the_table(monkeypatch, tmp_path, capsys):
    rows(monkeypatch, tmp_path, lambda environment: "98%")
    document = tmp_path / "page.md"
    document.write_text("before\n{}\nold\n{}\nafter\n".format(*tables.marks("matrix")))
    assert matrix.main(["3.13-newest", "--write", str(document)]) == 0
    head, rule, line = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in head.split("|")][1:4] == ["Python", "libraries", "TensorFlow"]
    assert set(rule) == {"|", "-"}
    cells = [cell.strip() for cell in line.split("|")][1:-1]
    assert cells == ["3.13.0", "newest", *["1.0"] * 5, "98%", "fine", "fine", "fine"]
    text = document.read_text()
    assert line in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")


def test_a_step_that_fails_names_its_log_and_the_others_run(monkeypatch, tmp_path, capsys):
    def fail(environment):
        raise StepError(["python", "demo"], Path("demo.log"))

    rows(monkeypatch, tmp_path, fail)
    assert matrix.main(["3.13-newest"]) == 1
    captured = capsys.readouterr()
    assert "| **fails** | fine" in captured.out
    assert "python demo failed: see demo.log" in captured.err


def test_a_page_without_marks_is_not_written():
    with pytest.raises(ValueError, match="has no <!-- matrix:begin -->"):
        tables.written("text", "matrix", ["line"])


def test_commands_leave_a_log(tmp_path):
    log = tmp_path / "log"
    assert environments.run([sys.executable, "-c", "print(6 * 7)"], log) == "42\n"
    with pytest.raises(StepError, match="failed: see"):
        environments.run([sys.executable, "-c", "import sys; sys.exit('no')"], log)
    assert "42" in log.read_text()
    assert "no" in log.read_text()
