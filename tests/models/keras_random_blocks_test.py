"""Random networks of repeated, nested, renamed and widened blocks: their code builds and agrees."""

import ast
import random
import re
import subprocess
import sys

import cmlc
import numpy as np
import pytest
from cmlc.backends.keras.scopes import unbound_names
from support.networks.builders import layer, network, numbers

pytestmark = pytest.mark.slow
ACTIVATIONS = ({"ReLU": {}}, {"tanh": {}}, {"sigmoid": {}}, {"leakyReLU": {"alpha": 0.25}})
MOST_PARAMETERS = 6


class Maker:
    """A network under construction: layers, and the vector that the next one takes."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.layers = []
        self.value, self.width = "x", self.random.choice((12, 16))
        self.inputs = self.width

    def add(self, kind, name, *others, **fields):
        result = f"v{len(self.layers)}"
        self.layers.append(layer(kind, [self.value, *others], [result], name or result, **fields))
        self.value = result

    def dense(self, name, width):
        weights = numbers(width, self.width, seed=len(self.layers)) / self.width
        fields = {"inputChannels": self.width, "outputChannels": width, "weights": weights}
        if self.random.random() < 0.7:
            fields |= {"hasBias": True, "bias": numbers(width, seed=len(self.layers) + 1)}
        self.add("innerProduct", name, **fields)
        self.width = width

    def norm(self, name):
        gamma, beta = numbers(self.width, seed=3), numbers(self.width, seed=len(self.layers))
        self.add(
            "layerNormalization",
            name,
            normalizedShape=[self.width],
            eps=1e-3,
            gamma=gamma,
            beta=beta,
        )

    def join(self, name, kind, before, width):
        """Add, or concatenate, what was there before."""
        if kind == "grow":
            self.add("concatND", name, before, axis=-1)
            self.width += width
            return
        if self.width != width:
            self.dense(f"{name}_back", width)
        self.add("addBroadcastable", name, before)

    def block(self, plan, name):
        """One call of a plan: a list of steps and how it ends."""
        steps, ending = plan
        before, width = self.value, self.width
        for number, (kind, what) in enumerate(steps):
            part = f"{name}_{kind}{number}" if name else ""
            match kind:
                case "dense":
                    self.dense(part, what * width)
                case "activation":
                    self.add("activation", part, **what)
                case "norm":
                    self.norm(part)
                case "block":
                    self.block(what, part)
        if ending:
            self.join(f"{name}_{ending}" if name else "", ending, before, width)


def planned(chosen, depth):
    """A random plan; deeper ones have others as steps."""
    steps = []
    for _ in range(chosen.randint(2, 4)):
        kind = chosen.choice(("dense", "activation", "norm", "block" if depth else "dense"))
        what = {
            "dense": chosen.choice((1, 1, 2, 4)),
            "activation": chosen.choice(ACTIVATIONS),
            "norm": None,
            "block": planned(chosen, depth - 1) if kind == "block" else None,
        }[kind]
        steps.append((kind, what))
    return steps, chosen.choice(("", "add", "add", "grow"))


NAMES = ("", "stage{stage}_block{i}", "net_{stage}_{i}", "encoder_layer_{i}_of_{stage}", "part{i}")


def random_network(seed):
    made = Maker(seed)
    chosen = made.random
    for stage in range(chosen.randint(1, 3)):
        plan, style = planned(chosen, chosen.randint(0, 2)), chosen.choice(NAMES)
        for i in range(chosen.randint(2, 5)):
            made.block(plan, style.format(stage=stage, i=i + chosen.choice((0, 1))))
            if made.width > 200:
                made.dense("", made.inputs)
        if chosen.random() < 0.5:
            made.dense(chosen.choice(("", f"widen{stage}")), 2 * made.inputs)
    made.layers.append(layer("activation", [made.value], ["y"], "last", tanh={}))
    return network(*made.layers, x=(5, made.inputs)), made.inputs


@pytest.mark.parametrize("seed", range(12))
def test_the_code_of_a_random_network(seed, tmp_path):
    model, width = random_network(seed)
    made = cmlc.compile(model, target="keras")
    x = numbers(5, width)
    (ours,), (theirs,) = made.interpret({"x": x}).values(), made.predict({"x": x}).values()
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    assert unbound_names(made.executable.text) == []
    assert_readable(made.executable.text)
    path = tmp_path / "model.py"
    path.write_text(made.executable.text)
    for command in (["check", "--select=E,F,I,B,N,PERF,RET,SIM"], ["format", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(path)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def assert_readable(text):
    """No function that is called once, no long signature, no array as a parameter."""
    tree = ast.parse(text)
    looped = set(re.findall(r"(\w+)\(", "\n".join(loops_of(tree))))
    called = re.findall(r"\b(\w+)\(", text)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        if function.name in ("build", "load", "main"):
            continue
        parameters = [*function.args.args, *function.args.kwonlyargs]
        sizes = [p for p in parameters if "KerasTensor" not in ast.unparse(p) and p.arg != "name"]
        assert len(sizes) <= MOST_PARAMETERS, ast.unparse(function.args)
        assert called.count(function.name) > 2 or function.name in looped, function.name
    assert "np.array" not in text.partition("def build")[2]


def loops_of(tree):
    return [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.For)]
