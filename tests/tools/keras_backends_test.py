"""`make keras-backends`: what differs is known, and what is known differs."""

import re

import pytest
from cmlc.tools.release import environments, keras_backends, tables
from cmlc.tools.release.environments import Environment, Interpreter, StepError
from cmlc.tools.release.keras_backends import DIFFERENCES, PAGE, complaints, failures, lines_of

LOOKUP = "test_the_pass_keeps_the_numbers[fuse_keras::one_hot_of_a_lookup]"
ALL = {
    "tensorflow": set(),
    "jax": {LOOKUP},
    "torch": {
        LOOKUP,
        "test_agrees_with_the_interpreter[tensor.topk]",
        "test_agrees_with_the_interpreter[tensor.one_hot]",
        "test_agrees_with_the_interpreter[tensor.pad]",
        "test_what_attends_to_nothing_is_not_a_number",
    },
}


def test_failures_are_read_from_the_report():
    report = """<testsuites><testsuite>
<testcase name="fine"/><testcase name="wrong"><failure message="m">text</failure></testcase>
<testcase name="broken"><error message="m">text</error></testcase>
<testcase name="left out"><skipped/></testcase>
</testsuite></testsuites>"""
    assert failures(report) == {"wrong", "broken"}


def test_a_report_without_tests_is_not_agreement():
    with pytest.raises(ValueError, match="no test ran"):
        failures("<testsuites><testsuite/></testsuites>")


def test_what_is_known_and_fails_is_no_complaint():
    assert complaints(ALL) == []


def test_what_fails_for_no_known_reason_is_told():
    (line,) = complaints(ALL | {"jax": {LOOKUP, "test_new[nn.softmax]"}})
    assert line == "JAX: test_new[nn.softmax] fails, and nothing in DIFFERENCES says why"


def test_what_is_known_and_agrees_is_told():
    lines = complaints({"tensorflow": set(), "jax": set(), "torch": set()})
    assert len(lines) == len(DIFFERENCES)
    assert lines[0].startswith("`ops.top_k`: no test fails that matches")


def test_the_page_has_a_row_for_each_difference():
    head, _, *rows = tables.between(PAGE.read_text(), "backends").splitlines()
    assert re.findall(r"\w+", head) == ["call", "TensorFlow", "JAX", "torch", "how"]
    first = [row.split("|")[1].strip() for row in rows]
    assert first == [known.what for known in DIFFERENCES]


@pytest.fixture
def page(monkeypatch, tmp_path):
    """A page with the right table; tests don't run, but fail as they do."""
    path = tmp_path / "page.md"
    begin, end = tables.marks("backends")
    path.write_text("\n".join(["before", begin, *lines_of(ALL), end, "after"]))
    monkeypatch.setattr(keras_backends, "PAGE", path)
    monkeypatch.setattr(keras_backends, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    monkeypatch.setattr(Environment, "make", lambda self: None)
    monkeypatch.setattr(keras_backends, "interpreter", lambda *_: Interpreter("p", "3.12.1"))
    monkeypatch.setattr(keras_backends, "failing", lambda environment, backend: ALL[backend])
    return path


def test_the_table_is_that_of_the_page(page, capsys):
    assert keras_backends.main([]) == 0
    assert capsys.readouterr().out.splitlines() == lines_of(ALL)


def test_a_page_with_another_table_is_told_and_written(page, capsys):
    page.write_text(page.read_text().replace("differs", "agrees "))
    assert keras_backends.main([]) == 1
    assert "the table of page.md is another one (--write)" in capsys.readouterr().err
    assert keras_backends.main(["--write"]) == 0
    assert keras_backends.main([]) == 0


def test_an_environment_that_is_not_made_names_its_log(page, monkeypatch, capsys):
    def fail(self):
        raise StepError(["pip", "install"], page)

    monkeypatch.setattr(Environment, "make", fail)
    assert keras_backends.main([]) == 2
    assert "pip install failed: see" in capsys.readouterr().err


def test_without_an_interpreter_there_is_nothing_to_run(monkeypatch, capsys):
    monkeypatch.setattr(keras_backends, "interpreter", lambda *_: None)
    assert keras_backends.main([]) == 2
    assert "can't make environments" in capsys.readouterr().err


def test_the_environment_has_torch_beside_what_tests_need():
    found = Environment(Interpreter("p", "3.12.1"), "newest", ("dev", "torch"))
    assert found.name == "3.12-newest-torch"
    assert found.key() != Environment(Interpreter("p", "3.12.1"), "newest").key()


def test_tests_that_fail_are_those_of_the_report(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    environment = Environment(Interpreter("p", "3.12.1"), "newest", ("dev", "torch"))
    environment.folder.mkdir()

    def run(command, log, variables):
        assert variables == {"KERAS_BACKEND": "torch"}
        assert any(item.endswith("keras_ops_test.py") for item in command)
        (report,) = (item.partition("=")[2] for item in command if item.startswith("--junitxml"))
        with open(report, "w") as file:
            file.write('<s><testcase name="a"><failure/></testcase><testcase name="b"/></s>')
        raise StepError(command, log)

    monkeypatch.setattr(keras_backends, "run", run)
    assert keras_backends.failing(environment, "torch") == {"a"}


def test_tests_that_did_not_run_are_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(environments, "BUILD", tmp_path)
    environment = Environment(Interpreter("p", "3.12.1"), "newest", ("dev", "torch"))

    def run(command, log, variables):
        raise StepError(command, log)

    monkeypatch.setattr(keras_backends, "run", run)
    with pytest.raises(StepError):
        keras_backends.failing(environment, "torch")
