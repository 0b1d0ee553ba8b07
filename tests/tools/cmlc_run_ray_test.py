"""`cmlc-run --engine=ray`: what workers do in any order, and though one dies, is the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cmlc.compiler.options import Options
from cmlc.compiler.runtime import CompiledModel
from cmlc.compiler.stages import Stages
from cmlc.ir.diagnostics import CompileError, Diagnostic
from cmlc.tools.cli.many import cluster
from cmlc.tools.cli.many.part import Done, Part
from cmlc.tools.cli.many.run import here, predict_many
from cmlc.tools.cli.many.worker import Job
from cmlc.tools.cli.tables.files import Row
from PIL import Image

DIGITS = Path(__file__).parents[1] / "data" / "digits.mlmodel"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pictures(count):
    Path("photos").mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(f"photos/{number}.png")


class Ray:
    """As much of Ray as is used: what was handed out last is done first."""

    class exceptions:  # noqa: N801
        class RayError(Exception):
            pass

    def __init__(self):
        self.most = 0

    def wait(self, references):
        self.most = max(self.most, len(references))
        return references[-1:], references[:-1]

    def get(self, reference):
        return reference()


class Actor:
    """A worker in this process."""

    def __init__(self, work):
        self.taken = []
        self.do = self
        self._work = work

    def remote(self, part):
        self.taken.append(part.number)
        return lambda: self._work(part)


def parts(count):
    return iter([Part(number, (Row(1, ("1",)),)) for number in range(count)])


def done_of(part):
    return Done(part.number, part.seal, len(part.rows), b"")


def test_parts_are_handed_out_as_workers_become_free():
    ray, actors = Ray(), [Actor(done_of), Actor(done_of)]
    found = [done.number for done in cluster._done(ray, actors, parts(11))]
    assert sorted(found) == list(range(11))
    assert found != sorted(found)
    assert ray.most == 4  # two for each worker: not all that there are
    assert sorted(actors[0].taken + actors[1].taken) == list(range(11))
    assert all(actor.taken for actor in actors)


def test_what_a_worker_refuses_is_what_the_command_says():
    actor = Actor(lambda part: (Diagnostic("line 7: is wrong", "usage"),))
    with pytest.raises(CompileError, match="line 7: is wrong"):
        list(cluster._done(Ray(), [actor], parts(3)))


def test_a_worker_that_dies_again_and_again_is_told():
    def dying(part):
        raise Ray.exceptions.RayError("first line\nThe actor died.")

    with pytest.raises(CompileError) as caught:
        list(cluster._done(Ray(), [Actor(dying)], parts(3)))
    (problem,) = caught.value.diagnostics
    assert problem.message == "a worker failed: The actor died."
    assert "at the same path on all machines" in problem.remedy


def test_results_in_any_order_are_the_same_file():
    pictures(50)
    found = []
    for name in ("here", "there"):
        job = Job(
            *(DIGITS, Options(), True, (), Path("photos"), (), False, ""),
            *(Path(f"{name}.csv"), False, Path.cwd()),
        )

        def elsewhere(job, worker, parts):
            return cluster._done(Ray(), [Actor(worker), Actor(worker)], parts)

        model = CompiledModel(Stages(DIGITS))
        engine = here if name == "here" else elsewhere
        predict_many(job, model, engine, lambda count, share: None, restart=False)
        found.append(job.target.read_bytes())
    assert found[0] == found[1]


_KILLED_ONCE = """
import os, sys
from pathlib import Path
from cmlc.tools import cmlc_run
from cmlc.tools.cli.many import cluster

class Dying(cluster._Remote):
    def do(self, part):
        died = Path(sys.argv[1])
        if part.number == 7 and not died.exists():
            died.write_text("")
            os._exit(1)
        return super().do(part)

cluster._Remote = Dying
sys.exit(cmlc_run.main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_two_workers_one_of_which_dies_once():
    """With Ray, on this machine: `pip install ray` beforehand."""
    pytest.importorskip("ray")
    pictures(200)
    command = [str(DIGITS), "--input=photos", "-o"]
    subprocess.run([sys.executable, "-m", "cmlc.tools.cmlc_run", *command, "l.csv"], check=True)
    code = _KILLED_ONCE.replace("sys.argv[1]", repr(str(Path("died").absolute())))
    ray = ["--engine=ray", "--workers=2"]
    subprocess.run([sys.executable, "-c", code, "", *command, "r.csv", *ray], check=True)
    assert Path("died").exists()
    assert Path("r.csv").read_bytes() == Path("l.csv").read_bytes()
