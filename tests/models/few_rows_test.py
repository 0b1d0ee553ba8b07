"""Few rows of trees in `predict`: numpy walks them, and a library gets the others."""

import pytest
from cmlc.ir.diagnostics import CompileError
from support.tables.builders import compiled
from support.tables.trees import stump


def test_one_row_does_not_start_a_library(monkeypatch):
    own = compiled(stump("double"))

    class NoLibrary:
        def executable(self, module):
            raise CompileError([])

    monkeypatch.setattr(own.stages, "target", NoLibrary())
    assert own.predict({"a": 0.5, "b": 3.0}) == {"y": 1.0}
    assert own.predict([{"a": 0.5, "b": 3.0}, {"a": 0.6, "b": 3.0}]) == [{"y": 1.0}, {"y": -2.0}]


@pytest.mark.slow
def test_many_rows_are_the_library_s(monkeypatch):
    own = compiled(stump("double"))
    counts: list[int] = []
    run = type(own.executable).run

    def counting(self, inputs, function=""):
        counts.extend(map(len, inputs.values()))
        return run(self, inputs, function)

    monkeypatch.setattr(type(own.executable), "run", counting)
    many = 200_000
    found = own.predict({"a": [0.5] * many, "b": [3.0] * many})["y"]
    assert found.shape == (many,)
    assert (found == 1).all()
    assert counts == [many, many]
