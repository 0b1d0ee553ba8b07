"""What is wrong with bad networks: every diagnostic of the frontend."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from cmlc.compiler.frontends import nn
from cmlc.compiler.frontends.nn.inputs import ShapePolicy
from cmlc.compiler.source.interface import read_interface
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.weights.resources import Origin
from support.networks.bad import MALFORMED, R1, R4
from support.networks.builders import add_image, assert_refused, flexible, layer, network, problems
from support.networks.unsupported import OPEN, UNSUPPORTED

# Diagnostics with tests elsewhere (features_test.py, custom_test.py), and those that no network can
# bring about.
ELSEWHERE = (
    "input can't feed a neural network",
    *("its mean image has", "is not one probability", "no layer makes probabilities"),
    *("is not an image in RGB", "no batch dimension that could vary", "does not fit this input"),
    "there is no input",
    *("weights, not number", "has a definition that fails"),
    "has preprocessing, but is not an image input",
)
UNREACHABLE = {
    "has an unknown function ''": "every member of the message's oneof has a rule",
}


@pytest.mark.parametrize(("fragment", "model"), MALFORMED, ids=[row[0] for row in MALFORMED])
def test_malformed(fragment, model):
    assert_refused(model, fragment)


@pytest.mark.parametrize(("fragment", "model"), UNSUPPORTED, ids=[row[0] for row in UNSUPPORTED])
def test_unsupported(fragment, model):
    assert_refused(model, "layers[0] 'l0'", fragment, kind="unsupported")


def open_problems(model):
    """What stops the import with all flexible extents open."""
    model = flexible(model)
    importer = nn._Importer(model.neuralNetwork, read_interface(model), ShapePolicy(), Origin())
    with pytest.raises(CompileError) as caught:
        importer.module("m")
    return [diagnostic.message for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(("fragment", "model"), OPEN, ids=[row[0] for row in OPEN])
def test_open_extents(fragment, model):
    assert fragment in open_problems(model)[0]


def test_given_shapes():
    model = network(
        layer("uniDirectionalLSTM", inputVectorSize=3, outputVectorSize=2), rank5=True, x=(3,)
    )
    wrong = {"x": (1, 1, 4, 1, 1)}
    assert_refused(
        model, "does not fit this input", "[sequence, batch, 3, 1, 1]", kind="usage", shapes=wrong
    )
    assert_refused(
        model, "there is no input 'z'", "the inputs are x", kind="usage", shapes={"z": (1,)}
    )
    add_image(model.description.input, "image")
    image = {"image": (1, 1, 3, 2, 3)}
    assert_refused(
        model, "input 'image' is not an array", "leave its shape out", kind="usage", shapes=image
    )


def test_inputs_of_other_kinds():
    model = network(layer("copy"), x=R1)
    model.description.input[0].type.stringType.SetInParent()
    assert_refused(model, "input 'x'", "a string input can't feed a neural network")
    sequence = model.description.input[0].type.sequenceType
    sequence.int64Type.SetInParent()
    sequence.sizeRange.upperBound = 4
    assert_refused(model, "input 'x'", "a sequence input can't feed a neural network")


def test_unsupported_layers_are_all_reported(monkeypatch):
    monkeypatch.delitem(nn.LAYERS, "gru")
    model = network(
        layer("custom", name="first", className="Swirl"),
        layer("softmax"),
        layer("gru", name="third"),
        layer("custom", name="fourth", className="Twirl"),
        x=R4,
    )
    found = problems(model)
    assert [(str(p.location), p.message) for p in found] == [
        ("layers[0] 'first'", "custom layer 'Swirl' has no definition"),
        ("layers[2] 'third'", "gru layers are not supported"),
        ("layers[3] 'fourth'", "custom layer 'Twirl' has no definition"),
    ]
    assert {p.kind for p in found} == {"unsupported"}
    assert "in the app" in found[0].remedy


def test_unsupported_layers_in_nested_networks(monkeypatch):
    monkeypatch.delitem(nn.LAYERS, "gru")
    model = network(layer("branch"), x=R1)
    inner = model.neuralNetwork.layers[0].branch.ifBranch.layers.add(name="inner")
    inner.gru.SetInParent()
    assert "gru layers are not supported" in [p.message for p in problems(model)]


def test_malformed_layers_are_all_reported():
    model = network(
        layer("clip", name="a", minVal=1.0),
        layer("softmax", name="b"),  # its input failed: nothing to say about it
        layer("reduceSum", ["x"], name="c"),
        x=R4,
    )
    assert [str(p.location) for p in problems(model)] == ["layers[0] 'a'", "layers[2] 'c'"]


def test_every_layer_has_one_rule():
    kinds = {field.name for field in _layer_fields()}
    assert set(nn.LAYERS) <= kinds


def _layer_fields():
    from cmlc.compiler.source.spec import messages

    layers = messages("NeuralNetwork_pb2").NeuralNetworkLayer.DESCRIPTOR
    return layers.oneofs_by_name["layer"].fields


def messages_of_sources():
    """The messages in the sources, as (place, pattern)."""
    for path in sorted(Path(inspect.getfile(nn)).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(
                getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", "")
            )
            if name not in ("require", "error", "unsupported", "problem", "Diagnostic"):
                continue
            for text in node.args:
                pattern = _pattern(text)
                if pattern.count(" "):
                    yield f"{path.stem}: {pattern}", pattern


def _pattern(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value).replace("\\ ", " ")
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(v) if isinstance(v, ast.Constant) else ".*" for v in node.values)
    return ""


def all_messages():
    rows = [m for _, model in (*MALFORMED, *UNSUPPORTED) for m in problems(model)]
    found = [message.message for message in rows] + [p for _, m in OPEN for p in open_problems(m)]
    return [
        *found,
        *UNREACHABLE,
        "custom layer 'x' has no definition",
        "gru layers are not supported",
    ]


@pytest.fixture(scope="module")
def seen():
    return all_messages()


SOURCES = dict(messages_of_sources())


def has_no_test(pattern, seen):
    plain = re.sub(r"\\(.)", r"\1", pattern)
    if any(part in plain or plain in part for part in ELSEWHERE) or _remedy_or_frame(pattern):
        return False
    return not any(re.search(pattern, message) for message in seen)


def test_every_message_has_a_test(seen):
    missing = [place for place, pattern in SOURCES.items() if has_no_test(pattern, seen)]
    assert not missing, f"no test brings these about: {missing}"


FRAMES = (
    *("shapes of such networks", "a dynamic batch is not", "leave out the option"),
    *(
        "assign it before the loop",
        "in which .* is not the batch",
        "is not an image in",
        "input can",
        "the shape .* does not fit",
    ),
)


def _remedy_or_frame(pattern):
    """Remedies, and sentences that only frame a message."""
    framing = ".*" in pattern and not re.sub(r"\.\*|layer|\W", "", pattern)
    return framing or any(part in pattern for part in FRAMES)
